import { homedir } from 'node:os'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import type { EnvironmentConfig } from '../config/index.ts'
import type { EnvironmentContext } from '../environments/index.ts'
import type { ImagesAccess, ImagesContext, ImagesSettings } from '../images/index.ts'
import { hexOf } from '../kit/index.ts'
import type { IndexContext, IndexEnvironment } from '../python-index/index.ts'
import type { ReleaseContext } from '../releases/index.ts'
import { netrcLogins } from './netrc.ts'
import { prepareStore } from './prepare-store.ts'
import type { Stores } from './stores.ts'
import type { Folders } from './surroundings.ts'
import type { Wire, WireOptions } from './wire.ts'

/** What every capability's context is made of. */
export interface Ground {
  readonly options: WireOptions
  readonly folders: Folders
  readonly by: string
  readonly stores: Stores
}

export async function releaseContext({ options, folders, by, stores }: Ground): Promise<ReleaseContext> {
  const { config, env, clock, random, report, signal } = options
  const { fileMemo } = await import('../transfer/index.ts')
  const store = await stores.open(config.store.url)
  return {
    store,
    prepareStore: () => prepareStore({ store, clock, random, signal, cacheRoot: folders.cacheRoot }),
    openView: stores.open,
    clock,
    random,
    by,
    env: { ...env },
    report,
    signal,
    storeFolders: config.store.url.startsWith('file:') ? [fileURLToPath(config.store.url)] : [],
    memoFor: (digest) => fileMemo(path.join(folders.stateDir, 'uploads', `${hexOf(digest)}.json`)),
  }
}

export async function indexContext({ options, folders, by, stores }: Ground, environment: IndexEnvironment): Promise<IndexContext> {
  const { config, env, clock, random, report, signal } = options
  const store = await stores.open(config.store.url)
  return {
    environment,
    store,
    bucket: await stores.open(environment.bucket),
    prepareStore: () => prepareStore({ store, clock, random, signal, cacheRoot: folders.cacheRoot }),
    logins: () => netrcLogins(env),
    clock,
    random,
    by,
    report,
    signal,
  }
}

export async function environmentContext(
  { options }: Ground,
  { name, path: live, root, snapshotsDir, settings }: EnvironmentConfig,
  snapshots: Wire['snapshots'],
): Promise<EnvironmentContext> {
  const { config, env, clock, random, report, signal } = options
  const { modeLookup } = await import('../environments/index.ts')
  const modes = modeLookup({ environment: name, env, clock, snapshots: () => snapshots() })
  return { name, live, root, snapshotsDir, configuration: config.file, settings, modes, env, clock, random, report, signal }
}

export async function imagesContext(
  { options, folders: { cacheRoot } }: Ground,
  settings: ImagesSettings,
  access: ImagesAccess,
  http: Wire['http'],
): Promise<ImagesContext> {
  const { env, clock, random, report, signal } = options
  const { openImages } = await import('../images/index.ts')
  const home = env['HOME'] || homedir()
  return openImages({ settings, access, http, env, home, cacheRoot, clock, random, report, signal })
}
