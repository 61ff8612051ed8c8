import path from 'node:path'
import type { Signal } from '../../store/index.ts'
import type { Listed } from '../record/lines.ts'
import type { NodeSource } from '../tree/entry.ts'
import { shownName } from '../tree/name.ts'
import { type Placed, readRoot, walkTree } from '../tree/walk.ts'

export interface FoundEntry extends Placed {
  readonly snapshot: Listed
}

/** Entries whose name, or whose path where the glob has a slash, matches; in each of the snapshots. */
export async function* findEntries(
  source: NodeSource,
  snapshots: readonly Listed[],
  glob: string,
  options: Signal = {},
): AsyncGenerator<FoundEntry> {
  const isPath = glob.includes('/')
  const pattern = glob.replace(/^\/+/, '')
  for (const snapshot of snapshots) {
    const root = await readRoot(source, snapshot.root, options)
    for await (const placed of walkTree(source, { path: '', entry: root }, options)) {
      if (path.posix.matchesGlob(shownName(isPath ? placed.path : placed.entry.name), pattern)) yield { ...placed, snapshot }
    }
  }
}
