import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { chmodSync, linkSync, lstatSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import { hostname, tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { memoryChunks } from '../../../test/fakes/memory-chunks.ts'
import { digestOf, Fault, isFault, silent, systemClock } from '../../kit/index.ts'
import { createMemoryStore, type ObjectStore } from '../../store/index.ts'
import type { SnapshotContext } from '../context.ts'
import { forgetSnapshots } from '../keep/forget.ts'
import { listSnapshots } from '../record/lines.ts'
import { partsOf, readDirectory } from '../tree/split.ts'
import { createSnapshot, type CreateOptions } from './create.ts'

let folder: string
let tree: string
let store: ObjectStore
let chunks: ReturnType<typeof memoryChunks>
let context: SnapshotContext
let opened: number
/** Milliseconds that the clock is ahead. */
let ahead: number

const make = (options: Partial<CreateOptions> = {}) => createSnapshot(context, { paths: [tree], cwd: folder, ...options })

/** From here on, a change shows: the file system's clock has moved on, and ours says that this was a while ago. */
function settle(): void {
  const probe = path.join(folder, 'probe')
  const now = () => {
    writeFileSync(probe, '')
    return lstatSync(probe, { bigint: true }).ctimeNs
  }
  const start = now()
  while (now() === start);
  ahead = 10_000
}

async function rootOf(id: { record: { root: `sha256:${string}` } }) {
  const [root] = await readDirectory(chunks, id.record.root)
  assert.equal(root?.name, 'root')
  assert.ok(root.kind === 'directory')
  return await readDirectory(chunks, root.node)
}

function fill(): void {
  mkdirSync(path.join(tree, 'a/b'), { recursive: true })
  writeFileSync(path.join(tree, 'a/b/one'), 'x'.repeat(2500))
  writeFileSync(path.join(tree, 'a/two'), 'two')
  writeFileSync(Buffer.concat([Buffer.from(path.join(tree, 'odd-')), Buffer.of(0xff, 0x0a)]), 'odd')
  symlinkSync('a/two', path.join(tree, 'link'))
  linkSync(path.join(tree, 'a/two'), path.join(tree, 'two-again'))
  writeFileSync(path.join(tree, 'empty'), '')
}

describe('a snapshot', () => {
  beforeEach(() => {
    folder = mkdtempSync(path.join(tmpdir(), 'holdfast-create-'))
    tree = path.join(folder, 'tree')
    mkdirSync(tree)
    store = createMemoryStore({ clock: systemClock })
    chunks = memoryChunks(store)
    opened = 0
    ahead = 0
    context = {
      store,
      chunks: async () => (opened++, chunks),
      prepareStore: async () => ({ isNew: false }),
      clock: { ...systemClock, now: () => Date.now() + ahead },
      random: Math.random,
      by: 'ann@here',
      host: hostname(),
      cacheDir: async () => path.join(folder, 'cache'),
      report: silent,
    }
  })
  afterEach(() => rmSync(folder, { recursive: true, force: true }))

  test('reads all again where the snapshot that it relied on is forgotten meanwhile', async () => {
    fill()
    ahead = 60_000
    const { id } = await createSnapshot(context, { paths: [tree], cwd: folder })
    let isForgotten = false
    const racing: ObjectStore = {
      ...store,
      async put(key, ...rest) {
        if (key.startsWith('snapshots/') && !isForgotten) {
          isForgotten = true
          await forgetSnapshots(context, { ids: [id] })
        }
        return await store.put(key, ...rest)
      },
    }
    const { counts } = await createSnapshot({ ...context, store: racing }, { paths: [tree], cwd: folder })
    assert.ok(isForgotten)
    assert.equal(counts.unchanged, 0)
  })

  test('records every entry of a tree with its content', async () => {
    fill()
    utimesSync(path.join(tree, 'a/two'), 1, 2)
    const made = await make({ tags: ['nightly'] })
    const entries = await rootOf(made)
    assert.deepEqual(
      entries.map(({ name, kind }) => [name, kind]),
      [
        ['a', 'directory'],
        ['empty', 'file'],
        ['link', 'symlink'],
        ['odd-\xff\n', 'file'],
        ['two-again', 'hardlink'],
      ],
    )
    const a = entries[0]!
    assert.ok(a.kind === 'directory')
    const [b, two] = await readDirectory(chunks, a.node)
    assert.ok(b?.kind === 'directory' && two?.kind === 'file')
    assert.equal(two.mtimeNs, 2_000_000_000n)
    const [one] = await readDirectory(chunks, b.node)
    assert.ok(one?.kind === 'file')
    const parts = (await Array.fromAsync(partsOf(chunks, one.content))).flat()
    assert.deepEqual(
      parts.map(({ length }) => length),
      [1000, 1000, 500],
    )
    const again = entries[4]!
    assert.ok(again.kind === 'hardlink')
    assert.equal(again.target, 'a/two')
    assert.deepEqual(again.content, two.content)
    assert.deepEqual([made.counts.files, made.counts.directories, made.counts.links, made.record.size], [5, 3, 1, 2509])
    assert.deepEqual(made.problems, { count: 0, first: [] })
  })

  test('of the same tree has the same root, read anew or by the index', async () => {
    fill()
    settle()
    const first = await make()
    const forced = await make({ force: true })
    const second = await make()
    assert.equal(forced.record.root, first.record.root)
    assert.equal(second.record.root, first.record.root)
    assert.equal(second.isUnchanged, true)
    assert.equal(second.counts.changed, 0)
    assert.equal(second.record.parent, forced.id)
  })

  test('of an unchanged tree opens no packs and reads no file', async () => {
    fill()
    settle()
    await make()
    opened = 0
    chmodSync(path.join(tree, 'empty'), 0o000)
    settle()
    await make()
    opened = 0
    const made = await make()
    assert.equal(opened, 0)
    assert.equal(made.stats, undefined)
  })

  test('of a tree with one change reads that file alone, and has the root that a fresh one would have', async () => {
    fill()
    settle()
    await make()
    for (const change of [
      () => writeFileSync(path.join(tree, 'a/b/one'), 'changed'),
      () => writeFileSync(path.join(tree, 'a/b/new'), 'new'),
      () => chmodSync(path.join(tree, 'a/two'), 0o600),
      () => rmSync(path.join(tree, 'empty')),
      () => chmodSync(path.join(tree, 'a'), 0o700),
      () => rmSync(path.join(tree, 'a/two')),
      () => writeFileSync(path.join(tree, 'a/two'), 'two'),
      () => chmodSync(tree, 0o750),
    ]) {
      change()
      settle()
      const made = await make()
      assert.ok(made.counts.changed <= 2, String(change))
      const fresh = await make({ force: true, name: 'fresh' })
      assert.equal(made.record.root, fresh.record.root, String(change))
      assert.equal((await make()).isUnchanged, true, String(change))
    }
  })

  test('reads a file again that changed so shortly before that a second change would not show', async () => {
    fill()
    await make()
    const made = await make()
    assert.ok(made.counts.changed > 0)
  })

  test('relies on nothing once the snapshot that has it was forgotten', async () => {
    fill()
    settle()
    await make({ name: 'a' })
    const other = await make({ name: 'b' })
    assert.equal(other.isUnchanged, false)
    assert.equal(other.record.parent, undefined)
  })

  test('leaves out what a glob excludes, with all below it', async () => {
    fill()
    writeFileSync(path.join(tree, '.hidden'), '')
    const names = async (exclude: string[]) => (await rootOf(await make({ exclude }))).map(({ name }) => name)
    assert.deepEqual(await names(['two*', '*odd*', '.h*']), ['a', 'empty', 'link'])
    assert.deepEqual(await names(['/a', 'link']), ['.hidden', 'empty', 'odd-\xff\n', 'two-again'])
    assert.deepEqual(await names(['link/', 'a/']), ['.hidden', 'empty', 'link', 'odd-\xff\n', 'two-again'])
    const a = (await rootOf(await make({ exclude: ['a/**/one'] }))).find(({ name }) => name === 'a')
    assert.ok(a?.kind === 'directory')
    const b = (await readDirectory(chunks, a.node)).find(({ name }) => name === 'b')
    assert.ok(b?.kind === 'directory')
    assert.deepEqual(await readDirectory(chunks, b.node), [])
    for (const none of ['/', './']) await assert.rejects(make({ exclude: [none] }), (error) => isFault(error, 'invalid'))
  })

  test('takes ./ in front of a glob for the root, and tells which globs left nothing out', async () => {
    fill()
    const made = await make({ exclude: ['./a', './link', 'a/b', '*.none', './b', 'empty'] })
    assert.deepEqual(
      (await rootOf(made)).map(({ name }) => name),
      ['odd-\xff\n', 'two-again'],
    )
    assert.deepEqual(made.unusedExcludes, ['a/b', '*.none', './b'])
  })

  test('of several paths has them below the folder that has them all', async () => {
    fill()
    const made = await make({ paths: [path.join(tree, 'a/b'), path.join(tree, 'empty'), path.join(tree, 'a/b/one')] })
    assert.equal(made.record.base, tree)
    assert.deepEqual(made.record.paths, ['a/b', 'empty'])
    const [a, empty, ...others] = await rootOf(made)
    assert.deepEqual([a?.name, empty?.name, others.length], ['a', 'empty', 0])
    assert.ok(a?.kind === 'directory')
    assert.deepEqual(
      (await readDirectory(chunks, a.node)).map(({ name }) => name),
      ['b'],
    )
    await assert.rejects(make({ paths: [path.join(tree, 'nowhere')] }), (error) => isFault(error, 'not-found'))
    await assert.rejects(make({ paths: [] }), (error) => isFault(error, 'invalid'))
  })

  test('keeps holes as holes', async () => {
    execFileSync('truncate', ['-s', '10M', path.join(tree, 'sparse')])
    execFileSync('dd', ['if=/dev/zero', `of=${path.join(tree, 'sparse')}`, 'bs=4096', 'seek=512', 'count=2', 'conv=notrunc'], {
      stdio: 'ignore',
    })
    const [sparse] = await rootOf(await make())
    assert.ok(sparse?.kind === 'file')
    assert.equal(sparse.content.size, 10 << 20)
    const holes = (await Array.fromAsync(partsOf(chunks, sparse.content))).flat().filter(({ id }) => id === undefined)
    assert.deepEqual(
      holes.map(({ length }) => length),
      [512 * 4096, (10 << 20) - 514 * 4096],
    )
    assert.ok(chunks.all.has(digestOf(Buffer.alloc(1000))))
  })

  test('says what it could not read, and keeps the rest', async () => {
    fill()
    const unreadable = (file: string | Buffer) => /two$|odd-/.test(String(file))
    const startWriter: typeof chunks.startWriter = async (options) => {
      const writer = await chunks.startWriter(options)
      const addFile: typeof writer.addFile = async (file, ...others) => {
        if (unreadable(file)) throw new Fault('denied', 'permission denied', { at: String(file) })
        return await writer.addFile(file, ...others)
      }
      return { ...writer, addFile }
    }
    context = { ...context, chunks: async () => ({ ...chunks, startWriter }) }
    const made = await make()
    assert.deepEqual(made.problems.first, [
      { path: 'a/two', message: 'permission denied' },
      { path: 'odd-\\xff\n', message: 'permission denied' },
      { path: 'two-again', message: 'permission denied' },
    ])
    assert.deepEqual(
      (await rootOf(made)).map(({ name }) => name),
      ['a', 'empty', 'link'],
    )
  })

  test('fails whole where the store does', async () => {
    fill()
    const startWriter: typeof chunks.startWriter = async (options) => {
      const writer = await chunks.startWriter(options)
      return { ...writer, addFile: async () => Promise.reject(new Fault('denied', 'no such right', { at: 'the store' })) }
    }
    context = { ...context, chunks: async () => ({ ...chunks, startWriter }) }
    await assert.rejects(make(), (error) => isFault(error, 'denied'))
    assert.deepEqual(await listSnapshots(context), [])
  })

  test('skips sockets and counts them', async () => {
    execFileSync('python3', ['-c', 'import socket,sys; socket.socket(socket.AF_UNIX).bind(sys.argv[1])', path.join(tree, 'socket')])
    const made = await make()
    assert.equal(made.counts.sockets, 1)
    assert.deepEqual(await rootOf(made), [])
  })

  test('is refused for a tree that is being restored', async () => {
    fill()
    writeFileSync(path.join(tree, '.holdfast-restoring'), '')
    await assert.rejects(make(), (error) => isFault(error, 'busy'))
    await assert.rejects(make({ paths: [folder] }), (error) => isFault(error, 'busy'))
  })
})
