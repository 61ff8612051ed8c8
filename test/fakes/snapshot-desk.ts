import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { type ChunkParameters, type ChunkStore, openChunkStore } from '../../src/chunks/index.ts'
import { silent, systemClock } from '../../src/kit/index.ts'
import type { SnapshotContext } from '../../src/snapshots/context.ts'
import { createMemoryStore, type ObjectStore } from '../../src/store/index.ts'
import { memoryChunks } from './memory-chunks.ts'

/** A place to make snapshots in: a folder, a store in memory, and a clock that may be ahead, so that the index trusts what it saw. */
export interface SnapshotDesk<Chunks extends ChunkStore = ChunkStore> {
  readonly folder: string
  readonly tree: string
  readonly context: SnapshotContext
  readonly chunks: Chunks
  /** Milliseconds that the clock is ahead. */
  ahead: number
  remove(): void
}

/** With chunks in a map, which tests can take some from. */
export function snapshotDesk(): SnapshotDesk<ReturnType<typeof memoryChunks>> {
  const store = createMemoryStore({ clock: systemClock })
  return deskOn(store, memoryChunks(store))
}

/** With real packs. */
export async function packedDesk(parameters?: ChunkParameters): Promise<SnapshotDesk> {
  const store = createMemoryStore({ clock: systemClock })
  return deskOn(store, await openChunkStore(store, { clock: systemClock, random: Math.random, workers: 0, parameters }))
}

function deskOn<Chunks extends ChunkStore>(store: ObjectStore, chunks: Chunks): SnapshotDesk<Chunks> {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-snapshots-'))
  const tree = path.join(folder, 'tree')
  mkdirSync(tree)
  const desk: SnapshotDesk<Chunks> = {
    folder,
    tree,
    chunks,
    ahead: 0,
    context: {
      store,
      chunks: async () => chunks,
      prepareStore: async () => ({ isNew: false }),
      clock: { ...systemClock, now: () => Date.now() + desk.ahead },
      random: Math.random,
      by: 'ann@here',
      host: 'here',
      cacheDir: async () => path.join(folder, 'cache'),
      report: silent,
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  }
  return desk
}
