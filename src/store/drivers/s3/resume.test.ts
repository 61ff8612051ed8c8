import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { ListMultipartUploadsCommand, S3Client } from '@aws-sdk/client-s3'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { startHttpPeer } from '../../../../test/faults/http-peer.ts'
import { fileMemo, type UploadJob } from '../../../../test/faults/upload-child.ts'
import { s3ForTests, type S3Server } from '../../../../test/services/index.ts'
import { bytesOf, bytesOfFile, collect, digestOf } from '../../../kit/index.ts'
import type { ObjectStore, ResumeMemo } from '../../store.ts'
import { prefixedStore } from '../../wrap/prefixed.ts'
import { createS3Store, type S3StoreOptions } from './index.ts'

const MiB = 1 << 20
const partSize = 5 * MiB

interface Place {
  readonly server: S3Server
  readonly options: S3StoreOptions
  readonly store: ObjectStore
  sent(): Record<string, number>
  leftovers(): Promise<string[]>
}

async function place(t: TestContext): Promise<Place | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const counted = new Map<string, number>()
  const meter = { request: (kind: string) => void counted.set(kind, (counted.get(kind) ?? 0) + 1) }
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const options = { endpoint, region, accessKeyId, secretAccessKey, bucket: await server.newBucket(), partSize, concurrency: 1, env: {} }
  const store = createS3Store({ ...options, meter })
  const client = new S3Client({ ...server, forcePathStyle: true, credentials: server })
  t.after(async () => {
    client.destroy()
    await store.close()
  })
  return {
    server,
    options,
    store,
    sent() {
      const seen = Object.fromEntries([...counted].sort(([a], [b]) => (a < b ? -1 : 1)))
      counted.clear()
      return seen
    },
    async leftovers() {
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: options.bucket }))
      return (Uploads ?? []).map(({ Key }) => Key ?? '')
    },
  }
}

function content(size: number, salt = 0): Uint8Array {
  const random = seededRandom(testSeed + salt)
  return new Uint8Array(Float64Array.from({ length: Math.ceil(size / 8) }, random).buffer, 0, size)
}

function textMemo(text?: string): ResumeMemo & { text: string | undefined } {
  return {
    text,
    async load() {
      return this.text
    },
    async save(saved) {
      this.text = saved
    },
    async clear() {
      this.text = undefined
    },
  }
}

/** A put that fails at the given part, after those before it were remembered. */
async function failAtPart(t: TestContext, at: Place, part: number, key: string, bytes: Uint8Array, memo: ResumeMemo): Promise<void> {
  const peer = await startHttpPeer(at.server.endpoint)
  const store = createS3Store({ ...at.options, endpoint: peer.url })
  t.after(async () => {
    await store.close()
    await peer.close()
  })
  void peer.plan(new RegExp(`partNumber=${part}&`), { status: 500 })
  await assert.rejects(store.put(key, bytesOf(bytes), { digest: digestOf(bytes), resume: memo }), { code: 'unavailable' })
}

test('an upload whose process was killed goes on where it was: only the missing parts are sent', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const directory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-resume-'))
  t.after(() => rm(directory, { recursive: true }))
  const bytes = content(28 * MiB)
  const [file, memo] = [path.join(directory, 'body'), path.join(directory, 'memo')]
  await writeFile(file, bytes)

  const peer = await startHttpPeer(at.server.endpoint)
  t.after(() => peer.close())
  const reached = peer.plan(/partNumber=4&/, 'stall')
  const job: UploadJob = {
    store: { ...at.options, endpoint: peer.url },
    key: 'large',
    file,
    length: bytes.byteLength,
    digest: digestOf(bytes),
    memo,
  }
  const child = spawn(
    process.execPath,
    [path.resolve(import.meta.dirname, '../../../../test/faults/upload-child.ts'), JSON.stringify(job)],
    {
      stdio: ['ignore', 'ignore', 'inherit'],
    },
  )
  const ended = new Promise((resolve) => child.on('exit', (_, signal) => resolve(signal)))
  await Promise.race([reached, ended])
  child.kill('SIGKILL')
  assert.equal(await ended, 'SIGKILL')
  assert.equal(await at.store.head('large'), undefined)

  at.sent()
  await at.store.put('large', bytesOfFile(file, bytes.byteLength), { digest: job.digest, resume: fileMemo(memo) })
  assert.deepEqual(at.sent(), { CompleteMultipartUpload: 1, ListParts: 1, UploadPart: 3 })
  assert.equal((await at.store.head('large'))?.digest, job.digest)
  assert.equal(digestOf(await collect(await at.store.get('large'), 64 * MiB)), job.digest)
  assert.equal(await fileMemo(memo).load(), undefined)
})

