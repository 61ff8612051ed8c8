import type { Signal } from '../../store/index.ts'
import type { Listed } from '../record/lines.ts'
import type { NodeSource } from '../tree/entry.ts'
import { globOf } from '../tree/glob.ts'
import { type Placed, readRoot, walkTree } from '../tree/walk.ts'

export interface FoundEntry extends Placed {
  readonly snapshot: Listed
}

/** Entries that the glob matches, in each of the snapshots. */
export async function* findEntries(
  source: NodeSource,
  snapshots: readonly Listed[],
  glob: string,
  options: Signal = {},
): AsyncGenerator<FoundEntry> {
  const pattern = globOf(glob)
  for (const snapshot of snapshots) {
    const root = await readRoot(source, snapshot.root, options)
    for await (const placed of walkTree(source, { path: '', entry: root }, options)) {
      if (pattern.matches(placed.path, placed.entry.kind === 'directory')) yield { ...placed, snapshot }
    }
  }
}
