import { hostname } from 'node:os'
import path from 'node:path'
import type { ChunkStore, StoreFormat } from '../chunks/index.ts'
import type { SnapshotContext } from '../snapshots/index.ts'
import type { ObjectStore } from '../store/index.ts'
import type { Ground } from './contexts.ts'
import { createOpened } from './opened.ts'
import { formatOf, prepareStore } from './prepare-store.ts'

/** Contexts of snapshots. Those of one store share its chunks, which are opened once. */
export interface SnapshotContexts {
  of(store: ObjectStore): SnapshotContext
  close(): Promise<void>
}

export function createSnapshotContexts({ options, folders: { cacheRoot }, by }: Ground): SnapshotContexts {
  const { clock, random, report, signal } = options
  const opened = createOpened<ObjectStore, ChunkStore>()
  return {
    of(store) {
      let format: StoreFormat | undefined
      const cacheDir = async () => path.join(cacheRoot, (format ??= await formatOf(store, signal)).id)
      const openChunks = async () => {
        const { openChunkStore } = await import('../chunks/index.ts')
        return await openChunkStore(store, { clock, random, cache: await cacheDir(), report, signal })
      }
      return {
        store,
        async prepareStore() {
          const prepared = await prepareStore({ store, clock, random, signal, cacheRoot })
          format = prepared.format
          return prepared
        },
        chunks: () => opened.get(store, openChunks),
        cacheDir,
        clock,
        random,
        by,
        host: hostname(),
        report,
        signal,
      }
    },
    close: opened.close,
  }
}
