import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { bytesOf, isFault } from '../../kit/index.ts'
import { createMeter, meteredStore } from '../../store/index.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { built, bothIndexes, publishedIn, publishFiles, putFiles, recordsOf, release, staging } from '../../../test/fakes/index-moves.ts'
import { assertInLine, contentsOf, filesOf, pageOf } from '../../../test/fakes/index-truth.ts'
import { catalogueAt } from '../history.ts'
import { readIndex } from '../records/read.ts'
import type { Candidate } from '../publish/change.ts'
import { publish } from '../publish/publish.ts'
import { markProject } from './mark.ts'
import { promote } from './promote.ts'
import { rollback } from './rollback.ts'
import { yank } from './yank.ts'

const desk = () => indexDesk({ environment: { prefixes: bothIndexes } })
const move = { from: staging, to: release }

describe('a promotion', () => {
  it('publishes the very bytes that were tested, with upload times, yanks and what their METADATA requires', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1, built.torch1b, built.rocm1, built.source])
    await yank(context, { prefix: staging, project: 'rocm', version: '7.0.0', reason: 'crashes' })
    const done = await promote(context, { ...move, message: 'tested' })
    const [outcome] = done.prefixes
    assert.deepEqual(outcome?.filesAdded, [built.rocm1.file, built.torch1.file, built.torch1b.file, built.source.file].sort())
    assert.equal(outcome?.prefix, release)
    await assertInLine(bucket, release)
    const [before, after] = [await recordsOf(context, staging), await recordsOf(context, release)]
    assert.deepEqual(Object.keys(after), Object.keys(before))
    for (const [name, { files, metadata }] of Object.entries(after)) {
      assert.deepEqual(metadata, before[name]?.metadata)
      assert.deepEqual(
        files.map(({ etag: _etag, ...file }) => file),
        before[name]?.files.map(({ etag: _etag, ...file }) => file),
      )
    }
    assert.equal((await pageOf(bucket, release, 'rocm'))?.files[0]?.yanked, 'crashes')
    const last = (await readIndex(context))?.history.at(-1)
    assert.deepEqual([last?.action, last?.message, last?.by], ['promote', 'tested', 'ann@builder'])
  })

  it('leaves no trace where the files came from, and nothing for a publication to do', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1, built.rocm1])
    const before = await contentsOf(bucket, `${staging}/`)
    const { generation } = await promote(context, move)
    assert.deepEqual(await contentsOf(bucket, `${staging}/`), before)
    const again = await publish(context, { prefixes: bothIndexes })
    assert.deepEqual([again.generation, again.hasMoved], [generation, false])
    assert.deepEqual(
      again.prefixes.flatMap(({ written, removed }) => [...written, ...removed]),
      [],
    )
  })

  it('takes only what is published: not what lies there unlisted, refused or withdrawn', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1])
    await publishFiles(context, staging, [built.torch2])
    await rollback(context, { prefix: staging })
    await putFiles(context, staging, [built.rocm1])
    await bucket.put(`${staging}/bad-1.0-py3-none-any.whl`, bytesOf(new Uint8Array(300)))
    await promote(context, move)
    assert.deepEqual(await publishedIn(context, release), [built.torch1.file])
    assert.equal(await bucket.head(`${release}/${built.torch2.file}`), undefined)
    assert.equal(await bucket.head(`${release}/${built.rocm1.file}`), undefined)
  })

  it('is of one project, one version, or both', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1, built.torch1b, built.torch2, built.rocm1])
    await promote(context, { ...move, project: 'Torch', version: '2.6.0+ROCM7.0' })
    assert.deepEqual(await publishedIn(context, release), [built.torch1b.file, built.torch1.file])
    await promote(context, { ...move, version: '7.0' })
    assert.deepEqual(await publishedIn(context, release), [built.rocm1.file, built.torch1b.file, built.torch1.file])
    await promote(context, move)
    assert.deepEqual(await filesOf(bucket, release, 'torch'), [built.torch1b.file, built.torch1.file, built.torch2.file])
    await assertInLine(bucket, release)
  })

  it('keeps what is published there already, as it is there', async () => {
    const { context } = desk()
    await publishFiles(context, release, [built.torch1])
    await yank(context, { prefix: release, project: 'torch', version: '2.6.0+rocm7.0', reason: 'withdrawn by the release team' })
    await publishFiles(context, staging, [built.torch1, built.torch2])
    const [before] = (await recordsOf(context, release))['torch']!.files
    await promote(context, move)
    const { torch } = await recordsOf(context, release)
    assert.deepEqual(torch?.files[0], before)
    assert.deepEqual(
      torch?.files.map(({ name }) => name),
      [built.torch1.file, built.torch2.file],
    )
  })

  it('refuses other bytes under a name that is published there or lies there, with both digests, before anything moved', async () => {
    for (const isPublished of [true, false]) {
      const { context, bucket } = desk()
      await (isPublished ? publishFiles : putFiles)(context, release, [built.torch1Other])
      await publishFiles(context, staging, [built.rocm1, built.torch1])
      const before = await contentsOf(bucket)
      const generation = (await readIndex(context))?.generation
      await assert.rejects(
        promote(context, move),
        (error) =>
          isFault(error, 'already-exists') &&
          error.message.includes(built.torch1.digest) &&
          error.message.includes(built.torch1Other.digest),
      )
      assert.deepEqual(await contentsOf(bucket), before)
      assert.equal((await readIndex(context))?.generation, generation)
    }
  })

  it('has nothing to do where all of it is there, and where nothing is asked for', async () => {
    const { context } = desk()
    await publishFiles(context, staging, [built.torch1])
    await promote(context, move)
    await assert.rejects(promote(context, move), { code: 'nothing-to-do' })
    await assert.rejects(promote(context, { ...move, project: 'jax' }), { code: 'nothing-to-do' })
    await assert.rejects(promote(context, { ...move, version: '9' }), { code: 'nothing-to-do' })
  })

  it('holds to the generation that was tested', async () => {
    const { context } = desk()
    const tested = await publishFiles(context, staging, [built.torch1])
    await publishFiles(context, release, [built.rocm1])
    await promote(context, { ...move, expect: tested, dryRun: true })
    await publishFiles(context, staging, [built.torch2])
    await assert.rejects(promote(context, { ...move, expect: tested }), { code: 'precondition' })
    assert.deepEqual(await publishedIn(context, release), [built.rocm1.file])
  })

  it('shows what it would do and does nothing', async () => {
    const { context, bucket, spent } = desk()
    await publishFiles(context, staging, [built.torch1, built.rocm1])
    const before = await contentsOf(bucket)
    const { put } = spent()
    const plan = await promote(context, { ...move, dryRun: true })
    assert.deepEqual(plan.prefixes[0]?.filesAdded, [built.rocm1.file, built.torch1.file])
    assert.equal(plan.hasMoved, false)
    assert.ok(plan.prefixes[0]?.written.includes(`${release}/torch/index.html`))
    assert.deepEqual(await contentsOf(bucket), before)
    assert.equal(spent().put, put)
  })

  it('refuses a file that was replaced since it was published', async () => {
    const { context } = desk()
    await publishFiles(context, staging, [built.torch1])
    await context.bucket.put(`${staging}/${built.torch1.file}`, bytesOf(built.torch1Other.bytes))
    await assert.rejects(promote(context, move), { code: 'precondition' })
    await context.bucket.delete(`${staging}/${built.torch1.file}`)
    await assert.rejects(promote(context, move), { code: 'precondition' })
  })

  it('refuses what is quarantined, what has no known digest, and an index that is not configured', async () => {
    const { context } = desk()
    await putFiles(context, staging, [built.torch1, built.source])
    await publish(context, { prefixes: [staging], noRead: true })
    await assert.rejects(promote(context, move), { code: 'precondition', message: /digest/ })
    await publish(context, { prefixes: [staging] })
    await assert.rejects(promote(context, { from: staging, to: 'v2/gfx49X' }), { code: 'not-found' })
    await assert.rejects(promote(context, { from: 'v3', to: release }), { code: 'not-found' })
    await assert.rejects(promote(context, { from: staging, to: staging }), { code: 'invalid' })
    await markProject(context, { prefix: staging, project: 'torch', status: 'quarantined' })
    await assert.rejects(promote(context, move), { code: 'precondition', message: /quarantined/ })
  })

  it('copies nothing that its gate refuses', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1])
    const before = await contentsOf(bucket)
    const gate = (candidate: Candidate) => Promise.reject(new Error(`not ${[...candidate.keys()].join()}`))
    await assert.rejects(promote(context, { ...move, gate }), new RegExp(`not ${release}`))
    assert.deepEqual(await contentsOf(bucket), before)
    await promote(context, { ...move, gate: () => Promise.resolve() })
    await assertInLine(bucket, release)
  })

  it('takes back what was withdrawn there', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1])
    await publishFiles(context, release, [built.rocm1])
    await promote(context, move)
    await rollback(context, { prefix: release })
    assert.deepEqual(await publishedIn(context, release), [built.rocm1.file])
    await promote(context, move)
    assert.deepEqual(await filesOf(bucket, release, 'torch'), [built.torch1.file])
    assert.deepEqual((await recordsOf(context, release))['torch']?.withdrawn, [])
  })

  it('costs for each file a copy and its METADATA, and reads no wheel', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, staging, [built.torch1, built.torch2, built.torch3])
    await publishFiles(context, release, [built.rocm1])
    const meter = createMeter()
    await promote({ ...context, bucket: meteredStore(bucket, meter) }, move)
    // Beside the copies: METADATA, read here and put there; two pages of the project, and the root pages.
    assert.deepEqual(meter.snapshot().operations, { head: 0, get: 3, put: 3 + 2 + 2, delete: 0, list: 1, copy: 3 })
  })

  it('withdraws what it copied before the index that it came from went back', async () => {
    const { context, bucket } = desk()
    await publishFiles(context, release, [built.rocm1])
    await publishFiles(context, staging, [built.torch1])
    await publishFiles(context, staging, [built.torch2])
    let isFirst = true
    const hasty = {
      ...context,
      store: {
        ...context.store,
        put: async (...args: Parameters<typeof context.store.put>) => {
          if (isFirst && args[0].startsWith('refs/')) {
            isFirst = false
            await rollback(context, { prefix: staging })
          }
          return await context.store.put(...args)
        },
      },
    }
    await promote(hasty, move)
    assert.deepEqual(await publishedIn(context, release), [built.rocm1.file, built.torch1.file])
    await publish(context, { prefixes: bothIndexes })
    assert.deepEqual(await publishedIn(context, release), [built.rocm1.file, built.torch1.file])
    await assertInLine(bucket, release)
    const ref = (await readIndex(context))!
    assert.equal(catalogueAt(ref, release, { generation: ref.generation }).catalogue, ref.state.prefixes[release]?.catalogue)
  })
})
