import { mkdirSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { silent, systemClock } from '../../src/kit/index.ts'
import type { SnapshotContext } from '../../src/snapshots/context.ts'
import { createMemoryStore } from '../../src/store/index.ts'
import { memoryChunks } from './memory-chunks.ts'

/** A place to make snapshots in: a folder, a store in memory, and a clock that may be ahead, so that the index trusts what it saw. */
export interface SnapshotDesk {
  readonly folder: string
  readonly tree: string
  readonly context: SnapshotContext
  readonly chunks: ReturnType<typeof memoryChunks>
  /** Milliseconds that the clock is ahead. */
  ahead: number
  remove(): void
}

export function snapshotDesk(chunkBytes?: number): SnapshotDesk {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-snapshots-'))
  const tree = path.join(folder, 'tree')
  mkdirSync(tree)
  const store = createMemoryStore({ clock: systemClock })
  const chunks = memoryChunks(store, chunkBytes)
  const desk: SnapshotDesk = {
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
