import { type Clock, Fault, isFault, type Report } from '../../../kit/index.ts'
import { createMeter, type Meter, meteredStore, type MeterReading, type ObjectStore } from '../../../store/index.ts'
import { manifestFolder } from '../../format/place.ts'
import type { Root } from '../../format/root.ts'
import type { FellBack, Way } from '../report.ts'

/** Where runs are synced from, and how it is counted. */
export interface Source {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly report: Report
  readonly signal: AbortSignal | undefined
  used(): Used
  /** The root, where its reading was begun beforehand: see `beginRoot`. */
  begun: Promise<Root> | undefined
}

/** What was asked of the source. */
export interface Used {
  /** Objects that were opened and listings that were begun. */
  readonly operations: number
  readonly opened: number
  readonly listed: number
  /** Bytes of content that came from there. */
  readonly bytes: number
}

export function openSource(store: ObjectStore, options: { clock: Clock; report: Report; signal?: AbortSignal | undefined }): Source {
  const meter: Meter = createMeter()
  return { ...options, signal: options.signal, store: meteredStore(store, meter), used: () => usedOf(meter.snapshot()), begun: undefined }
}

function usedOf({ operations, bytes }: MeterReading): Used {
  const opened = operations.get + operations.head
  return { operations: opened + operations.list, opened, listed: operations.list, bytes: bytes.read }
}

/** The key of something that a generator writes. */
export function manifestKey(name: string): string {
  return `${manifestFolder}/${name}`
}

/** Each way's name for people. */
const saysOf: Readonly<Record<Way, string>> = {
  pages: 'the pages of the manifest',
  manifest: 'the manifest of format 1.0',
  walk: 'a walk over all files',
}

/** What a way does not tell of, which a sync by it leaves as it is. */
const leavesOut: Readonly<Partial<Record<Way, string>>> = {
  manifest: ', which lists metadata and logs alone: media and other files stay as they are here',
}

const allWays: readonly Way[] = ['pages', 'manifest', 'walk']

export interface Gone<T> {
  readonly way: Way
  readonly fellBack: readonly FellBack[]
  readonly result: T
}

/**
 * Goes the first way that can be gone. One that is not there, not for us or not to be trusted is left for the next, and that is said; what
 * the last one throws is thrown, and so is what no other way would mend.
 */
export async function goWays<T>(
  { ways = allWays, report }: { readonly ways?: readonly Way[] | undefined; readonly report: Report },
  go: (way: Way) => Promise<T>,
): Promise<Gone<T>> {
  const fellBack: FellBack[] = []
  for (const [index, way] of ways.entries()) {
    try {
      return { way, fellBack, result: await go(way) }
    } catch (error) {
      const next = ways[index + 1]
      if (next === undefined || !isWorthAnotherWay(error)) throw error
      fellBack.push({ from: way, to: next, because: error })
      report({
        kind: 'note',
        level: 'warning',
        text: `${saysOf[way]} cannot be used, going on with ${saysOf[next]}${leavesOut[next] ?? ''}: ${error.message}`,
      })
    }
  }
  throw new Fault('invalid', 'there is no way left to go', { hint: 'name at least one way' })
}

function isWorthAnotherWay(error: unknown): error is Fault {
  return isFault(error) && ['not-found', 'denied', 'corrupt', 'unsupported'].includes(error.code)
}
