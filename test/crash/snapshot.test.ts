import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { putPin } from '../../src/chunks/index.ts'
import { isFault, silent } from '../../src/kit/index.ts'
import {
  copySnapshots,
  createSnapshot,
  findSnapshot,
  listSnapshots,
  restoreSnapshot,
  type SnapshotContext,
  verifySnapshots,
} from '../../src/snapshots/index.ts'
import { describeTree, makeRandomTree, mutateTree } from '../fakes/random-tree.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { readAll } from '../../src/store/index.ts'
import { contextIn, copyWhole, type SnapshotJob } from './snapshot-scene.ts'

const soak = process.env['HOLDFAST_SOAK'] === '1'
const child = path.join(import.meta.dirname, 'snapshot-child.ts')
const random = seededRandom(testSeed)
let root: string
before(() => {
  root = mkdtempSync(path.join(tmpdir(), 'holdfast-killed-'))
})
after(() => rmSync(root, { recursive: true, force: true }))

/** Runs the job, and tells how often it could have died, or that it did. */
function runChild(job: SnapshotJob): number | 'killed' {
  const env = { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'compiled') }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, JSON.stringify(job)], { encoding: 'utf8', env })
  if (signal === 'SIGKILL') return 'killed'
  assert.equal(status, 0, stderr)
  return (JSON.parse(stdout) as { points: number }).points
}

/** All moments in a soak run, else some, the first and the last among them. */
function momentsOf(points: number, some: number): number[] {
  const all = Array.from({ length: points }, (_, index) => index + 1)
  if (soak || points <= some) return all
  const drawn = Array.from({ length: some - 2 }, () => 1 + Math.floor(random() * points))
  return [...new Set([1, ...drawn, points])].toSorted((a, b) => a - b)
}

function freshCopy(stage: string): string {
  const folder = mkdtempSync(path.join(root, 'run-'))
  rmSync(folder, { recursive: true })
  // With all times, links and holes, as the file system's own tool keeps them.
  spawnSync('cp', ['-a', stage, folder])
  return folder
}

async function assertWhole(context: SnapshotContext, what: string): Promise<void> {
  const { damage } = await verifySnapshots(context.store, await context.chunks(), await listSnapshots(context), {
    readData: 1,
    random: Math.random,
    report: silent,
  })
  assert.deepEqual(damage, [], what)
}

