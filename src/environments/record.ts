import { readdir, unlink } from 'node:fs/promises'
import * as v from 'valibot'
import {
  diskFault,
  type Digest,
  errno,
  Fault,
  isDigest,
  isFault,
  parseJson,
  readSmallFile,
  realDisk,
  replaceFile,
  type Shape,
  syncDirectory,
} from '../kit/index.ts'
import { type Kept, type SnapshotMode, snapshotModes } from './mode.ts'
import { checkSnapshotName, layoutOf, snapshotOfFile } from './names.ts'

/** What is known of a snapshot: `<name>.meta.json`, written last, so that a snapshot without it does not exist. */
export interface SnapshotRecord {
  readonly format: typeof recordFormat
  readonly name: string
  readonly environment: string
  readonly mode: SnapshotMode
  /** ISO 8601, UTC. */
  readonly created: string
  /** The live directory that it was made of. */
  readonly path: string
  /** Of the tree: files, directories and all else. */
  readonly entries: number
  /** Of the tree's files. */
  readonly bytes: number
  readonly kept: Kept
  /** Of names and attributes of all entries, as far as they are known. */
  readonly tree?: Digest | undefined
  /** As `tree`, with the bytes of all files; first known when the snapshot was read whole. */
  readonly content?: Digest | undefined
}

export const recordFormat = 'holdfast-environment/1'

const count = v.pipe(v.number(), v.safeInteger(), v.minValue(0))
const digest = v.custom<Digest>(isDigest, 'a digest is expected')

const shape: Shape<SnapshotRecord> = v.object({
  format: v.literal(recordFormat),
  name: v.string(),
  environment: v.string(),
  mode: v.picklist(snapshotModes),
  created: v.pipe(v.string(), v.isoTimestamp()),
  path: v.string(),
  entries: count,
  bytes: count,
  kept: v.object({
    stored: v.optional(count),
    digest: v.optional(digest),
    facts: v.optional(v.record(v.string(), v.union([v.string(), v.number(), v.boolean()]))),
  }),
  tree: v.optional(digest),
  content: v.optional(digest),
})

/** Undefined where there is no such snapshot; `corrupt` where its record cannot be understood. */
export async function findRecord(snapshotsDir: string, name: string): Promise<SnapshotRecord | undefined> {
  const file = layoutOf(snapshotsDir).record(name)
  const text = await readSmallFile(file, maxRecordBytes)
  if (text === undefined) return undefined
  const damaged = (why: string, cause?: unknown) =>
    new Fault('corrupt', `the record of the snapshot ${name} is damaged: ${why}`, {
      at: file,
      hint: `make it again (holdfast env create --replace), or delete it (holdfast env delete)`,
      cause,
    })
  let record: SnapshotRecord
  try {
    record = parseJson(shape, text, file)
  } catch (error) {
    throw isFault(error, 'corrupt') ? damaged(error.message, error) : error
  }
  if (record.name !== name) throw damaged(`it is that of ${record.name}`)
  return record
}

/** The mode of a record that cannot be understood otherwise. */
export async function modeInRecord(snapshotsDir: string, name: string): Promise<SnapshotMode | undefined> {
  const text = (await readSmallFile(layoutOf(snapshotsDir).record(name), maxRecordBytes)) ?? ''
  const said = /"mode":\s*"([a-z]+)"/.exec(text)?.[1]
  return snapshotModes.find((mode) => mode === said)
}

const maxRecordBytes = 1 << 20

/** Throws `not-found` where there is no such snapshot, and says which there are. */
export async function needRecord(snapshotsDir: string, environment: string, name: string): Promise<SnapshotRecord> {
  checkSnapshotName(name)
  const found = await findRecord(snapshotsDir, name)
  if (found !== undefined) return found
  const { records, foreign } = await readRecords(snapshotsDir)
  const names = records.map((record) => record.name)
  throw new Fault('not-found', `the environment ${environment} has no snapshot ${name}`, {
    at: snapshotsDir,
    hint: foreign.includes(name)
      ? `something else stands under that name; make the snapshot under another: holdfast env create ${environment} --snapshot NAME`
      : names.length === 0
        ? `make it: holdfast env create ${environment} --snapshot ${name}`
        : `there are: ${names.slice(0, 20).join(', ')}`,
  })
}

export async function writeRecord(snapshotsDir: string, record: SnapshotRecord): Promise<void> {
  await replaceFile(layoutOf(snapshotsDir).record(record.name), `${JSON.stringify(record, undefined, 2)}\n`)
}

/** Removes the record and the index: from then on there is no such snapshot, durably. */
export async function dropRecord(snapshotsDir: string, name: string): Promise<void> {
  const layout = layoutOf(snapshotsDir)
  for (const file of [layout.record(name), layout.index(name)]) {
    try {
      await unlink(file)
    } catch (error) {
      if (errno(error) !== 'ENOENT') throw diskFault(error, file, 'remove the record of a snapshot')
    }
  }
  await syncDirectory(realDisk, snapshotsDir)
}

export interface Records {
  /** Newest first. */
  readonly records: readonly SnapshotRecord[]
  /** Trees and images that are not ours, or whose record is gone. They are never touched. */
  readonly foreign: readonly string[]
  /** Snapshots whose record cannot be understood. */
  readonly damaged: readonly { readonly name: string; readonly why: string }[]
}

/** Everything in a snapshots directory; nothing where there is none. */
export async function readRecords(snapshotsDir: string): Promise<Records> {
  const found = (await namesIn(snapshotsDir)).map(snapshotOfFile).filter((each) => each !== undefined)
  const recorded = new Set(found.filter(({ kind }) => kind === 'record').map(({ name }) => name))
  const damaged: { name: string; why: string }[] = []
  const records: SnapshotRecord[] = []
  for (const name of [...recorded].sort()) {
    try {
      const record = await findRecord(snapshotsDir, name)
      if (record !== undefined) records.push(record)
    } catch (error) {
      if (!isFault(error, 'corrupt') && !isFault(error, 'invalid')) throw error
      damaged.push({ name, why: error.message })
    }
  }
  records.sort((a, b) => (a.created < b.created ? 1 : a.created > b.created ? -1 : a.name < b.name ? -1 : 1))
  const foreign = new Set(
    found.filter(({ kind, name }) => (kind === 'tree' || kind === 'image') && !recorded.has(name)).map(({ name }) => name),
  )
  return { records, foreign: [...foreign].sort(), damaged }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw diskFault(error, directory, 'list the snapshots')
  }
}
