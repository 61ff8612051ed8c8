import { Fault } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import type { BlockPlace } from '../indexes/pack-table.ts'
import { freeNow, type StoredBlock } from '../pack/block.ts'
import type { OpenedBlock } from '../pack/open-block.ts'
import { packKey } from '../pack/pack.ts'
import { createTurns } from './turns.ts'

/** Decompresses and checks, here or in another thread. */
export type OpenBlock = (stored: StoredBlock, place: BlockPlace, at: string) => Promise<OpenedBlock>

export interface BlockReader {
  /** The blocks of those places, each of which may still be on its way. Blocks that lie together in a pack come with one request. */
  fetch(places: readonly BlockPlace[], options?: Signal): ReadonlyMap<number, Promise<OpenedBlock>>
}

/** Bytes between two blocks that are rather read than asked for separately. */
const maxGap = 128 << 10
const maxRange = 4 << 20
/** Requests at once. */
const width = 4
/** Plain bytes of blocks that are kept for the next reader. */
const keptBytes = 8 << 20

export function createBlockReader(store: ObjectStore, open: OpenBlock): BlockReader {
  const kept = new Map<number, { readonly bytes: number; readonly opened: Promise<OpenedBlock> }>()
  const turns = createTurns(width)
  let total = 0

  const keep = (place: BlockPlace, opened: Promise<OpenedBlock>) => {
    kept.set(place.block, { bytes: place.plain, opened })
    total += place.plain
    opened.catch(() => forget(place.block))
    for (const oldest of kept.keys()) {
      if (total <= keptBytes) break
      forget(oldest)
    }
  }
  const forget = (block: number) => {
    const held = kept.get(block)
    if (held !== undefined) total -= held.bytes
    kept.delete(block)
  }
  return {
    fetch(places, options = {}) {
      const found = new Map<number, Promise<OpenedBlock>>()
      const missing = new Map<number, BlockPlace>()
      for (const place of places) {
        const held = kept.get(place.block)
        if (held === undefined) missing.set(place.block, place)
        else {
          kept.delete(place.block)
          kept.set(place.block, held)
          found.set(place.block, held.opened)
        }
      }
      for (const range of rangesOf([...missing.values()])) {
        const bytes = turns.run(() => readRange(store, range, options))
        const openings: Promise<OpenedBlock>[] = []
        for (const place of range) {
          const at = `${store.name}/${packKey(place.pack.id)}`
          const opened = bytes.then((whole) => {
            const start = place.offset - range[0]!.offset
            return open({ method: place.method, bytes: whole.subarray(start, start + place.stored) }, place, at)
          })
          keep(place, opened)
          found.set(place.block, opened)
          openings.push(opened)
        }
        // Blocks that are stored as they are stay where they are.
        if (range.every(({ method }) => method === 'zstd')) void freeAfter(openings, bytes)
      }
      return found
    },
  }
}

/** Gives back what a request has brought once all of it has been opened. */
async function freeAfter(openings: readonly Promise<OpenedBlock>[], bytes: Promise<Uint8Array>): Promise<void> {
  await Promise.allSettled(openings)
  await bytes.then(freeNow, () => undefined)
}

/** Places by pack and position, those together that one request brings. */
export function rangesOf<P extends BlockPlace>(places: P[], most = maxRange): P[][] {
  places.sort((a, b) => a.block - b.block)
  const ranges: P[][] = []
  for (const place of places) {
    const range = ranges.at(-1)
    const last = range?.at(-1)
    const isNear =
      last?.pack === place.pack &&
      place.offset - (last.offset + last.stored) <= maxGap &&
      place.offset + place.stored - range![0]!.offset <= most
    if (isNear) range!.push(place)
    else ranges.push([place])
  }
  return ranges
}

/** All from the first place to the last, in memory of its own. `corrupt` where the pack does not have that much. */
export async function readRange(store: ObjectStore, range: readonly BlockPlace[], { signal }: Signal): Promise<Uint8Array<ArrayBuffer>> {
  const start = range[0]!.offset
  const end = range.at(-1)!.offset + range.at(-1)!.stored
  const key = packKey(range[0]!.pack.id)
  const bytes =
    store.reader === undefined
      ? await readOnce(store, key, { start, end }, signal)
      : await readOpened(store.reader, key, { start, end }, signal)
  if (bytes.byteLength === end - start) return bytes
  throw new Fault('corrupt', `the pack did not give the ${end - start} bytes that were asked for`, { at: `${store.name}/${key}` })
}

interface Range {
  readonly start: number
  readonly end: number
}

async function readOnce(store: ObjectStore, key: string, range: Range, signal: AbortSignal | undefined): Promise<Uint8Array<ArrayBuffer>> {
  const length = range.end - range.start
  // Not from the pool that small buffers share: it is given to other threads.
  const whole = new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
  let at = 0
  for await (const piece of await store.get(key, { range, signal })) {
    if (piece.byteLength > length - at) return whole.subarray(0, 0)
    whole.set(piece, at)
    at += piece.byteLength
  }
  return at === length ? whole : whole.subarray(0, at)
}

/** Where the store can, in one piece. */
async function readOpened(
  open: NonNullable<ObjectStore['reader']>,
  key: string,
  { start, end }: Range,
  signal: AbortSignal | undefined,
): Promise<Uint8Array<ArrayBuffer>> {
  const reader = await open(key, { signal })
  try {
    const bytes = await reader.read(start, end)
    return new Uint8Array(bytes.buffer as ArrayBuffer, bytes.byteOffset, bytes.byteLength)
  } finally {
    await reader.close()
  }
}
