import { type Digest, digestOf, Fault, hasher, isFault } from '../../kit/index.ts'
import { copy, readAll } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { ensureCompanion, putViewObject } from '../publish/companion.ts'
import { keyIn, metadataEnd, provenanceEnd } from '../publish/layout.ts'
import { type Group, groupOf, type ListedFile, type Scan } from '../publish/scan.ts'
import type { ProjectRecord, PublishedFile } from '../records/project.ts'

/** What stands under a file's name in a prefix. */
export type Standing =
  | { readonly kind: 'missing' }
  /** The very bytes. */
  | { readonly kind: 'there'; readonly row: ListedFile }
  | { readonly kind: 'other'; readonly digest: Digest }

/**
 * Brings files from one prefix of the bucket into another, inside of the place, with what stands beside them. It remembers what it copied, so that
 * a plan that came too late copies nothing again.
 */
export interface Carrier {
  /** Asks the bucket only where neither the record nor an earlier try tells: then it reads the file, unless the place knows its digest. */
  look(scan: Scan, known: ProjectRecord | undefined, project: string, file: PublishedFile, signal?: AbortSignal): Promise<Standing>
  /** Copies the version that was published, and gives the file as it stands there; the scan is kept up to date. */
  copy(from: string, scan: Scan, project: string, file: PublishedFile, signal?: AbortSignal): Promise<PublishedFile>
  /** Whether this command put the file there. */
  hasCopied(prefix: string, name: string): boolean
  /** All that this command put into a prefix. */
  copiedTo(prefix: string): readonly CopiedFile[]
  /** Companions that were written, and those of them that were there before. */
  readonly written: readonly string[]
  readonly replaced: readonly string[]
}

export interface CopiedFile {
  readonly project: string
  readonly file: PublishedFile
}

const maxCompanionBytes = 16 << 20

/** With `dryRun` nothing is copied, and the scan shows what would be there. */
export function createCarrier(context: IndexContext, dryRun: boolean): Carrier {
  const copied = new Map<string, CopiedFile & { readonly prefix: string }>()
  const [written, replaced]: [string[], string[]] = [[], []]
  const onWritten = (key: string, isNew: boolean) => void (isNew ? written : replaced).push(key)
  return {
    written,
    replaced,
    hasCopied: (prefix, name) => copied.has(keyIn(prefix, name)),
    copiedTo: (prefix) => [...copied.values()].filter((one) => one.prefix === prefix),
    async look(scan, known, project, file, signal) {
      const row = scan.groups.get(project)?.files.find(({ name }) => name === file.name)
      if (row === undefined) return { kind: 'missing' }
      const mine = copied.get(keyIn(scan.prefix, file.name))?.file
      const remembered = [...(mine === undefined ? [] : [mine]), ...(known?.files ?? []), ...(known?.withdrawn ?? [])]
      const same = remembered.find(({ name, size, etag }) => name === row.name && size === row.size && etag === row.etag)
      const digest = same?.digest ?? (await digestOfRow(context, scan.prefix, row, signal))
      return digest === file.digest ? { kind: 'there', row } : { kind: 'other', digest }
    },
    async copy(from, scan, project, file, signal) {
      const group = groupOf(scan, project)
      if (dryRun) return pretend(group, file)
      const info = await copyFile(context, from, scan.prefix, file, signal)
      const { name } = file
      placeRow(group, { name, size: info.size, etag: info.etag, modified: info.modified })
      const provenance = await carryProvenance(context, from, scan.prefix, file, signal)
      if (provenance !== undefined) group.provenances.add(name)
      const placed: PublishedFile = { ...file, size: info.size, etag: info.etag, provenance }
      if (placed.metadata !== undefined) {
        const metadata = await readBeside(context, keyIn(from, `${name}${metadataEnd}`), placed.metadata, signal)
        await ensureCompanion(context, { prefix: scan.prefix, group, dryRun, onWritten }, placed, metadata, signal)
      }
      copied.set(keyIn(scan.prefix, name), { prefix: scan.prefix, project, file: placed })
      context.report({ kind: 'advance', task: 'copy', items: 1, bytes: info.size })
      return placed
    },
  }
}

/** Copies one version inside of the bucket. The place is trusted to copy what it has, unless it says itself that it did not. */
async function copyFile(
  { bucket, environment }: IndexContext,
  from: string,
  to: string,
  file: PublishedFile,
  signal: AbortSignal | undefined,
) {
  const [source, target] = [keyIn(from, file.name), keyIn(to, file.name)]
  try {
    const { size, etag, digest } = file
    const { info } = await copy(bucket, source, bucket, target, { size, etag, digest, public: environment.isPublic, signal })
    if (info.size !== size || (info.digest !== undefined && digest !== undefined && info.digest !== digest))
      throw new Fault('corrupt', `${target} did not become ${source}`, { at: bucket.name })
    return info
  } catch (error) {
    if (!isFault(error, 'not-found') && !isFault(error, 'precondition')) throw error
    throw new Fault('precondition', `${source} is not the file any more that ${from} publishes`, {
      at: `${bucket.name}/${source}`,
      hint: `run: holdfast index publish ${from}; look at what it tells, and run this again`,
      cause: error,
    })
  }
}

function pretend(group: Group, file: PublishedFile): PublishedFile {
  const { name, size, metadata } = file
  placeRow(group, { name, size, etag: '', modified: 0 })
  if (metadata !== undefined) group.companions.set(name, { name: `${name}${metadataEnd}`, size: 0, etag: '' })
  group.checked.add(name)
  return { ...file, etag: '' }
}

function placeRow({ files }: Group, row: ListedFile): void {
  const at = files.findIndex(({ name }) => name === row.name)
  if (at < 0) files.push(row)
  else files[at] = row
}

/** Of the version that was listed: the place's word, or else its bytes, read once. */
async function digestOfRow(
  { bucket }: IndexContext,
  prefix: string,
  { name, etag }: ListedFile,
  signal: AbortSignal | undefined,
): Promise<Digest> {
  const key = keyIn(prefix, name)
  const info = await bucket.head(key, { signal })
  if (info?.etag === etag && info.digest !== undefined) return info.digest
  const state = hasher()
  for await (const piece of await bucket.get(key, { etag, signal })) state.update(piece)
  return state.digest()
}

/** What stands beside a file, if it is what it should be. */
async function readBeside(
  { bucket }: IndexContext,
  key: string,
  digest: Digest,
  signal: AbortSignal | undefined,
): Promise<Uint8Array | undefined> {
  try {
    const { bytes } = await readAll(bucket, key, { limit: maxCompanionBytes, signal })
    return digestOf(bytes) === digest ? bytes : undefined
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return undefined
    throw error
  }
}

/** Gives its digest where there is one now. */
async function carryProvenance(
  context: IndexContext,
  from: string,
  to: string,
  { name, provenance }: PublishedFile,
  signal: AbortSignal | undefined,
): Promise<Digest | undefined> {
  if (provenance === undefined) return undefined
  const bytes = await readBeside(context, keyIn(from, `${name}${provenanceEnd}`), provenance, signal)
  if (bytes === undefined) {
    context.report({ kind: 'note', level: 'warning', text: `${keyIn(from, name)} has lost its provenance; it is copied without one` })
    return undefined
  }
  const headers = { contentType: 'application/vnd.pypi.integrity.v1+json', cacheControl: context.environment.fileCache }
  await putViewObject(context, to, `${name}${provenanceEnd}`, bytes, headers, signal)
  return provenance
}
