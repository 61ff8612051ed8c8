import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Handler } from '../../../test/fakes/http-server.ts'
import { startHttpPeer } from '../../../test/faults/http-peer.ts'
import { collect, explain, systemClock } from '../index.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { client, closeLater, server } from '../../../test/fakes/http-desk.ts'

describe('a download that breaks off', () => {
  const content = Buffer.alloc(300_000, 'abcdefghij')
  const ranged =
    (etag: () => string | undefined): Handler =>
    ({ headers }, response) => {
      const start = headers['if-range'] === etag() ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0
      const said = { 'accept-ranges': 'bytes', ...(etag() === undefined ? {} : { etag: etag() }), 'content-length': content.length - start }
      if (start === 0) response.writeHead(200, said).end(content)
      else {
        response.writeHead(206, { ...said, 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` })
        response.end(content.subarray(start))
      }
    }
  const behind = async (etag: () => string | undefined) => {
    const peer = await startHttpPeer((await server(ranged(etag))).url)
    closeLater(peer)
    return peer
  }

  test('goes on where it broke, as often as it must', async () => {
    const peer = await behind(() => '"one"')
    void peer.plan(/GET/, { cutAfter: 1000 }, 3)
    void peer.plan(/GET/, { status: 503 })
    void peer.plan(/GET/, { cutAfter: 70_000 })
    const http = client()
    const answer = await http.request({ url: peer.url })
    assert.ok(Buffer.from(await collect(answer.body, 1 << 20)).equals(content))
    assert.equal(peer.requests.length, 6)
    assert.match(http.notes[0]!, /broke off after 1000 of 300000 bytes: trying again/)
  })

  test('ends as precondition where the content is another by now', async () => {
    let etag = '"one"'
    const peer = await behind(() => etag)
    void peer.plan(/GET/, { cutAfter: 1000 })
    const answer = await client().request({ url: peer.url })
    etag = '"two"'
    await faultOf(collect(answer.body, 1 << 20), 'precondition', /broke off after 1000 bytes, and is another by now/)
  })

  test('ends as unavailable without a strong ETag: nobody could say that the rest belongs to it', async () => {
    for (const etag of [undefined, 'W/"weak"']) {
      const peer = await behind(() => etag)
      void peer.plan(/GET/, { cutAfter: 1000 })
      const answer = await client().request({ url: peer.url })
      await faultOf(collect(answer.body, 1 << 20), 'unavailable', /broke off after 1000 of 300000 bytes/)
      assert.equal(peer.requests.length, 1)
    }
  })

  test('takes no other range than the one it asked for', async () => {
    for (const range of ['bytes 0-299999/300000', 'bytes 1000-299998/299999', 'bytes */300000', undefined]) {
      let isFirst = true
      const { url } = await server((_, response) => {
        const said = { etag: '"one"', 'content-length': content.length }
        if (!isFirst) response.writeHead(206, { ...said, ...(range === undefined ? {} : { 'content-range': range }) }).end(content)
        else response.writeHead(200, said).write(content.subarray(0, 1000), () => response.destroy())
        isFirst = false
      })
      const answer = await client().request({ url })
      await faultOf(collect(answer.body, 1 << 20), 'precondition', /the server cannot go on from there/)
    }
  })

  test('is read anew as a whole where it is a page', async () => {
    const peer = await behind(() => undefined)
    void peer.plan(/GET/, { cutAfter: 1000 }, 2)
    const page = await client().read({ url: peer.url }, 1 << 20)
    assert.ok(Buffer.from(page.bytes).equals(content))
    assert.equal(peer.requests.length, 3)
  })
})

describe('a limit', () => {
  test('is set to the time that an answer takes', async () => {
    const peer = await startHttpPeer()
    closeLater(peer)
    void peer.plan(/GET/, 'stall', 5)
    await faultOf(client({ limits: { answerTime: 30 } }).request({ url: peer.url }), 'unavailable', /did not answer within 30 ms/)
    assert.equal(peer.requests.length, 5)
  })

  test('is set to the silence within a body', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { 'content-length': 10 }).write('abc'))
    const answer = await client({ limits: { idleTime: 30 } }).request({ url })
    const fault = await faultOf(collect(answer.body, 100), 'unavailable', /broke off after 3 of 10 bytes/)
    assert.match(explain(fault), /no byte came for 30 ms/)
  })

  test('is set to headers, and named', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { 'x-long': 'a'.repeat(70_000) }).end())
    await faultOf(client().request({ url }), 'corrupt', /headers are larger than their limit of 65536 bytes/)
  })

  test('is set to pages, and named, before or while they come', async () => {
    for (const stated of [true, false]) {
      const one = await server((_, response) => {
        response.writeHead(200, stated ? { 'content-length': 1001 } : {}).end('a'.repeat(1001))
      })
      await faultOf(client().read({ url: one.url }, 1000), 'corrupt', /larger than its limit of 1000 bytes/)
      assert.equal(one.requests.length, 1)
    }
  })

  test('is set to what is in a compressed page', async () => {
    const bomb = gzipSync(Buffer.alloc(50 << 20))
    const { url } = await server((_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    await faultOf(client().read({ url }, 1 << 20), 'corrupt', /larger than its limit of 1048576 bytes/)
  })
})

describe('a page', () => {
  test('may come compressed', async () => {
    const { url } = await server(({ headers }, response) => {
      assert.equal(headers['accept-encoding'], 'gzip')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a page'))
    })
    assert.equal(Buffer.from((await client().read({ url }, 100)).bytes).toString(), 'a page')
  })

  test('in an encoding that was not asked for, or is not what it says, is refused', async () => {
    for (const [encoding, code] of [
      ['br', 'unsupported'],
      ['gzip', 'corrupt'],
    ] as const) {
      const { url } = await server((_, response) => void response.writeHead(200, { 'content-encoding': encoding }).end('plain text'))
      await faultOf(client().read({ url }, 100), code, /came in the encoding|is not the gzip/)
    }
  })
})

describe('a signal', () => {
  test('ends a request that waits for its answer', async () => {
    const peer = await startHttpPeer()
    closeLater(peer)
    const stop = new AbortController()
    const reached = peer.plan(/GET/, 'stall')
    const answer = client().request({ url: peer.url, signal: stop.signal })
    await reached
    stop.abort()
    await faultOf(answer, 'aborted', /stopped/)
  })

  test('ends a body', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { etag: '"a"', 'content-length': 9 }).write('abc'))
    const stop = new AbortController()
    const answer = await client().request({ url, signal: stop.signal })
    await faultOf(
      (async () => {
        for await (const piece of answer.body) if (piece.byteLength > 0) stop.abort()
      })(),
      'aborted',
      /stopped/,
    )
  })

  test('ends the wait before the next try', async () => {
    const stop = new AbortController()
    const { url } = await server((_, response) => void response.writeHead(429, { 'retry-after': '200' }).end())
    const http = client({ clock: systemClock, report: () => stop.abort() })
    await faultOf(http.request({ url, signal: stop.signal }), 'aborted', /stopped/)
  })

  test('that has fired sends nothing', async () => {
    const one = await server((_, response) => void response.end())
    await faultOf(client().request({ url: one.url, signal: AbortSignal.abort() }), 'aborted', /stopped/)
    assert.equal(one.requests.length, 0)
  })
})
