import assert from 'node:assert/strict'
import {
  appendFile,
  mkdir,
  mkdtemp,
  readdir,
  readFile,
  rm,
  rmdir,
  stat,
  symlink,
  truncate,
  unlink,
  utimes,
  writeFile,
} from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { bytesOf, collect, type Disk, type FaultCode, isFault, realDisk } from '../../../kit/index.ts'
import { copy, deletePrefix } from '../../derive.ts'
import type { ObjectStore } from '../../store.ts'
import { createFileStore } from './index.ts'

const base = await mkdtemp(path.join(tmpdir(), 'holdfast-folder-'))
after(() => rm(base, { recursive: true }))
let folders = 0

async function newStore(): Promise<{ root: string; store: ObjectStore }> {
  const root = path.join(base, `store-${++folders}`)
  await mkdir(root)
  return { root, store: createFileStore({ root, durable: false }) }
}

const read = async (store: ObjectStore, key: string) => Buffer.from(await collect(await store.get(key), 1000)).toString()
const keys = async (store: ObjectStore, prefix = '') => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
const fails = async (code: FaultCode, work: Promise<unknown>) => await assert.rejects(work, (error) => isFault(error, code))

test('a key is the path of a plain file, and a file put there by hand is an object', async () => {
  const { root, store } = await newStore()
  await store.put('lib/6.4/librcclx-dev.a', bytesOf('content'))
  assert.equal(await readFile(path.join(root, 'lib/6.4/librcclx-dev.a'), 'utf8'), 'content')
  await writeFile(path.join(root, 'lib/by-hand'), 'by hand')
  assert.equal(await read(store, 'lib/by-hand'), 'by hand')
  assert.deepEqual(await keys(store), ['lib/6.4/librcclx-dev.a', 'lib/by-hand'])
})

test('the folder need not exist: it is empty until the first put makes it', async () => {
  const store = createFileStore({ root: path.join(base, 'not/yet'), durable: true })
  assert.equal(await store.head('a/b'), undefined)
  assert.deepEqual(await keys(store), [])
  await store.delete('a/b')
  await store.put('a/b', bytesOf('x'))
  assert.equal(await read(store, 'a/b'), 'x')
})

test('a folder on a read-only file system denies', async () => {
  const root = path.join(base, 'read-only')
  await mkdir(root)
  const refuse = async () => await Promise.reject(Object.assign(new Error('read-only'), { code: 'EROFS' }))
  const disk: Disk = {
    ...realDisk,
    mkdir: (async (target, options) =>
      await (target === path.join(root, 'a') ? refuse() : realDisk.mkdir(target, options))) as Disk['mkdir'],
  }
  const store = createFileStore({ root, durable: false, disk })
  await fails('denied', store.put('a/b/c', bytesOf('x')))
  await fails('denied', store.put('a/ref', bytesOf('x'), { if: 'absent' }))
})

test('a root that is a file is invalid in every verb: it is not an empty store', async () => {
  const root = path.join(base, 'a-file')
  await writeFile(root, '')
  const store = createFileStore({ root })
  await fails('invalid', store.head('a'))
  await fails('invalid', keys(store))
  await fails('invalid', store.put('a', bytesOf('x')))
})

test('a symbolic link, on the way or at the end, is denied in every verb and left out of lists', async () => {
  const { root, store } = await newStore()
  const outside = path.join(base, 'outside')
  await mkdir(outside, { recursive: true })
  await writeFile(path.join(outside, 'secret'), 'secret')
  await symlink(outside, path.join(root, 'way'))
  await symlink(path.join(outside, 'secret'), path.join(root, 'end'))
  await store.put('inside', bytesOf('inside'))
  for (const key of ['way/secret', 'way/new/deep', 'end']) {
    await fails('denied', store.head(key))
    await fails('denied', store.get(key))
    await fails('denied', store.put(key, bytesOf('x')))
    await fails('denied', store.put(key, bytesOf('x'), { if: 'absent' }))
    await fails('denied', store.put(key, bytesOf('x'), { if: { etag: 'any' } }))
    await fails('denied', store.delete(key))
    await fails('denied', store.near!.copyFrom(store.near!.address(key), 'copy'))
    await fails('denied', store.near!.copyFrom(store.near!.address('inside'), key))
  }
  await fails('denied', keys(store, 'way/'))
  assert.deepEqual(await keys(store), ['inside'])
  assert.deepEqual(await readdir(outside), ['secret'])
  assert.equal(await readFile(path.join(outside, 'secret'), 'utf8'), 'secret')
})

