/** What publications find out about files, and what they make of it. */
import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { bytesOf, Fault, isFault } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { assertInLine, pageOf, projectsOf } from '../../../test/fakes/index-truth.ts'
import { listNotes, putNote } from '../records/notes.ts'
import { readIndex } from '../records/read.ts'
import { publish } from './publish.ts'
import { publishKeys } from './publish-keys.ts'

const wheel = buildWheel({ name: 'Foo.Bar', version: '1.0', requires: ['numpy>=1'], requiresPython: '>=3.10' })
const source = buildSdist({ name: 'foo_bar', version: '0.9' })
const other = buildWheel({ name: 'other', version: '2' })
const large = buildWheel({ name: 'large', version: '3', size: 300_000 })

describe('what is wrong with a file', () => {
  test('is found out once, told each time, and found out anew when the file is another', async () => {
    const desk = indexDesk()
    const wrong = buildWheel({ name: 'wrong', version: '1.0', broken: 'other-name' })
    await desk.upload('v2', wrong, other)
    await publish(desk.context, { prefixes: ['v2'] })
    const reads = () => desk.bucketMeter.snapshot().operations.get
    const before = reads()
    await desk.upload('v2', wheel)
    const [second] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.equal(second?.refused.length, 1)
    assert.equal(reads() - before, 1, 'only the new wheel was read')
    await desk.upload('v2', buildWheel({ name: 'wrong', version: '1.0' }))
    const [third] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual([third?.refused, third?.filesAdded], [[], [wrong.file]])
    await assertInLine(desk.bucket, 'v2')
  })

  test('never stops the others: names against the rules, invalid versions, HTML in names, foreign files', async () => {
    const desk = indexDesk()
    const names = [
      'x-1.0.whl',
      'x-not_a_version-py3-none-any.whl',
      '<img src=x>-1.0-py3-none-any.whl',
      'README.md',
      'notes/index.html',
      '-1.tar.gz',
    ]
    for (const name of names) await desk.bucket.put(`v2/${name}`, bytesOf('?'))
    await desk.upload('v2', wheel)
    const [done] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual(done?.filesAdded, [wheel.file])
    assert.ok(done!.refused.length >= 3 && done!.refused.every(({ reason }) => reason !== ''))
    assert.equal(done!.refused.length + done!.foreign.count, names.length - 1, 'the page-like folder is not counted among either')
    for (const name of names) assert.ok((await desk.bucket.head(`v2/${name}`)) !== undefined, `${name} stays`)
    assert.deepEqual(await projectsOf(desk.bucket, 'v2'), ['foo-bar'])
  })

  test('is told with the projects that are looked at, and does not make a publication or an event of others fail', async () => {
    const desk = indexDesk()
    const wrong = buildWheel({ name: 'wrong', version: '1.0', broken: 'other-name' })
    await desk.upload('v2', wrong, other)
    await desk.bucket.put('v2/x-1.0.whl', bytesOf('?'))
    const refusedBy = async (project?: string) =>
      (await publish(desk.context, { prefixes: ['v2'], project })).prefixes[0]?.refused.map(({ name }) => name)
    assert.deepEqual(await refusedBy(), [wrong.file, 'x-1.0.whl'])
    assert.deepEqual(await refusedBy('other'), [])
    assert.deepEqual(await refusedBy('wrong'), [wrong.file])
    await desk.upload('v2', wheel)
    assert.deepEqual(await refusedBy('foo-bar'), [], 'also where something changed')
    const event = await publishKeys(desk.context, [`v2/${other.file}`])
    assert.deepEqual(event.prefixes[0]?.refused, [])
    assert.deepEqual(await refusedBy(), [wrong.file, 'x-1.0.whl'])
  })

  test('is not told on where it is a Requires-Python that is none: pip passes over it, and uv would pass over the file', async () => {
    const desk = indexDesk()
    const old = buildWheel({ name: 'old', version: '1.0', requiresPython: '>=3.6.*' })
    await desk.upload('v2', old, buildSdist({ name: 'old', version: '0.9', requiresPython: 'three' }))
    await publish(desk.context, { prefixes: ['v2'] })
    const page = await pageOf(desk.bucket, 'v2', 'old')
    assert.deepEqual(
      page?.files.map((file) => file['requires-python']),
      [undefined, undefined],
    )
    await assertInLine(desk.bucket, 'v2')
  })

  test('may be that it cannot be read now: then it is told, and looked at again the next time', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel, other)
    const bucket: ObjectStore = {
      ...desk.context.bucket,
      get: (key, options) =>
        key.includes('other') ? Promise.reject(new Fault('denied', 'access denied')) : desk.context.bucket.get(key, options),
    }
    const [done] = (await publish({ ...desk.context, bucket }, { prefixes: ['v2'] })).prefixes
    assert.deepEqual(done?.refused, [{ name: other.file, reason: 'not looked at yet: access denied' }])
    const [again] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual([again?.refused, again?.filesAdded], [[], [other.file]])
  })

  test('trouble on the way is thrown, and nothing moves', async () => {
    const desk = indexDesk()
    await desk.upload('v2', wheel)
    const bucket: ObjectStore = { ...desk.bucket, get: () => Promise.reject(new Fault('unavailable', 'the network is down')) }
    await assert.rejects(publish({ ...desk.context, bucket }, { prefixes: ['v2'] }), (error) => isFault(error, 'unavailable'))
    assert.equal(await readIndex(desk.context), undefined)
  })
})

