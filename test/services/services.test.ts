import assert from 'node:assert/strict'
import { connect, createServer } from 'node:net'
import { test } from 'node:test'
import { s3ForTests, startDelayProxy } from './index.ts'

test('the S3 server of the tests answers and makes buckets', async (t) => {
  const s3 = await s3ForTests(t)
  if (s3 === undefined) return
  const bucket = await s3.newBucket()
  const { status } = await fetch(`${s3.endpoint}/${bucket}?list-type=2`)
  assert.equal(status, 403, 'a new bucket is private')
  await (await fetch(s3.endpoint)).arrayBuffer()
})

test('the delaying proxy holds every byte for its time in each direction, and however many at once', async (t) => {
  const echo = createServer((socket) => void socket.setNoDelay(true).pipe(socket))
  await new Promise<void>((resolve) => void echo.listen(0, '127.0.0.1', resolve))
  t.after(() => echo.close())
  const address = echo.address()
  assert.ok(address !== null && typeof address === 'object')
  const behind = async (oneWay: number) => {
    const proxy = await startDelayProxy({ host: '127.0.0.1', port: address.port }, oneWay)
    const socket = connect({ host: '127.0.0.1', port: proxy.port }).setNoDelay(true)
    t.after(async () => {
      socket.destroy()
      await proxy.close()
    })
    let got = 0
    let waiting: { bytes: number; resolve: () => void } | undefined
    socket.on('data', (piece: Buffer) => {
      got += piece.byteLength
      if (waiting !== undefined && got >= waiting.bytes) waiting.resolve()
    })
    return { proxy, socket, echoed: (bytes: number) => new Promise<void>((resolve) => (waiting = { bytes, resolve })) }
  }
  const measure = async (work: () => Promise<void>) => {
    const start = performance.now()
    await work()
    return performance.now() - start
  }
  const near = await behind(10)
  const pings = 10
  const oneByOne = await measure(async () => {
    for (let ping = 1; ping <= pings; ping++) {
      near.socket.write('.')
      await near.echoed(ping)
    }
  })
  // A timer may fire a fraction of a millisecond early.
  assert.ok(oneByOne >= pings * 19, `${pings} pings one by one took ${oneByOne} ms of the ${pings * 20} that they have to`)
  const far = await behind(500)
  const many = 8 << 20
  const atOnce = await measure(async () => {
    far.socket.write(Buffer.alloc(many))
    await far.echoed(many)
  })
  // Half of what they would take if pieces waited for one another: fifty times what they take.
  assert.ok(atOnce < ((many / 65_536) * 1000) / 2, `${many} bytes took ${atOnce} ms: they waited for one another`)
  assert.deepEqual(
    [near.proxy.bytes, far.proxy.bytes],
    [
      { up: pings, down: pings },
      { up: many, down: many },
    ],
  )
})