test('a directory of generations that is a link is denied', async () => {
  const { root, store } = await newStore()
  const outside = path.join(base, 'generations')
  await mkdir(outside)
  await writeFile(path.join(outside, '000000000001'), 'planted')
  await symlink(outside, path.join(root, '.~gen-name'))
  await fails('denied', store.get('name'))
})

test('a link swapped in between the look and the reading is not followed', async () => {
  const { root, store } = await newStore()
  await store.put('x', bytesOf('inside'))
  const body = await store.get('x')
  await writeFile(path.join(base, 'target'), 'inside')
  await unlink(path.join(root, 'x'))
  await symlink(path.join(base, 'target'), path.join(root, 'x'))
  await fails('denied', collect(body, 100))
})

test('what is neither file nor directory is no object, and is left alone', async () => {
  const { root, store } = await newStore()
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(path.join(root, 'socket'), resolve))
  try {
    assert.equal(await store.head('socket'), undefined)
    await fails('not-found', store.get('socket'))
    await fails('denied', store.put('socket', bytesOf('x')))
    await store.delete('socket')
    assert.ok((await stat(path.join(root, 'socket'))).isSocket())
    assert.deepEqual(await keys(store), [])
  } finally {
    server.close()
  }
})

test('a file that is changed by hand while it is read is precondition, not a mix', async () => {
  const { root, store } = await newStore()
  await store.put('x', bytesOf(new Uint8Array(3 << 20)))
  const body = await store.get('x')
  const reading = async () => {
    let first = true
    for await (const piece of body) {
      if (first) await truncate(path.join(root, 'x'), piece.byteLength + 10)
      first = false
    }
  }
  await fails('precondition', reading())
})

test('a delete removes the directories that it empties, up to the root and no further', async () => {
  const { root, store } = await newStore()
  await store.put('a/b/c/one', bytesOf('1'))
  await store.put('a/two', bytesOf('2'))
  await store.delete('a/b/c/one')
  assert.deepEqual(await readdir(root, { recursive: true }), ['a', 'a/two'])
  await store.delete('a/two')
  assert.deepEqual(await readdir(root), [])
})

test('puts and deletes in one directory at once lose nothing', async () => {
  const { store } = await newStore()
  const rounds = Array.from({ length: 40 }, async (_, index) => {
    await store.put(`deep/er/${index}`, bytesOf('x'))
    await store.delete(`deep/er/${index}`)
    await store.put(`deep/er/${index}`, bytesOf('y'))
    if (index % 2 === 0) await store.delete(`deep/er/${index}`)
  })
  await Promise.all(rounds)
  assert.equal((await keys(store)).length, 20)
})

test('a directory that goes while a put makes it is made once more', async () => {
  const root = path.join(base, 'going')
  let failures = 3
  const mkdirs = async (...call: Parameters<Disk['mkdir']>) => {
    if (failures-- > 0) throw Object.assign(new Error('it was there'), { code: 'EEXIST' })
    return await realDisk.mkdir(...call)
  }
  const store = createFileStore({ root, durable: false, disk: { ...realDisk, mkdir: mkdirs as Disk['mkdir'] } })
  await store.put('deep/er/x', bytesOf('x'))
  assert.equal(await read(store, 'deep/er/x'), 'x')
})

