import assert from 'node:assert/strict'
import { type TestContext, test } from 'node:test'
import { type HttpPeer, startHttpPeer } from '../../../../test/faults/http-peer.ts'
import { bytesOf, collect, explain, type Fault, isFault } from '../../../kit/index.ts'
import type { ObjectStore } from '../../store.ts'
import { s3Fault } from './faults.ts'
import { createS3Store, type S3StoreOptions } from './index.ts'

const keys = { accessKeyId: 'AKIDEXAMPLE', secretAccessKey: 'a-secret-that-nobody-sees' }

async function liar(t: TestContext, settings: Partial<S3StoreOptions> = {}): Promise<{ peer: HttpPeer; store: ObjectStore }> {
  const peer = await startHttpPeer()
  const store = createS3Store({ endpoint: peer.url, bucket: 'bucket', ...keys, env: {}, ...settings })
  t.after(async () => {
    await store.close()
    await peer.close()
  })
  return { peer, store }
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const outcome = await work.then(
    () => assert.fail('expected a fault'),
    (error: unknown) => error,
  )
  assert.ok(isFault(outcome), String(outcome))
  return outcome
}

const errorBody = (code: string) => `<?xml version="1.0"?><Error><Code>${code}</Code><Message>because</Message></Error>`

for (const [status, code] of [
  [412, 'PreconditionFailed'],
  [409, 'ConditionalRequestConflict'],
  [409, 'ConcurrentModification'],
  [404, 'NoSuchKey'],
] as const) {
  test(`a conditional put that is answered ${status} ${code} has lost: precondition`, async (t) => {
    const { peer, store } = await liar(t)
    void peer.plan(/^PUT/, { status, body: errorBody(code) })
    const fault = await faultOf(store.put('ref', bytesOf('x'), { if: { etag: '"old"' } }))
    assert.equal(fault.code, 'precondition')
  })
}

test('503 SlowDown is unavailable, and Retry-After is passed on, in seconds or as a date by the server’s own clock', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/a$/, { status: 503, headers: { 'retry-after': '7' }, body: errorBody('SlowDown') })
  const date = { date: 'Wed, 21 Oct 2015 07:28:00 GMT', 'retry-after': 'Wed, 21 Oct 2015 07:28:30 GMT' }
  void peer.plan(/b$/, { status: 429, headers: date })
  const [seconds, dated] = [await faultOf(store.head('a')), await faultOf(store.head('b'))]
  assert.deepEqual([seconds.code, seconds.retry, seconds.retryAfter], ['unavailable', 'later', 7000])
  assert.deepEqual([dated.code, dated.retryAfter], ['unavailable', 30_000])
})

test('one verb is one request: nothing is tried twice here', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/./, { status: 500, body: errorBody('InternalError') })
  assert.equal((await faultOf(store.delete('key'))).code, 'unavailable')
  assert.equal(peer.requests.length, 1)
})

test('a connection that goes silent is given up: unavailable', async (t) => {
  const { peer, store } = await liar(t, { idleTimeout: 100 })
  void peer.plan(/./, 'stall')
  assert.equal((await faultOf(store.get('key'))).code, 'unavailable')
})

test('a signal ends a request that goes silent: aborted', async (t) => {
  const { peer, store } = await liar(t)
  const stop = new AbortController()
  const reached = peer.plan(/./, 'stall')
  const got = faultOf(store.get('key', { signal: stop.signal }))
  await reached
  stop.abort()
  assert.equal((await got).code, 'aborted')
})

test('where nothing listens it is unavailable, with a hint at the endpoint', async () => {
  const peer = await startHttpPeer()
  await peer.close()
  const store = createS3Store({ endpoint: peer.url, bucket: 'bucket', ...keys, env: {} })
  const fault = await faultOf(store.head('key'))
  assert.equal(fault.code, 'unavailable')
  assert.match(fault.hint ?? '', /endpoint/)
})

test('a 404 that is not S3’s is not an absent key, for head and for get', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/^GET/, { status: 404, headers: { 'content-type': 'text/html' }, body: '<html>nothing here</html>' })
  assert.equal((await faultOf(store.get('key'))).code, 'invalid')
  const head = await faultOf(store.head('key'))
  assert.equal(head.code, 'invalid')
  assert.match(head.message, /there is no such bucket/)
})

test('a bucket in another region is said, with the region to set', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/./, { status: 301, headers: { 'x-amz-bucket-region': 'eu-west-1' }, body: errorBody('PermanentRedirect') })
  const fault = await faultOf(store.get('key'))
  assert.equal(fault.code, 'invalid')
  assert.equal(fault.hint, 'set the region of the store to eu-west-1')
})

