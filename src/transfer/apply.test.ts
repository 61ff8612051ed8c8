import assert from 'node:assert/strict'
import { beforeEach, describe, it } from 'node:test'
import fc from 'fast-check'
import { bytesOf, collect, compareKeys, digestOf, Fault, type FaultCode, isFault, type Progress, systemClock } from '../kit/index.ts'
import { diffManifests, type Entry, type Plan, planOf } from '../manifest/index.ts'
import {
  createMemoryStore,
  createMeter,
  faultyStore,
  meteredStore,
  type ObjectInfo,
  type ObjectStore,
  plannedFaults,
  randomFaults,
  retryingStore,
} from '../store/index.ts'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { applyPlan, type ApplyOptions } from './apply.ts'

let blobs: ObjectStore
let to: ObjectStore

beforeEach(() => {
  blobs = createMemoryStore({ name: 'memory:blobs', clock: systemClock })
  to = createMemoryStore({ name: 'memory:view', clock: systemClock })
})

const contents = ['', 'one', 'two!', 'three'] as const

async function fillBlobs(store = blobs): Promise<void> {
  for (const content of contents) await store.put(digestOf(content), bytesOf(content))
}

const entry = (path: string, content: string): Entry => ({ path, size: content.length, digest: digestOf(content) })

async function manifestOf(store: ObjectStore): Promise<Entry[]> {
  const entries: Entry[] = []
  for await (const { key, size } of store.list('view/')) {
    entries.push({ path: key.slice(5), size, digest: digestOf(await collect(await store.get(key), 1000)) })
  }
  return entries
}

function apply(plan: Plan, options: Partial<ApplyOptions> = {}) {
  return applyPlan({
    plan,
    to,
    keyOf: (path) => `view/${path}`,
    sourceOf: async ({ digest }) => ({ store: blobs, key: digest }),
    ...options,
  })
}

async function become(wanted: readonly Entry[], options: Partial<ApplyOptions> = {}) {
  const plan = planOf(diffManifests(await manifestOf(to), wanted), { remove: true })
  return { plan, applied: await apply(plan, options) }
}

const fault = (code: FaultCode, words: RegExp) => (error: unknown) => {
  assert.ok(isFault(error, code), `${String(error)} is not ${code}`)
  assert.match(error.message, words)
  return true
}

