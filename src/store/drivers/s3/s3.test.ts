import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { ListMultipartUploadsCommand, PutBucketPolicyCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { type HttpPeer, startHttpPeer } from '../../../../test/faults/http-peer.ts'
import { s3ForTests, type S3Server } from '../../../../test/services/index.ts'
import { bytesFrom, bytesOf, bytesOnce, collect, digestOf, explain, type Fault } from '../../../kit/index.ts'
import type { ObjectStore } from '../../store.ts'
import { createS3Store, type S3StoreOptions } from './index.ts'

const MiB = 1 << 20

interface Place {
  readonly server: S3Server
  readonly bucket: string
  readonly store: ObjectStore
  /** Past the store. */
  readonly client: S3Client
  /** S3's names of the requests that were sent, since the last look. */
  sent(): Record<string, number>
  open(settings?: Partial<S3StoreOptions>): ObjectStore
  /** Keys of uploads that were begun and neither finished nor given up. */
  leftovers(): Promise<string[]>
}

async function place(t: TestContext, settings: Partial<S3StoreOptions> = {}): Promise<Place | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const bucket = await server.newBucket()
  const counted = new Map<string, number>()
  const meter = { request: (kind: string) => void counted.set(kind, (counted.get(kind) ?? 0) + 1) }
  const open = (more: Partial<S3StoreOptions> = {}) => {
    const store = createS3Store({ ...server, bucket, env: {}, meter, partSize: 5 * MiB, ...settings, ...more })
    t.after(() => store.close())
    return store
  }
  const client = new S3Client({ ...server, forcePathStyle: true, credentials: server })
  t.after(() => client.destroy())
  return {
    server,
    bucket,
    client,
    open,
    store: open(),
    sent() {
      const seen = Object.fromEntries([...counted].sort(([a], [b]) => (a < b ? -1 : 1)))
      counted.clear()
      return seen
    },
    async leftovers() {
      const { Uploads } = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
      return (Uploads ?? []).map(({ Key }) => Key ?? '')
    },
  }
}

async function peerBefore(t: TestContext, server: S3Server): Promise<HttpPeer> {
  const peer = await startHttpPeer(server.endpoint)
  t.after(() => peer.close())
  return peer
}

function content(size: number, salt = 0): Uint8Array {
  const random = seededRandom(testSeed + salt)
  return new Uint8Array(Float64Array.from({ length: Math.ceil(size / 8) }, random).buffer, 0, size)
}

async function whole(store: ObjectStore, key: string): Promise<Uint8Array> {
  return await collect(await store.get(key), 64 * MiB)
}

test('each verb costs one request, and the first absent key one more, to see that its bucket exists', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const { store, sent } = at
  const put = await store.put('a', bytesOf('content'))
  assert.deepEqual(sent(), { PutObject: 1 })
  await whole(store, 'a')
  assert.deepEqual(sent(), { GetObject: 1 })
  assert.equal(await store.head('missing'), undefined)
  assert.deepEqual(sent(), { HeadBucket: 1, HeadObject: 1 })
  await store.head('a')
  await store.head('missing')
  assert.deepEqual(sent(), { HeadObject: 2 })
  await store.near!.copyFrom(store.near!.address('a'), 'b', { etag: put.etag, size: put.size })
  assert.deepEqual(sent(), { CopyObject: 1 })
  assert.deepEqual(await Array.fromAsync(store.list(''), ({ key }) => key), ['a', 'b'])
  assert.deepEqual(sent(), { ListObjectsV2: 1 })
  await store.delete('a')
  assert.deepEqual(sent(), { DeleteObject: 1 })
})

test('a missing bucket is trouble in every verb, and never an absent key', async (t) => {
  const server = await s3ForTests(t)
  if (server === undefined) return
  const store = createS3Store({ ...server, bucket: 'no-such-bucket', env: {} })
  t.after(() => store.close())
  const verbs = [
    store.head('key'),
    store.get('key'),
    store.put('key', bytesOf('x')),
    store.delete('key'),
    Array.fromAsync(store.list('')),
    store.near!.copyFrom('no-such-bucket/key', 'other'),
  ]
  for (const outcome of await Promise.allSettled(verbs)) {
    assert.equal(outcome.status, 'rejected')
    const fault = outcome.reason as Fault
    assert.equal(fault.code, 'invalid', explain(fault))
    assert.match(fault.message, /no-such-bucket.*there is no such bucket|there is no such bucket.*no-such-bucket/)
  }
})

