import assert from 'node:assert/strict'
import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { bytesOf, collect, forEachBounded, isFault, isTemporary } from '../../../kit/index.ts'
import { type DiskCall, type DiskFault, faultyDisk } from '../../../../test/faults/faulty-disk.ts'
import type { ObjectStore } from '../../store.ts'
import { createFileStore } from './index.ts'

const [old, fresh] = ['what was there', 'what is put']

interface Operation {
  readonly name: string
  /** Brings about what the operation meets. */
  before(store: ObjectStore): Promise<unknown>
  /** Done by the store whose disk fails; gives what a reader was told, where it reads. */
  run(store: ObjectStore, facts: { etag: string }): Promise<unknown>
  /** What the key may hold afterwards. */
  readonly holds: readonly (string | undefined)[]
}

const key = 'some/where/x'
const put = (content: string) => (store: ObjectStore) => store.put(key, bytesOf(content))
const moved = async (store: ObjectStore) => {
  const { etag } = await put('first')(store)
  return await store.put(key, bytesOf(old), { if: { etag } })
}
const deleted = async (store: ObjectStore) => {
  await moved(store)
  await store.delete(key)
}
const nothing = async () => {}

const operations: readonly Operation[] = [
  { name: 'put of a new key', before: nothing, run: put(fresh), holds: [undefined, fresh] },
  { name: 'put over a key', before: put(old), run: put(fresh), holds: [old, fresh] },
  {
    name: 'put if absent',
    before: nothing,
    run: (store) => store.put(key, bytesOf(fresh), { if: 'absent' }),
    holds: [undefined, fresh],
  },
  {
    name: 'first put with an etag',
    before: put(old),
    run: (store, { etag }) => store.put(key, bytesOf(fresh), { if: { etag } }),
    holds: [old, fresh],
  },
  {
    name: 'next put with an etag',
    before: moved,
    run: (store, { etag }) => store.put(key, bytesOf(fresh), { if: { etag } }),
    holds: [old, fresh],
  },
  {
    name: 'put if absent over a deleted generation',
    before: deleted,
    run: (store) => store.put(key, bytesOf(fresh), { if: 'absent' }),
    holds: [undefined, fresh],
  },
  { name: 'delete', before: put(old), run: (store) => store.delete(key), holds: [old, undefined] },
  { name: 'delete of a generation', before: moved, run: (store) => store.delete(key), holds: [old, undefined] },
  {
    name: 'copy inside of the place',
    before: (store) => store.put('other/source', bytesOf(fresh)),
    run: (store) => store.near!.copyFrom(store.near!.address('other/source'), key),
    holds: [undefined, fresh],
  },
  { name: 'head', before: put(old), run: async (store) => (await store.head(key))?.size ?? 'absent', holds: [old] },
  { name: 'head of a generation', before: moved, run: async (store) => (await store.head(key))?.size ?? 'absent', holds: [old] },
  { name: 'get', before: put(old), run: async (store) => Buffer.from(await collect(await store.get(key), 100)).toString(), holds: [old] },
  {
    name: 'reader',
    before: put(old),
    run: async (store) => {
      const reader = await store.reader!(key)
      try {
        return Buffer.from(await reader.read(0, old.length)).toString()
      } finally {
        await reader.close()
      }
    },
    holds: [old],
  },
  {
    name: 'list',
    before: moved,
    run: async (store) => (await Array.fromAsync(store.list('some/'))).map((info) => info.key).join(),
    holds: [old],
  },
]

async function inFolder<T>(work: (root: string) => Promise<T>): Promise<T> {
  const root = await mkdtemp(path.join(tmpdir(), 'holdfast-faults-'))
  try {
    return await work(root)
  } finally {
    await rm(root, { recursive: true })
  }
}

async function contentOf(store: ObjectStore): Promise<string | undefined> {
  const info = await store.head(key)
  return info === undefined ? undefined : Buffer.from(await collect(await store.get(key), 100)).toString()
}