describe('carrying out a plan', () => {
  it('makes there like here, and the next plan is empty', async () => {
    await fillBlobs()
    const manifest = fc
      .uniqueArray(fc.tuple(fc.constantFrom('a', 'b', 'c/d', 'c/e', 'f'), fc.constantFrom(...contents)), { selector: ([path]) => path })
      .map((list) => list.map(([path, content]) => entry(path, content)).sort((a, b) => compareKeys(a.path, b.path)))
    await fc.assert(
      fc.asyncProperty(fc.array(manifest, { minLength: 1, maxLength: 4 }), async (states) => {
        for (const wanted of states) {
          const { plan, applied } = await become(wanted)
          assert.deepEqual(await manifestOf(to), wanted)
          assert.equal(applied.written.size, plan.adds.length + plan.changes.length)
          assert.equal(applied.removed.length, plan.removes.length)
          for (const [path, info] of applied.written) assert.equal((await to.head(`view/${path}`))?.etag, info.etag)
        }
      }),
      { numRuns: 60 },
    )
  })

  it('copies inside of a place where it can, and moves no byte', async () => {
    await fillBlobs(to)
    const { applied } = await become([entry('a', 'one'), entry('b', 'two!')], {
      sourceOf: async ({ digest }) => ({ store: to, key: digest }),
    })
    assert.deepEqual([applied.near, applied.moved], [2, 0])
  })

  it('takes bytes as well, and puts them as it was told to', async () => {
    const options: Partial<ApplyOptions> = {
      sourceOf: async ({ path }) => ({ bytes: bytesOf(path === 'a' ? 'one' : 'two!') }),
      put: (path) => ({ contentType: `text/${path}`, cacheControl: 'no-cache' }),
    }
    const { applied } = await become([entry('a', 'one'), entry('b', 'two!')], options)
    assert.equal(applied.moved, 7)
    const info = await to.head('view/b')
    assert.deepEqual([info?.contentType, info?.cacheControl], ['text/b', 'no-cache'])
  })

  it('removes nothing before everything else stands', async () => {
    await fillBlobs()
    await become([entry('a', 'one'), entry('b', 'one')])
    const order: string[] = []
    const watched: ObjectStore = {
      ...to,
      put: async (key, body, put) => {
        const info = await to.put(key, body, put)
        order.push(`put ${key}`)
        return info
      },
      delete: async (key) => {
        order.push(`delete ${key}`)
        await to.delete(key)
      },
    }
    await become([entry('b', 'two!'), entry('c', 'three'), entry('d', 'one')], { to: watched })
    assert.equal(order.length, 4)
    assert.equal(order[3], 'delete view/a')
  })

  it('has no more in hand than it may', async () => {
    await fillBlobs()
    let running = 0
    let most = 0
    const watched: ObjectStore = {
      ...to,
      put: async (key, body, put) => {
        most = Math.max(most, ++running)
        const info = await to.put(key, body, put)
        running--
        return info
      },
    }
    await become(
      Array.from({ length: 30 }, (_, index) => entry(`p${String(index).padStart(2, '0')}`, 'one')),
      { to: watched, concurrency: 3 },
    )
    assert.equal(most, 3)
  })

  it('reports items and bytes that add up', async () => {
    await fillBlobs()
    const events: Progress[] = []
    await become([entry('a', 'one'), entry('b', 'two!')], { report: (event) => events.push(event) })
    const sum = (what: 'items' | 'bytes') => events.reduce((total, event) => total + (event.kind === 'advance' ? (event[what] ?? 0) : 0), 0)
    assert.deepEqual(events[0], { kind: 'begin', task: 'write', items: 2, bytes: 7 })
    assert.deepEqual([sum('items'), sum('bytes'), events.at(-1)?.kind], [2, 7, 'end'])
  })
})

