import type { Fault } from '../../../kit/index.ts'
import type { TargetFolder } from '../local/folder.ts'
import type { Landing } from '../local/landing.ts'
import type { Parts } from '../local/part.ts'
import type { Source } from '../source/source.ts'
import type { Wanted } from '../state/plan.ts'
import type { State } from '../state/state.ts'

/** What fetching works with. */
export interface Fetching {
  readonly source: Source
  readonly state: State
  readonly folder: TargetFolder
  readonly parts: Parts
  readonly landing: Landing
  readonly signal: AbortSignal
  /** Notes that a file could not be fetched; where that is not the file's fault but the place's, it is thrown after a few. */
  failed(wanted: Wanted, fault: Fault): void
}
