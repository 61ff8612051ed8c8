import type { Config, EnvironmentConfig } from '../config/index.ts'
import type { Queue } from '../daemon/index.ts'
import type { EnvironmentContext } from '../environments/index.ts'
import type { ImagesAccess, ImagesContext, ImagesSettings } from '../images/index.ts'
import type { HttpClient } from '../kit/http/index.ts'
import type { Clock, Report, Tracer } from '../kit/index.ts'
import type { IndexContext, IndexEnvironment } from '../python-index/index.ts'
import type { ReleaseContext } from '../releases/index.ts'
import type { SnapshotContext } from '../snapshots/index.ts'
import type { ByteRate, Meter, ObjectStore } from '../store/index.ts'

export interface WireOptions {
  readonly config: Config
  readonly env: Readonly<Record<string, string | undefined>>
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
  /** Bytes a second, over all stores. */
  readonly limitRate?: number | undefined
  /** Follows what stores and servers are asked. */
  readonly tracer?: Tracer | undefined
}

/** What a configuration describes, ready to use. */
export interface Wire {
  readonly config: Config
  /** State of this project on this machine: resumes. It may not be deleted. */
  readonly stateDir: string
  /** What was found out about stores, a folder for each store id. It may be deleted. */
  readonly cacheRoot: string
  readonly by: string
  /** What all stores have counted. */
  meter(): Promise<Meter>
  /** What --limit-rate says, shared by all that moves bytes; undefined where it says nothing. */
  rate(): Promise<ByteRate | undefined>
  /** The configured store. */
  store(): Promise<ObjectStore>
  /** The store at a URL; opened once, closed with the wire. */
  openStore(url: string): Promise<ObjectStore>
  /** A tree that others keep, at a URL: it is only read, and on a server it has no generations. Closed with the wire. */
  openTree(url: string): Promise<ObjectStore>
  /** Another handle on the store at a URL, which the caller closes. It says nothing of what it tries again. */
  openFresh(url: string): Promise<ObjectStore>
  releases(): Promise<ReleaseContext>
  /** Of the configured store, or of the one at the URL. */
  snapshots(url?: string): Promise<SnapshotContext>
  environment(environment: EnvironmentConfig): Promise<EnvironmentContext>
  pythonIndex(environment: IndexEnvironment): Promise<IndexContext>
  images(settings: ImagesSettings, access: ImagesAccess): Promise<ImagesContext>
  /**
   * The client of everything that is asked over HTTP, through the proxy that the variables name; what it sends is counted, and it is closed
   * with the wire. `ca` are certificates that are trusted beside Node's own, in PEM: a client for those alone.
   */
  http(ca?: string): Promise<HttpClient>
  /** Where units of work wait: the configured database, or a file of this project on this machine. Closed with the wire. */
  queue(): Promise<Queue>
  /** Where the store is a folder, that one, with no link on the way: a snapshot of the tree around it leaves it out. */
  ownFolders(): Promise<string[]>
  close(): Promise<void>
}
