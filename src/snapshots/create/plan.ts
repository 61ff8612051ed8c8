import { digestOf } from '../../kit/index.ts'
import { markOf } from '../../kit/sys/index.ts'
import { readRef } from '../../refs/index.ts'
import type { Omission } from '../attributes/index.ts'
import type { SnapshotContext } from '../context.ts'
import { lineNameOf, snapshotLine } from '../record/line.ts'
import { assertNotMarked } from '../restore/mark.ts'
import { openStatIndex, statIndexFile } from '../stat-index/stat-index.ts'
import { byteText } from '../tree/name.ts'
import { type Counts, visitRoot } from './build.ts'
import { buildOf, type BuildParts, type CreateOptions } from './create.ts'
import type { Problem } from './problems.ts'
import { resolveSources } from './sources.ts'

export interface CreatePlan {
  readonly name: string
  readonly base: string
  readonly paths: readonly string[]
  readonly counts: Readonly<Counts>
  /** Bytes of the files that would be read. */
  readonly toRead: number
  /** Nothing differs from the snapshot that was made here last. */
  readonly isUnchanged: boolean
  readonly problems: { readonly count: number; readonly first: readonly Problem[] }
  readonly omissions: readonly Omission[]
  /** Globs of `exclude` that nothing matched. */
  readonly unusedExcludes: readonly string[]
}

/** What `createSnapshot` would look at and read. Reads no file and writes nothing anywhere. */
export async function planSnapshot(context: SnapshotContext, options: CreateOptions): Promise<CreatePlan> {
  const sources = await resolveSources(options.paths, options.cwd)
  await assertNotMarked(sources.base)
  const name = options.name ?? lineNameOf(context.host, sources.base, sources.paths)
  const before = await readRef(context.store, snapshotLine, name, { signal: context.signal })
  const what = sources.paths.join('\0')
  const known =
    before === undefined || options.force === true ? undefined : openStatIndex(statIndexFile(await context.cacheDir(), sources.base, what))
  const isKnown = before?.ref.state.snapshots.some(({ root }) => root === known?.basis) === true
  const reading = { bytes: 0 }
  try {
    const build = buildOf(context, options, sources, { ...onlyLooking(reading), known: isKnown ? known : undefined })
    const visit = await visitRoot(build, byteText(sources.base), sources.selection)
    if (!visit.isSame) await visit.done
    const { counts, problems, shortfall } = build
    return {
      name,
      base: sources.base,
      paths: sources.paths,
      counts,
      toRead: reading.bytes,
      isUnchanged: visit.isSame,
      problems: { count: problems.count, first: problems.list() },
      omissions: shortfall.omissions(),
      unusedExcludes: build.excluded.unused(),
    }
  } finally {
    known?.close()
  }
}

/** Counts what there is to read, takes it for holes, and keeps nothing. */
function onlyLooking(reading: { bytes: number }): Omit<BuildParts, 'known'> {
  return {
    index: () => ({ add: () => 0, keep: () => 0, commit: () => undefined, drop: () => undefined }),
    sink: { addBytes: async (bytes) => digestOf(bytes) },
    async read(_path, stats) {
      const size = Number(stats.size)
      reading.bytes += size
      return { size, parts: size === 0 ? [] : [{ length: size, id: undefined }], mark: markOf(stats), changedWhileRead: false }
    },
  }
}
