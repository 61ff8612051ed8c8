import { existsSync } from 'node:fs'
import { rm } from 'node:fs/promises'
import { type ByteText, Fault, isFault, type Report, shownName } from '../../kit/index.ts'
import { createShortfall, describeOmission, type Shortfall } from '../../snapshots/attributes/index.ts'
import type { Place } from '../mode.ts'
import { type CopiedTree, copyTree, type CopyTreeOptions } from './copy.ts'
import { differenceOf, readMarks, type TreeMarks } from './marks.ts'

export interface Still {
  readonly copied: CopiedTree
  /** Of the live tree, before anything of it was read. */
  readonly before: TreeMarks
}

/** So often, a copy of a tree that changed meanwhile is made again. */
const mostTries = 5
/** Milliseconds within which a file system may give two changes one time. */
const tick = 10

interface Stilling extends Pick<CopyTreeOptions, 'how' | 'make'> {
  /** The whole tree, or a part of what the live directory shows. */
  readonly from: string
}

/** Shares the whole live tree with a copy, as it was at one moment. `busy` where it never stands still. */
export async function cloneStill(place: Place, to: string, make?: CopyTreeOptions['make']): Promise<Still> {
  return await copyStill(place, to, { from: place.live, how: 'clone', ...(make === undefined ? {} : { make }) })
}

/**
 * Copies a tree as it was at one moment: where anything of it changed meanwhile, the copy is made anew. `busy` where it never
 * stands still.
 */
export async function copyStill(place: Place, to: string, { from, ...how }: Stilling): Promise<Still> {
  const shortfall = createShortfall()
  for (let tries = 1; ; tries++) {
    const tried = await tryOnce(place, to, { from, ...how, shortfall })
    if ('copied' in tried) {
      tellOmissions(shortfall, place.report, 'set')
      return tried
    }
    if (tries === mostTries) {
      throw new Fault(
        'busy',
        `the live directory changes faster than it can be kept: ${shownName(tried.changed) || 'its root'} did while it was copied`,
        {
          at: place.live,
          hint: 'stop what writes there meanwhile (a hook can do it: before_create)',
        },
      )
    }
    await rm(to, { recursive: true, force: true })
  }
}

/** The copy, or what changed meanwhile. */
async function tryOnce(
  { report, signal, clock }: Place,
  to: string,
  { from, ...how }: Stilling & { readonly shortfall: Shortfall },
): Promise<Still | { readonly changed: ByteText }> {
  let before: TreeMarks | undefined
  try {
    before = readMarks(from, signal)
    if (isFresh(before, clock.now())) {
      // What is written next might get the time that this has.
      await clock.sleep(tick, signal)
      before = readMarks(from, signal)
    }
    const copied = await copyTree(from, to, { ...how, report, signal })
    const changed = differenceOf(before, readMarks(from, signal))
    return changed === undefined ? { copied, before } : { changed }
  } catch (error) {
    const gone = isFault(error, 'not-found') && existsSync(from) ? changedSince(from, before, signal) : undefined
    if (gone === undefined) throw error
    return { changed: gone }
  }
}

/** Of a tree in which something was not there any more when it was to be read: what differs by now. */
function changedSince(from: string, before: TreeMarks | undefined, signal: AbortSignal | undefined): ByteText | undefined {
  try {
    return before === undefined ? '' : differenceOf(before, readMarks(from, signal))
  } catch (error) {
    if (isFault(error, 'not-found')) return ''
    throw error
  }
}

/** Whether anything changed so lately that a further change might not show. */
function isFresh(marks: TreeMarks, now: number): boolean {
  const [from, to] = [BigInt(Math.floor(now - tick)) * 1_000_000n, BigInt(Math.ceil(now)) * 1_000_000n]
  return marks.values().some(({ ctimeNs }) => ctimeNs >= from && ctimeNs <= to)
}

/** Says what attributes were left out. */
export function tellOmissions(shortfall: Shortfall, report: Report, verb: 'read' | 'set' | 'make'): void {
  for (const omission of shortfall.omissions()) report({ kind: 'note', level: 'warning', text: describeOmission(omission, verb) })
}
