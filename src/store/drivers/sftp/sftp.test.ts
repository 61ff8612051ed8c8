import assert from 'node:assert/strict'
import { appendFile, mkdir, readdir, readFile, symlink, truncate, utimes, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { scratchDirectory } from '../../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { type SshServer, type SshServerOptions, sshdForTests, startDelayProxy, startSshd } from '../../../../test/services/index.ts'
import { mountImage } from '../../../../test/services/loop-mount.ts'
import { bytesFrom, bytesOf, collect, isFault, isTemporary, systemClock } from '../../../kit/index.ts'
import { proveConditionalPuts } from '../../prove.ts'
import type { ObjectStore } from '../../store.ts'
import { createMeter } from '../../wrap/metered.ts'
import { createFileStore } from '../file/index.ts'
import { createSftpStore, type SftpStoreOptions } from './index.ts'

const base = scratchDirectory()
let folders = 0

interface Desk {
  readonly root: string
  readonly sshd: SshServer
  readonly store: ObjectStore
  open(options?: Partial<SftpStoreOptions>): ObjectStore
  /** What a piece of work cost: packets by kind, and round trips. */
  cost(work: () => Promise<unknown>): Promise<{ packets: number; roundTrips: number; by: Record<string, number> }>
}

async function desk(t: TestContext, server?: SshServerOptions): Promise<Desk | undefined> {
  const shared = await sshdForTests(t)
  if (shared === undefined) return undefined
  const sshd = server === undefined ? shared : await startSshd(server)
  if (server !== undefined) t.after(() => sshd.stop())
  const root = path.join(base, `folder-${++folders}`)
  await mkdir(root)
  const meter = createMeter()
  const open = (options: Partial<SftpStoreOptions> = {}) => {
    const store = createSftpStore({ ...sshd, path: root, clock: systemClock, env: process.env, ...options })
    t.after(() => store.close())
    return store
  }
  return {
    root,
    sshd,
    store: open({ meter }),
    open,
    async cost(work) {
      const before = meter.snapshot()
      await work()
      const now = meter.snapshot()
      const by: Record<string, number> = {}
      for (const [kind, count] of Object.entries(now.requests)) {
        // Closing is nobody's wait, and comes along with what follows.
        const more = count - (before.requests[kind] ?? 0)
        if (more > 0 && kind !== 'CLOSE') by[kind] = more
      }
      const packets = Object.values(by).reduce((sum, count) => sum + count, 0)
      return { packets, roundTrips: now.roundTrips - before.roundTrips, by }
    },
  }
}

const read = async (store: ObjectStore, key: string) => Buffer.from(await collect(await store.get(key), 1 << 30)).toString()
const keysIn = async (store: ObjectStore, prefix = '') => (await Array.fromAsync(store.list(prefix))).map(({ key }) => key)
const temporariesIn = async (root: string) => (await readdir(root, { recursive: true })).filter((each) => isTemporary(path.basename(each)))

test('a folder is opened here and on its server, and both work on it at once', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const { root, store } = at
  const local = createFileStore({ root, durable: false })
  await store.put('lib/a', bytesOf('over sftp'))
  assert.equal(await readFile(path.join(root, 'lib/a'), 'utf8'), 'over sftp')
  await local.put('lib/b', bytesOf('by file'))
  assert.deepEqual([await keysIn(store), await read(store, 'lib/b')], [['lib/a', 'lib/b'], 'by file'])
  await local.put('count', bytesOf('0'), { if: 'absent' })
  const add = async (where: ObjectStore): Promise<void> => {
    try {
      const body = await where.get('count')
      const value = Number(Buffer.from(await collect(body, 100)))
      await where.put('count', bytesOf(String(value + 1)), { if: { etag: body.info.etag } })
    } catch (error) {
      if (!isFault(error, 'precondition')) throw error
      await add(where)
    }
  }
  const adding = [local, store, at.open(), local].map(async (where) => {
    for (let done = 0; done < 10; done++) await add(where)
  })
  await Promise.all(adding)
  assert.deepEqual([await read(local, 'count'), await read(store, 'count')], ['40', '40'])
  await local.delete('count')
  assert.equal(await store.head('count'), undefined)
})

test('conditional puts hold, which a proof over two connections shows', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const proof = await proveConditionalPuts(at.store, { random: seededRandom(testSeed), rounds: 6 })
  assert.deepEqual([proof.holds, proof.evidence.winnersPerRound], [true, [1, 1, 1, 1, 1, 1]], proof.why)
  assert.equal(at.store.can.conditionalPut, 'yes')
})

test('what each verb costs: packets, and round trips that wait for one another', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const { store, cost } = at
  await store.put('a/b', bytesOf('small'))
  await utimes(path.join(at.root, 'a/b'), 1_000_000_000, 1_000_000_000)
  const costs = {
    head: await cost(() => store.head('a/b')),
    'head of nothing': await cost(() => store.head('a/c')),
    get: await cost(() => read(store, 'a/b')),
    put: await cost(() => store.put('a/b', bytesOf('again'))),
    'put if absent': await cost(() => store.put('a/new', bytesOf('new'), { if: 'absent' })),
    delete: await cost(() => store.delete('a/new')),
  }
  assert.deepEqual(
    Object.fromEntries(Object.entries(costs).map(([verb, { packets, roundTrips }]) => [verb, [packets, roundTrips]])),
    { head: [2, 1], 'head of nothing': [2, 1], get: [5, 2], put: [13, 4], 'put if absent': [14, 5], delete: [10, 4] },
    JSON.stringify(costs),
  )
})

