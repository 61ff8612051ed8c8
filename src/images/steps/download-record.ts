import * as v from 'valibot'
import { canonicalJson, type Digest, Fault, isDigest, parseJson, readSmallFile, replaceFile } from '../../kit/index.ts'
import type { RunMetadata } from '../settings.ts'
import type { DownloadFolder } from './folder.ts'

/** What was downloaded, and of which run: `metadata.json`. */
export interface DownloadRecord {
  readonly metadata: RunMetadata
  readonly repo: string
  readonly workflow: string
  readonly run: {
    readonly id: number
    readonly number: number
    readonly attempt: number
    readonly title: string
    readonly branch: string
    readonly commit: string
    /** Milliseconds since 1970. */
    readonly createdAt: number
    readonly url: string
  }
  readonly artifact: { readonly id: number; readonly name: string; readonly digest: Digest | undefined }
  /** Of the archive as it lies there. */
  readonly archive: { readonly size: number; readonly digest: Digest }
}

const format = 'holdfast-image-download/1'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const digest = v.custom<Digest>(isDigest, 'not a digest of SHA-256')
const shape = v.looseObject({
  format: v.literal(format),
  image_tag: v.string(),
  repository: v.string(),
  workflow: v.string(),
  run_id: count,
  run_number: count,
  run_attempt: count,
  run_name: v.string(),
  run_url: v.string(),
  branch: v.string(),
  commit: v.string(),
  created_at: v.pipe(v.string(), v.isoTimestamp()),
  artifact_id: count,
  artifact_name: v.string(),
  artifact_digest: v.optional(digest),
  artifact_size_bytes: count,
  zip_digest: digest,
  metadata_keys: v.array(v.string()),
})

/** The block's fields stand beside the others, by their keys as they were printed. */
export async function writeDownloadRecord(folder: DownloadFolder, record: DownloadRecord): Promise<void> {
  const { metadata, repo, workflow, run, artifact, archive } = record
  const own: v.InferOutput<typeof shape> = {
    format,
    image_tag: metadata.tag,
    repository: repo,
    workflow,
    run_id: run.id,
    run_number: run.number,
    run_attempt: run.attempt,
    run_name: run.title,
    run_url: run.url,
    branch: run.branch,
    commit: run.commit,
    created_at: new Date(run.createdAt).toISOString(),
    artifact_id: artifact.id,
    artifact_name: artifact.name,
    artifact_digest: artifact.digest,
    artifact_size_bytes: archive.size,
    zip_digest: archive.digest,
    metadata_keys: Object.keys(metadata.fields),
  }
  await replaceFile(folder.metadata, sortedJson({ ...metadata.fields, ...own, artifact_zip: folder.archive }))
}

/** Undefined where nothing was downloaded whole. Throws `corrupt` for what is no such record, or of another tag. */
export async function readDownloadRecord(folder: DownloadFolder): Promise<DownloadRecord | undefined> {
  const text = await readSmallFile(folder.metadata, 1 << 20)
  if (text === undefined) return undefined
  const read = parseJson(shape, text, folder.metadata)
  if (read.image_tag !== folder.tag) throw ofAnother(folder.metadata, read.image_tag, folder.tag)
  const fields = read.metadata_keys.flatMap((key) => (typeof read[key] === 'string' ? [[key, read[key]] as const] : []))
  return {
    metadata: { tag: read.image_tag, fields: Object.fromEntries(fields) },
    repo: read.repository,
    workflow: read.workflow,
    run: {
      id: read.run_id,
      number: read.run_number,
      attempt: read.run_attempt,
      title: read.run_name,
      branch: read.branch,
      commit: read.commit,
      createdAt: Date.parse(read.created_at),
      url: read.run_url,
    },
    artifact: { id: read.artifact_id, name: read.artifact_name, digest: read.artifact_digest },
    archive: { size: read.artifact_size_bytes, digest: read.zip_digest },
  }
}

export function ofAnother(at: string, found: string, wanted: string): Fault {
  return new Fault('corrupt', `it is of ${JSON.stringify(found.slice(0, 200))}, and not of ${JSON.stringify(wanted)}`, {
    at,
    hint: 'it was moved here from another folder: move it back, or remove the folder and download anew',
  })
}

/** For people too: a line for each member, in the order of their names. */
export function sortedJson(value: object): string {
  return `${JSON.stringify(JSON.parse(canonicalJson(value)), undefined, 2)}\n`
}