test('a copy that is answered 200 with an error inside has failed', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/^PUT/, { status: 200, body: errorBody('InternalError') })
  const fault = await faultOf(store.near!.copyFrom('bucket/a', 'b', { size: 3, etag: '"e"' }))
  assert.equal(fault.code, 'unavailable')
})

const listing = (keysListed: string[], more: string) =>
  `<?xml version="1.0"?><ListBucketResult><IsTruncated>true</IsTruncated>${more}${keysListed
    .map((key) => `<Contents><Key>${key}</Key><Size>1</Size><ETag>"e"</ETag></Contents>`)
    .join('')}</ListBucketResult>`

test('a page of a list that says "more" without a new token is refused, not taken for the end', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/none/, { status: 200, body: listing(['none/a'], '') })
  void peer.plan(/same/, { status: 200, body: listing(['same/a'], '<NextContinuationToken>t</NextContinuationToken>') })
  void peer.plan(/same/, { status: 200, body: listing(['same/b'], '<NextContinuationToken>t</NextContinuationToken>') })
  assert.equal((await faultOf(Array.fromAsync(store.list('none/')))).code, 'unavailable')
  assert.equal((await faultOf(Array.fromAsync(store.list('same/')))).code, 'unavailable')
})

test('a list that is not in the order of keys, repeats itself or leaves the prefix is refused', async (t) => {
  const { peer, store } = await liar(t)
  for (const listed of [['p/b', 'p/a'], ['p/a', 'p/a'], ['q']]) {
    void peer.plan(/list-type/, { status: 200, body: listing(listed, '') })
    assert.equal((await faultOf(Array.fromAsync(store.list('p/')))).code, 'unsupported')
  }
})

test('a server that answers a range with the whole object is unsupported: its bytes are not the ones asked for', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/^GET/, { status: 200, headers: { 'content-length': '4', etag: '"e"' }, body: 'abcd' })
  assert.equal((await faultOf(store.get('key', { range: { start: 1, end: 3 } }))).code, 'unsupported')
})

test('a server that answers a pinned read with another version is caught', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/^GET/, { status: 200, headers: { 'content-length': '4', etag: '"other"' }, body: 'abcd' })
  assert.equal((await faultOf(store.get('key', { etag: '"e"' }))).code, 'precondition')
})

test('an answer that is not XML is unavailable, and never an empty list', async (t) => {
  const { peer, store } = await liar(t)
  void peer.plan(/list-type/, { status: 200, body: '<html><body>please sign in to this network' })
  assert.equal((await faultOf(Array.fromAsync(store.list('')))).code, 'unavailable')
})

test('an error text never shows a secret, whatever the server sends back', async (t) => {
  const { peer, store } = await liar(t)
  const echo = `<?xml version="1.0"?><Error><Code>SignatureDoesNotMatch</Code><Message>you said ${keys.secretAccessKey}</Message></Error>`
  void peer.plan(/^GET/, { status: 403, body: echo })
  const fault = await faultOf(store.get('key').then((body) => collect(body, 100)))
  assert.equal(fault.code, 'denied')
  const shown = `${explain(fault)} ${fault.stack} ${JSON.stringify(fault)} ${String((fault.cause as Error).stack)}`
  assert.ok(!shown.includes(keys.secretAccessKey), shown)
})

for (const [code, status, expected, hint] of [
  ['AccessDenied', 403, 'denied', /rights/],
  ['RequestTimeTooSkewed', 403, 'denied', /set the clock/],
  ['ExpiredToken', 400, 'denied', /sign in again/],
  ['NoSuchBucket', 404, 'invalid', /create the bucket/],
  ['NoSuchUpload', 404, 'not-found', undefined],
  ['InvalidRange', 416, 'invalid', undefined],
  ['AccessControlListNotSupported', 400, 'unsupported', /bucket policy/],
  ['NotImplemented', 501, 'unsupported', undefined],
  ['BadDigest', 400, 'unavailable', undefined],
  ['QuotaExceeded', 403, 'unavailable', /quota/],
  ['SomethingNew', 418, 'invalid', undefined],
  ['SomethingNew', 599, 'unavailable', undefined],
  ['toString', 418, 'invalid', undefined],
] as const) {
  test(`${code} with ${status} is ${expected}`, () => {
    const error = Object.assign(new Error('words of the server'), { name: code, $metadata: { httpStatusCode: status } })
    const fault = s3Fault(error, { at: 's3://bucket/key', doing: 'read' })
    assert.equal(fault.code, expected)
    assert.match(fault.message, /cannot read s3:\/\/bucket\/key/)
    if (hint !== undefined) assert.match(fault.hint ?? '', hint)
  })
}
