import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { isFault } from '../../kit/index.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { built, publishFiles, recordsOf } from '../../../test/fakes/index-moves.ts'
import { assertInLine, pageOf } from '../../../test/fakes/index-truth.ts'
import { publish } from '../publish/publish.ts'
import { readIndex } from '../records/read.ts'
import { markProject } from './mark.ts'
import { unyank, yank } from './yank.ts'

const prefix = 'v2'
const torch = { prefix, project: 'torch', version: '2.6.0+rocm7.0' }

async function shop() {
  const desk = indexDesk()
  await publishFiles(desk.context, prefix, [built.torch1, built.torch1b, built.torch2, built.rocm1])
  return desk
}

describe('a yank', () => {
  it('marks all files of the version, with its reason, in both pages', async () => {
    const { context, bucket } = await shop()
    await yank(context, { ...torch, reason: 'wrong "answers" <on> gfx942' })
    const page = await pageOf(bucket, prefix, 'torch')
    assert.deepEqual(
      page?.files.map(({ yanked }) => yanked ?? false),
      ['wrong "answers" <on> gfx942', 'wrong "answers" <on> gfx942', false],
    )
    await assertInLine(bucket, prefix)
    assert.equal((await readIndex(context))?.history.at(-1)?.action, 'yank')
  })

  it('may have no reason, may be of one file, and stays through a publication', async () => {
    const { context, bucket } = await shop()
    await yank(context, { ...torch, file: built.torch1b.file })
    await publishFiles(context, prefix, [built.torch3])
    const files = (await pageOf(bucket, prefix, 'torch'))?.files
    assert.deepEqual(
      files?.filter(({ yanked }) => yanked === true).map(({ filename }) => filename),
      [built.torch1b.file],
    )
  })

  it('keeps the reason that was given once, where it is said again without one', async () => {
    const { context, bucket } = await shop()
    await yank(context, { ...torch, file: built.torch1b.file, reason: 'wrong answers' })
    await yank(context, torch)
    const reasons = async () => (await pageOf(bucket, prefix, 'torch'))?.files.map(({ filename, yanked }) => [filename, yanked ?? false])
    assert.deepEqual(new Map((await reasons()) as [string, unknown][]).get(built.torch1b.file), 'wrong answers')
    assert.deepEqual(new Map((await reasons()) as [string, unknown][]).get(built.torch1.file), true)
    await assert.rejects(yank(context, torch), { code: 'nothing-to-do' })
    await yank(context, { ...torch, reason: '' })
    assert.deepEqual(new Map((await reasons()) as [string, unknown][]).get(built.torch1b.file), true)
  })

  it('is taken back', async () => {
    const { context, bucket } = await shop()
    const before = await recordsOf(context, prefix)
    await yank(context, torch)
    await unyank(context, torch)
    assert.deepEqual(await recordsOf(context, prefix), before)
    await assertInLine(bucket, prefix)
    assert.equal((await publish(context, { prefixes: [prefix] })).hasMoved, false)
  })

  it('says so where nothing changes', async () => {
    const { context } = await shop()
    await assert.rejects(unyank(context, torch), { code: 'nothing-to-do' })
    await yank(context, { ...torch, reason: 'x' })
    await assert.rejects(yank(context, { ...torch, reason: 'x' }), { code: 'nothing-to-do' })
    await yank(context, { ...torch, reason: 'y' })
  })

  it('of what is not there says what is', async () => {
    const { context } = await shop()
    const hinted = (code: 'not-found' | 'invalid', hint: RegExp) => (error: unknown) => isFault(error, code) && hint.test(error.hint ?? '')
    await assert.rejects(yank(context, { ...torch, version: '2.5' }), hinted('not-found', /2\.7\.0, 2\.6\.0\+rocm7\.0/))
    await assert.rejects(yank(context, { ...torch, project: 'toch' }), hinted('not-found', /rocm, torch/))
    await assert.rejects(yank(context, { ...torch, prefix: 'v3' }), hinted('not-found', /v2/))
    await assert.rejects(yank(context, { ...torch, file: built.torch2.file }), hinted('not-found', /torch-2\.6/))
    await assert.rejects(yank(context, { ...torch, version: 'new' }), { code: 'invalid' })
    await assert.rejects(yank(context, { ...torch, reason: 'two\nlines' }), { code: 'invalid' })
  })

  it('shows what it would write and writes nothing', async () => {
    const { context } = await shop()
    const before = await readIndex(context)
    const plan = await yank(context, { ...torch, dryRun: true })
    assert.deepEqual(plan.prefixes[0]?.written, [`${prefix}/torch/index.html`, `${prefix}/torch/index.json`])
    assert.deepEqual(await readIndex(context), before)
  })
})

describe('the status of a project', () => {
  it('stands in its pages, until it is active again', async () => {
    const { context, bucket } = await shop()
    const status = async () => ((await pageOf(bucket, prefix, 'torch')) as unknown as { 'project-status'?: unknown })['project-status']
    await markProject(context, { prefix, project: 'Torch', status: 'quarantined', reason: 'stolen key' })
    assert.deepEqual(await status(), { status: 'quarantined', reason: 'stolen key' })
    await publishFiles(context, prefix, [built.torch3])
    assert.deepEqual(await status(), { status: 'quarantined', reason: 'stolen key' })
    await markProject(context, { prefix, project: 'torch', status: 'active' })
    assert.equal((await recordsOf(context, prefix))['torch']?.status.status, 'active')
    await assertInLine(bucket, prefix)
  })

  it('says so where nothing changes, and where there is no such project', async () => {
    const { context } = await shop()
    await assert.rejects(markProject(context, { prefix, project: 'torch', status: 'active' }), { code: 'nothing-to-do' })
    await assert.rejects(markProject(context, { prefix, project: 'jax', status: 'archived' }), { code: 'not-found' })
    await assert.rejects(markProject(context, { prefix, project: 'torch', status: 'active', reason: 'x' }), { code: 'invalid' })
  })
})
