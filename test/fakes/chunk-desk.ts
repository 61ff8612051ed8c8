import { lstatSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import {
  type ChunkReader,
  type ChunkStore,
  type ChunkStoreOptions,
  type ExpectedFile,
  openChunkStore,
  type Tracer,
} from '../../src/chunks/index.ts'
import { bytesOf, canonicalJson, type Digest, isDigest } from '../../src/kit/index.ts'
import { createMemoryStore, type ObjectStore } from '../../src/store/index.ts'
import { hastyClock } from './hasty-clock.ts'
import { seededRandom, testSeed } from './seeded-random.ts'

/** A store with chunks in memory, a clock, and a folder for files to be read. */
export interface ChunkDesk {
  readonly store: ObjectStore
  readonly clock: ReturnType<typeof hastyClock>
  readonly random: () => number
  readonly folder: string
  /** Chunks of the store, or of another; without threads unless they are asked for. */
  open(options?: Partial<ChunkStoreOptions>, store?: ObjectStore): Promise<ChunkStore>
  file(name: string, content: Uint8Array | string): Promise<{ readonly path: string; readonly expected: ExpectedFile }>
  remove(): Promise<void>
}

export async function chunkDesk(wrap: (store: ObjectStore) => ObjectStore = (store) => store): Promise<ChunkDesk> {
  const clock = hastyClock(Date.parse('2025-01-15T00:00:00Z'))
  const folder = await mkdtemp(path.join(os.tmpdir(), 'holdfast-chunks-'))
  const store = wrap(createMemoryStore({ clock }))
  const random = seededRandom(testSeed)
  return {
    store,
    clock,
    random,
    folder,
    open: (options = {}, other = store) => openChunkStore(other, { clock, random, workers: 0, ...options }),
    async file(name, content) {
      const file = path.join(folder, name)
      await writeFile(file, content)
      return { path: file, expected: factsOf(file) }
    },
    remove: () => rm(folder, { recursive: true }),
  }
}

export function factsOf(file: string): ExpectedFile {
  const { size, mtimeNs, ctimeNs, ino, dev } = lstatSync(file, { bigint: true })
  return { size: Number(size), mtimeNs, ctimeNs, ino, dev }
}

export function randomBytes(length: number, random: () => number): Uint8Array {
  const words = Uint32Array.from({ length: Math.ceil(length / 4) }, () => random() * 2 ** 32)
  return new Uint8Array(words.buffer, 0, length)
}

export async function readAllOf(chunks: ChunkReader, ids: Iterable<Digest>): Promise<Buffer> {
  const pieces: Uint8Array[] = []
  for await (const { bytes } of chunks.readMany(ids)) pieces.push(bytes)
  return Buffer.concat(pieces)
}

/** The smallest tree there is: a node that lists chunks. */
export function treeNode(ids: readonly Digest[]): Uint8Array {
  return Buffer.from(JSON.stringify(ids))
}

export const traceTree: Tracer = async function* (root, chunks, options) {
  const ids = JSON.parse(Buffer.from(await chunks.read(root.digest, options)).toString()) as unknown[]
  for (const digest of ids.filter(isDigest)) yield { kind: 'chunk', digest }
}

/** Stores contents and moves a ref to them, as a snapshot does: in one session. */
export async function keepTree(
  chunks: ChunkStore,
  name: string,
  contents: readonly Uint8Array[],
  by = name,
): Promise<{ readonly root: Digest; readonly ids: readonly Digest[] }> {
  const writer = await chunks.startWriter({ by })
  try {
    const ids: Digest[] = []
    for (const bytes of contents) ids.push(await writer.addBytes(bytes, 'chunk'))
    const root = await writer.addBytes(treeNode(ids), 'node')
    await writer.finish()
    await writer.publish(() => putTreeRef(chunks.store, name, root))
    return { root, ids }
  } finally {
    await writer.abort()
  }
}

/** Where a tree's name points, plainly: tests that race have one writer for each name. */
export async function putTreeRef(store: ObjectStore, name: string, root: Digest | undefined): Promise<void> {
  const reaches = root === undefined ? [] : [{ kind: 'node', digest: root }]
  await store.put(`refs/trees/${name}.json`, bytesOf(canonicalJson({ format: 'holdfast-ref/1', reaches })))
}
