import { bytesOf, type Clock, Fault, isFault, type Report, silent } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import type { WriterStats } from '../chunk-store.ts'
import { formatKey, readStoreFormat } from '../format.ts'
import { openChunkReader, openChunkStore } from '../open-chunk-store.ts'
import { assertSameCuts, defaultParameters, ensureParameters, readParameters } from '../parameters.ts'
import { type Reaching, readReaching, type Tracer } from '../roots.ts'
import { copyContent, type CopiedContent } from './content.ts'
import { type NamesPlan, planNames } from './plan.ts'

export interface CopyStoreOptions extends Signal {
  /** Only read. */
  readonly from: ObjectStore
  readonly to: ObjectStore
  readonly clock: Clock
  readonly random: () => number
  /** Who copies, for people who look at leases. */
  readonly by: string
  /** What tree nodes lead to. */
  readonly trace: Tracer
  /** Directories for copies of indexes. */
  readonly caches?: { readonly from: string; readonly to: string } | undefined
  readonly report?: Report | undefined
}

/** Keys of refs and pins. */
export interface CopiedNames {
  readonly created: readonly string[]
  /** Brought forward from an earlier state of the same history. */
  readonly advanced: readonly string[]
  /** Refs and pins that are the same already. */
  readonly same: number
  /** The other store has something else there: left as it is, and nothing was copied for it. */
  readonly different: readonly string[]
}

export interface CopiedStore extends CopiedNames {
  /** Undefined where no name had anything to bring. */
  readonly content: CopiedContent | undefined
  readonly chunks: WriterStats | undefined
}

const named = ['refs/', 'pins/']

/** Which refs and pins a copy would create, and which differ. */
export async function planStoreCopy({ from, to, signal }: Pick<CopyStoreOptions, 'from' | 'to' | 'signal'>): Promise<CopiedNames> {
  return namesOf(await planFor(from, to, { signal }))
}

/**
 * Copies all that refs and pins reach into another store, checked on the way: what it lacks of artifacts, chunks, nodes and records, then the
 * refs and pins themselves, where it has none or an earlier state of the same. May be killed anywhere: run again, it stores what is missing
 * still. Throws `corrupt` where the source is damaged, before any name has moved, and `unsupported` where the other store cuts
 * files in another way.
 */
export async function copyStore(options: CopyStoreOptions): Promise<CopiedStore> {
  const { from, to, clock, random, report = silent, signal } = options
  if ((await readStoreFormat(from, { signal })) === undefined) {
    throw new Fault('not-found', 'there is no holdfast store here; nothing was copied', { at: `${from.name}/${formatKey}` })
  }
  const wanted = (await readParameters(from, { signal })) ?? defaultParameters
  const { parameters } = await ensureParameters(to, { now: clock.now(), random, wanted, signal })
  assertSameCuts(wanted, parameters, to.name)
  const first = await planFor(from, to, { signal })
  if (first.create.length === 0 && first.advance.length === 0) return { ...namesOf(first), content: undefined, chunks: undefined }
  const target = await openChunkStore(to, { clock, random, cache: options.caches?.to, report, signal })
  const writer = await target.startWriter({ by: options.by, signal })
  const source = await openChunkReader(from, { cache: options.caches?.from, report, signal })
  try {
    // Read under the lease: what the other store's names reach now is not taken from it before the lease has gone.
    const there = await namesIn(to, { signal })
    const plan = planNames(await namesIn(from, { signal }), there)
    await source.refresh({ signal })
    const present = there.flatMap(({ record }) => record.reaches)
    const moving = [...plan.create, ...plan.advance.map((each) => each.from)]
    report({ kind: 'begin', task: 'copy' })
    const content = await copyContent(
      { ...options, report, source, writer },
      moving.flatMap(({ record }) => record.reaches),
      present,
    )
    report({ kind: 'end', task: 'copy' })
    const chunks = await writer.finish()
    await content.putRecords()
    const moved = await writer.publish(async () => await putNames(to, plan, { signal }))
    return { ...namesOf(moved), content: content.copied(), chunks }
  } finally {
    await writer.abort()
    await source.close()
    await target.close()
  }
}

async function namesIn(store: ObjectStore, options: Signal): Promise<Reaching[]> {
  return await Array.fromAsync(readReaching(store, named, options))
}

async function planFor(from: ObjectStore, to: ObjectStore, options: Signal): Promise<NamesPlan> {
  return planNames(await namesIn(from, options), await namesIn(to, options))
}

/** Refs before pins, each by a conditional write; one that somebody else has moved meanwhile is theirs. */
async function putNames(to: ObjectStore, plan: NamesPlan, { signal }: Signal): Promise<NamesPlan> {
  const done = { ...plan, create: [] as Reaching[], advance: [] as NamesPlan['advance'][number][], different: [...plan.different] }
  const put = async (each: Reaching, condition: 'absent' | { readonly etag: string }) => {
    try {
      await to.put(each.key, bytesOf(each.bytes), { if: condition, contentType: 'application/json', signal })
      return true
    } catch (error) {
      if (!isFault(error, 'precondition')) throw error
      done.different.push(each)
      return false
    }
  }
  for (const each of plan.create) if (await put(each, 'absent')) done.create.push(each)
  for (const each of plan.advance) if (await put(each.from, { etag: each.over.etag })) done.advance.push(each)
  return done
}

function namesOf({ create, advance, same, different }: NamesPlan): CopiedNames {
  return {
    created: create.map(({ key }) => key),
    advanced: advance.map(({ from }) => from.key),
    same: same.length,
    different: different.map(({ key }) => key),
  }
}
