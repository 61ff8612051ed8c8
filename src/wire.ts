import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { homedir, hostname, userInfo } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChunkStore, StoreFormat } from './chunks/index.ts'
import type { Config, EnvironmentConfig } from './config/index.ts'
import type { Queue } from './daemon/index.ts'
import type { EnvironmentContext } from './environments/index.ts'
import type { ImagesAccess, ImagesContext, ImagesSettings } from './images/index.ts'
import type { HttpClient } from './kit/http/index.ts'
import { type Clock, Fault, hexOf, readSmallFile, replaceFile, type Report, silent, type Tracer } from './kit/index.ts'
import type { IndexContext, IndexEnvironment, Login } from './python-index/index.ts'
import type { ReleaseContext } from './releases/index.ts'
import type { SnapshotContext } from './snapshots/index.ts'
import type { ByteRate, Meter, ObjectStore, OpenOptions } from './store/index.ts'

/**
 * The composition root: configuration in, everything wired.
 *
 * Promises: a store is opened when it is first asked for, once for each URL, and closed with the wire; every store counts
 * in one meter. Never does: read a file of its own accord before something needs it, keep anything global.
 */
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

/** Everything that a configuration describes, opened as it is first asked for. `close` ends what was opened. */
export async function openWire(options: WireOptions): Promise<Wire> {
  const { config, env, clock, random, report, signal, tracer } = options
  const opened = new Map<string, Promise<ObjectStore>>()
  const trees: Promise<ObjectStore>[] = []
  const clients = new Map<string | undefined, Promise<HttpClient>>()
  const openedChunks = new Map<ObjectStore, Promise<ChunkStore>>()
  let queue: Promise<Queue> | undefined
  const folders = await foldersOf(config, env)
  const by = whoIs(env)
  const loadStores = async () => {
    const { createByteRate, createMeter, openStore } = await storeRoom()
    const meter = createMeter()
    const rate = options.limitRate === undefined ? undefined : createByteRate(options.limitRate, clock)
    const settings = { cwd: config.root, clock, random, meter, report, env, s3: config.store.s3, sftp: config.store.sftp, rate, tracer }
    return { meter, rate, open: async (url: string, other: Partial<OpenOptions> = {}) => await openStore(url, { ...settings, ...other }) }
  }
  let stores: ReturnType<typeof loadStores> | undefined
  const loaded = () => (stores ??= loadStores())
  const open = (url: string) => {
    const known = opened.get(url) ?? loaded().then((room) => room.open(url))
    opened.set(url, known)
    return known
  }
  const openHttp = async (ca: string | undefined) => {
    const { createHttp } = await import('./kit/http/index.ts')
    const { meter } = await loaded()
    const onRequest = (method: string) => meter.request(method)
    return createHttp({ clock, random, report, onRequest, userAgent: 'holdfast', proxy: env, ca: ca === undefined ? [] : [ca], tracer })
  }
  const wire: Wire = {
    config,
    ...folders,
    by,
    meter: async () => (await loaded()).meter,
    rate: async () => (await loaded()).rate,
    store: () => open(config.store.url),
    openStore: open,
    openTree(url) {
      const tree = loaded().then((room) => room.open(url, { plain: true, readOnly: true }))
      trees.push(tree)
      return tree
    },
    openFresh: async (url) => await (await loaded()).open(url, { report: silent }),
    async releases() {
      const { fileMemo } = await import('./transfer/index.ts')
      const store = await open(config.store.url)
      return {
        store,
        prepareStore: () => prepareStore({ store, clock, random, signal, cacheRoot: folders.cacheRoot }),
        openView: open,
        clock,
        random,
        by,
        env: { ...env },
        report,
        signal,
        storeFolders: config.store.url.startsWith('file:') ? [fileURLToPath(config.store.url)] : [],
        memoFor: (digest) => fileMemo(path.join(folders.stateDir, 'uploads', `${hexOf(digest)}.json`)),
      }
    },
    async snapshots(url = config.store.url) {
      const store = await open(url)
      const { cacheRoot } = folders
      let format: StoreFormat | undefined
      const cacheDir = async () => path.join(cacheRoot, (format ??= await formatOf(store, signal)).id)
      const openChunks = async () =>
        await (await chunkRoom()).openChunkStore(store, { clock, random, cache: await cacheDir(), report, signal })
      return {
        store,
        async prepareStore() {
          const prepared = await prepareStore({ store, clock, random, signal, cacheRoot })
          format = prepared.format
          return prepared
        },
        chunks() {
          const known = openedChunks.get(store) ?? openChunks()
          openedChunks.set(store, known)
          return known
        },
        cacheDir,
        clock,
        random,
        by,
        host: hostname(),
        report,
        signal,
      }
    },
    async environment({ name, path: live, root, snapshotsDir, settings: wanted }) {
      const { modeLookup } = await import('./environments/index.ts')
      const modes = modeLookup({ environment: name, env, clock, snapshots: () => wire.snapshots() })
      return { name, live, root, snapshotsDir, configuration: config.file, settings: wanted, modes, env, clock, random, report, signal }
    },
    async pythonIndex(environment) {
      const store = await open(config.store.url)
      return {
        environment,
        store,
        bucket: await open(environment.bucket),
        prepareStore: () => prepareStore({ store, clock, random, signal, cacheRoot: folders.cacheRoot }),
        logins: () => netrcLogins(env),
        clock,
        random,
        by,
        report,
        signal,
      }
    },
    async images(settings, access) {
      const { openImages } = await import('./images/index.ts')
      const { cacheRoot } = folders
      const home = env['HOME'] || homedir()
      return openImages({ settings, access, http: (ca) => wire.http(ca), env, home, cacheRoot, clock, random, report, signal })
    },
    http(ca) {
      const known = clients.get(ca) ?? openHttp(ca)
      clients.set(ca, known)
      return known
    },
    queue() {
      queue ??= openQueue(config, folders.stateDir, clock, random).catch((error: unknown) => {
        // A database that is away may be there when it is asked for again.
        queue = undefined
        throw error
      })
      return queue
    },
    async ownFolders() {
      const { parseStoreUrl } = await storeRoom()
      const place = parseStoreUrl(config.store.url, config.root)
      return place.scheme === 'file' ? [await realFolder(place.root)] : []
    },
    async close() {
      await (await queue?.catch(() => undefined))?.close()
      for (const client of await Promise.allSettled(clients.values())) if (client.status === 'fulfilled') client.value.close()
      for (const chunks of await Promise.allSettled(openedChunks.values())) if (chunks.status === 'fulfilled') await chunks.value.close()
      for (const store of await Promise.allSettled([...opened.values(), ...trees]))
        if (store.status === 'fulfilled') await store.value.close()
    },
  }
  return wire
}