/** Runs one operation with planned faults; its outcome, and what a healthy disk shows afterwards. */
async function runWith({ before, run }: Operation, ...plan: DiskFault[]) {
  return await inFolder(async (root) => {
    const healthy = createFileStore({ root, durable: false })
    await before(healthy)
    const etag = (await healthy.head(key))?.etag ?? 'none'
    const faulty = faultyDisk(...plan)
    const outcome = await run(createFileStore({ root, disk: faulty.disk }), { etag }).then(
      (told) => ({ told }),
      (error: unknown) => ({ error }),
    )
    faulty.assertUsed()
    const entries = await readdir(root, { recursive: true })
    return {
      calls: faulty.calls,
      outcome,
      holds: await contentOf(healthy),
      temporaries: entries.filter((each) => isTemporary(path.basename(each))),
    }
  })
}

const expected = { ENOSPC: 'unavailable', EIO: 'unavailable', EACCES: 'denied' } as const
/** Calls of which some only tidy up: they may fail once what was asked for is done. */
const tidying: ReadonlySet<DiskCall> = new Set(['unlink', 'rmdir'])

/** Every call that an operation makes, failing in every way. */
function* faultsIn(calls: readonly DiskCall[]) {
  const counts = new Map<DiskCall, number>()
  for (const call of calls) {
    const nth = (counts.get(call) ?? 0) + 1
    counts.set(call, nth)
    for (const fails of ['EIO', 'ENOSPC', 'EACCES'] as const) yield { call, nth, fails }
  }
}

describe('a disk that fails in any call of any verb', () => {
  for (const operation of operations) {
    test(`${operation.name}: says what failed, never that nothing is there, and shows old or new whole`, async () => {
      const { calls, outcome, holds } = await runWith(operation)
      assert.ok('told' in outcome, `it works on a healthy disk: ${'error' in outcome ? String(outcome.error) : ''}`)
      await forEachBounded(faultsIn(calls), 8, async (fault) => {
        const told = await runWith(operation, fault)
        const where = `${fault.fails} in ${fault.call} ${fault.nth}`
        if ('error' in told.outcome) {
          assert.ok(isFault(told.outcome.error, expected[fault.fails]), `${where}: ${String(told.outcome.error)}`)
          assert.ok(operation.holds.includes(told.holds), `${where} left ${told.holds}`)
        } else {
          assert.ok(tidying.has(fault.call), `${where} was swallowed`)
          assert.equal(told.holds, holds, `${where} was swallowed before it was done`)
          if (typeof outcome.told === 'string') assert.deepEqual(told.outcome, outcome, where)
        }
        if (fault.call !== 'unlink') assert.deepEqual(told.temporaries, [], where)
      })
    })
  }

  test('a write that does only a part of it is gone on with', async () => {
    const told = await runWith(operations[0]!, { call: 'file.write', nth: 1, fails: 'short' })
    assert.equal(told.holds, fresh)
    assert.deepEqual(told.calls.filter((call) => call === 'file.write').length, 2)
  })

  test('a read that gives only a part is gone on with', async () => {
    const told = await runWith(
      operations.find(({ name }) => name === 'get')!,
      { call: 'file.read', nth: 1, fails: 'short' },
    )
    assert.deepEqual(told.outcome, { told: old })
  })

  test('a directory that a delete removes before the temporary file is in it is made again', async () => {
    const told = await runWith(operations[0]!, { call: 'open', nth: 1, fails: 'ENOENT' })
    assert.equal(told.holds, fresh)
  })

  test('a file system without hard links is unsupported for conditions, and says so', async () => {
    const told = await runWith(
      operations.find(({ name }) => name === 'put if absent')!,
      { call: 'link', nth: 1, fails: 'EPERM' },
    )
    assert.ok('error' in told.outcome && isFault(told.outcome.error, 'unsupported'))
  })

  test('bytes are flushed before they have a name, and the name before a put resolves', async () => {
    for (const operation of operations.filter(({ name }) => name.includes('put') || name.includes('copy'))) {
      const { calls } = await runWith(operation)
      const named = calls.findIndex((call) => call === 'rename' || call === 'link')
      assert.ok(calls.indexOf('file.sync') < named, `${operation.name}: flushed before it is named: ${calls.join(' ')}`)
      assert.ok(calls.lastIndexOf('file.sync') > named, `${operation.name}: the directory is flushed after: ${calls.join(' ')}`)
    }
  })
})
