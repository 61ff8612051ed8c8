import { readFileSync, statSync } from 'node:fs'
import {
  type ChunkStore,
  type ChunkWriter,
  chunkListOf,
  type ExpectedFile,
  packChunkRefs,
  type Placed,
  type Placement,
  type Supposed,
} from '../../src/chunks/index.ts'
import { putAt, readFully } from '../../src/chunks/placing/write.ts'
import { type Digest, digestOf, Fault } from '../../src/kit/index.ts'
import type { ObjectStore } from '../../src/store/index.ts'

/** Chunks of a fixed size in a map: what trees need of a chunk store, without packs and threads. */
export function memoryChunks(store: ObjectStore, chunkBytes = 1000): ChunkStore & { readonly all: Map<Digest, Uint8Array> } {
  const all = new Map<Digest, Uint8Array>()
  const read = async (id: Digest) => {
    const bytes = all.get(id)
    if (bytes === undefined) throw new Fault('not-found', `no such chunk: ${id}`)
    return bytes
  }
  const place = async <P extends Placement>(placement: P): Promise<Placed<P>> => {
    try {
      const bytes = await read(placement.id)
      if (bytes.byteLength !== placement.length) throw new Fault('corrupt', 'a chunk has another length than its file says')
      return { done: [placement], failed: [], written: putAt(placement.fd, bytes, placement.offset, placement.onlyDifferences) }
    } catch (error) {
      return { done: [], failed: [{ placement, error }], written: 0 }
    }
  }
  return {
    all,
    store,
    id: '0'.repeat(32),
    parameters: {
      chunking: { algorithm: 'fastcdc-gear32/1', min: 1, average: 1, max: chunkBytes },
      compression: { algorithm: 'zstd', level: 1 },
    },
    has: (id) => all.has(id),
    locate: (id) =>
      all.has(id) ? { pack: id, kind: 'chunk', blockOffset: 0, offset: 0, ...sizesOf(all.get(id)!), isCondemned: false } : undefined,
    read,
    async *readMany(ids) {
      for (const id of ids) yield { id, bytes: await read(id) }
    },
    async *place(placements) {
      for (const placement of placements) yield await place(placement)
    },
    async compare(fd, supposed) {
      const differs = ({ id, length, offset }: Supposed) => {
        const bytes = Buffer.alloc(length)
        return !readFully(fd, bytes, offset) || digestOf(bytes) !== id
      }
      return supposed.filter(differs)
    },
    refresh: async () => undefined,
    startWriter: async () => memoryWriter(all, chunkBytes),
    close: async () => undefined,
  } as ChunkStore & { readonly all: Map<Digest, Uint8Array> }
}

function sizesOf({ byteLength }: Uint8Array) {
  return { length: byteLength, blockStored: byteLength, blockPlain: byteLength }
}

function memoryWriter(all: Map<Digest, Uint8Array>, chunkBytes: number): ChunkWriter {
  let read = 0
  let added = 0
  let known = 0
  let addedBytes = 0
  const add = (bytes: Uint8Array) => {
    const id = digestOf(bytes)
    if (all.has(id)) known++
    else {
      all.set(id, bytes)
      added++
      addedBytes += bytes.byteLength
    }
    return id
  }
  return {
    has: (id) => all.has(id),
    width: 8,
    async addFile(path, _expected, { extents } = {}) {
      const whole = readFileSync(path)
      const bytes = extents === undefined ? whole : Buffer.concat(extents.map(({ start, end }) => whole.subarray(start, end)))
      read += bytes.byteLength
      const refs = []
      for (let at = 0; at < bytes.byteLength; at += chunkBytes) {
        const chunk = new Uint8Array(bytes.subarray(at, at + chunkBytes))
        refs.push({ id: add(chunk), length: chunk.byteLength })
      }
      const { size, mtimeNs, ctimeNs, ino, dev } = statSync(path, { bigint: true })
      const stat: ExpectedFile = { size: Number(size), mtimeNs, ctimeNs, ino, dev }
      return { stat, chunks: chunkListOf(packChunkRefs(refs)), changedWhileRead: false }
    },
    addBytes: async (bytes) => add(new Uint8Array(bytes)),
    finish: async () => ({ read, chunks: { added, known }, added: addedBytes, stored: addedBytes, packs: 1 }),
    publish: async (move) => await move(),
    abort: async () => undefined,
  }
}
