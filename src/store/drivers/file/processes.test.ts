import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { bytesOf, collect } from '../../../kit/index.ts'
import { createFileStore } from './index.ts'

const base = await mkdtemp(path.join(tmpdir(), 'holdfast-processes-'))
after(() => rm(base, { recursive: true }))

const rooms = ['../../../kit/index.ts', './index.ts'].map((room) => JSON.stringify(new URL(room, import.meta.url).href))
const head = (root: string) => `
  const { bytesOf, collect, isFault } = await import(${rooms[0]})
  const { createFileStore } = await import(${rooms[1]})
  const store = createFileStore({ root: ${JSON.stringify(root)}, durable: false })
`

/** Adds to a number 20 times, each time over exactly the version that it read. */
const adder = `
  for (let done = 0; done < 20; ) {
    try {
      const body = await store.get('count')
      const value = Number(Buffer.from(await collect(body, 100)))
      await store.put('count', bytesOf(String(value + 1)), { if: { etag: body.info.etag } })
      done++
    } catch (error) {
      if (!isFault(error, 'precondition')) throw error
    }
  }
`

/** Overwrites one key again and again with another byte, and tells after each. */
const overwriter = `
  for (let byte = 1; ; byte = (byte % 250) + 1) {
    await store.put('deep/x', bytesOf(new Uint8Array(3_000_000).fill(byte)))
    process.stdout.write('.')
  }
`

function start(script: string) {
  return spawn(process.execPath, ['--input-type=module', '--disable-warning=ExperimentalWarning', '-e', script], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

function ended(child: ReturnType<typeof start>): Promise<number | null> {
  return new Promise((resolve) => child.on('close', resolve))
}

test('processes that each add to what they read lose nothing', async () => {
  const root = path.join(base, 'adders')
  const store = createFileStore({ root, durable: false })
  await store.put('count', bytesOf('0'), { if: 'absent' })
  const children = [1, 2, 3].map(() => start(head(root) + adder))
  assert.deepEqual(await Promise.all(children.map(ended)), [0, 0, 0])
  assert.equal(Buffer.from(await collect(await store.get('count'), 100)).toString(), '60')
})

test('a writer that is killed leaves one whole version and nothing that a sweep does not find', async () => {
  const root = path.join(base, 'killed')
  const child = start(head(root) + overwriter)
  const gone = ended(child)
  let told = 0
  child.stdout.on('data', (dots: Buffer) => {
    told += dots.length
    if (told >= 3) child.kill('SIGKILL')
  })
  await gone
  const store = createFileStore({ root })
  const content = await collect(await store.get('deep/x'), 3_000_000)
  assert.ok(content.byteLength === 3_000_000 && content.every((byte) => byte === content[0]))
  assert.deepEqual(
    (await Array.fromAsync(store.list(''))).map(({ key }) => key),
    ['deep/x'],
  )
  await createFileStore({ root }).sweep!(-1000)
  assert.deepEqual(await createFileStore({ root }).sweep!(-1000), { items: 0, bytes: 0 })
})
