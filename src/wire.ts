import { createHash } from 'node:crypto'
import { realpath } from 'node:fs/promises'
import { homedir, hostname, userInfo } from 'node:os'
import path from 'node:path'
import type { Config } from './config/index.ts'
import { type Clock, Fault, hexOf, readSmallFile, replaceFile, type Report, silent } from './kit/index.ts'
import type { ReleaseContext } from './releases/index.ts'
import { createByteRate, createMeter, type Meter, type ObjectStore, openStore, proveConditionalPuts } from './store/index.ts'
import { fileMemo } from './transfer/index.ts'

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
}

export interface Wire {
  readonly config: Config
  /** State of this project on this machine: resumes. It may not be deleted. */
  readonly stateDir: string
  /** What was found out about this store. It may be deleted. */
  readonly cacheDir: string
  readonly by: string
  readonly meter: Meter
  /** The configured store. */
  store(): Promise<ObjectStore>
  /** The store at a URL; opened once, closed with the wire. */
  openStore(url: string): Promise<ObjectStore>
  /** Another handle on the store at a URL, which the caller closes. It says nothing of what it tries again. */
  openFresh(url: string): Promise<ObjectStore>
  releases(): Promise<ReleaseContext>
  close(): Promise<void>
}

export async function openWire(options: WireOptions): Promise<Wire> {
  const { config, env, clock, random, report, signal } = options
  const meter = createMeter()
  const opened = new Map<string, Promise<ObjectStore>>()
  const folders = await foldersOf(config, env)
  const by = whoIs(env)
  const rate = options.limitRate === undefined ? undefined : createByteRate(options.limitRate, clock)
  const settings = { cwd: config.root, clock, random, meter, report, env, s3: config.store.s3, rate }
  const open = (url: string) => {
    const known = opened.get(url) ?? openStore(url, settings)
    opened.set(url, known)
    return known
  }
  return {
    config,
    ...folders,
    by,
    meter,
    store: () => open(config.store.url),
    openStore: open,
    openFresh: async (url) => await openStore(url, { ...settings, report: silent }),
    async releases() {
      const store = await open(config.store.url)
      return {
        store,
        proveStore: rememberedProof(store, folders.cacheDir, { random, signal }),
        openView: open,
        clock,
        random,
        by,
        env: { ...env },
        report,
        signal,
        memoFor: (digest) => fileMemo(path.join(folders.stateDir, 'uploads', `${hexOf(digest)}.json`)),
      }
    },
    async close() {
      for (const store of await Promise.allSettled(opened.values())) if (store.status === 'fulfilled') await store.value.close()
    },
  }
}

async function foldersOf(config: Config, env: WireOptions['env']): Promise<{ stateDir: string; cacheDir: string }> {
  const root = await realpath(config.root).catch(() => config.root)
  const at = [config.store.url, config.store.s3.endpoint ?? ''].join('\n')
  return {
    stateDir: path.join(baseFolder(env, 'XDG_STATE_HOME', '.local/state'), 'holdfast', shortHash(root)),
    cacheDir: path.join(baseFolder(env, 'XDG_CACHE_HOME', '.cache'), 'holdfast', shortHash(at)),
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

/** Names that move need conditional puts that hold. Found out once for each store and remembered in the cache folder. */
function rememberedProof(
  store: ObjectStore,
  cacheDir: string,
  options: { random: () => number; signal: AbortSignal | undefined },
): () => Promise<void> {
  const file = path.join(cacheDir, 'conditional-puts')
  return async () => {
    if (store.can.conditionalPut === 'yes') return
    if (store.can.conditionalPut === 'unproven' && (await readSmallFile(file)) !== undefined) return
    const { holds, why } = await proveConditionalPuts(store, options)
    if (!holds) {
      throw new Fault('unsupported', `this store cannot carry releases: ${why}`, {
        at: store.name,
        hint: 'use a store where conditional writes hold (`holdfast doctor --store URL` shows it); this one can still be published to',
      })
    }
    await replaceFile(file, `${why}\n`)
  }
}
