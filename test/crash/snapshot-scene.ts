import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { type CopiedStore, copyStore, openChunkStore } from '../../src/chunks/index.ts'
import { silent, systemClock } from '../../src/kit/index.ts'
import { type SnapshotContext, traceNode } from '../../src/snapshots/index.ts'
import { createFileStore, type ObjectStore } from '../../src/store/index.ts'

/** What a child does until it is killed. */
export interface SnapshotJob {
  readonly folder: string
  readonly what: 'create' | 'restore' | 'copy' | 'copy-store'
  /** The snapshot to restore. */
  readonly id?: string
  /** Counted from 1; 0 never comes. */
  readonly killAt: number
}

/** Copies all of `store` into `other`. */
export async function copyWhole(folder: string, wrap?: (store: ObjectStore) => ObjectStore): Promise<CopiedStore> {
  const { store: from, clock, random, by } = contextIn(folder)
  return await copyStore({ from, to: contextIn(folder, 'other', wrap).store, clock, random, by, trace: traceNode })
}

/** Snapshots of `tree` in `store`, all in one folder; `other` is a second store. */
export function contextIn(folder: string, name = 'store', wrap: (store: ObjectStore) => ObjectStore = (store) => store): SnapshotContext {
  const root = path.join(folder, name)
  mkdirSync(root, { recursive: true })
  const store = wrap(createFileStore({ root, durable: false }))
  const open = () => openChunkStore(store, { clock: systemClock, random: Math.random, workers: 0, cache: path.join(folder, 'cache', name) })
  let chunks: ReturnType<typeof open> | undefined
  return {
    store,
    chunks: () => (chunks ??= open()),
    prepareStore: async () => ({ isNew: false }),
    // Ahead, so that what was changed just now is trusted as if it were long ago.
    clock: { ...systemClock, now: () => Date.now() + 10_000 },
    random: Math.random,
    by: 'ann@here',
    host: 'here',
    cacheDir: async () => path.join(folder, 'cache', name),
    report: silent,
  }
}
