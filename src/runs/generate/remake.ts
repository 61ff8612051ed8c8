import path from 'node:path'
import { encodePackTable } from '../format/encode-page.ts'
import { encodeRecord } from '../format/log.ts'
import { packFolder } from '../format/place.ts'
import type { KnownPack } from './cache.ts'
import { type Catalogue, createCatalogue } from './catalogue.ts'
import { digestAt, digestBytes } from './columns.ts'
import { digestText } from './digest-text.ts'
import { mergePacks } from './merge-packs.ts'
import { createPackWriter } from './pack-writer.ts'
import { bytesNeeded, chooseMerge } from './packs.ts'
import { createRunRefresher } from './refresh-run.ts'
import type { Scan } from './scan.ts'
import { type Page, pageOf, runPage } from './tree.ts'

/** Runs and packs as they are now, before anything names them. */
export interface Remade {
  readonly catalogue: Catalogue
  /** Of runs, for the log. */
  readonly records: readonly Uint8Array[]
  readonly packs: readonly KnownPack[]
  /** Of files that were read. */
  readonly bytesRead: number
  readonly bytesPacked: number
}

export interface RemakeOptions {
  /** Real and absolute. */
  readonly root: string
  /** Where manifests lie. */
  readonly folder: string
  readonly scan: Scan
  readonly known: Catalogue
  readonly tops: Catalogue['tops']
  readonly packs: readonly KnownPack[]
  readonly withPacks: boolean
  readonly revision: number
  readonly rehash: boolean
  readonly now: number
  readonly signal: AbortSignal | undefined
}

/** Reads what changed, packs it, and makes pages of the runs that it changed. Packs are durable when it is done. */
export async function remakeRuns(options: RemakeOptions): Promise<Remade> {
  const { root, folder, scan, known, tops, revision, rehash, now, signal } = options
  const place = path.join(folder, packFolder)
  const fresh: Catalogue = { ...createCatalogue(known.texts), tops }
  const writer = options.withPacks ? createPackWriter(place) : undefined
  try {
    const refresher = createRunRefresher({ root, known, fresh, packs: writer, revision, rehash, now, signal })
    const records: Uint8Array[] = []
    for (const seen of scan.runs) {
      await refresher.refresh(seen)
      const record = addPage(fresh, fresh.runs.length - 1, known, seen.known)
      if (record !== undefined) records.push(record)
    }
    const newest = writer?.finish()
    const packs = options.withPacks ? [...options.packs, ...(newest === undefined ? [] : [newest])] : []
    const merged = newest === undefined ? packs : mergeSome(place, packs, fresh)
    return { catalogue: fresh, records, packs: merged, bytesRead: refresher.bytesRead, bytesPacked: newest?.size ?? 0 }
  } finally {
    writer?.abandon()
  }
}

/** Gives a run its page: the record to write, or undefined where the log has it. */
function addPage(fresh: Catalogue, run: number, known: Catalogue, before: number | undefined): Uint8Array | undefined {
  const { record } = fresh.runs.columns
  if (record[run] !== 0) return undefined
  const { plain, digest } = runPage(fresh, run)
  fresh.runs.digests.set(Buffer.from(digest.slice(7), 'hex'), run * digestBytes)
  if (before !== undefined && known.runs.columns.record[before] !== 0 && digest === digestText(digestAt(known.runs, before))) {
    record[run] = known.runs.columns.record[before]!
    return undefined
  }
  const bytes = encodeRecord('run', plain, digest)
  record[run] = bytes.byteLength
  return bytes
}

function mergeSome(place: string, packs: readonly KnownPack[], catalogue: Catalogue): readonly KnownPack[] {
  const chosen = chooseMerge(packs, bytesNeeded(catalogue))
  if (chosen.length === 0) return packs
  const merged = mergePacks(place, chosen, packs, catalogue)
  const before = packs.slice(0, packs.indexOf(chosen[0]!))
  return [...before, ...(merged === undefined ? [] : [merged]), packs.at(-1)!]
}

/** The table of packs, as its page has it. */
export function packPage(packs: readonly KnownPack[]): Page {
  return pageOf('packs', encodePackTable(packs))
}

/** All records of a log that has only what is in use. */
export function allRecords(catalogue: Catalogue, pages: readonly Page[]): Uint8Array[] {
  const records: Uint8Array[] = []
  for (let run = 0; run < catalogue.runs.length; run++) {
    const { plain, digest } = runPage(catalogue, run)
    records.push(encodeRecord('run', plain, digest))
  }
  return [...records, ...pages.map(({ kind, plain, digest }) => encodeRecord(kind, plain, digest))]
}
