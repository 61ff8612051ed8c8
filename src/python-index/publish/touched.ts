import { canonicalJson, type Digest, digestOf } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { projectPages, rootPages } from '../pages/page.ts'
import type { PrefixFacts, PrefixInLine, WrittenProject } from '../records/facts.ts'
import type { SeenFile } from '../records/project.ts'
import { remove } from './bring-in-line.ts'
import { byName, isShown, shownProjects } from './catalogued.ts'
import { sumOfRoot, sumOfView } from './in-line.ts'
import { isPageName, keyIn, startOf } from './layout.ts'
import { removalsIn } from './removals.ts'
import { emptyScan, groupOf, listedDigest, type Scan } from './scan.ts'
import { rowSum } from './sum.ts'
import { createViewLog, type View, type WrittenView } from './view.ts'
import { writePages } from './write-pages.ts'

/** What stood before some objects changed. */
export interface Touched {
  /** What the prefix published. */
  readonly catalogue: Digest
  readonly projects: ReadonlyMap<string, TouchedBefore>
}

export interface TouchedBefore {
  /** All distributions, as the record that was published has them. */
  readonly files: readonly SeenFile[]
  /** Of the pages and companions that the scan has, before anything was written: `sumOfView`. */
  readonly view: Digest
}

export interface WrittenTouched extends Pick<WrittenView, 'written' | 'removed' | 'purge'> {
  /** What to remember, worked out from what was remembered; undefined where that was not of what stood before. */
  readonly learnt: { readonly facts: Omit<PrefixFacts, 'format'>; readonly seen: Digest | undefined } | undefined
}

/** Lists the pages of some projects, and nothing else. */
export async function scanPages(
  context: Pick<IndexContext, 'bucket' | 'signal'>,
  prefix: string,
  projects: Iterable<string>,
): Promise<Scan> {
  const scan = emptyScan(prefix)
  for (const project of projects) {
    const { pages } = groupOf(scan, project)
    const start = startOf(keyIn(prefix, project))
    for await (const { key, size, etag } of context.bucket.list(start, { signal: context.signal })) {
      const page = key.slice(start.length)
      if (isPageName(page)) pages.set(page, { name: key.slice(startOf(prefix).length), size, etag })
    }
  }
  return scan
}

/**
 * Brings the pages of some projects in line, and the root pages where other names are to be listed: what a full publication would do, where
 * everything else stands as it was written.
 */
export async function bringTouchedInLine(
  context: IndexContext,
  view: View,
  touched: Touched,
  inLine: PrefixInLine | undefined,
): Promise<WrittenTouched> {
  const { prefix, projects, scan, facts, rules } = view
  const log = createViewLog(prefix)
  for (const name of touched.projects.keys()) {
    const entry = projects[name]
    if (entry === undefined) continue
    const project = await view.read(entry.record)
    if (isShown(project))
      await writePages(context, view, projectPages(prefix, project, context.environment), groupOf(scan, name).pages, log, context.signal)
  }
  const shown = await shownProjects(projects, view.read)
  const names = digestOf(canonicalJson(shown))
  if (facts?.root.names !== names) {
    await findRoot(context, scan)
    await writePages(context, view, rootPages(prefix, shown), scan.root, log, context.signal)
  }
  for (const removal of await removalsIn(context, view, new Set(shown))) await remove(context, view, removal, log)
  if (facts === undefined) return { ...log.told(), learnt: undefined }
  const root = facts.root.names === names ? facts.root : { names, rows: sumOfRoot(scan, rules) }
  const written = byName<WrittenProject>()
  const seen = inLine === undefined ? undefined : rowSum().add(inLine.seen).take(facts.root.rows).add(root.rows)
  let isKnown = inLine?.catalogue === touched.catalogue
  for (const [name, known] of Object.entries(facts.projects)) if (projects[name] !== undefined) written[name] = known
  for (const [name, before] of touched.projects) {
    const group = groupOf(scan, name)
    const after = sumOfView(group, rules)
    const known = facts.projects[name]?.rows ?? rowSum(rules).digest()
    const rows = rowSum().add(known).take(before.view).add(after).digest()
    const entry = projects[name]
    if (entry !== undefined) written[name] = { record: entry.record, rows }
    seen?.take(known).add(rows)
    for (const row of before.files) seen?.takeRow(row)
    for (const row of group.files) seen?.addRow(row)
    isKnown &&= (entry?.listed ?? listedDigest(undefined)) === listedDigest(group)
  }
  return {
    ...log.told(),
    learnt: { facts: { catalogue: view.catalogue, projects: written, root }, seen: isKnown ? seen?.digest() : undefined },
  }
}

async function findRoot({ bucket, signal }: IndexContext, scan: Scan): Promise<void> {
  for (const page of ['index.html', 'index.json'] as const) {
    const info = await bucket.head(keyIn(scan.prefix, page), { signal })
    if (info !== undefined) scan.root.set(page, { name: page, size: info.size, etag: info.etag })
  }
}
