import type { Clock, Report } from '../kit/index.ts'
import type { Registry } from '../oci/index.ts'
import type { ImagesSettings } from './settings.ts'

/** Everything that the commands on images need from outside, passed in. What asks others is opened when it is first asked for, and so is what it needs of secrets. */
export interface ImagesContext {
  readonly settings: ImagesSettings
  /** The configured one; throws `invalid` where none is. */
  registry(): Promise<Registry>
  /** What was found out about runs and layers. It may be deleted. */
  readonly cacheDir: string
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}