describe('carrying out a plan of which something fails', () => {
  const wanted = [entry('a', 'one'), entry('b', 'two!'), entry('c', 'three')]

  it('does everything else, tells of each object that stands, removes nothing, and is partial with the list', async () => {
    await fillBlobs()
    await become([entry('old', 'one')])
    await blobs.delete(digestOf('two!'))
    const written = new Map<string, ObjectInfo>()
    const doing = become(wanted, { onWritten: (path, info) => void written.set(path, info) })
    await assert.rejects(
      doing,
      fault('partial', /1 of 4 items failed, so nothing was removed \(1 to remove\): b: there is no memory:blobs/),
    )
    assert.deepEqual([...written.keys()].sort(), ['a', 'c'])
    assert.deepEqual(
      (await manifestOf(to)).map(({ path }) => path),
      ['a', 'c', 'old'],
    )

    await blobs.put(digestOf('two!'), bytesOf('two!'))
    const { plan } = await become(wanted)
    assert.deepEqual([plan.adds.length, plan.changes.length, plan.removes.length], [1, 0, 1], 'a re-run does only what is missing')
    assert.deepEqual(await manifestOf(to), wanted)
  })

  it('is the fault itself where the one item failed, and its code where all did', async () => {
    await assert.rejects(become([entry('a', 'one')]), fault('not-found', /^there is no memory:blobs/))
    await assert.rejects(become(wanted), fault('not-found', /^3 of 3 items failed: a: /))
  })

  it('goes on removing, and lists what could not be removed', async () => {
    await fillBlobs()
    await become(wanted)
    const plan = plannedFaults({ on: 'delete', nth: 1, fault: 'error-before', key: 'view/b' })
    await assert.rejects(become([], { to: faultyStore(to, plan, systemClock) }), fault('partial', /^1 of 3 items failed: b: /))
    plan.assertUsed()
    assert.deepEqual(
      (await manifestOf(to)).map(({ path }) => path),
      ['b'],
    )
  })

  it('shows no object whose source has other bytes than the plan says', async () => {
    const lies = [bytesOf('on'), bytesOf('ones'), bytesOf('two')]
    for (const bytes of lies) {
      await assert.rejects(become([entry('a', 'one')], { sourceOf: async () => ({ bytes }) }), fault('corrupt', /./))
      assert.equal(await to.head('view/a'), undefined)
    }
    await fillBlobs()
    const truncated = faultyStore(blobs, plannedFaults({ on: 'get', nth: 1, fault: 'truncated' }), systemClock)
    await assert.rejects(
      become([entry('a', 'one')], { sourceOf: async ({ digest }) => ({ store: truncated, key: digest }) }),
      fault('corrupt', /./),
    )
    assert.equal(await to.head('view/a'), undefined)
  })

  it('says corrupt where the place copied something of another size', async () => {
    await to.put('source', bytesOf('longer than one'))
    await assert.rejects(
      become([entry('a', 'one')], { sourceOf: async () => ({ store: to, key: 'source' }) }),
      fault('corrupt', /15 bytes, expected are 3 bytes/),
    )
  })

  it('holds a source to its version', async () => {
    await fillBlobs()
    const sourceOf = async ({ digest }: Entry) => ({ store: blobs, key: digest, etag: 'v99' })
    await assert.rejects(become([entry('a', 'one')], { sourceOf }), fault('precondition', /./))
  })

  it('stops with its signal, and what stands then stands whole', async () => {
    await fillBlobs()
    const controller = new AbortController()
    const doing = become(wanted, {
      signal: controller.signal,
      concurrency: 1,
      onWritten: () => controller.abort(new Fault('aborted', 'enough')),
    })
    await assert.rejects(doing, fault('aborted', /enough/))
    assert.deepEqual(await manifestOf(to), wanted.slice(0, 1))
  })

  it(`ends in the wanted state by itself or when run again, whatever fails on the way (seed ${testSeed})`, async () => {
    const random = seededRandom(testSeed)
    const noWait = { now: () => 0, sleep: async () => undefined }
    for (let round = 0; round < 150; round++) {
      blobs = createMemoryStore({ name: 'memory:blobs', clock: systemClock })
      to = createMemoryStore({ name: 'memory:view', clock: systemClock })
      await fillBlobs()
      await become([entry('a', 'two!'), entry('old', 'one')])
      const bad = (store: ObjectStore) =>
        faultyStore(
          store,
          randomFaults({ random, rate: 0.2, faults: ['error-before', 'error-after', 'truncated', 'corrupted', 'duplicated', 'delayed'] }),
          noWait,
        )
      const retry = { clock: noWait, random, attempts: 2, base: 1, cap: 1 }
      const from = retryingStore(bad(blobs), retry)
      const options = { to: retryingStore(bad(to), retry), sourceOf: async ({ digest }: Entry) => ({ store: from, key: digest }) }
      for (let runs = 1; ; runs++) {
        const done = await become(wanted, options).then(
          () => true,
          (error: unknown) => {
            assert.ok(isFault(error) && error.code !== 'bug', String(error))
            return false
          },
        )
        for (const { path, digest } of await manifestOf(to)) {
          const allowed = path === 'old' ? [digestOf('one')] : [wanted.find((each) => each.path === path)?.digest, digestOf('two!')]
          assert.ok(allowed.includes(digest), `${path} has bytes that nobody asked for`)
        }
        if (done) break
        assert.ok(runs < 60, 'it never ends')
      }
      assert.deepEqual(await manifestOf(to), wanted)
    }
  })

  it('costs one put for each object and nothing else', async () => {
    await fillBlobs()
    const meter = createMeter()
    await become(wanted, { to: meteredStore(to, meter) })
    assert.deepEqual(meter.snapshot().operations, { head: 0, get: 0, put: 3, delete: 0, list: 0, copy: 0 })
  })
})
