import { type Digest, forEachBounded, mapBounded } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { keyIn, metadataEnd, provenanceEnd, startOf } from '../publish/layout.ts'
import { listNotes } from '../records/notes.ts'
import type { LearntFile } from '../records/note.ts'
import type { ProjectRecord } from '../records/project.ts'
import { readCatalogue, readIndex, readProject } from '../records/read.ts'

/** What stands in the bucket under a name that is wanted. */
export interface Standing {
  readonly size: number
  readonly etag: string
  /** As far as it is known without a request for it. */
  readonly digest?: Digest | undefined
  /** A generation or a note has it: the next publication need not be told. */
  readonly isRecorded: boolean
}

export interface Shelf {
  /** By the file's name. */
  readonly files: ReadonlyMap<string, Standing>
  /** Names of what stands beside them. */
  readonly beside: ReadonlySet<string>
}

/** By the key of the index. */
export type Shelves = ReadonlyMap<string, Shelf>

/** The names that are wanted in each index, and the projects that they are of. */
export type WantedNames = ReadonlyMap<string, ReadonlyMap<string, string>>

interface Row {
  readonly size: number
  readonly etag: string
}

const width = 8

/** Looks at what stands: a listing for each index, the notes, and the records of projects that have something of what is wanted. */
export async function readShelves(context: IndexContext, wanted: WantedNames): Promise<Shelves> {
  const listed = await mapBounded(wanted, width, ([index, names], signal) => list(context, index, names, signal), context.signal)
  const standing = listed.filter(({ rows }) => rows.size > 0)
  if (standing.length === 0) return new Map(listed.map(({ index, beside }) => [index, { files: new Map(), beside }]))
  const known = await knownFiles(context, standing, wanted)
  return new Map(
    listed.map(({ index, rows, beside }) => {
      const files = Array.from(rows, ([name, { size, etag }]): [string, Standing] => {
        const found = known.get(keyIn(index, name))?.find((file) => file.etag === etag && file.size === size)
        return [name, { size, etag, digest: found?.digest, isRecorded: found !== undefined }]
      })
      return [index, { files: new Map(files), beside }]
    }),
  )
}

interface Listed {
  readonly index: string
  readonly rows: ReadonlyMap<string, Row>
  readonly beside: ReadonlySet<string>
}

async function list({ bucket }: IndexContext, index: string, names: ReadonlyMap<string, string>, signal: AbortSignal): Promise<Listed> {
  const start = startOf(index)
  const rows = new Map<string, Row>()
  const beside = new Set<string>()
  for await (const { key, size, etag } of bucket.list(start, { signal })) {
    const name = key.slice(start.length)
    if (names.has(name)) rows.set(name, { size, etag })
    else if ([metadataEnd, provenanceEnd].some((end) => name.endsWith(end) && names.has(name.slice(0, -end.length)))) beside.add(name)
  }
  return { index, rows, beside }
}

type KnownFile = Pick<LearntFile, 'size' | 'etag' | 'digest'>

/** By key. */
async function knownFiles(context: IndexContext, listed: readonly Listed[], wanted: WantedNames): Promise<Map<string, KnownFile[]>> {
  const known = new Map<string, KnownFile[]>()
  const learn = (key: string, file: KnownFile) => {
    const files = known.get(key)
    if (files === undefined) known.set(key, [file])
    else files.push(file)
  }
  for (const { files } of await listNotes(context)) for (const file of files) learn(file.key, file)
  const published = (await readIndex(context))?.state.prefixes ?? {}
  const records = remembering((digest: Digest) => readProject(context, digest))
  await forEachBounded(
    listed,
    width,
    async ({ index, rows }) => {
      const digest = Object.hasOwn(published, index) ? published[index]!.catalogue : undefined
      if (digest === undefined) return
      const { projects } = await readCatalogue(context, digest)
      for (const project of new Set(Array.from(rows.keys(), (name) => wanted.get(index)!.get(name)!))) {
        const record = Object.hasOwn(projects, project) ? projects[project]!.record : undefined
        if (record === undefined) continue
        const { files, withdrawn }: ProjectRecord = await records(record)
        for (const { name, size, etag, digest: recorded } of [...files, ...withdrawn]) {
          if (recorded !== undefined) learn(keyIn(index, name), { size, etag, digest: recorded })
        }
      }
    },
    context.signal,
  )
  return known
}

/** Indexes that hold the same files have the same records, and each is read once. */
function remembering<T>(read: (digest: Digest) => Promise<T>): (digest: Digest) => Promise<T> {
  const readings = new Map<Digest, Promise<T>>()
  return (digest) => {
    const reading = readings.get(digest) ?? read(digest)
    readings.set(digest, reading)
    return reading
  }
}
