import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOf } from '../../kit/index.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { built, publishedIn, publishFiles, putFiles, recordsOf } from '../../../test/fakes/index-moves.ts'
import { assertInLine, contentsOf, filesOf, pageOf } from '../../../test/fakes/index-truth.ts'
import { publish } from '../publish/publish.ts'
import { readIndex } from '../records/read.ts'
import { archive } from './archive.ts'
import { rollback } from './rollback.ts'
import { yank } from './yank.ts'

const prefix = 'v2'
const attic = 'archives/v2/2025-01'
const day = 86_400_000
const old = [built.torch1.file, built.torch1b.file].sort()

/** Three versions of torch, two of them one file; one of rocm. */
async function shop() {
  const desk = indexDesk()
  await publishFiles(desk.context, prefix, [built.torch1, built.torch1b, built.torch2, built.torch3, built.rocm1])
  return { ...desk, later: (days: number) => desk.clock.set(desk.clock.now() + days * day) }
}

describe('an archiving', () => {
  it('moves all but the newest versions into an index of their month, in one move', async () => {
    const { context, bucket } = await shop()
    const done = await archive(context, { prefixes: [prefix], keep: 2 })
    assert.equal(done.generation, 2)
    assert.deepEqual(await publishedIn(context, attic), old)
    assert.deepEqual(await publishedIn(context, prefix), [built.rocm1.file, built.torch2.file, built.torch3.file])
    for (const each of [prefix, attic]) await assertInLine(bucket, each)
    assert.deepEqual(Object.keys((await readIndex(context))!.history.at(-1)!.note.prefixes).sort(), [attic, prefix])
    assert.deepEqual(
      done.prefixes.map(({ prefix: name, filesAdded, filesRemoved }) => [name, filesAdded, filesRemoved]),
      [
        [attic, old, []],
        [prefix, [], old],
      ],
    )
  })

  it('counts versions by PEP 440, yanked ones too, and keeps what people said of them', async () => {
    const { context, bucket } = await shop()
    await yank(context, { prefix, project: 'torch', version: '2.8.0', reason: 'x' })
    await yank(context, { prefix, project: 'torch', version: '2.7.0', reason: 'y' })
    await archive(context, { prefixes: [prefix], keep: 1 })
    assert.deepEqual(await filesOf(bucket, prefix, 'torch'), [built.torch3.file])
    assert.equal((await pageOf(bucket, attic, 'torch'))?.files.at(-1)?.yanked, 'y')
  })

  it('has nothing to do the second time, and leaves nothing for a publication to do', async () => {
    const { context } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    for (const again of [await archive(context, { prefixes: [prefix], keep: 2 }), await publish(context, { prefixes: [prefix, attic] })]) {
      assert.equal(again.hasMoved, false)
      assert.deepEqual(
        again.prefixes.flatMap(({ written, removed, refused }) => [...written, ...removed, ...refused]),
        [],
      )
    }
  })

  it('deletes what it took off when the grace has passed, and not before', async () => {
    const { context, bucket, later } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    later(6)
    await archive(context, { prefixes: [prefix], keep: 2 })
    assert.notEqual(await bucket.head(`${prefix}/${old[0]!}`), undefined)
    later(2)
    const done = await archive(context, { prefixes: [prefix], keep: 2 })
    assert.deepEqual(
      done.prefixes[0]?.removed,
      old.map((file) => `${prefix}/${file}`),
    )
    const keys = [...(await contentsOf(bucket, `${prefix}/`)).keys()]
    assert.deepEqual(
      keys.filter((key) => key.includes('torch-2.6')),
      [],
    )
    for (const each of [prefix, attic]) await assertInLine(bucket, each)
    assert.deepEqual((await recordsOf(context, prefix))['torch']?.withdrawn, [])
    assert.equal((await publish(context, { prefixes: [prefix, attic] })).hasMoved, false)
    assert.equal((await archive(context, { prefixes: [prefix], keep: 2 })).hasMoved, false)
  })

  it('deletes nothing that the archive has not, or no more', async () => {
    const { context, bucket, later } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    await bucket.delete(`${attic}/${built.torch1.file}`)
    later(8)
    await archive(context, { prefixes: [prefix], keep: 2 })
    assert.notEqual(await bucket.head(`${prefix}/${built.torch1.file}`), undefined)
    assert.equal(await bucket.head(`${prefix}/${built.torch1b.file}`), undefined)
  })

  it('leaves a file that was put under the same name meanwhile to the next publication', async () => {
    const { context, bucket, later } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    later(8)
    await bucket.put(`${prefix}/${built.torch1.file}`, bytesOf(built.torch1Other.bytes))
    await archive(context, { prefixes: [prefix], keep: 2 })
    await publish(context, { prefixes: [prefix] })
    assert.ok((await filesOf(bucket, prefix, 'torch')).includes(built.torch1.file))
    await assertInLine(bucket, prefix)
    const again = await archive(context, { prefixes: [prefix], keep: 2 })
    assert.match(again.prefixes.at(-1)!.refused[0]!.reason, new RegExp(`other bytes.*${built.torch1.digest}.*${built.torch1Other.digest}`))
    assert.ok((await filesOf(bucket, prefix, 'torch')).includes(built.torch1.file))
    assert.deepEqual(await publishedIn(context, attic), old)
  })

  it('can be rolled back, from the bucket, and from the archive when its files are deleted', async () => {
    for (const days of [0, 8]) {
      const { context, bucket, later } = await shop()
      const before = await recordsOf(context, prefix)
      await archive(context, { prefixes: [prefix], keep: 2 })
      later(days)
      await archive(context, { prefixes: [prefix], keep: 2 })
      await rollback(context, { prefix, to: { generation: 1 } })
      await assertInLine(bucket, prefix)
      const after = await recordsOf(context, prefix)
      const told = (records: typeof before) => records['torch']?.files.map(({ etag: _etag, ...file }) => file)
      assert.deepEqual(told(after), told(before))
      assert.deepEqual(await publishedIn(context, attic), old)
    }
  })

  it('is what a plain roll-back takes back, also after the generations that only deleted what it took off', async () => {
    const { context, later } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    later(8)
    const deleted = await archive(context, { prefixes: [prefix], keep: 2 })
    assert.ok(deleted.hasMoved && deleted.generation! > 2)
    await rollback(context, { prefix })
    assert.deepEqual(await publishedIn(context, prefix), [...old, built.rocm1.file, built.torch2.file, built.torch3.file].sort())
    await rollback(context, { prefix })
    assert.deepEqual(await publishedIn(context, prefix), [built.rocm1.file, built.torch2.file, built.torch3.file], 'there and back')
  })

  it('cannot be rolled back onto files that are being deleted', async () => {
    const { context, bucket, later } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    later(8)
    const stuck = { ...bucket, delete: () => Promise.reject(new Error('gone away')) }
    await assert.rejects(archive({ ...context, bucket: stuck }, { prefixes: [prefix], keep: 2 }), /gone away/)
    await assert.rejects(rollback(context, { prefix, to: { generation: 1 } }), { code: 'busy' })
    await publish(context, { prefixes: [prefix], includeWithdrawn: true })
    assert.deepEqual(await filesOf(bucket, prefix, 'torch'), [built.torch2.file, built.torch3.file])
    await archive(context, { prefixes: [prefix], keep: 2 })
    await rollback(context, { prefix, to: { generation: 1 } })
    assert.deepEqual((await filesOf(bucket, prefix, 'torch')).length, 4)
  })

  it('forgets nothing where the bucket looks empty, as one that is not mounted does', async () => {
    const { context } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    const before = await readIndex(context)
    await assert.rejects(archive({ ...context, bucket: indexDesk().bucket }, { prefixes: [prefix], keep: 2 }), { code: 'precondition' })
    assert.deepEqual(await readIndex(context), before)
  })

  it('shows what it would do and does nothing', async () => {
    const { context, bucket, later } = await shop()
    await archive(context, { prefixes: [prefix], keep: 2 })
    later(8)
    const before = [await readIndex(context), await contentsOf(bucket)]
    const plan = await archive(context, { prefixes: [prefix], keep: 1, dryRun: true })
    assert.deepEqual(plan.prefixes.at(-1)?.filesRemoved, [built.torch2.file])
    assert.deepEqual(
      plan.prefixes.at(-1)?.removed.filter((key) => key.endsWith('.whl')),
      old.map((file) => `${prefix}/${file}`),
    )
    assert.deepEqual([await readIndex(context), await contentsOf(bucket)], before)
  })

  it('wants to know how many stay, and archives no archive', async () => {
    const { context } = await shop()
    await assert.rejects(archive(context, { prefixes: [prefix] }), { code: 'invalid' })
    await assert.rejects(archive(context, { prefixes: [prefix], keep: 0 }), { code: 'invalid' })
    await assert.rejects(archive(context, { prefixes: [attic], keep: 1 }), { code: 'invalid' })
    const configured = { ...context, environment: { ...context.environment, keep: 2 } }
    await putFiles(context, 'v3', [built.torch1])
    const done = await archive(configured, { prefixes: ['v3', prefix] })
    assert.deepEqual(
      done.prefixes.map(({ prefix: name, isEmpty }) => [name, isEmpty]),
      [
        ['v3', true],
        [attic, false],
        [prefix, false],
      ],
    )
  })
})