describe('a restore in place that is killed', () => {
  test('leaves the old tree, or the new one, or one that is marked, and the next restore makes it new', async () => {
    const stage = path.join(root, 'restore')
    const tree = path.join(stage, 'tree')
    mkdirSync(tree, { recursive: true })
    makeRandomTree(tree, random, 30)
    writeFileSync(path.join(tree, 'large'), Buffer.alloc(300_000, 'abc'))
    const { id } = await createSnapshot(contextIn(stage), { paths: [tree], cwd: stage })
    const fresh = describeTree(tree, { withRoot: false })
    mutateTree(tree, random)
    writeFileSync(path.join(tree, 'large'), Buffer.alloc(310_000, 'abd'))
    const old = describeTree(tree, { withRoot: false })
    const points = runChild({ folder: freshCopy(stage), what: 'restore', id, killAt: 0 })
    assert.ok(points !== 'killed')
    for (const killAt of momentsOf(points, 24)) {
      const what: string = `seed ${testSeed}, killed at ${killAt} of ${points}`
      const folder = freshCopy(stage)
      const target = path.join(folder, 'tree')
      assert.equal(runChild({ folder, what: 'restore', id, killAt }), 'killed', what)
      const isMarked = existsSync(path.join(target, '.holdfast-restoring'))
      if (isMarked)
        await assert.rejects(createSnapshot(contextIn(folder), { paths: [target], cwd: folder }), (error) => isFault(error, 'busy'), what)
      else {
        const now = describeTree(target, { withRoot: false })
        assert.deepEqual(now, now.join() === old.join() ? old : fresh, what)
      }
      const context = contextIn(folder)
      const restored = await restoreSnapshot(context, { snapshot: await findSnapshot(context, id), path: '', target, delete: true })
      assert.equal(restored.problems.count, 0, what)
      assert.deepEqual(describeTree(target, { withRoot: false }), fresh, what)
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a create that is killed', () => {
  test('leaves a store that is whole, with the snapshot or without it, and runs again', async () => {
    const stage = path.join(root, 'create')
    const tree = path.join(stage, 'tree')
    mkdirSync(tree, { recursive: true })
    makeRandomTree(tree, random, 20)
    await createSnapshot(contextIn(stage), { paths: [tree], cwd: stage })
    mutateTree(tree, random)
    writeFileSync(path.join(tree, 'new'), 'new')
    const points = runChild({ folder: freshCopy(stage), what: 'create', killAt: 0 })
    assert.ok(points !== 'killed')
    for (const killAt of momentsOf(points, 16)) {
      const what: string = `seed ${testSeed}, killed at ${killAt} of ${points}`
      const folder = freshCopy(stage)
      assert.equal(runChild({ folder, what: 'create', killAt }), 'killed', what)
      const context = contextIn(folder)
      const count = (await listSnapshots(context)).length
      await assertWhole(context, what)
      const target = path.join(folder, 'tree')
      const again = await createSnapshot(context, { paths: [target], cwd: folder })
      const forced = await createSnapshot(context, { paths: [target], cwd: folder, force: true })
      assert.equal(again.record.root, forced.record.root, what)
      assert.equal((await listSnapshots(context)).length, count + 2, what)
      await assertWhole(context, what)
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a copy that is killed', () => {
  test('leaves a target that is whole, and runs again', async () => {
    const stage = path.join(root, 'copy')
    const tree = path.join(stage, 'tree')
    mkdirSync(tree, { recursive: true })
    makeRandomTree(tree, random, 20)
    await createSnapshot(contextIn(stage), { paths: [tree], cwd: stage })
    const points = runChild({ folder: freshCopy(stage), what: 'copy', killAt: 0 })
    assert.ok(points !== 'killed')
    for (const killAt of momentsOf(points, 12)) {
      const what: string = `seed ${testSeed}, killed at ${killAt} of ${points}`
      const folder = freshCopy(stage)
      assert.equal(runChild({ folder, what: 'copy', killAt }), 'killed', what)
      const [from, to] = [contextIn(folder), contextIn(folder, 'other')]
      await assertWhole(to, what)
      await copySnapshots(from, to, await listSnapshots(from))
      assert.deepEqual(await listSnapshots(to), await listSnapshots(from), what)
      await assertWhole(to, what)
      rmSync(folder, { recursive: true })
    }
  })
})

describe('a copy of a whole store that is killed', () => {
  test('leaves in the target no name whose content is not all there, and runs again', async () => {
    const stage = path.join(root, 'copy-store')
    const tree = path.join(stage, 'tree')
    mkdirSync(tree, { recursive: true })
    makeRandomTree(tree, random, 12)
    const here = contextIn(stage)
    const { id } = await createSnapshot(here, { paths: [tree], cwd: stage })
    mutateTree(tree, random)
    await createSnapshot(here, { paths: [tree], cwd: stage, name: 'another' })
    await putPin(here.store, { id: 'kept', by: 'ann', at: '2025-01-15T00:00:00Z', reaches: [{ kind: 'snapshot', digest: id }] })
    const points = runChild({ folder: freshCopy(stage), what: 'copy-store', killAt: 0 })
    assert.ok(points !== 'killed')
    for (const killAt of momentsOf(points, 16)) {
      const what: string = `seed ${testSeed}, killed at ${killAt} of ${points}`
      const folder = freshCopy(stage)
      const { store } = contextIn(folder)
      const source = await namesIn(store)
      assert.equal(runChild({ folder, what: 'copy-store', killAt }), 'killed', what)
      const to = contextIn(folder, 'other')
      for (const [name, text] of await namesIn(to.store)) assert.equal(text, source.get(name), what)
      await assertWhole(to, what)
      assert.deepEqual((await copyWhole(folder)).different, [], what)
      assert.deepEqual(await namesIn(to.store), source, what)
      assert.deepEqual(await namesIn(store), source, what)
      await assertWhole(to, what)
      const { content } = await copyWhole(folder)
      assert.equal(content, undefined, `${what}: nothing is left to copy`)
      rmSync(folder, { recursive: true })
    }
  })
})

/** Refs and pins with their bytes. */
async function namesIn(store: SnapshotContext['store']): Promise<Map<string, string>> {
  const names = new Map<string, string>()
  for (const prefix of ['refs/', 'pins/']) {
    for await (const { key } of store.list(prefix))
      names.set(key, Buffer.from((await readAll(store, key, { limit: 1 << 20 })).bytes).toString())
  }
  return names
}