test('the digest is told where the server checked it, and for an object in parts where it was known before', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const { store } = at
  const small = content(1000)
  const large = content(12 * MiB)
  await store.put('small', bytesOf(small))
  await store.put('large', bytesOf(large), { digest: digestOf(large) })
  await store.put('unknown', bytesOf(large))
  assert.equal((await store.head('small'))?.digest, digestOf(small))
  assert.equal((await store.head('large'))?.digest, digestOf(large))
  assert.equal((await store.head('unknown'))?.digest, undefined)
  assert.equal((await store.get('large')).info.digest, digestOf(large))
})

test('a range tells the digest of the whole object as a head does, and never that of a part', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const { store, client, bucket } = at
  const bytes = content(12 * MiB)
  const told = async (key: string, range: { start: number; end?: number }) => (await store.get(key, { range })).info.digest
  await store.put('large', bytesOf(bytes), { digest: digestOf(bytes) })
  await store.put('unknown', bytesOf(bytes))
  await client.send(
    new PutObjectCommand({
      Bucket: bucket,
      Key: 'noted',
      Body: 'x'.repeat(1000),
      Metadata: { 'checksum-sha256': digestOf('of a tool').slice(7) },
    }),
  )
  for (const range of [{ start: 7, end: 9 }, { start: 0, end: 5 * MiB }, { start: 10 * MiB }]) {
    assert.equal(await told('large', range), digestOf(bytes))
    assert.equal(await told('unknown', range), undefined)
  }
  assert.equal(await told('noted', { start: 990 }), digestOf('of a tool'))
  assert.equal((await store.head('noted'))?.digest, digestOf('of a tool'))
})

test('a body in parts of unknown length comes back byte for byte', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const bytes = content(11 * MiB + 3)
  await at.store.put('stream', bytesOnce(bytesOf(bytes)))
  assert.deepEqual(at.sent(), { CompleteMultipartUpload: 1, CreateMultipartUpload: 1, UploadPart: 3 })
  assert.equal(Buffer.compare(await whole(at.store, 'stream'), bytes), 0)
})

test('wrong bytes in parts are corrupt before anything is visible, and the upload is given up', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  await assert.rejects(at.store.put('key', bytesOf(content(11 * MiB)), { digest: digestOf('other') }), { code: 'corrupt' })
  assert.equal(await at.store.head('key'), undefined)
  assert.equal(at.sent()['CompleteMultipartUpload'], undefined)
  assert.deepEqual(await at.leftovers(), [])
})

test('bytes that are damaged on their way are refused by the server: unavailable, to be tried again', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const api = await import('@aws-sdk/client-s3')
  const client = new api.S3Client({ ...at.server, forcePathStyle: true, credentials: at.server })
  t.after(() => client.destroy())
  const ChecksumSHA256 = Buffer.from(digestOf('other').slice(7), 'hex').toString('base64')
  const refused = client.send(
    new api.PutObjectCommand({ Bucket: at.bucket, Key: 'key', Body: 'these', ChecksumAlgorithm: 'SHA256', ChecksumSHA256 }),
  )
  await assert.rejects(refused, { name: 'BadDigest' }, 'the header that the driver sends makes the server check')
  assert.equal(await at.store.head('key'), undefined)
})

test('a put in parts that fails or is aborted half way is given up on the server too', async (t) => {
  const at = await place(t, { concurrency: 2 })
  if (at === undefined) return
  const peer = await peerBefore(t, at.server)
  const store = at.open({ endpoint: peer.url })
  void peer.plan(/partNumber=2&/, { status: 500 })
  await assert.rejects(store.put('failed', bytesOf(content(20 * MiB))), { code: 'unavailable' })
  const stop = new AbortController()
  const reached = peer.plan(/partNumber=3&/, 'stall')
  const stopped = assert.rejects(store.put('aborted', bytesOf(content(20 * MiB)), { signal: stop.signal }), { code: 'aborted' })
  await reached
  stop.abort()
  await stopped
  assert.deepEqual(await at.leftovers(), [])
})

test('a part that fails ends a body that hangs', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const peer = await peerBefore(t, at.server)
  const store = at.open({ endpoint: peer.url })
  void peer.plan(/partNumber=1&/, { status: 500 })
  const hanging = bytesFrom(async function* () {
    yield content(6 * MiB)
    await new Promise<never>(() => undefined)
  })
  await assert.rejects(store.put('key', hanging), { code: 'unavailable' })
})