test('parts whose bytes have changed since are sent again, and the whole is what is there now', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const bytes = content(18 * MiB)
  const memo = textMemo()
  await failAtPart(t, at, 3, 'key', bytes, memo)
  // The memo is bound to the digest; a body without one stands for what changed unnoticed.
  memo.text = memo.text?.replace(/"digest":"[^"]+",(?="key")/, '')
  const changed = Uint8Array.from(bytes)
  changed[0] = changed[0]! ^ 1
  at.sent()
  await at.store.put('key', bytesOf(changed), { resume: memo })
  assert.deepEqual(at.sent(), { CompleteMultipartUpload: 1, ListParts: 1, UploadPart: 3 })
  assert.equal(digestOf(await collect(await at.store.get('key'), 64 * MiB)), digestOf(changed))
})

test('a memo of another body or another part size is dropped with its upload, and all is sent', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const memo = textMemo()
  await failAtPart(t, at, 2, 'old', content(11 * MiB), memo)
  assert.deepEqual(await at.leftovers(), ['old'])
  const bytes = content(11 * MiB, 1)
  at.sent()
  await at.store.put('key', bytesOf(bytes), { digest: digestOf(bytes), resume: memo })
  assert.deepEqual(at.sent(), { AbortMultipartUpload: 1, CompleteMultipartUpload: 1, CreateMultipartUpload: 1, UploadPart: 3 })
  assert.deepEqual(await at.leftovers(), [])

  await failAtPart(t, at, 2, 'key', bytes, memo)
  const coarse = createS3Store({ ...at.options, partSize: 6 * MiB })
  t.after(() => coarse.close())
  await coarse.put('key', bytesOf(bytes), { digest: digestOf(bytes), resume: memo })
  assert.deepEqual(await at.leftovers(), [])
})

test('an upload that the server no longer knows is begun anew, and a memo that is damaged is as good as none', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const bytes = content(11 * MiB)
  const memo = textMemo()
  await failAtPart(t, at, 3, 'key', bytes, memo)
  memo.text = memo.text?.replace(/"upload":"[^"]+"/, '"upload":"2~gone"')
  at.sent()
  await at.store.put('key', bytesOf(bytes), { digest: digestOf(bytes), resume: memo })
  assert.equal(at.sent()['UploadPart'], 3)
  assert.equal(memo.text, undefined)
  for (const text of ['', '{', '{"version":2}', '[]']) await at.store.put('key', bytesOf(bytes), { resume: textMemo(text) })
  assert.equal(digestOf(await collect(await at.store.get('key'), 64 * MiB)), digestOf(bytes))
})

test('an upload that was finished just before its process ended is not sent again', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const bytes = content(11 * MiB)
  const memo = textMemo()
  await failAtPart(t, at, 3, 'key', bytes, memo)
  const before = memo.text
  await at.store.put('key', bytesOf(bytes), { digest: digestOf(bytes), resume: memo })
  memo.text = before
  at.sent()
  const info = await at.store.put('key', bytesOf(bytes), { digest: digestOf(bytes), resume: memo })
  assert.equal(info.digest, digestOf(bytes))
  assert.equal(at.sent()['UploadPart'], undefined)
  assert.equal(memo.text, undefined)
})

test('a resumed upload of wrong bytes is corrupt, is never finished, and leaves neither upload nor memo', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const bytes = content(11 * MiB)
  const memo = textMemo()
  await failAtPart(t, at, 3, 'key', bytes, memo)
  const wrong = Uint8Array.from(bytes)
  wrong[7 * MiB] = wrong[7 * MiB]! ^ 1
  await assert.rejects(at.store.put('key', bytesOf(wrong), { digest: digestOf(bytes), resume: memo }), { code: 'corrupt' })
  assert.equal(await at.store.head('key'), undefined)
  assert.deepEqual([await at.leftovers(), memo.text], [[], undefined])
})

test('a sweep gives up what was begun long ago and never finished, below its prefix only', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const bytes = content(12 * MiB)
  await failAtPart(t, at, 2, 'a/key', bytes, textMemo())
  await failAtPart(t, at, 2, 'b/key', bytes, textMemo())
  assert.deepEqual(await at.store.sweep?.(3_600_000), { items: 0 })
  assert.deepEqual(await at.store.sweep?.(-3_600_000, { prefix: 'a/' }), { items: 1 })
  assert.deepEqual(await at.leftovers(), ['b/key'])
  assert.deepEqual(await prefixedStore(at.store, 'b/').sweep?.(-3_600_000), { items: 1 })
  assert.deepEqual(await at.leftovers(), [])
})
