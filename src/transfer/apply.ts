import { asFault, type Bytes, Fault, forEachBounded, type Report, throwIfAborted } from '../kit/index.ts'
import type { Entry, Plan } from '../manifest/index.ts'
import { copy, type ObjectInfo, type ObjectStore, type PutOptions } from '../store/index.ts'
import { reported } from './reported.ts'

/** Where an entry's bytes come from. An `etag` holds the source to that version. */
export type Source = { readonly store: ObjectStore; readonly key: string; readonly etag?: string | undefined } | { readonly bytes: Bytes }

export interface ApplyOptions {
  readonly plan: Plan
  readonly to: ObjectStore
  readonly keyOf: (path: string) => string
  readonly sourceOf: (entry: Entry) => Promise<Source>
  /** How the object of a path is put. */
  readonly put?: ((path: string) => Pick<PutOptions, 'if' | 'contentType' | 'cacheControl' | 'public' | 'resume'>) | undefined
  /** Items at once; 8 unless told. */
  readonly concurrency?: number | undefined
  /** Told of each object as soon as it stands, also where others fail later. */
  readonly onWritten?: ((path: string, info: ObjectInfo) => void | Promise<void>) | undefined
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Applied {
  /** The objects that were added or changed, by path. */
  readonly written: ReadonlyMap<string, ObjectInfo>
  readonly removed: readonly string[]
  /** Objects that the place copied itself. */
  readonly near: number
  /** Bytes that passed through this process. */
  readonly moved: number
}

/**
 * Carries out a plan: adds and changes at once, and when all of them stand, the removals. An item that fails stops no other
 * of its kind; but where an addition or change failed, nothing is removed, since others may still need what is there.
 *
 * Throws `partial` with what failed, the items' own code where nothing at all was done, and `aborted` when stopped.
 * Every object is checked on its way; the size and, where the place knows it, the digest of what then stands as well.
 */
export async function applyPlan(options: ApplyOptions): Promise<Applied> {
  const { plan, report } = options
  const wanted = [...plan.adds, ...plan.changes.map(({ after }) => after)]
  const done: Done = { written: new Map(), removed: [], near: 0, moved: 0 }
  report?.({ kind: 'begin', task, items: wanted.length + plan.removes.length, bytes: plan.bytes })

  try {
    const unwritten = await forEachEntry(options, wanted, (entry, signal) => write(options, done, entry, signal))
    const mayRemove = unwritten.length === 0
    const unremoved = mayRemove ? await forEachEntry(options, plan.removes, (entry, signal) => remove(options, done, entry, signal)) : []
    const failed = [...unwritten, ...unremoved]
    if (failed.length > 0) throw failure(options, failed, done, mayRemove)
    return done
  } finally {
    report?.({ kind: 'end', task })
  }
}

const task = 'write'
const mostNamed = 10

interface Done extends Applied {
  readonly written: Map<string, ObjectInfo>
  readonly removed: string[]
  near: number
  moved: number
}

interface Failed {
  readonly path: string
  readonly fault: Fault
}

/** Does something with each entry, whatever becomes of the others; which ones failed. What is no fault of an entry is thrown. */
async function forEachEntry(
  { concurrency = 8, report, signal: outer }: ApplyOptions,
  entries: readonly Entry[],
  work: (entry: Entry, signal: AbortSignal) => Promise<void>,
): Promise<Failed[]> {
  const failed: Failed[] = []
  const tryOne = async (entry: Entry, signal: AbortSignal) => {
    try {
      await work(entry, signal)
      report?.({ kind: 'advance', task, items: 1 })
    } catch (error) {
      throwIfAborted(outer)
      const fault = asFault(error)
      if (fault.code === 'bug' || fault.code === 'aborted') throw fault
      failed.push({ path: entry.path, fault })
    }
  }
  await forEachBounded(entries, concurrency, tryOne, outer)
  return failed
}

async function write(options: ApplyOptions, done: Done, entry: Entry, signal: AbortSignal): Promise<void> {
  const key = options.keyOf(entry.path)
  const put: PutOptions = { ...options.put?.(entry.path), digest: entry.digest, signal }
  const source = await options.sourceOf(entry)
  const info = 'bytes' in source ? await send(options, done, source.bytes, key, put) : await copyOver(options, done, source, key, put)
  if (info.size !== entry.size || (info.digest ?? entry.digest) !== entry.digest) {
    const stands = `${info.size} bytes${info.digest === undefined ? '' : ` of ${info.digest}`}`
    throw new Fault('corrupt', `what stands there now is ${stands}, expected are ${entry.size} bytes of ${entry.digest}`, {
      at: `${options.to.name}/${key}`,
    })
  }
  done.written.set(entry.path, info)
  await options.onWritten?.(entry.path, info)
}

async function send({ to, report }: ApplyOptions, done: Done, bytes: Bytes, key: string, put: PutOptions): Promise<ObjectInfo> {
  const info = await to.put(key, report === undefined ? bytes : reported(bytes, report, task), put)
  done.moved += info.size
  return info
}

async function copyOver(
  { to, report }: ApplyOptions,
  done: Done,
  source: Exclude<Source, { bytes: Bytes }>,
  key: string,
  put: PutOptions,
): Promise<ObjectInfo> {
  const { info, way, moved, fellBack } = await copy(source.store, source.key, to, key, { ...put, etag: source.etag })
  if (way === 'near') done.near++
  done.moved += moved
  report?.({ kind: 'advance', task, bytes: info.size })
  if (fellBack !== undefined) {
    report?.({
      kind: 'note',
      level: 'info',
      text: `${to.name} cannot copy ${key} itself, its bytes went through here: ${fellBack.message}`,
    })
  }
  return info
}

async function remove({ to, keyOf }: ApplyOptions, done: Done, entry: Entry, signal: AbortSignal): Promise<void> {
  await to.delete(keyOf(entry.path), { signal })
  done.removed.push(entry.path)
}

function failure({ plan, to }: ApplyOptions, failed: readonly Failed[], done: Done, mayRemove: boolean): Fault {
  const { fault } = failed[0]!
  const items = plan.adds.length + plan.changes.length + plan.removes.length
  if (items === 1) return fault
  const nothingDone = done.written.size + done.removed.length === 0
  const code = nothingDone && failed.every((other) => other.fault.code === fault.code) ? fault.code : 'partial'
  const list = failed.slice(0, mostNamed).map((each) => `${each.path}: ${each.fault.message}`)
  if (failed.length > mostNamed) list.push(`and ${failed.length - mostNamed} more`)
  const left = mayRemove || plan.removes.length === 0 ? '' : `, so nothing was removed (${plan.removes.length} to remove)`
  return new Fault(code, `${failed.length} of ${items} items failed${left}: ${list.join('; ')}`, {
    at: to.name,
    cause: fault,
    hint: fault.hint ?? 'run it again: what is done is not done twice',
  })
}
