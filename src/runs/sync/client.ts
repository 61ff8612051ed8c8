import { type Clock, type Fault, isFault, type Report, silent } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import type { SyncStats, Way } from './report.ts'
import { type Preview, previewSync, type SyncOptions, syncRuns } from './sync.ts'

export interface ManifestSyncClientOptions {
  /** Where the runs are. It is read, never written to, and stays open. */
  readonly source: ObjectStore
  /** The folder that runs are synced into. */
  readonly cacheDir: string
  /** Seconds: each sync waits a random part of it, so that many clients do not come at once; 5 unless told. */
  readonly jitterMax?: number | undefined
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
}

export interface SyncCall extends Pick<SyncOptions, 'selection' | 'force' | 'remove'> {
  /** Told after each file. */
  readonly progressCallback?: ((completed: number, total: number, currentFile: string) => void) | undefined
}

/** Syncs runs by what the server lists: pages, else a manifest of format 1.0. Without either it throws `not-found`. */
export class ManifestSyncClient {
  readonly #options: ManifestSyncClientOptions
  readonly #ways: readonly Way[]

  constructor(options: ManifestSyncClientOptions, ways: readonly Way[] = ['pages', 'manifest']) {
    this.#options = options
    this.#ways = ways
  }

  /** Makes the folder what the source has; see `syncRuns`. */
  async sync({ progressCallback, ...call }: SyncCall = {}): Promise<SyncStats> {
    const { jitterMax = 5, clock, random, signal } = this.#options
    if (jitterMax > 0) await clock.sleep(random() * jitterMax * 1000, signal)
    return await syncRuns({ ...this.#common(), ...call, onFile: progressCallback })
  }

  /** What a sync would do now; nothing is changed. */
  async preview(call: Omit<SyncCall, 'progressCallback' | 'remove'> = {}): Promise<Preview> {
    return await previewSync({ ...this.#common(), ...call })
  }

  #common(): SyncOptions {
    const { source, cacheDir, clock, report = silent, signal } = this.#options
    return { source, folder: cacheDir, ways: this.#ways, clock, report, signal }
  }
}

export interface MetadataSyncServiceOptions extends Omit<ManifestSyncClientOptions, 'jitterMax'> {
  /** Whether pages and manifests are tried before the walk over everything; yes unless told. */
  readonly useManifestSync?: boolean | undefined
  /** Seconds; 5 unless told. */
  readonly manifestSyncJitter?: number | undefined
}

/** Syncs all runs, by what the server lists where it lists anything, else by a walk over everything, which is said and counted. */
export class MetadataSyncService {
  readonly #client: ManifestSyncClient
  #last: SyncStats | undefined
  #fault: Fault | undefined

  constructor({ useManifestSync = true, manifestSyncJitter = 5, ...options }: MetadataSyncServiceOptions) {
    this.#client = new ManifestSyncClient(
      { ...options, jitterMax: useManifestSync ? manifestSyncJitter : 0 },
      useManifestSync ? ['pages', 'manifest', 'walk'] : ['walk'],
    )
  }

  /** Whether everything is as it is at the source. False where files failed, or the source could not be reached: see `last` and `fault`. */
  async syncAll(call: SyncCall = {}): Promise<boolean> {
    this.#fault = undefined
    try {
      this.#last = await this.#client.sync(call)
      return this.#last.failures.count === 0
    } catch (error) {
      if (!isFault(error) || error.code === 'bug' || error.code === 'aborted') throw error
      this.#fault = error
      return false
    }
  }

  /** What the last sync that came to an end did, with the ways that it fell back on. */
  get last(): SyncStats | undefined {
    return this.#last
  }

  /** Why the last call came to nothing. */
  get fault(): Fault | undefined {
    return this.#fault
  }
}
