import { collect, type Digest, digestOf, isFault } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import { digestAt } from '../chunk.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import type { BlockPlace, KnownPack } from '../indexes/pack-table.ts'
import { openBlock, type OpenedBlock } from '../pack/open-block.ts'
import { packKey } from '../pack/pack.ts'

/** What was found in a pack whose every byte was read. */
export interface CheckedPack {
  /** Undefined where the pack is what its name says. */
  readonly damage: string | undefined
  /** Entries whose bytes are not what their ids say. */
  readonly bad: readonly number[]
}

/** Reads a pack whole and checks it, its blocks and its chunks; `take` gets each chunk that is good. A missing pack is one of no bytes. */
export async function checkPack(
  store: ObjectStore,
  index: ChunkIndex,
  pack: KnownPack,
  options: Signal & { readonly take?: (entry: number, bytes: Uint8Array) => Promise<void> },
): Promise<CheckedPack> {
  const at = `${store.name}/${packKey(pack.id)}`
  const { bytes, damage } = await readPack(store, pack, options)
  const bad: number[] = []
  for (const place of blocksOf(index, pack)) {
    const opened = openOrNothing(index, place, bytes, at)
    for (let entry = place.firstEntry; entry < place.endEntry; entry++) {
      const number = entry - place.firstEntry
      if (opened === undefined || opened.bad.includes(number)) bad.push(entry)
      else await options.take?.(entry, opened.plain.subarray(opened.offsets[number], opened.offsets[number + 1]))
    }
  }
  const isWhole = damage === undefined && digestOf(bytes) === pack.id
  return { damage: isWhole && bad.length === 0 ? undefined : (damage ?? 'its bytes do not match its digest'), bad }
}

async function readPack(store: ObjectStore, pack: KnownPack, { signal }: Signal): Promise<{ bytes: Uint8Array; damage?: string }> {
  try {
    const body = await store.get(packKey(pack.id), { signal })
    const bytes = await collect(body.length > pack.size ? beginOf(body, pack.size) : body, pack.size)
    if (body.length === pack.size) return { bytes }
    return { bytes, damage: `it has ${body.length} bytes and should have ${pack.size}` }
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'precondition')) return { bytes: new Uint8Array(0), damage: 'it is missing' }
    throw error
  }
}

/** So many bytes, and the body is let go: one that nobody reads keeps its connection. */
async function* beginOf(body: AsyncIterable<Uint8Array>, size: number): AsyncGenerator<Uint8Array> {
  let left = size
  for await (const piece of body) {
    yield piece.subarray(0, left)
    left -= piece.byteLength
    if (left <= 0) return
  }
}

function* blocksOf(index: ChunkIndex, pack: KnownPack): Generator<BlockPlace> {
  for (let entry = pack.firstEntry; entry < pack.endEntry;) {
    const place = index.placeOf(entry)
    yield place
    entry = place.endEntry
  }
}

function openOrNothing(index: ChunkIndex, place: BlockPlace, bytes: Uint8Array, at: string): OpenedBlock | undefined {
  try {
    const stored = { method: place.method, bytes: bytes.subarray(place.offset, place.offset + place.stored) }
    return openBlock(stored, place.plain, index.chunksOf(place), at)
  } catch (error) {
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}

export function idsOf(index: ChunkIndex, entries: readonly number[]): Digest[] {
  return entries.map((entry) => digestAt(index.idAt(entry), 0))
}