/** Loaded when something needs them: most commands on environments do not. */
const chunkRoom = async () => await import('./chunks/index.ts')
const storeRoom = async () => await import('./store/index.ts')

async function openQueue({ queue }: Config, stateDir: string, clock: Clock, random: () => number): Promise<Queue> {
  const { openFileQueue, openServerQueue } = await import('./daemon/index.ts')
  if (queue !== undefined) return await openServerQueue(queue, { clock, random })
  return await openFileQueue(path.join(stateDir, 'daemon.sqlite'), { clock, random })
}

async function foldersOf(config: Config, env: WireOptions['env']): Promise<{ stateDir: string; cacheRoot: string }> {
  const root = await realpath(config.root).catch(() => config.root)
  return {
    stateDir: path.join(baseFolder(env, 'XDG_STATE_HOME', '.local/state'), 'holdfast', shortHash(root)),
    cacheRoot: path.join(baseFolder(env, 'XDG_CACHE_HOME', '.cache'), 'holdfast'),
  }
}

/** Without links, also where it is yet to be made. */
async function realFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder)
  } catch {
    const outer = path.dirname(folder)
    return outer === folder ? folder : path.join(await realFolder(outer), path.basename(folder))
  }
}

/** XDG Base Directory Specification: a relative path in the variable is ignored. */
function baseFolder(env: WireOptions['env'], variable: string, fallback: string): string {
  const value = env[variable]
  return value !== undefined && path.isAbsolute(value) ? value : path.join(env['HOME'] || homedir(), fallback)
}

function shortHash(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 16)
}

/** `ann@builder-3` */
function whoIs(env: WireOptions['env']): string {
  return `${env['USER'] || env['LOGNAME'] || accountName()}@${hostname()}`
}

function accountName(): string {
  try {
    return userInfo().username
  } catch {
    // A container's number without an entry in the list of users.
    return 'unknown'
  }
}

/**
 * Makes the place a holdfast store where it is none, and finds out once for each store and machine whether conditional puts
 * hold there. A place where they do not is refused before anything is written to it.
 */
async function prepareStore(wired: Wired): Promise<{ format: StoreFormat; isNew: boolean }> {
  const { store, clock, random, signal } = wired
  const { ensureStoreFormat, readStoreFormat } = await chunkRoom()
  const present = await readStoreFormat(store, { signal })
  if (present === undefined) await prove(wired)
  const { format, isNew } = await ensureStoreFormat(store, { now: clock.now(), random, signal })
  const remembered = path.join(wired.cacheRoot, format.id, 'conditional-puts')
  if (store.can.conditionalPut === 'unproven' && (await readSmallFile(remembered)) === undefined) {
    const why = present === undefined ? 'proven when the store was made' : await prove(wired)
    await replaceFile(remembered, `${why}\n`)
  }
  return { format, isNew }
}

/** Throws `not-found` where there is no holdfast store. */
async function formatOf(store: ObjectStore, signal: AbortSignal | undefined): Promise<StoreFormat> {
  const { readStoreFormat } = await chunkRoom()
  const format = await readStoreFormat(store, { signal })
  if (format !== undefined) return format
  throw new Fault('not-found', 'there is no holdfast store here yet', {
    at: store.name,
    hint: 'check --store, or make a snapshot: that makes the store',
  })
}

async function prove({ store, random, signal }: Wired): Promise<string> {
  if (store.can.conditionalPut === 'yes') return 'the driver promises it'
  const { proveConditionalPuts } = await storeRoom()
  const { holds, why } = await proveConditionalPuts(store, { random, signal })
  if (holds) return why
  throw new Fault('unsupported', `this store cannot carry names that move: ${why}`, {
    at: store.name,
    hint: 'use a store where conditional writes hold (`holdfast doctor --store URL` shows it); this one can still be published to',
  })
}

const netrcLimit = 1 << 20

/** Of the file that `NETRC` names, else of `.netrc` in the home folder, which may be missing. */
async function netrcLogins(env: WireOptions['env']): Promise<Login[]> {
  const { parseNetrc } = await import('./python-index/index.ts')
  const named = env['NETRC']
  const file = named || path.join(env['HOME'] || homedir(), '.netrc')
  const text = await readSmallFile(file, netrcLimit)
  if (text === undefined && named) throw new Fault('not-found', 'there is no such .netrc', { at: file, hint: 'NETRC names it' })
  return text === undefined ? [] : parseNetrc(text)
}

interface Wired {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly random: () => number
  readonly signal: AbortSignal | undefined
  readonly cacheRoot: string
}
