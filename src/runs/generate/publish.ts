import { randomBytes } from 'node:crypto'
import path from 'node:path'
import { replaceFile, realDisk, syncDirectory } from '../../kit/index.ts'
import { encodeRecord } from '../format/log.ts'
import { cacheFile, logFile, packFile, rootFile, stateFile } from '../format/place.ts'
import { encodeRoot, type Root } from '../format/root.ts'
import { type MemoryFacts, saveMemory } from './cache.ts'
import type { Manifest } from './manifest.ts'
import { appendRecords, writeLog } from './page-log.ts'
import { howLeft } from './prove.ts'
import { allRecords, type Remade } from './remake.ts'
import type { Standing } from './standing.ts'
import { dropLater, sweep } from './sweep.ts'
import type { Page, Tree } from './tree.ts'
import { writeManifest } from './write-manifest.ts'

/** The pages that a root names, and those below the table but for runs'. */
export interface Tops {
  readonly tree: Tree
  readonly active: Page
  readonly packs: Page
}

export interface PublishOptions {
  /** Where manifests lie. */
  readonly folder: string
  readonly standing: Standing
  readonly remade: Remade
  readonly tops: Tops
  /** Seconds. */
  readonly window: number
  /** Milliseconds since 1970. */
  readonly now: number
  readonly facts: Pick<MemoryFacts, 'metadataOnly' | 'withPacks' | 'manifests' | 'proven'>
  /** The manifest 1.0 to write, and where; undefined where the one there is right. */
  readonly manifest: { readonly file: string; readonly content: Manifest } | undefined
}

/**
 * Publishes a revision: its pages first, then the root that names them, then what is remembered of it, then the manifest 1.0. Whoever
 * kills it leaves the root that was, or a new one whose manifest 1.0 the next generation writes.
 */
export async function publish(options: PublishOptions): Promise<{ root: Root; pageBytes: number }> {
  const { folder, standing, remade, now, manifest } = options
  const { log, pages, pageBytes } = await writePages(options)
  const root = rootOf(options, log)
  await replaceFile(path.join(folder, rootFile), encodeRoot(root))
  remember(options, root, pages)
  if (manifest !== undefined) await writeManifest(manifest.file, manifest.content)
  await writeState(folder, root)
  dropOthers(folder, standing, root, remade, now)
  return { root, pageBytes }
}

/** Says that the runs were looked at, and are what they were. */
export async function touch(folder: string, before: Root, now: number): Promise<Root> {
  const root = { ...before, generated: now }
  await replaceFile(path.join(folder, rootFile), encodeRoot(root))
  await writeState(folder, root)
  return root
}

export function remember(
  { folder, remade, facts }: Pick<PublishOptions, 'folder' | 'remade' | 'facts'>,
  root: Root,
  pages: MemoryFacts['pages'],
): void {
  const { packs, catalogue } = remade
  const { metadataOnly, withPacks, manifests, proven } = facts
  const left = howLeft(folder, [root.log.name, ...packs.map(({ name }) => name)])
  saveMemory(path.join(folder, cacheFile), {
    facts: { revision: root.revision, log: root.log.name, pages, packs, left, proven, metadataOnly, withPacks, manifests },
    catalogue,
  })
}

function rootOf({ standing, remade, tops, window, now }: PublishOptions, log: Root['log']): Root {
  const { root: before, revision } = standing
  const newest = remade.packs.at(-1)
  return {
    revision: revision + 1,
    generated: now,
    log,
    full: { counter: counterAfter(before?.full, tops.tree.table), digest: tops.tree.table },
    active: { counter: counterAfter(before?.active, tops.active.digest), digest: tops.active.digest, window },
    packs: { digest: tops.packs.digest },
    newest: newest === undefined ? undefined : { name: newest.name, size: newest.size, index: [newest.indexOffset, newest.indexLength] },
    totals: tops.tree.totals,
  }
}

function counterAfter(before: Root['full'] | undefined, digest: string): number {
  return (before?.counter ?? 0) + (before?.digest === digest ? 0 : 1)
}

/** Part of a log that may be out of use, and bytes that always may. */
const garbagePart = 2 / 3
const garbageBytes = 256 << 10

interface WrittenPages {
  readonly log: Root['log']
  readonly pages: MemoryFacts['pages']
  readonly pageBytes: number
}

/** Appends what the log lacks; or begins a new one, where the old one is not whole or is mostly out of use. */
async function writePages({ folder, standing, remade, tops }: PublishOptions): Promise<WrittenPages> {
  const inLog = new Map(standing.isWhole ? standing.memory!.facts.pages : [])
  const records = [...remade.records]
  const above = [...tops.tree.pages, tops.active, tops.packs]
  const pages = above.map(({ kind, plain, digest }): readonly [string, number] => {
    // Pages of two kinds may have the same bytes: of nothing, mostly.
    const page = `${kind} ${digest}`
    const size = inLog.get(page)
    if (size !== undefined) return [page, size]
    const record = encodeRecord(kind, plain, digest)
    records.push(record)
    inLog.set(page, record.byteLength)
    return [page, record.byteLength]
  })
  const length = standing.isWhole ? standing.root!.log.length : 0
  const total = length + sum(records.map(({ byteLength }) => byteLength))
  const { record: runRecords } = remade.catalogue.runs.columns
  const inUse = sum(pages.map(([, size]) => size)) + sum(runRecords.subarray(0, remade.catalogue.runs.length))
  if (standing.isWhole && total - inUse <= Math.max(garbageBytes, garbagePart * total)) {
    const { name } = standing.root!.log
    const end = records.length === 0 ? length : appendRecords(path.join(folder, logFile(name)), length, records)
    return { log: { name, length: end }, pages, pageBytes: end - length }
  }
  const name = `pages-${randomBytes(4).toString('hex')}`
  const file = path.join(folder, logFile(name))
  const end = writeLog(file, standing.isWhole ? allRecords(remade.catalogue, above) : records)
  await syncDirectory(realDisk, path.dirname(file))
  return { log: { name, length: end }, pages, pageBytes: end }
}

function sum(numbers: Iterable<number>): number {
  let total = 0
  for (const number of numbers) total += number
  return total
}

/** As the manifest 1.0 has it beside it: seconds since 1970. */
async function writeState(folder: string, { revision, generated }: Root): Promise<void> {
  await replaceFile(path.join(folder, stateFile), `{"last_revision": ${revision}, "last_generated": ${generated / 1000}}\n`)
}

/** What was in use and is not any more stays for an hour, for readers on their way. */
function dropOthers(folder: string, { root: before, memory }: Standing, root: Root, { packs }: Remade, now: number): void {
  const inUse = new Set([root.log.name, ...packs.map(({ name }) => name)])
  const was = [...(before === undefined ? [] : [before.log.name]), ...(memory?.facts.packs.map(({ name }) => name) ?? [])]
  for (const name of was)
    if (!inUse.has(name)) dropLater(path.join(folder, name.startsWith('pages-') ? logFile(name) : packFile(name)), now)
  sweep({ folder: path.join(folder, 'holdfast'), inUse, now })
}
