import { bytesFrom, type Clock, compareKeys, Fault, isKey } from '../../kit/index.ts'
import type { ListOptions, ObjectBody, ObjectInfo, ObjectReader, ObjectStore } from '../store.ts'
import type { Operation } from './metered.ts'

/**
 * What can go wrong between a caller and a store.
 *
 * - `error-before`: it fails, and nothing was done.
 * - `error-after`: it was done, and the answer got lost.
 * - `truncated`: a body ends early, and says nothing.
 * - `corrupted`: a body has one wrong byte.
 * - `stale`: a listing does not know of the last eight changes that were made through this handle.
 * - `delayed`: it takes a while.
 * - `duplicated`: it is done twice, as by a network that repeats a request.
 */
export type StoreFault = 'error-before' | 'error-after' | 'truncated' | 'corrupted' | 'stale' | 'delayed' | 'duplicated'

const possible: Readonly<Record<Operation, ReadonlySet<StoreFault>>> = {
  head: new Set(['error-before', 'delayed']),
  get: new Set(['error-before', 'truncated', 'corrupted', 'delayed']),
  put: new Set(['error-before', 'error-after', 'delayed', 'duplicated']),
  delete: new Set(['error-before', 'error-after', 'delayed', 'duplicated']),
  list: new Set(['error-before', 'error-after', 'stale', 'delayed']),
  copy: new Set(['error-before', 'error-after', 'delayed', 'duplicated']),
}

/** Says what happens to each operation; asked once for each. */
export interface FaultPlan {
  next(operation: Operation, key: string): StoreFault | undefined
}

export interface PlannedFault {
  readonly on: Operation
  /** The n-th such operation, counted from 1. */
  readonly nth: number
  readonly fault: StoreFault
  /** Only operations on keys that contain this are counted. */
  readonly key?: string
}

/** Exactly these faults. `assertUsed` throws where one was never reached: such a test proves nothing. */
export function plannedFaults(...planned: readonly PlannedFault[]): FaultPlan & { assertUsed(): void } {
  for (const { on, fault } of planned) if (!possible[on].has(fault)) throw new Fault('invalid', `${fault} cannot happen to ${on}`)
  const waiting = planned.map((each) => ({ ...each, left: each.nth }))
  return {
    next(operation, key) {
      let fault: StoreFault | undefined
      for (const each of waiting) {
        if (each.on !== operation || (each.key !== undefined && !key.includes(each.key))) continue
        if (--each.left === 0) fault ??= each.fault
      }
      return fault
    },
    assertUsed() {
      const unused = waiting.filter(({ left }) => left > 0).map(({ on, nth, fault }) => `${fault} in ${on} ${nth}`)
      if (unused.length > 0) throw new Fault('bug', `planned faults that nothing reached: ${unused.join(', ')}`)
    },
  }
}

/** A share of all operations (0 to 1) fails in one of the ways that are possible for it. */
export function randomFaults(options: {
  readonly random: () => number
  readonly rate: number
  readonly faults?: readonly StoreFault[]
}): FaultPlan {
  return {
    next(operation) {
      if (options.random() >= options.rate) return undefined
      const ways = [...possible[operation]].filter((fault) => options.faults?.includes(fault) ?? true)
      return ways[Math.floor(options.random() * ways.length)]
    },
  }
}

/** A store with which things go wrong as planned. It breaks promises on purpose, and stands below what must bear that. */
export function faultyStore(store: ObjectStore, plan: FaultPlan, clock: Clock): ObjectStore {
  const recent = recentChanges()
  const meet = async <T>(operation: Operation, key: string, work: () => Promise<T>, canRepeat = true): Promise<T> => {
    const fault = plan.next(operation, key)
    if (fault === 'error-before') throw lost(operation, store, key)
    if (fault === 'delayed') await clock.sleep(50)
    const first = await work()
    // The caller hears the last answer that is good: a repeated conditional put only finds its own work.
    const result = fault === 'duplicated' && canRepeat ? await work().catch(() => first) : first
    if (fault === 'error-after') throw lost(operation, store, key)
    return result
  }
  return {
    ...store,
    near: store.near && {
      ...store.near,
      copyFrom: (address, key, options) =>
        meet('copy', key, () => recent.making(store, key, () => store.near!.copyFrom(address, key, options))),
    },
    head: (key, options) => meet('head', key, () => store.head(key, options)),
    async get(key, options) {
      const fault = plan.next('get', key)
      if (fault === 'error-before') throw lost('get', store, key)
      if (fault === 'delayed') await clock.sleep(50)
      const body = await store.get(key, options)
      return fault === 'truncated' || fault === 'corrupted' ? damaged(body, fault) : body
    },
    reader:
      store.reader &&
      (async (key, options) => {
        const fault = plan.next('get', key)
        if (fault === 'error-before') throw lost('get', store, key)
        if (fault === 'delayed') await clock.sleep(50)
        return damagedReader(await store.reader!(key, options), fault, () => lost('get', store, key))
      }),
    put: (key, body, options = {}) =>
      meet('put', key, () => recent.making(store, key, () => store.put(key, body, options)), body.rewindable),
    delete: (key, options) => meet('delete', key, () => recent.deleting(store, key, () => store.delete(key, options))),
    list: (prefix, options = {}) => listBadly(store, plan.next('list', prefix), recent, prefix, options, clock),
  }
}

