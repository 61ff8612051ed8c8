import { compareKeys, type Digest, forEachBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { changeIndex, type IndexBase, type PrefixChange } from './change.ts'
import { rulesOf, sumOfView } from './in-line.ts'
import { readNotes } from './known-notes.ts'
import { createLanes } from './lanes.ts'
import { indexesOf, keyIn, metadataEnd, placeOf, provenanceEnd, startOf } from './layout.ts'
import { isSettled } from './learn.ts'
import { type Planning, planProjects } from './plan.ts'
import { describePublished, noDifference, type PlannedPrefix, type Published } from './published.ts'
import { allowing, besideOf, groupOf, hasFiles, type ListedFile, type Scan, scanPrefix } from './scan.ts'
import { scanPages, type Touched, type TouchedBefore } from './touched.ts'

const width = 24

/**
 * For events of the bucket: publishes what the distributions with these keys have become, put, replaced or deleted, without a
 * listing, and writes the few pages that this touches. Bucket and catalogue end as a full publication would leave them, where everything else
 * stands as it was published. Keys of anything but distributions are passed over; a prefix that was never published is published whole.
 */
export async function publishKeys(context: IndexContext, keys: readonly string[]): Promise<Published> {
  const planning: Omit<Planning, 'only' | 'noteOf'> = {
    noRead: false,
    computeSha256: false,
    includeWithdrawn: false,
    dryRun: false,
    lanes: createLanes(width),
    made: new Map(),
  }
  let planned = new Map<string, PlannedPrefix>()
  const changed = await changeIndex(context, 'publish', undefined, async (base) => {
    planned = new Map()
    const changes = new Map<string, PrefixChange>()
    const byPrefix = sortKeys(context, base, keys)
    if (byPrefix.size === 0) return changes
    const notes = await readNotes(context)
    for (const [prefix, projects] of byPrefix) {
      const rules = { ...planning, noteOf: notes.of, only: base.ref?.state.prefixes[prefix] && new Set(projects.keys()) }
      const { change, plan } = await planKeys(context, rules, base, prefix, projects)
      if (change !== undefined) changes.set(prefix, change)
      planned.set(prefix, plan)
    }
    return changes
  })
  return describePublished(changed, planned)
}

/** By prefix and project the names of files that an index may publish. */
type NamesByProject = ReadonlyMap<string, readonly string[]>

function sortKeys(context: IndexContext, base: IndexBase, keys: readonly string[]): Map<string, NamesByProject> {
  const published = Object.keys(base.ref?.state.prefixes ?? {})
  const isIndex = indexesOf(context, published)
  const isAllowed = allowing(context)
  const sorted = new Map<string, Map<string, string[]>>()
  for (const prefix of new Set([...context.environment.prefixes, ...published])) {
    const start = startOf(prefix)
    for (const key of new Set(keys)) {
      if (!key.startsWith(start)) continue
      const name = key.slice(start.length)
      const place = placeOf(prefix, name, isIndex)
      if (place.kind !== 'file' || !isAllowed(place.project)) continue
      const projects = sorted.get(prefix) ?? new Map<string, string[]>()
      sorted.set(prefix, projects)
      projects.set(place.project, [...(projects.get(place.project) ?? []), name])
    }
  }
  return sorted
}

async function planKeys(
  context: IndexContext,
  planning: Planning,
  base: IndexBase,
  prefix: string,
  names: NamesByProject,
): Promise<{ readonly change: PrefixChange | undefined; readonly plan: PlannedPrefix }> {
  const before = await base.projects(prefix)
  const state = base.ref?.state.prefixes[prefix]
  const { scan, touched } =
    state === undefined
      ? { scan: await scanPrefix(context, prefix, indexesOf(context, Object.keys(base.ref?.state.prefixes ?? {}))), touched: undefined }
      : await scanTouched(context, planning, base, state.catalogue, prefix, names)
  const isPartial = planning.only !== undefined
  const plan = { difference: noDifference, beside: besideOf(scan), isPartial, written: [], purge: [], isEmpty: true }
  if (state === undefined && !hasFiles(scan)) return { change: undefined, plan }
  const { projects, difference, written, replaced } = await planProjects(context, planning, before, scan, base.outbox)
  return {
    change: { projects, scan, touched },
    plan: { ...plan, difference, written, purge: replaced, isEmpty: false },
  }
}

/** The touched projects as a listing would show them: what their records have, and what these keys have become. */
async function scanTouched(
  context: IndexContext,
  planning: Planning,
  base: IndexBase,
  catalogue: Digest,
  prefix: string,
  names: NamesByProject,
): Promise<{ readonly scan: Scan; readonly touched: Touched }> {
  const before = await base.projects(prefix)
  const scan = await scanPages(context, prefix, names.keys())
  const projects = new Map<string, TouchedBefore>()
  for (const [project, changed] of names) {
    const group = groupOf(scan, project)
    const entry = before[project]
    const record = entry === undefined ? undefined : await base.outbox.read(entry.record)
    const files = record === undefined ? [] : [...record.files, ...record.refused, ...record.withdrawn]
    const rows = new Map(files.map(({ name, size, etag }): [string, ListedFile] => [name, { name, size, etag, modified: 0 }]))
    // What will be looked at again has to be listed again.
    const unsettled = files.filter((file) => !isSettled(file)).map(({ name }) => name)
    await forEachBounded(
      new Set([...changed, ...unsettled]),
      8,
      async (name, signal) => {
        const row = await headRow(context, prefix, name, signal)
        if (row === undefined) rows.delete(name)
        else rows.set(name, row)
        const companion = name.endsWith('.whl') ? await headRow(context, prefix, `${name}${metadataEnd}`, signal) : undefined
        if (companion !== undefined) group.companions.set(name, companion)
        const isTold = row !== undefined && planning.noteOf(prefix, row)?.provenance !== undefined
        if (isTold && (await headRow(context, prefix, `${name}${provenanceEnd}`, signal)) !== undefined) group.provenances.add(name)
      },
      context.signal,
    )
    group.files.push(...[...rows.values()].sort((a, b) => compareKeys(a.name, b.name)))
    projects.set(project, { files, view: sumOfView(group, rulesOf(context.environment)) })
  }
  return { scan, touched: { catalogue, projects } }
}

async function headRow({ bucket }: IndexContext, prefix: string, name: string, signal: AbortSignal): Promise<ListedFile | undefined> {
  const info = await bucket.head(keyIn(prefix, name), { signal })
  return info === undefined ? undefined : { name, size: info.size, etag: info.etag, modified: info.modified }
}
