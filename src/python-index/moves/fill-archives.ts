import { mapBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { IndexBase } from '../publish/change.ts'
import { indexesOf, keyIn } from '../publish/layout.ts'
import { type Scan, scanPrefix } from '../publish/scan.ts'
import { readViewFacts } from '../records/facts.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'
import { archivePrefix, archivesIn } from './archives.ts'
import type { Carrier } from './carry.ts'
import { type ChangedProject, type PlannedMove, planMove, readProjectOf, withFiles } from './plan-move.ts'

/** Files that are copied at once. */
const width = 8

export interface Filling {
  readonly context: IndexContext
  /** Where the files come from. */
  readonly prefix: string
  readonly carrier: Carrier
}

/** What of a project is to go, and into which month. */
export interface OldFiles {
  readonly record: ProjectRecord
  readonly old: readonly { readonly month: string; readonly file: PublishedFile }[]
}

export interface Filled {
  readonly archives: ReadonlyMap<string, PlannedMove>
  /** Files that cannot go there, with the reason. */
  readonly stays: ReadonlyMap<string, string>
}

/** Copies old files into the archives, and plans those. */
export async function fillArchives(filling: Filling, base: IndexBase, projects: readonly OldFiles[]): Promise<Filled> {
  const stays = new Map<string, string>()
  const archives = new Map<string, PlannedMove>()
  const months = new Set(projects.flatMap(({ old }) => old.map(({ month }) => month)))
  for (const month of [...months].sort()) {
    const to = archivePrefix(filling.prefix, month)
    const isIndex = indexesOf(filling.context, [to, ...Object.keys(base.ref!.state.prefixes)])
    const scan = await scanPrefix(filling.context, to, isIndex)
    const there = await base.projects(to)
    const changed: ChangedProject[] = []
    for (const { record, old } of projects) {
      const files = old.filter((one) => one.month === month).map(({ file }) => file)
      if (files.length === 0) continue
      const known = await readProjectOf(base.outbox, there, record.name)
      changed.push({ before: known, after: await fill(filling, scan, record, known, files, stays) })
    }
    const written = filling.carrier.written.filter((key) => key.startsWith(`${to}/`))
    archives.set(to, await planMove(base.outbox, to, there, changed, { scan, written }))
  }
  const facts = await readViewFacts(filling.context)
  for (const left of archivesIn(base, filling.prefix)) {
    // An earlier command moved the ref and died before this view followed.
    if (archives.has(left) || facts?.prefixes[left]?.catalogue === base.ref!.state.prefixes[left]!.catalogue) continue
    archives.set(left, await planMove(base.outbox, left, await base.projects(left), []))
  }
  return { archives, stays }
}

async function fill(
  { carrier, prefix, context }: Filling,
  scan: Scan,
  record: ProjectRecord,
  known: ProjectRecord | undefined,
  files: readonly PublishedFile[],
  stays: Map<string, string>,
): Promise<ChangedProject['after']> {
  const placed = await mapBounded(
    files,
    width,
    async (file, signal): Promise<PublishedFile | undefined> => {
      if (file.digest === undefined) {
        stays.set(file.name, 'its digest is not known, so it is not archived (publish without --no-read)')
        return undefined
      }
      const standing = await carrier.look(scan, known, record.name, file, signal)
      if (standing.kind === 'missing') return await carrier.copy(prefix, scan, record.name, file, signal)
      if (standing.kind === 'there') return { ...file, size: standing.row.size, etag: standing.row.etag }
      stays.set(
        file.name,
        `${keyIn(scan.prefix, file.name)} has other bytes, ${standing.digest}, this one ${file.digest}; it is not archived`,
      )
      return undefined
    },
    context.signal,
  )
  return withFiles(
    record,
    known,
    placed.filter((file) => file !== undefined),
  )
}