function lost(operation: Operation, store: ObjectStore, key: string): Fault {
  return new Fault('unavailable', `the connection was lost in ${operation}, as planned`, { at: `${store.name}/${key}` })
}

/** Ends in the middle, or has its middle byte changed. An empty body stays as it is. */
function damaged(body: ObjectBody, fault: 'truncated' | 'corrupted'): ObjectBody {
  const middle = Math.floor(body.length / 2)
  const bytes = bytesFrom(async function* () {
    let at = 0
    for await (const piece of body) {
      const hit = middle - at
      at += piece.byteLength
      if (hit < 0 || hit >= piece.byteLength) yield piece
      else if (fault === 'truncated') {
        yield piece.subarray(0, hit)
        return
      } else yield piece.map((byte, index) => (index === hit ? byte ^ 1 : byte))
    }
  }, body.length)
  return { ...bytes, info: body.info, length: body.length }
}

/** The first read that has bytes fails, or has its middle byte changed. */
function damagedReader(reader: ObjectReader, fault: StoreFault | undefined, lost: () => Fault): ObjectReader {
  let waiting = fault === 'truncated' || fault === 'corrupted' ? fault : undefined
  return {
    ...reader,
    async read(start, end) {
      const bytes = await reader.read(start, end)
      const now = bytes.byteLength === 0 ? undefined : waiting
      if (now === undefined) return bytes
      waiting = undefined
      if (now === 'truncated') throw lost()
      const middle = Math.floor(bytes.byteLength / 2)
      return bytes.map((byte, index) => (index === middle ? byte ^ 1 : byte))
    },
  }
}

interface Changes {
  readonly hidden: ReadonlySet<string>
  readonly shown: ReadonlyMap<string, ObjectInfo>
  making(store: ObjectStore, key: string, make: () => Promise<ObjectInfo>): Promise<ObjectInfo>
  deleting(store: ObjectStore, key: string, remove: () => Promise<void>): Promise<void>
}

const remembered = 8

/** Keys that were lately made where none was, and keys that were lately deleted. */
function recentChanges(): Changes {
  const hidden = new Set<string>()
  const shown = new Map<string, ObjectInfo>()
  const forget = (changes: Set<string> | Map<string, ObjectInfo>) => {
    const oldest = changes.size > remembered ? changes.keys().next().value : undefined
    if (oldest !== undefined) changes.delete(oldest)
  }
  return {
    hidden,
    shown,
    async making(store, key, make) {
      const before = isKey(key) ? await store.head(key) : undefined
      const info = await make()
      if (before === undefined && !shown.delete(key)) hidden.add(key)
      forget(hidden)
      return info
    },
    async deleting(store, key, remove) {
      const before = isKey(key) ? await store.head(key) : undefined
      await remove()
      if (before !== undefined && !hidden.delete(key)) shown.set(key, before)
      forget(shown)
    },
  }
}

async function* listBadly(
  store: ObjectStore,
  fault: StoreFault | undefined,
  recent: Changes,
  prefix: string,
  options: ListOptions,
  clock: Clock,
): AsyncGenerator<ObjectInfo> {
  const at = 3
  if (fault === 'error-before') throw lost('list', store, prefix)
  if (fault === 'delayed') await clock.sleep(50)
  if (fault === 'stale') return yield* await listStale(store, recent, prefix, options)
  let given = 0
  for await (const info of store.list(prefix, options)) {
    // The answer to a later page gets lost.
    if (fault === 'error-after' && given++ === at) throw lost('list', store, prefix)
    yield info
  }
  if (fault === 'error-after') throw lost('list', store, prefix)
}

async function listStale(store: ObjectStore, recent: Changes, prefix: string, options: ListOptions): Promise<ObjectInfo[]> {
  const now = await Array.fromAsync(store.list(prefix, options))
  const isMeant = ({ key }: ObjectInfo) => key.startsWith(prefix) && (options.after === undefined || compareKeys(key, options.after) > 0)
  const old = [...recent.shown.values()].filter(isMeant)
  return [...now.filter(({ key }) => !recent.hidden.has(key)), ...old].sort((a, b) => compareKeys(a.key, b.key))
}
