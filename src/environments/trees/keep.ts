import { rm } from 'node:fs/promises'
import { Fault, type Report, shownName } from '../../kit/index.ts'
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

/**
 * Shares the whole live tree with a copy, as it was at one moment: where anything of it changed meanwhile, the copy is made
 * anew. `busy` where it never stands still.
 */
export async function cloneStill(place: Place, to: string, make?: CopyTreeOptions['make']): Promise<Still> {
  const shortfall = createShortfall()
  for (let tries = 1; ; tries++) {
    const before = readMarks(place.live, place.signal)
    const copied = await copyTree(place.live, to, {
      how: 'clone',
      shortfall,
      report: place.report,
      signal: place.signal,
      ...(make === undefined ? {} : { make }),
    })
    const changed = differenceOf(before, readMarks(place.live, place.signal))
    if (changed === undefined) {
      tellOmissions(shortfall, place.report, 'set')
      return { copied, before }
    }
    if (tries === mostTries) {
      throw new Fault(
        'busy',
        `the live directory changes faster than it can be kept: ${shownName(changed) || 'its root'} did while it was copied`,
        {
          at: place.live,
          hint: 'stop what writes there meanwhile (a hook can do it: before_create)',
        },
      )
    }
    await rm(to, { recursive: true, force: true })
  }
}

/** Says what attributes were left out. */
export function tellOmissions(shortfall: Shortfall, report: Report, verb: 'read' | 'set' | 'make'): void {
  for (const omission of shortfall.omissions()) report({ kind: 'note', level: 'warning', text: describeOmission(omission, verb) })
}