test('in a tree that others keep, the first small get is five packets and three round trips, the connection’s greeting included', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  await mkdir(path.join(at.root, '.runicorn'))
  await writeFile(path.join(at.root, '.runicorn/root'), 'root')
  const meter = createMeter()
  const store = at.open({ plain: true, meter })
  assert.equal(await read(store, '.runicorn/root'), 'root')
  const { requests, roundTrips } = meter.snapshot()
  assert.deepEqual([requests, roundTrips], [{ INIT: 1, STAT: 1, OPEN: 1, READ: 1, FSTAT: 1 }, 3])
  assert.equal(store.can.conditionalPut, 'no')
  await assert.rejects(store.put('x', bytesOf('x'), { if: 'absent' }), { code: 'unsupported' })
})

test('many reads of one reader share an opening, and go out together in pieces of the server’s largest size', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const { store, cost } = at
  const size = 10 << 20
  await store.put('pack', bytesOf(new Uint8Array(size).fill(7)))
  const spent = await cost(async () => {
    const reader = await store.reader!('pack')
    await Promise.all([reader.read(0, size), reader.read(5, 10)])
    await reader.close()
  })
  assert.deepEqual([spent.by['OPEN'], spent.by['READ'], spent.roundTrips], [1, Math.ceil(size / (255 << 10)) + 1, 2])
})

test('a long directory is read with several requests under way', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  await Promise.all(Array.from({ length: 2000 }, (_, index) => writeFile(path.join(at.root, `f${index}`), '')))
  const { by, roundTrips } = await at.cost(async () => assert.equal((await keysIn(at.store)).length, 2000))
  assert.ok(by['READDIR']! >= 20, 'it has many parts')
  assert.equal(by['LSTAT'], undefined, 'the listing tells sizes and times')
  assert.ok(roundTrips <= 10, `${roundTrips} round trips`)
})

test('directories that lie beside one another are read at once', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  for (let run = 0; run < 60; run++) {
    await mkdir(path.join(at.root, `project/name/runs/${run}`), { recursive: true })
    await writeFile(path.join(at.root, `project/name/runs/${run}/meta.json`), '{}')
  }
  const { roundTrips } = await at.cost(async () => assert.equal((await keysIn(at.store)).length, 60))
  assert.ok(roundTrips <= 14, `${roundTrips} round trips`)
})

test('two versions of one size within one second have different etags', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const etags = new Set<string>()
  for (const content of ['aa', 'bb', 'cc', 'dd']) etags.add((await at.store.put('x', bytesOf(content))).etag)
  assert.equal(etags.size, 4)
  assert.ok(etags.has((await at.store.head('x'))!.etag))
})

test('a symbolic link on the way or at the end is denied, and is no part of a listing', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const outside = path.join(base, 'outside')
  await mkdir(outside, { recursive: true })
  await writeFile(path.join(outside, 'secret'), 'secret')
  await symlink(outside, path.join(at.root, 'way'))
  await symlink(path.join(outside, 'secret'), path.join(at.root, 'end'))
  const { store } = at
  for (const key of ['way/secret', 'end']) {
    await assert.rejects(store.head(key), { code: 'denied' }, key)
    await assert.rejects(store.get(key), { code: 'denied' }, key)
    await assert.rejects(store.reader!(key), { code: 'denied' }, key)
    await assert.rejects(store.put(key, bytesOf('x')), { code: 'denied' }, key)
    await assert.rejects(store.delete(key), { code: 'denied' }, key)
  }
  await assert.rejects(store.put('way/new/deep', bytesOf('x')), { code: 'denied' })
  assert.deepEqual(await keysIn(store), [])
  await assert.rejects(keysIn(store, 'way/'), { code: 'denied' })
  assert.deepEqual(await readdir(outside), ['secret'])
})

test('a root that is a file is invalid, and one that is missing is empty until the first put makes it', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  await writeFile(path.join(at.root, 'file'), '')
  const onFile = at.open({ path: path.join(at.root, 'file') })
  await assert.rejects(onFile.head('x'), { code: 'invalid' })
  await assert.rejects(onFile.put('x', bytesOf('x')), { code: 'invalid' })
  await assert.rejects(keysIn(onFile), { code: 'invalid' })
  const missing = at.open({ path: path.join(at.root, 'not/yet') })
  assert.deepEqual([await missing.head('x'), await keysIn(missing)], [undefined, []])
  await missing.put('a/x', bytesOf('x'))
  assert.equal(await readFile(path.join(at.root, 'not/yet/a/x'), 'utf8'), 'x')
})