/** The real disk, on which `meanwhile` happens just before the first call of that name. */
function diskWith(name: keyof Disk, meanwhile: () => Promise<unknown>): Disk {
  let isFirst = true
  return new Proxy(realDisk, {
    get(disk, called: keyof Disk) {
      const real = disk[called]
      if (called !== name) return real
      return async (...call: unknown[]): Promise<unknown> => {
        if (isFirst) {
          isFirst = false
          await meanwhile()
        }
        return await Reflect.apply(real, disk, call)
      }
    },
  })
}

test('a copy whose source is deleted meanwhile says that it is not there, and one whose directory goes makes it once more', async () => {
  const { root, store } = await newStore()
  const [source, target] = [path.join(root, 'source'), path.join(root, 'deep/er')]
  await store.put('source', bytesOf('x'))
  const hasty = createFileStore({ root, durable: false, disk: diskWith('copyFile', () => rm(target, { recursive: true })) })
  await hasty.near!.copyFrom(store.near!.address('source'), 'deep/er/copy')
  assert.equal(await read(store, 'deep/er/copy'), 'x')
  const late = createFileStore({ root, durable: false, disk: diskWith('copyFile', () => unlink(source)) })
  await fails('not-found', late.near!.copyFrom(store.near!.address('source'), 'deep/another'))
  assert.deepEqual(await keys(store), ['deep/er/copy'])
})

test('a put that another one forestalls in making room for the key goes on', async () => {
  const { root, store } = await newStore()
  const target = path.join(root, 'name')
  await mkdir(target)
  const forestall = async () => {
    await rmdir(target)
    await writeFile(target, 'the other one')
  }
  await createFileStore({ root, durable: false, disk: diskWith('rmdir', forestall) }).put('name', bytesOf('x'))
  assert.equal(await read(store, 'name'), 'x')
})

test('a directory that comes in the way of a put and goes again leaves it as it was', async () => {
  const { root, store } = await newStore()
  const target = path.join(root, 'name')
  const comingAndGoing = async () => {
    await mkdir(target)
    await assert.rejects(realDisk.rename(path.join(root, 'other'), target), { code: 'EISDIR' })
    await rmdir(target)
    throw Object.assign(new Error('EISDIR'), { code: 'EISDIR' })
  }
  await store.put('other', bytesOf('other'))
  await createFileStore({ root, durable: false, disk: diskWith('rename', comingAndGoing) }).put('name', bytesOf('x'))
  assert.equal(await read(store, 'name'), 'x')
})

test('a delete of a key that becomes a directory meanwhile finds it gone', async () => {
  const { root, store } = await newStore()
  await store.put('name', bytesOf('x'))
  const replace = async () => {
    await store.delete('name')
    await store.put('name/below', bytesOf('y'))
  }
  await createFileStore({ root, durable: false, disk: diskWith('unlink', replace) }).delete('name')
  assert.deepEqual(await keys(store), ['name/below'])
})

test('an empty directory does not stand in the way of a key, and what a failed put left is gone', async () => {
  const { root, store } = await newStore()
  await mkdir(path.join(root, 'name'))
  await store.put('name', bytesOf('x'))
  await fails('corrupt', store.put('other/deep/x', { ...bytesOf('x'), length: 2 }))
  assert.deepEqual(await readdir(root), ['name'])
})

test('old generations go, lowest first, but never one of the newest eight nor one that was the newest within the hour', async () => {
  const { root, store } = await newStore()
  let { etag } = await store.put('name', bytesOf('0'))
  const move = async (content: string) => ({ etag } = await store.put('name', bytesOf(content), { if: { etag } }))
  for (let index = 1; index <= 12; index++) await move(String(index))
  const directory = path.join(root, '.~gen-name')
  assert.equal((await readdir(directory)).length, 12, 'all of them are young')
  assert.ok((await readdir(root)).includes('name'))
  const hoursAgo = Date.now() / 1000 - 2 * 3600
  for (const name of ['000000000001', '000000000002', '000000000003']) await utimes(path.join(directory, name), hoursAgo, hoursAgo)
  ;({ etag } = (await store.head('name'))!)
  await move('13')
  assert.deepEqual((await readdir(directory)).toSorted().at(0), '000000000003', '3 was the newest until 4, which is young')
  assert.ok(!(await readdir(root)).includes('name'))
  assert.equal(await read(store, 'name'), '13')
  for (const name of await readdir(directory)) await utimes(path.join(directory, name), hoursAgo, hoursAgo)
  ;({ etag } = (await store.head('name'))!)
  await move('14')
  assert.deepEqual((await readdir(directory)).toSorted().at(0), '000000000007', 'eight are kept')
})

