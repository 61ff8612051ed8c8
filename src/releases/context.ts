import type { Clock, Digest, Report } from '../kit/index.ts'
import type { ObjectStore, ResumeMemo } from '../store/index.ts'

/** Everything that the release commands need from outside, passed in. */
export interface ReleaseContext {
  /** The configured store. */
  readonly store: ObjectStore
  /**
   * To be called before anything is written: makes the place a holdfast store where it is none yet, and tells whether it was.
   * Throws `unsupported` where names cannot move there, because conditional writes do not hold.
   */
  readonly prepareStore: () => Promise<{ readonly isNew: boolean }>
  /** Opens the place of a view: a published bucket or folder. The caller of this function does not close it. */
  readonly openView: (url: string) => Promise<ObjectStore>
  readonly clock: Clock
  readonly random: () => number
  /** Who acts, such as `ann@builder-3`. */
  readonly by: string
  readonly env: NodeJS.ProcessEnv
  readonly report: Report
  readonly signal?: AbortSignal | undefined
  /** Folders that the store itself writes into, where it lies in one: what changes there makes no work tree dirty. */
  readonly storeFolders?: readonly string[] | undefined
  /** Keeps what is needed to go on with an interrupted upload of this blob. */
  readonly memoFor?: ((digest: Digest) => ResumeMemo) | undefined
}
