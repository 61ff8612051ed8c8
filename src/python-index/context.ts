import type { Clock, Report } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'
import type { IndexEnvironment } from './environment.ts'
import type { Login } from './upstream/netrc.ts'

/** Everything that the commands of an index need from outside, passed in. */
export interface IndexContext {
  readonly environment: IndexEnvironment
  /** The configured store: refs, records, what was learnt of files. */
  readonly store: ObjectStore
  /** The bucket: distributions, and pages as a view of the ref. It may be versioned. */
  readonly bucket: ObjectStore
  /** To be called before anything is written to the store: makes it a holdfast store where it is none yet. */
  readonly prepareStore: () => Promise<{ readonly isNew: boolean }>
  /** Who logs in at upstreams whose address says nobody; read where an upstream is asked. */
  readonly logins?: (() => Promise<readonly Login[]>) | undefined
  readonly clock: Clock
  readonly random: () => number
  /** Who acts, such as `ann@builder-3`. */
  readonly by: string
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}