test('a conditional put in parts is refused before the first part, and by the server where it is lost meanwhile', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const { store, sent } = at
  await store.put('taken', bytesOf('first'))
  sent()
  await assert.rejects(store.put('taken', bytesOf(content(6 * MiB)), { if: 'absent' }), { code: 'precondition' })
  assert.deepEqual(sent(), { HeadObject: 1 })

  const peer = await peerBefore(t, at.server)
  const late = at.open({ endpoint: peer.url })
  const finishing = peer.plan(/^HEAD .*raced/, { status: 404 })
  await store.put('raced', bytesOf('first'))
  await assert.rejects(late.put('raced', bytesOf(content(6 * MiB)), { if: 'absent' }), { code: 'precondition' })
  await finishing
  assert.deepEqual(Buffer.from(await whole(store, 'raced')).toString(), 'first')
  assert.deepEqual(await at.leftovers(), [])

  const { etag } = (await store.head('raced'))!
  const won = await store.put('raced', bytesOf(content(6 * MiB)), { if: { etag } })
  assert.equal((await store.head('raced'))?.etag, won.etag)
})

test('a body that is cut off is unavailable and never an early end, small or large', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  await at.store.put('small', bytesOf(content(5000)))
  await at.store.put('large', bytesOf(content(2 * MiB)))
  const peer = await peerBefore(t, at.server)
  const store = at.open({ endpoint: peer.url })
  void peer.plan(/^GET .*small/, { cutAfter: 1000 })
  void peer.plan(/^GET .*large/, { cutAfter: MiB })
  await assert.rejects(store.get('small'), { code: 'unavailable' })
  const body = await store.get('large')
  await assert.rejects(collect(body, 4 * MiB), { code: 'unavailable' })
  assert.equal(Buffer.compare(await collect(body, 4 * MiB), content(2 * MiB)), 0, 'read again, it is whole')
})

test('a put whose answer is lost is unavailable: what was put may be there', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const peer = await peerBefore(t, at.server)
  void peer.plan(/^PUT/, 'lose-answer')
  await assert.rejects(at.open({ endpoint: peer.url }).put('key', bytesOf('content')), { code: 'unavailable' })
  assert.equal((await at.store.head('key'))?.size, 7)
})

test('a large body that was deleted or replaced before it is read again is precondition', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  for (const change of [() => at.store.delete('key'), () => at.store.put('key', bytesOf(content(MiB, 1)))]) {
    await at.store.put('key', bytesOf(content(MiB)))
    const body = await at.store.get('key')
    await collect(body, MiB)
    await change()
    await assert.rejects(collect(body, MiB), { code: 'precondition' })
  }
})

test('public objects are readable by anyone, with their cache control, and others are not', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const { store, server, bucket } = at
  const options = { public: true, cacheControl: 'max-age=300', contentType: 'text/plain' }
  await store.put('open', bytesOf('everyone'), options)
  await store.put('open-parts', bytesOf(content(6 * MiB)), options)
  await store.put('closed', bytesOf('nobody'))
  await store.near!.copyFrom(`${bucket}/closed`, 'open-copy', options)
  const answer = async (key: string) => {
    const got = await fetch(`${server.endpoint}/${bucket}/${key}`)
    await got.arrayBuffer()
    return [got.status, got.headers.get('cache-control'), got.headers.get('content-type')]
  }
  assert.deepEqual(await answer('open'), [200, 'max-age=300', 'text/plain'])
  assert.deepEqual(await answer('open-parts'), [200, 'max-age=300', 'text/plain'])
  assert.deepEqual(await answer('open-copy'), [200, 'max-age=300', 'text/plain'])
  assert.equal((await answer('closed'))[0], 403)
})

