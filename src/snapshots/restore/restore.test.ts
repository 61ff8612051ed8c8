import assert from 'node:assert/strict'
import {
  closeSync,
  globSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  existsSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { describeTree, makeRandomTree, mutateTree, sparseFiles } from '../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { snapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { digestOf, isFault } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import { createSnapshot } from '../create/create.ts'
import { findSnapshot } from '../record/lines.ts'
import { readDirectory } from '../tree/split.ts'
import { holdMark } from './mark.ts'
import { restoreSnapshot, type RestoreOptions } from './restore.ts'

let desk: ReturnType<typeof snapshotDesk>

const create = (tree: string) => createSnapshot(desk.context, { paths: [tree], cwd: desk.folder })
const restore = async (id: string, target: string, options: Partial<RestoreOptions> = {}) =>
  await restoreSnapshot(desk.context, { snapshot: await findSnapshot(desk.context, id), path: '', target, ...options })

describe('a restore', () => {
  beforeEach(() => (desk = snapshotDesk()))
  afterEach(() => desk.remove())

  test('into a new folder gives the tree back with all of its metadata', async () => {
    for (let round = 0; round < 12; round++) {
      const random = seededRandom(testSeed + round)
      const tree = path.join(desk.folder, `tree-${round}`)
      const back = path.join(desk.folder, `back-${round}`)
      mkdirSync(tree)
      makeRandomTree(tree, random)
      const { id } = await create(tree)
      const restored = await restore(id, back)
      assert.deepEqual(restored.problems, { count: 0, first: [] }, `seed ${testSeed + round}`)
      assert.deepEqual(describeTree(back), describeTree(tree), `seed ${testSeed + round}`)
      assert.deepEqual(sparseFiles(back), sparseFiles(tree), `seed ${testSeed + round}`)
    }
  })

  test('in place, after any changes, gives what a fresh one gives, with an index or without', async () => {
    for (let round = 0; round < 24; round++) {
      const seed = testSeed + round
      const random = seededRandom(seed)
      const tree = path.join(desk.folder, `tree-${round}`)
      mkdirSync(tree)
      makeRandomTree(tree, random)
      desk.ahead = round % 3 === 0 ? 0 : 10_000
      const { id } = await create(tree)
      const before = describeTree(tree)
      for (let again = 0; again < 2; again++) {
        mutateTree(tree, random)
        const restored = await restore(id, tree, { delete: true, force: round % 3 === 1 })
        assert.deepEqual(restored.problems, { count: 0, first: [] }, `seed ${seed}`)
        assert.deepEqual(describeTree(tree), before, `seed ${seed}, time ${again}`)
      }
      const more = await restore(id, tree, { delete: true })
      const { unchanged, fetched, ...others } = more.counts
      assert.deepEqual(
        [Object.values(others).every((count) => count === 0), fetched],
        [true, 0],
        `seed ${seed}: ${JSON.stringify(more.counts)}`,
      )
      const created = await create(tree)
      const fresh = await createSnapshot(desk.context, { paths: [tree], cwd: desk.folder, name: 'fresh', force: true })
      assert.equal(created.record.root, fresh.record.root, `seed ${seed}`)
      assert.ok(unchanged > 0)
    }
  })

  test('of a part gives that part, and hard links within it hold together', async () => {
    const { tree } = desk
    mkdirSync(path.join(tree, 'a/b'), { recursive: true })
    writeFileSync(path.join(tree, 'a/0-first'), 'one file')
    linkSync(path.join(tree, 'a/0-first'), path.join(tree, 'a/b/second'))
    linkSync(path.join(tree, 'a/0-first'), path.join(tree, 'a/b/third'))
    const { id } = await create(tree)
    const back = path.join(desk.folder, 'back')
    await restore(id, back, { path: 'a/b' })
    assert.deepEqual(readdirSync(back).toSorted(), ['second', 'third'])
    assert.equal(lstatSync(path.join(back, 'second')).ino, lstatSync(path.join(back, 'third')).ino)
    const one = path.join(desk.folder, 'one')
    await restore(id, one, { path: 'a/b/third' })
    assert.deepEqual(readFileSync(path.join(one, 'third'), 'utf8'), 'one file')
    await assert.rejects(restore(id, one, { path: 'a/nothing' }), (error) => isFault(error, 'not-found'))
    await assert.rejects(restore(id, one, { path: '../up' }), (error) => isFault(error, 'invalid'))
  })

  test('leaves what the snapshot does not have, unless it is told to remove it', async () => {
    const { tree } = desk
    writeFileSync(path.join(tree, 'old'), 'old')
    const { id } = await create(tree)
    mkdirSync(path.join(tree, 'more/inner'), { recursive: true })
    writeFileSync(path.join(tree, 'more/inner/file'), '')
    await restore(id, tree)
    assert.deepEqual(readdirSync(tree).toSorted(), ['more', 'old'])
    const dry = await restore(id, tree, { delete: true, dryRun: true })
    assert.equal(dry.counts.removed, 1)
    assert.deepEqual(readdirSync(tree).toSorted(), ['more', 'old'])
    const done = await restore(id, tree, { delete: true })
    assert.equal(done.counts.removed, 3)
    assert.deepEqual(readdirSync(tree), ['old'])
  })

  test('removes nothing beside the paths that the snapshot is of', async () => {
    const { tree } = desk
    for (const name of ['a/mine', 'a/theirs', 'b']) {
      mkdirSync(path.join(tree, name), { recursive: true })
      writeFileSync(path.join(tree, name, 'file'), name)
    }
    const { id } = await createSnapshot(desk.context, { paths: ['tree/a/mine', 'tree/b'], cwd: desk.folder })
    writeFileSync(path.join(tree, 'a/mine/extra'), '')
    writeFileSync(path.join(tree, 'beside'), '')
    await restore(id, tree, { delete: true })
    assert.deepEqual(readdirSync(path.join(tree, 'a/mine')), ['file'])
    assert.deepEqual(readdirSync(path.join(tree, 'a')).toSorted(), ['mine', 'theirs'])
    assert.deepEqual(readdirSync(tree).toSorted(), ['a', 'b', 'beside'])
  })

  test('of what matches a glob restores just that, and the directories on the way', async () => {
    const { tree } = desk
    for (const name of ['a/x.log', 'a/y.txt', 'b/deep/z.log', 'c/file']) {
      mkdirSync(path.dirname(path.join(tree, name)), { recursive: true })
      writeFileSync(path.join(tree, name), name)
    }
    const { id } = await create(tree)
    const back = path.join(desk.folder, 'back')
    await restore(id, back, { include: ['*.log'] })
    assert.deepEqual(globSync('**/*', { cwd: back }).toSorted(), ['a', 'a/x.log', 'b', 'b/deep', 'b/deep/z.log'])
    await restore(id, back, { include: ['/a'] })
    assert.deepEqual(readdirSync(path.join(back, 'a')).toSorted(), ['x.log', 'y.txt'])
    writeFileSync(path.join(back, 'a/extra'), '')
    writeFileSync(path.join(back, 'b/extra'), '')
    await restore(id, back, { include: ['a/'], delete: true })
    assert.deepEqual([readdirSync(path.join(back, 'a')).length, readdirSync(path.join(back, 'b')).length], [2, 2])
    const other = path.join(desk.folder, 'other')
    const misses = (error: unknown) => isFault(error, 'nothing-to-do') && error.message.endsWith('matches *.nothing')
    await assert.rejects(restore(id, other, { include: ['*.log', '*.nothing'] }), misses)
    assert.equal(existsSync(other), false)
    await restore(id, other, { include: ['./b', 'b/deep/*.log'] })
    assert.deepEqual(globSync('**/*', { cwd: other }).toSorted(), ['b', 'b/deep', 'b/deep/z.log'])
  })

  test('into what is no directory is refused, and leaves it alone', async () => {
    const { id } = await create(desk.tree)
    const file = path.join(desk.folder, 'file')
    writeFileSync(file, 'mine')
    for (const dryRun of [true, false]) {
      await assert.rejects(restore(id, file, { dryRun }), { code: 'invalid', message: /something else where the directory/, at: file })
    }
    assert.equal(readFileSync(file, 'utf8'), 'mine')
  })

  test('writes only the blocks that differ within a large file, and keeps the file', async () => {
    const { tree } = desk
    const big = path.join(tree, 'big')
    writeFileSync(big, Buffer.alloc(5 << 20, 'abcdefgh'))
    writeFileSync(path.join(tree, 'other'), Buffer.alloc(3 << 20, 'ijklmnop'))
    const { id } = await create(tree)
    const before = describeTree(tree)
    const { ino } = lstatSync(big)
    const fd = openSync(big, 'r+')
    writeSync(fd, 'CHANGED', 3_000_000)
    writeSync(fd, 'AGAIN', 4_999_999)
    closeSync(fd)
    const restored = await restore(id, tree)
    assert.deepEqual([restored.counts.patched, restored.counts.written, restored.counts.unchanged], [1, 0, 1])
    assert.ok(restored.written <= 4 * 4096, String(restored.written))
    assert.equal(lstatSync(big).ino, ino)
    assert.deepEqual(describeTree(tree), before)
  })

  test('of a snapshot over another one that the index knows reads no file that stands', async () => {
    const { tree } = desk
    const big = path.join(tree, 'big')
    writeFileSync(big, Buffer.alloc(300_000, 'abcdefgh'))
    const first = await create(tree)
    const before = describeTree(tree)
    const fd = openSync(big, 'r+')
    writeSync(fd, 'CHANGED', 100_100)
    closeSync(fd)
    desk.ahead = 10_000
    const second = await create(tree)
    const after = describeTree(tree)
    const back = await restore(first.id, tree)
    assert.deepEqual([back.counts.patched, back.counts.fetched], [1, 1000])
    assert.deepEqual(describeTree(tree), before)
    await restore(second.id, tree)
    assert.deepEqual(describeTree(tree), after)
  })

  test('never changes a file through another name that lies outside', async () => {
    const { tree } = desk
    const big = path.join(tree, 'big')
    const outside = path.join(desk.folder, 'outside')
    writeFileSync(big, Buffer.alloc(1 << 20, 'a'))
    const { id } = await create(tree)
    rmSync(big)
    writeFileSync(outside, Buffer.alloc(1 << 20, 'b'))
    linkSync(outside, big)
    await restore(id, tree)
    assert.equal(readFileSync(outside)[0], 98)
    assert.equal(readFileSync(big)[0], 97)
  })

  test('follows no link that stands where a directory should be', async () => {
    const { tree } = desk
    mkdirSync(path.join(tree, 'a/b'), { recursive: true })
    writeFileSync(path.join(tree, 'a/b/file'), 'inside')
    const { id } = await create(tree)
    const outside = path.join(desk.folder, 'outside')
    mkdirSync(path.join(outside, 'b'), { recursive: true })
    writeFileSync(path.join(outside, 'b/precious'), '')
    rmSync(path.join(tree, 'a'), { recursive: true })
    symlinkSync(outside, path.join(tree, 'a'))
    await restore(id, tree, { delete: true })
    assert.deepEqual(readdirSync(path.join(outside, 'b')), ['precious'])
    assert.equal(readFileSync(path.join(tree, 'a/b/file'), 'utf8'), 'inside')
    // A target that is itself a link is what the link means.
    const link = path.join(desk.folder, 'link')
    const real = path.join(desk.folder, 'real')
    mkdirSync(real)
    symlinkSync(real, link)
    await restore(id, link)
    assert.equal(readFileSync(path.join(real, 'a/b/file'), 'utf8'), 'inside')
  })

  test('makes devices only where they are allowed', { skip: process.getuid?.() !== 0 && 'only root makes devices' }, async () => {
    const { tree } = desk
    realSys.makeSpecial(path.join(tree, 'null'), 'character-device', 0o666, { major: 1, minor: 3 })
    const { id } = await create(tree)
    const back = path.join(desk.folder, 'back')
    const refused = await restore(id, back)
    assert.match(refused.problems.first[0]!.message, /--allow-devices/)
    assert.deepEqual(readdirSync(back), [])
    await restore(id, back, { allowDevices: true })
    assert.deepEqual(describeTree(back), describeTree(tree))
  })

  test('names the files whose chunks are damaged or missing, and restores the others', async () => {
    const { tree } = desk
    writeFileSync(path.join(tree, 'whole'), 'whole')
    writeFileSync(path.join(tree, 'lost'), 'lost')
    mkdirSync(path.join(tree, 'gone'))
    writeFileSync(path.join(tree, 'gone/file'), 'file')
    const made = await create(tree)
    desk.chunks.all.delete(digestOf('lost'))
    const [root] = await readDirectory(desk.chunks, made.record.root)
    assert.ok(root?.kind === 'directory')
    const gone = (await readDirectory(desk.chunks, root.node)).find(({ name }) => name === 'gone')
    assert.ok(gone?.kind === 'directory')
    desk.chunks.all.delete(gone.node)
    const back = path.join(desk.folder, 'back')
    const restored = await restore(made.id, back)
    assert.deepEqual(
      restored.problems.first.map((problem) => problem.path),
      ['gone', 'lost'],
    )
    assert.equal(readFileSync(path.join(back, 'whole'), 'utf8'), 'whole')
  })

  test('is refused while another one runs, and takes over where one was killed', async () => {
    const { tree } = desk
    writeFileSync(path.join(tree, 'file'), 'old')
    const { id } = await create(tree)
    const before = describeTree(tree)
    const fd = openSync(tree, 'r')
    const mark = holdMark(tree, fd, { snapshot: id, path: '', at: '2025-01-15T14:30:00.000Z', by: 'bob@there' })
    mark.set()
    await assert.rejects(restore(id, tree), (error) => isFault(error, 'busy') && /under way/.test(error.message))
    await assert.rejects(create(tree), (error) => isFault(error, 'busy'))
    mark.release()
    closeSync(fd)
    writeFileSync(path.join(tree, '.~tmp-0123456789abcdef'), 'half')
    const restored = await restore(id, tree)
    assert.equal(restored.tookOver?.by, 'bob@there')
    assert.deepEqual(describeTree(tree), before)
  })
})