test('a log that grows while it is read goes on where that is allowed, and is said where it is not', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const file = path.join(at.root, 'log')
  await writeFile(file, 'one\n')
  await utimes(file, 1_000_000_000, 1_000_000_000)
  const [strict, lenient] = [await at.store.reader!('log'), await at.store.reader!('log', { mayGrow: true })]
  await appendFile(file, 'two\n')
  await assert.rejects(strict.read(0, 4), { code: 'precondition' })
  assert.equal(Buffer.from(await lenient.read(0, 4)).toString(), 'one\n')
  await truncate(file, 2)
  await assert.rejects(lenient.read(0, 4), { code: 'precondition' })
  await Promise.all([strict.close(), lenient.close()])
})

test('a connection that is cut in the middle of a put or a get is unavailable, shows nothing, and the next verb has a new one', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const proxy = await startDelayProxy(at.sshd, 0)
  t.after(() => proxy.close())
  const store = at.open({ port: proxy.port, sshConfig: await at.sshd.configFor({ port: proxy.port }) })
  await store.put('old', bytesOf(new Uint8Array(4 << 20).fill(1)))
  const body = bytesFrom(async function* () {
    yield new Uint8Array(1 << 20)
    await store.head('old')
    proxy.cut()
    yield new Uint8Array(1 << 20)
  })
  await assert.rejects(store.put('old', body), { code: 'unavailable' })
  assert.equal((await store.head('old'))?.size, 4 << 20)
  const reading = async () => {
    for await (const _ of await store.get('old')) proxy.cut()
  }
  await assert.rejects(reading(), { code: 'unavailable' })
  assert.equal((await read(store, 'old')).length, 4 << 20)
  assert.deepEqual(await keysIn(store), ['old'])
  assert.ok((await temporariesIn(at.root)).length <= 1)
  await store.sweep!(-2000)
  assert.deepEqual(await temporariesIn(at.root), [])
})

test('a server that is read-only for this account is denied', async (t) => {
  const at = await desk(t, { sftpArguments: '-R' })
  if (at === undefined) return
  await writeFile(path.join(at.root, 'x'), 'x')
  assert.equal(await read(at.store, 'x'), 'x')
  await assert.rejects(at.store.put('x', bytesOf('y')), { code: 'denied' })
  await assert.rejects(at.store.delete('x'), { code: 'denied' })
  assert.equal(await read(at.store, 'x'), 'x')
})

test('a server without hard links says that it puts nothing conditionally, and carries the rest', async (t) => {
  const at = await desk(t, { sftpArguments: '-P hardlink' })
  if (at === undefined) return
  await at.store.put('x', bytesOf('1'))
  await at.store.put('x', bytesOf('2'))
  assert.equal(await read(at.store, 'x'), '2')
  assert.equal(at.store.can.conditionalPut, 'no')
  await assert.rejects(at.store.put('y', bytesOf('x'), { if: 'absent' }), { code: 'unsupported' })
  assert.equal((await proveConditionalPuts(at.store, { random: Math.random })).holds, false)
})

test('a server that cannot replace a file in one step makes new ones, and says so for the rest', async (t) => {
  const at = await desk(t, { sftpArguments: '-P posix-rename,fsync' })
  if (at === undefined) return
  const notes: string[] = []
  const store = at.open({ report: (event) => void (event.kind === 'note' && notes.push(event.text)) })
  await store.put('x', bytesOf('1'))
  await assert.rejects(store.put('x', bytesOf('2')), { code: 'unsupported' })
  assert.equal(await read(store, 'x'), '1')
  assert.deepEqual(await temporariesIn(at.root), [])
  assert.equal(notes.filter((text) => text.includes('power cut')).length, 1)
})

test('a full disk on the server is unavailable, named as such, and what was there stays', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const image = await mountImage('old-ext4')
  if ('reason' in image) return t.skip(image.reason)
  const store = at.open({ path: path.join(image.directory, 'store') })
  await store.put('x', bytesOf('before'))
  const large = bytesOf(new Uint8Array(40 << 20))
  await assert.rejects(store.put('x', large), (error) => isFault(error, 'unavailable') && /disk is full/.test(error.message))
  assert.equal(await read(store, 'x'), 'before')
  assert.deepEqual(await temporariesIn(image.directory), [])
  await store.put('x', bytesOf('after'))
  assert.equal(await read(store, 'x'), 'after')
  // The first sends what closes the last handles, and the second is answered after that: nothing holds the file system then.
  for (let time = 0; time < 2; time++) await store.head('x')
})

test('a sweep takes away what writers left behind, by the server’s clock, and nothing else', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  await at.store.put('deep/x', bytesOf('x'))
  const [left, young] = [`deep/.~tmp-${'0'.repeat(16)}`, `.~tmp-${'1'.repeat(16)}`]
  await writeFile(path.join(at.root, left), 'left')
  await writeFile(path.join(at.root, young), 'young')
  await utimes(path.join(at.root, left), 1_000_000_000, 1_000_000_000)
  assert.deepEqual(await at.store.sweep!(3_600_000), { items: 1, bytes: 4 })
  assert.deepEqual(await temporariesIn(at.root), [young])
  assert.deepEqual(await keysIn(at.store), ['deep/x'])
})