test('a copy past the limit of one copy is made in parts by the server, with digest and headers', async (t) => {
  const at = await place(t, { copyThreshold: 5 * MiB })
  if (at === undefined) return
  const { store, sent, bucket } = at
  const bytes = content(12 * MiB)
  const put = await store.put('from/ä +%.bin', bytesOf(bytes), { digest: digestOf(bytes), contentType: 'a/b', cacheControl: 'no-cache' })
  sent()
  const copied = await store.near!.copyFrom(`${bucket}/from/ä +%.bin`, 'to', { etag: put.etag, cacheControl: 'max-age=1' })
  assert.deepEqual(sent(), { CompleteMultipartUpload: 1, CreateMultipartUpload: 1, HeadObject: 1, UploadPartCopy: 3 })
  assert.equal(copied.digest, digestOf(bytes))
  assert.equal(Buffer.compare(await whole(store, 'to'), bytes), 0)
  const { digest, contentType, cacheControl, size, etag } = (await store.head('to'))!
  assert.deepEqual([digest, contentType, cacheControl, size, etag], [digestOf(bytes), 'a/b', 'max-age=1', bytes.byteLength, copied.etag])
  await assert.rejects(store.near!.copyFrom(`${bucket}/from/ä +%.bin`, 'other', { etag: '"gone"' }), { code: 'precondition' })
  assert.deepEqual(await at.leftovers(), [])
})

test('a copy keeps what is known of the digest, also of an object that came in parts', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const { store, bucket } = at
  for (const size of [1000, 6 * MiB]) {
    const bytes = content(size)
    const { etag } = await store.put('a', bytesOf(bytes), { digest: digestOf(bytes) })
    await store.near!.copyFrom(`${bucket}/a`, 'plain', { etag, size })
    await store.near!.copyFrom(`${bucket}/a`, 'renamed', { contentType: 'x/y' })
    assert.equal((await store.head('plain'))?.digest, digestOf(bytes))
    assert.equal((await store.head('renamed'))?.digest, digestOf(bytes))
  }
})

test('copying between two buckets of one place needs no byte through here; places of two accounts differ', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const other = at.open({ bucket: await at.server.newBucket() })
  await at.store.put('a', bytesOf('content'))
  assert.equal(other.near!.place, at.store.near!.place)
  await other.near!.copyFrom(at.store.near!.address('a'), 'b')
  assert.equal(Buffer.from(await whole(other, 'b')).toString(), 'content')
  assert.notEqual(at.open({ accessKeyId: 'SOMEONEELSE' }).near!.place, at.store.near!.place)
})

test('a source that may not be read is denied', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  await at.store.put('secret', bytesOf('content'))
  const client = new S3Client({ ...at.server, forcePathStyle: true, credentials: at.server })
  t.after(() => client.destroy())
  const Statement = [{ Effect: 'Deny', Principal: '*', Action: 's3:GetObject', Resource: `arn:aws:s3:::${at.bucket}/secret` }]
  await client.send(new PutBucketPolicyCommand({ Bucket: at.bucket, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) }))
  await assert.rejects(at.store.near!.copyFrom(`${at.bucket}/secret`, 'mine'), { code: 'denied' })
  await assert.rejects(at.store.get('secret'), { code: 'denied' })
  await assert.rejects(at.store.head('secret'), { code: 'denied' })
})

test('virtual-host style reaches the bucket by its own host name', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const peer = await peerBefore(t, at.server)
  const store = at.open({ endpoint: peer.url.replace('127.0.0.1', 'localhost'), pathStyle: false })
  await store.put('a/b', bytesOf('content'))
  assert.equal(Buffer.from(await whole(store, 'a/b')).toString(), 'content')
  assert.deepEqual(peer.requests, ['PUT /a/b?x-id=PutObject', 'GET /a/b?x-id=GetObject'])
  assert.ok(
    peer.hosts.every((host) => host.startsWith(`${at.bucket}.localhost:`)),
    String(peer.hosts),
  )
})

test('wrong keys are denied with a hint, and the text shows no secret', async (t) => {
  const at = await place(t)
  if (at === undefined) return
  const secretAccessKey = 'not-the-secret-of-this-account'
  const outcome = await at
    .open({ secretAccessKey })
    .get('key')
    .catch((error: unknown) => error)
  assert.equal((outcome as Fault).code, 'denied')
  assert.match(explain(outcome), /check the access key id/)
  assert.ok(!`${explain(outcome)} ${(outcome as Fault).stack}`.includes(secretAccessKey))
})

test('the environment that was passed in is honoured: endpoint, region and keys', async (t) => {
  const server = await s3ForTests(t)
  if (server === undefined) return
  const env = {
    AWS_ENDPOINT_URL_S3: server.endpoint,
    AWS_REGION: server.region,
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
  }
  const store = createS3Store({ bucket: await server.newBucket(), env })
  t.after(() => store.close())
  await store.put('a', bytesOf('content'))
  assert.equal((await store.head('a'))?.size, 7)
})
