import { type Digest, Fault, type FaultCode, isFault } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import { idOf } from '../chunk.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import type { BlockPlace } from '../indexes/pack-table.ts'
import type { OpenedBlock } from '../pack/open-block.ts'
import { packKey } from '../pack/pack.ts'
import type { BlockReader } from './blocks.ts'

export interface ReaderParts {
  readonly store: ObjectStore
  readonly index: ChunkIndex
  readonly blocks: BlockReader
  /** Looks for indexes that have come since. */
  readonly refresh: (options: Signal) => Promise<void>
}

/** Plain bytes of blocks that one step of `readChunks` asks for; the next step is under way meanwhile. */
const stepBytes = 8 << 20

export async function readChunk(parts: ReaderParts, id: Digest, options: Signal): Promise<Uint8Array> {
  const { index } = parts
  const found = index.find(idOf(id))
  if (found !== -1) {
    const place = index.placeOf(found)
    const bytes = await orDamage(chunkIn(parts, found, place, parts.blocks.fetch([place], options).get(place.block)!))
    if (!(bytes instanceof Fault)) return bytes
  }
  return await readAnyCopy(parts, id, options)
}

/** In the order given, with what the next ones need under way. */
export async function* readChunks(
  parts: ReaderParts,
  ids: Iterable<Digest>,
  options: Signal,
): AsyncGenerator<{ readonly id: Digest; readonly bytes: Uint8Array }> {
  let ahead: Step | undefined
  for (const step of stepsOf(parts, ids, options)) {
    if (ahead !== undefined) yield* giveStep(parts, ahead, options)
    ahead = step
  }
  if (ahead !== undefined) yield* giveStep(parts, ahead, options)
}

interface Step {
  readonly wanted: readonly { readonly id: Digest; readonly entry: number; readonly place: BlockPlace | undefined }[]
  readonly opened: ReadonlyMap<number, Promise<OpenedBlock>>
}

function* stepsOf({ index, blocks }: ReaderParts, ids: Iterable<Digest>, options: Signal): Generator<Step> {
  let wanted: Step['wanted'][number][] = []
  let places = new Map<number, BlockPlace>()
  let bytes = 0
  const step = (): Step => {
    const opened = blocks.fetch([...places.values()], options)
    // Whoever stops reading early leaves promises behind that nobody awaits.
    for (const block of opened.values()) block.catch(() => undefined)
    return { wanted, opened }
  }
  for (const id of ids) {
    const entry = index.find(idOf(id))
    const place = entry === -1 ? undefined : index.placeOf(entry)
    wanted.push({ id, entry, place })
    if (place !== undefined && !places.has(place.block)) {
      places.set(place.block, place)
      bytes += place.plain
    }
    if (bytes < stepBytes && wanted.length < 1 << 16) continue
    yield step()
    wanted = []
    places = new Map()
    bytes = 0
  }
  if (wanted.length > 0) yield step()
}

async function* giveStep(
  parts: ReaderParts,
  { wanted, opened }: Step,
  options: Signal,
): AsyncGenerator<{ readonly id: Digest; readonly bytes: Uint8Array }> {
  for (const { id, entry, place } of wanted) {
    const bytes = place === undefined ? undefined : await orDamage(chunkIn(parts, entry, place, opened.get(place.block)!))
    yield { id, bytes: bytes === undefined || bytes instanceof Fault ? await readAnyCopy(parts, id, options) : bytes }
  }
}

async function chunkIn(
  { store }: ReaderParts,
  entry: number,
  place: BlockPlace,
  opened: Promise<OpenedBlock>,
): Promise<Uint8Array | Fault> {
  const { plain, offsets, bad } = await opened
  const number = entry - place.firstEntry
  if (bad.includes(number)) {
    return new Fault('corrupt', 'its bytes in the pack do not match its digest', { at: `${store.name}/${packKey(place.pack.id)}` })
  }
  return plain.subarray(offsets[number], offsets[number + 1])
}

/** Damaged; gone; shorter than it was; taken away while it was read. */
export const mendable: ReadonlySet<FaultCode> = new Set(['corrupt', 'not-found', 'invalid', 'precondition'])

/** A fault that another copy, or a newer index, may mend is a value; any other is thrown. */
async function orDamage(chunk: Promise<Uint8Array | Fault>): Promise<Uint8Array | Fault> {
  try {
    return await chunk
  } catch (error) {
    if (isFault(error) && mendable.has(error.code)) return error
    throw error
  }
}

/** Where the first copy is damaged or gone: a prune may have moved it to another pack, and another pack may have it whole. */
export async function readAnyCopy(parts: ReaderParts, id: Digest, options: Signal): Promise<Uint8Array> {
  const { store, index } = parts
  await parts.refresh(options)
  let damage: Fault | undefined
  for (const entry of index.findAll(idOf(id))) {
    const place = index.placeOf(entry)
    const bytes = await orDamage(chunkIn(parts, entry, place, parts.blocks.fetch([place], options).get(place.block)!))
    if (!(bytes instanceof Fault)) return bytes
    damage = bytes
    if (isFault(bytes, 'not-found') || isFault(bytes, 'precondition'))
      damage = new Fault('corrupt', `the pack is missing`, { at: `${store.name}/${packKey(place.pack.id)}`, cause: bytes })
  }
  const hint = 'run: holdfast snapshot verify; what is damaged can be repaired from another store'
  if (damage === undefined) throw new Fault('not-found', `the store does not have the chunk ${id}`, { at: store.name, hint })
  throw new Fault('corrupt', `the chunk ${id} cannot be read: ${damage.message}`, { at: damage.at ?? store.name, hint, cause: damage })
}