describe('digests', () => {
  test('are computed once where nothing tells them', async () => {
    const desk = indexDesk()
    await desk.upload('v2', large)
    await publish(desk.context, { prefixes: ['v2'] })
    const { read } = desk.bucketMeter.snapshot().bytes
    assert.ok(read > large.bytes.byteLength && read < large.bytes.byteLength + 100_000)
    await assertInLine(desk.bucket, 'v2')
    assert.equal((await pageOf(desk.bucket, 'v2', 'large'))?.files[0]?.hashes.sha256, large.digest.slice(7))
  })

  test('are not computed where reading is forbidden: the file is published without, and read by the next publication', async () => {
    const desk = indexDesk()
    await desk.upload('v2', large, source, wheel)
    const [done] = (await publish(desk.context, { prefixes: ['v2'], noRead: true })).prefixes
    assert.deepEqual(done?.unread, [source.file, large.file].sort())
    assert.ok(desk.bucketMeter.snapshot().bytes.read < 150_000)
    assert.deepEqual((await pageOf(desk.bucket, 'v2', 'large'))?.files[0]?.hashes, {})
    const puts = desk.bucketMeter.snapshot().operations.put
    const [same] = (await publish(desk.context, { prefixes: ['v2'], noRead: true })).prefixes
    assert.deepEqual([same?.unread, same?.hasChanged, same?.written], [done?.unread, false, []])
    assert.equal(desk.bucketMeter.snapshot().operations.put, puts)
    const [known] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual([known?.unread, known?.filesChanged.length], [[], 2])
    await assertInLine(desk.bucket, 'v2')
    assert.ok((await pageOf(desk.bucket, 'v2', 'large'))?.files[0]?.hashes.sha256 !== undefined)
  })

  test('that are not known refuse a file where the environment wants them', async () => {
    const desk = indexDesk({ environment: { requiresHash: true } })
    await desk.upload('v2', large, wheel)
    const [done] = (await publish(desk.context, { prefixes: ['v2'], noRead: true })).prefixes
    assert.deepEqual([done?.refused.map(({ name }) => name), done?.filesAdded], [[large.file], [wheel.file]])
    const [known] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
    assert.deepEqual([known?.refused, known?.filesAdded], [[], [large.file]])
  })

  test('that a place tells are taken, and checked by reading where that is asked for', async () => {
    const telling = (told: typeof large.digest) => {
      const desk = indexDesk()
      const bucket: ObjectStore = {
        ...desk.context.bucket,
        async get(key, options) {
          const body = await desk.context.bucket.get(key, options)
          return { ...body, info: { ...body.info, digest: told }, [Symbol.asyncIterator]: () => body[Symbol.asyncIterator]() }
        },
      }
      return { desk, context: { ...desk.context, bucket } }
    }
    const right = telling(large.digest)
    await right.desk.upload('v2', large)
    await publish(right.context, { prefixes: ['v2'] })
    assert.ok(right.desk.bucketMeter.snapshot().bytes.read < 150_000, 'its end is enough')
    const wrong = telling(other.digest)
    await wrong.desk.upload('v2', large)
    const [done] = (await publish(wrong.context, { prefixes: ['v2'], computeSha256: true })).prefixes
    assert.deepEqual(done?.refused, [
      { name: large.file, reason: `it is said to have the digest ${other.digest}, and to have ${large.digest}` },
    ])
  })

  test('and what else an upstream told come from notes, while their etag is right; the notes are removed', async () => {
    const desk = indexDesk()
    await desk.upload('v2', large, other, source)
    const rows = await Array.fromAsync(desk.bucket.list('v2/'))
    const note = (file: string, digest = large.digest, etag?: string) => {
      const { key, size, etag: real } = rows.find(({ key }) => key === `v2/${file}`)!
      return { key, size, etag: etag ?? real, digest, uploaded: '2024-02-03T04:05:06.789Z', yanked: 'broken', requiresPython: '>=3.9' }
    }
    await putNote(desk.context, [note(large.file), note(other.file, large.digest, 'old'), note(source.file, source.digest)])
    const before = desk.bucketMeter.snapshot().bytes.read
    await publish(desk.context, { prefixes: ['v2'] })
    assert.ok(desk.bucketMeter.snapshot().bytes.read - before < 100_000, 'no file was read whole')
    await assertInLine(desk.bucket, 'v2')
    const [file] = (await pageOf(desk.bucket, 'v2', 'large'))!.files
    assert.deepEqual([file?.yanked, (file as { 'upload-time'?: string })['upload-time']], ['broken', '2024-02-03T04:05:06Z'])
    assert.equal((await pageOf(desk.bucket, 'v2', 'foo-bar'))?.files[0]?.['requires-python'], '>=3.9')
    assert.equal((await pageOf(desk.bucket, 'v2', 'other'))?.files[0]?.yanked, undefined, 'a note of another version tells nothing')
    assert.deepEqual(await listNotes(desk.context), [])
  })
})
