import { type Digest, Fault, hexOf, isFault, mapAhead, throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { idBytes } from '../chunk.ts'
import type { Hands } from '../hands/hands.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import type { BlockPlace } from '../indexes/pack-table.ts'
import { packKey } from '../pack/pack.ts'
import { rangesOf, readRange } from '../reading/blocks.ts'
import { mendable, readAnyCopy, type ReaderParts } from '../reading/reader.ts'
import type { PlacedBlocks } from './place-blocks.ts'
import { packWanted } from './wanted-bytes.ts'
import { putAt } from './write.ts'

/** A chunk and where it belongs in an open file. */
export interface Placement {
  readonly id: Digest
  readonly length: number
  readonly fd: number
  readonly offset: number
  /** Writes only where the file has something else. */
  readonly onlyDifferences: boolean
}

export interface Placed<P extends Placement> {
  /** They are where they belong. */
  readonly done: readonly P[]
  /** They are not: `corrupt` or `not-found`, or the error of the disk. */
  readonly failed: readonly { readonly placement: P; readonly error: unknown }[]
  /** Bytes that were written for all of them. */
  readonly written: number
}

/** Read at once: less than for readers, since several are under way in each thread. */
const stretchBytes = 2 << 20

export type PlacerParts = ReaderParts & { readonly hands: Hands }

/** Writes verified chunks into open files, some at a time and in the order of the packs. Nothing is under way any more once it has ended, however it ends. */
export async function* placeChunks<P extends Placement>(
  parts: PlacerParts,
  placements: readonly P[],
  options: Signal,
): AsyncGenerator<Placed<P>> {
  const { stretches, others } = stretchesOf(parts.index, placements)
  if (others.length > 0) yield await placeOneByOne(parts, others, options)
  yield* mapAhead(stretches, parts.hands.width, async (stretch) => {
    throwIfAborted(options.signal)
    return await placeStretch(parts, stretch, options)
  })
}

interface WantedBlock<P extends Placement> extends BlockPlace {
  readonly wanted: { readonly entry: number; readonly placement: P }[]
}

/** What is read at once from one pack, in the order of the packs; and what is in none, or not as it should be. */
function stretchesOf<P extends Placement>(index: ChunkIndex, placements: readonly P[]) {
  const found: WantedBlock<P>['wanted'] = []
  const others: P[] = []
  const id = Buffer.alloc(idBytes)
  for (const placement of placements) {
    id.write(hexOf(placement.id), 'hex')
    const entry = index.find(id)
    if (entry !== -1 && index.lengthAt(entry) === placement.length) found.push({ entry, placement })
    else others.push(placement)
  }
  found.sort((a, b) => a.entry - b.entry)
  const blocks: WantedBlock<P>[] = []
  for (const each of found) {
    const last = blocks.at(-1)
    if (last !== undefined && each.entry < last.endEntry) last.wanted.push(each)
    else blocks.push({ ...index.placeOf(each.entry), wanted: [each] })
  }
  return { stretches: rangesOf(blocks, stretchBytes), others }
}

async function placeStretch<P extends Placement>(
  parts: PlacerParts,
  blocks: readonly WantedBlock<P>[],
  options: Signal,
): Promise<Placed<P>> {
  const placements = blocks.flatMap(({ wanted }) => wanted.map(({ placement }) => placement))
  let placed: PlacedBlocks
  try {
    const plainBytes = blocks.reduce((sum, { plain }) => sum + plain, 0)
    const bytes = await readRange(parts.store, blocks, options)
    placed = await parts.hands.run('place', plainBytes, () => ({ task: taskOf(parts, blocks, bytes), given: [bytes.buffer] }))
  } catch (error) {
    if (!isFault(error) || !mendable.has(error.code)) throw error
    return await placeOneByOne(parts, placements, options)
  }
  const mended = await placeOneByOne(
    parts,
    placed.bad.map((index) => placements[index]!),
    options,
  )
  const failed = placed.failed.map(({ index, code, message }) => ({
    placement: placements[index]!,
    error: Object.assign(new Error(message), code === undefined ? {} : { code }),
  }))
  const left = new Set([...placed.bad, ...placed.failed.map(({ index }) => index)])
  return {
    done: [...(left.size === 0 ? placements : placements.filter((_each, index) => !left.has(index))), ...mended.done],
    failed: [...failed, ...mended.failed],
    written: placed.written + mended.written,
  }
}

function taskOf<P extends Placement>({ store, index }: PlacerParts, blocks: readonly WantedBlock<P>[], bytes: Uint8Array<ArrayBuffer>) {
  const [first] = blocks
  const wanted = blocks.flatMap((block) => block.wanted.map(({ entry, placement }) => ({ start: index.offsetOf(entry, block), placement })))
  return {
    bytes,
    blocks: blocks.map(({ method, offset, stored, plain, wanted: { length: count } }) => ({
      method,
      from: offset - first!.offset,
      stored,
      plain,
      count,
    })),
    wanted: packWanted(wanted, ({ start, placement: { id, length, fd, offset, onlyDifferences } }) => ({
      id,
      start,
      length,
      fd,
      offset,
      onlyDifferences,
    })),
    at: `${store.name}/${packKey(first!.pack.id)}`,
  }
}

/** Those that could not be read where they were thought to be, from wherever they can. */
async function placeOneByOne<P extends Placement>(parts: PlacerParts, placements: readonly P[], options: Signal): Promise<Placed<P>> {
  const done: P[] = []
  const failed: { placement: P; error: unknown }[] = []
  let written = 0
  for (const placement of placements) {
    try {
      const bytes = await readAnyCopy(parts, placement.id, options)
      if (bytes.byteLength !== placement.length)
        throw new Fault('corrupt', 'a chunk has another length than its file says', { at: placement.id })
      written += putAt(placement.fd, bytes, placement.offset, placement.onlyDifferences)
      done.push(placement)
    } catch (error) {
      if (isFault(error) && error.code !== 'corrupt' && error.code !== 'not-found') throw error
      failed.push({ placement, error })
    }
  }
  return { done, failed, written }
}

/** A chunk and where it should be in an open file. */
export type Supposed = Pick<Placement, 'id' | 'length' | 'offset'>

/** Those of the chunks that are not where they should be. They are given in the order of the file. */
export async function compareWithChunks<S extends Supposed>(hands: Hands, fd: number, supposed: readonly S[]): Promise<readonly S[]> {
  if (supposed.length === 0) return []
  const wanted = packWanted(supposed, ({ id, length, offset }) => ({ id, length, offset, start: 0, fd, onlyDifferences: false }))
  const bytes = supposed.reduce((sum, { length }) => sum + length, 0)
  const differing = await hands.run('compare', bytes, () => ({ task: wanted, given: [wanted.buffer] }))
  return Array.from(differing, (index) => supposed[index]!)
}
