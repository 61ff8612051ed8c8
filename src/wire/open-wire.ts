import path from 'node:path'
import type { Queue } from '../daemon/index.ts'
import type { HttpClient } from '../kit/http/index.ts'
import { environmentContext, type Ground, imagesContext, indexContext, releaseContext } from './contexts.ts'
import { createOpened } from './opened.ts'
import { createSnapshotContexts } from './snapshot-contexts.ts'
import { createStores, type Stores } from './stores.ts'
import { type Folders, foldersOf, realFolder, whoIs } from './surroundings.ts'
import type { Wire, WireOptions } from './wire.ts'

/** Everything that a configuration describes, opened as it is first asked for. `close` ends what was opened. */
export async function openWire(options: WireOptions): Promise<Wire> {
  const { config } = options
  const folders = await foldersOf(options)
  const stores = createStores(options)
  const ground: Ground = { options, folders, by: whoIs(options.env), stores }
  const contexts = createSnapshotContexts(ground)
  const clients = createOpened<string | undefined, HttpClient>()
  const http = (ca?: string) => clients.get(ca, () => openHttp(options, stores, ca))
  const snapshots = async (url = config.store.url) => contexts.of(await stores.open(url))
  let queue: Promise<Queue> | undefined
  return {
    config,
    ...folders,
    by: ground.by,
    meter: stores.meter,
    rate: stores.rate,
    store: () => stores.open(config.store.url),
    openStore: stores.open,
    openTree: stores.openTree,
    openFresh: stores.openFresh,
    releases: () => releaseContext(ground),
    snapshots,
    environment: (environment) => environmentContext(ground, environment, snapshots),
    pythonIndex: (environment) => indexContext(ground, environment),
    images: (settings, access) => imagesContext(ground, settings, access, http),
    http,
    queue() {
      queue ??= openQueue(options, folders).catch((error: unknown) => {
        // A database that is away may be there when it is asked for again.
        queue = undefined
        throw error
      })
      return queue
    },
    async ownFolders() {
      const { parseStoreUrl } = await import('../store/index.ts')
      const place = parseStoreUrl(config.store.url, config.root)
      return place.scheme === 'file' ? [await realFolder(place.root)] : []
    },
    async close() {
      await (await queue?.catch(() => undefined))?.close()
      await clients.close()
      await contexts.close()
      await stores.close()
    },
  }
}

async function openHttp({ clock, random, report, env, tracer }: WireOptions, stores: Stores, ca: string | undefined): Promise<HttpClient> {
  const { createHttp } = await import('../kit/http/index.ts')
  const meter = await stores.meter()
  const onRequest = (method: string) => meter.request(method)
  return createHttp({ clock, random, report, onRequest, userAgent: 'holdfast', proxy: env, ca: ca === undefined ? [] : [ca], tracer })
}

async function openQueue({ config: { queue }, clock, random }: WireOptions, { stateDir }: Folders): Promise<Queue> {
  const { openFileQueue, openServerQueue } = await import('../daemon/index.ts')
  if (queue !== undefined) return await openServerQueue(queue, { clock, random })
  return await openFileQueue(path.join(stateDir, 'daemon.sqlite'), { clock, random })
}