test('a writer that slept while its version was superseded and removed has lost, and changes nothing', async () => {
  const { root, store } = await newStore()
  const first = await store.put('name', bytesOf('0'))
  // It has read the first version, and its body comes when nine others have been written and the oldest are gone.
  const slow = {
    rewindable: false,
    async *[Symbol.asyncIterator]() {
      let { etag } = first
      for (let index = 1; index <= 9; index++) ({ etag } = await store.put('name', bytesOf(String(index)), { if: { etag } }))
      await unlink(path.join(root, 'name'))
      await unlink(path.join(root, '.~gen-name/000000000001'))
      yield Buffer.from('late')
    },
  }
  await fails('precondition', store.put('name', slow, { if: { etag: first.etag } }))
  assert.equal(await read(store, 'name'), '9')
})

test('a name too long to have generations cannot be overwritten conditionally, and says so', async () => {
  const { store } = await newStore()
  const key = `a/${'x'.repeat(250)}`
  const { etag } = await store.put(key, bytesOf('x'), { if: 'absent' })
  await fails('unsupported', store.put(key, bytesOf('y'), { if: { etag } }))
  assert.equal(await read(store, key), 'x')
})

test('two folders copy near, and an edited copy does not change its source', async () => {
  const [one, two] = [await newStore(), await newStore()]
  await one.store.put('blob', bytesOf('content'))
  const copied = await copy(one.store, 'blob', two.store, 'published/blob')
  assert.deepEqual([copied.way, copied.moved], ['near', 0])
  await writeFile(path.join(two.root, 'published/blob'), 'edited by hand')
  assert.equal(await read(one.store, 'blob'), 'content')
})

test('sweeping removes temporary files that nobody writes to any more, and nothing else', async () => {
  const { root, store } = await newStore()
  await store.put('a/b', bytesOf('x'))
  const [dead, young, key] = ['a/.~tmp-0123456789abcdef', 'a/.~tmp-fedcba9876543210', 'a/tmp']
  for (const name of [dead, young, key]) await writeFile(path.join(root, name), 'left behind')
  const yesterday = Date.now() / 1000 - 86_400
  for (const name of [dead, key]) await utimes(path.join(root, name), yesterday, yesterday)
  assert.deepEqual(await createFileStore({ root }).sweep!(3_600_000), { items: 1, bytes: 11 })
  assert.deepEqual((await readdir(path.join(root, 'a'))).toSorted(), ['.~tmp-fedcba9876543210', 'b', 'tmp'])
  assert.equal(await deletePrefix(store, 'a/'), 2)
})

test('a reader of a file that is appended to in place goes on where that is allowed, and says so where it is not', async () => {
  const { root, store } = await newStore()
  await store.put('log', bytesOf('one\n'))
  const [strict, lenient] = [await store.reader!('log'), await store.reader!('log', { mayGrow: true })]
  await appendFile(path.join(root, 'log'), 'two\n')
  await assert.rejects(strict.read(0, 4), { code: 'precondition' })
  assert.equal(Buffer.from(await lenient.read(0, 4)).toString(), 'one\n')
  await assert.rejects(lenient.read(0, 8), { code: 'invalid' })
  await truncate(path.join(root, 'log'), 2)
  await assert.rejects(lenient.read(0, 4), { code: 'precondition' })
  await Promise.all([strict.close(), lenient.close()])
})
