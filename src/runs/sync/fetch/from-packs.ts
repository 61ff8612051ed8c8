import { openSync, closeSync, constants, writeSync } from 'node:fs'
import { asFault, diskFault, Fault, forEachBounded, type Report } from '../../../kit/index.ts'
import { type ObjectReader, openReader } from '../../../store/index.ts'
import { decodePackTable } from '../../format/decode-page.ts'
import { maxIndexBytes, maxPackedFile } from '../../format/limits.ts'
import { decodeIndex, openBlock, type PackBlock, type PackIndex } from '../../format/pack.ts'
import type { PackRow } from '../../format/page.ts'
import { packFile } from '../../format/place.ts'
import type { Root } from '../../format/root.ts'
import { pageAt } from '../source/read-pages.ts'
import { manifestKey, type Source } from '../source/source.ts'
import { newPieces, type Piece, type Pieces } from '../state/pieces.ts'
import type { Fetching } from './fetching.ts'
import { proveAndLand } from './prove.ts'

/** Gaps between needed blocks that are read over rather than around, in bytes, and the most that one read brings. */
const bridged = 64 << 10
const mostRead = 2 << 20
/** More than there are packs, mostly: then one wait is for all of them. */
const readsAtOnce = 6

/** A pack that is open, with its index. */
export interface OpenPack {
  readonly name: string
  readonly reader: ObjectReader
  readonly index: PackIndex
}

/** Opens a pack and reads its index. */
export async function openPack(
  { store, signal }: Source,
  row: Pick<PackRow, 'name' | 'size' | 'indexOffset' | 'indexLength'>,
): Promise<OpenPack> {
  const key = manifestKey(packFile(row.name))
  const at = `${store.name}/${key}`
  if (row.indexLength > maxIndexBytes)
    throw new Fault('corrupt', `the index of a pack is larger than its limit of ${maxIndexBytes} bytes`, { at })
  const reader = await openReader(store, key, { signal })
  try {
    if (reader.info.size !== row.size) {
      throw new Fault('corrupt', `the pack should have ${row.size} bytes and has ${reader.info.size}`, { at })
    }
    const frame = await reader.read(row.indexOffset, row.indexOffset + row.indexLength)
    return { name: row.name, reader, index: decodeIndex(frame, row.indexOffset, at) }
  } catch (error) {
    await reader.close()
    throw error
  }
}

/**
 * Fetches what lies in packs and puts it in place: the newest first, the others only where it does not have all. Blocks are read in their order, neighbours
 * together. What is in no pack, or in one that cannot be read, is left to be fetched from where it lies.
 */
export async function fetchFromPacks(fetching: Fetching, root: Root, newest: Promise<OpenPack> | undefined): Promise<void> {
  const { state, source } = fetching
  const pieces = newPieces(state.db, maxPackedFile)
  const opened: OpenPack[] = []
  const take = (pack: OpenPack) => {
    opened.push(pack)
    state.transaction(() => pieces.note(pack.name, pack.index))
  }
  try {
    if (pieces.isAll()) return
    const rows = decodePackTable(pageAt(state, root.packs.digest), 'the table of packs')
    const first = newest === undefined ? undefined : await tryPack(source.report, newest)
    if (first !== undefined) take(first)
    if (!state.transaction(() => pieces.join())) {
      const others = rows.filter(({ name }) => name !== first?.name).toReversed()
      const all = await Promise.all(others.map((row) => tryPack(source.report, openPack(source, row))))
      for (const pack of all) if (pack !== undefined) take(pack)
      state.transaction(() => pieces.join())
    }
    await readPacks(fetching, pieces, opened)
    fetching.landing.flush()
  } finally {
    await newest?.then((pack) => pack.reader.close()).catch(() => undefined)
    await Promise.allSettled(opened.map(({ reader }) => reader.close()))
    pieces.drop()
  }
}

/** Undefined where the pack cannot be read: said, and its files are read from where they lie. */
async function tryPack(report: Report, opening: Promise<OpenPack>): Promise<OpenPack | undefined> {
  try {
    return await opening
  } catch (error) {
    sayUnusable(report, error)
    return undefined
  }
}

/** Its files are still to be done; what is wrong with more than this pack is thrown. */
function sayUnusable(report: Report, error: unknown): void {
  const fault = asFault(error)
  if (!['corrupt', 'not-found', 'precondition', 'denied', 'unsupported'].includes(fault.code)) throw fault
  report({ kind: 'note', level: 'warning', text: `a pack cannot be used, its files are fetched one by one: ${fault.message}` })
}

interface Window {
  readonly start: number
  readonly end: number
  readonly blocks: readonly number[]
}

/** All packs at once. What a pack that cannot be read should have had is left to be fetched from where it lies. */
async function readPacks(fetching: Fetching, pieces: Pieces, packs: readonly OpenPack[]): Promise<void> {
  const unusable = new Set<OpenPack>()
  await forEachBounded(
    windowsIn(pieces, packs),
    readsAtOnce,
    async ({ pack, window }) => {
      if (unusable.has(pack)) return
      try {
        await readWindow(fetching, pieces, pack, window)
      } catch (error) {
        if (!unusable.has(pack)) sayUnusable(fetching.source.report, error)
        unusable.add(pack)
      }
    },
    fetching.signal,
  )
}

function* windowsIn(pieces: Pieces, packs: readonly OpenPack[]): Generator<{ pack: OpenPack; window: Window }> {
  for (const pack of packs) for (const window of windowsOf(pack.index.blocks, pieces.blocks(pack.name))) yield { pack, window }
}

async function readWindow(fetching: Fetching, pieces: Pieces, pack: OpenPack, { start, end, blocks }: Window): Promise<void> {
  const bytes = await pack.reader.read(start, end)
  for (const number of blocks) {
    const block = pack.index.blocks[number]!
    const plain = openBlock(bytes.subarray(block.offset - start, block.offset - start + block.stored), block, `the pack ${pack.name}`)
    for (const piece of pieces.in(pack.name, number)) await deliver(fetching, pieces, piece, plain)
  }
}

/** Needed blocks in reads: neighbours together, small gaps bridged. */
function* windowsOf(all: readonly PackBlock[], needed: readonly number[]): Generator<Window> {
  let open: { start: number; end: number; blocks: number[] } | undefined
  const ordered = needed.toSorted((a, b) => all[a]!.offset - all[b]!.offset)
  for (const number of ordered) {
    const { offset, stored } = all[number]!
    const end = offset + stored
    if (open !== undefined && offset - open.end <= bridged && end - open.start <= mostRead) {
      open.blocks.push(number)
      open.end = Math.max(open.end, end)
      continue
    }
    if (open !== undefined) yield open
    open = { start: offset, end, blocks: [number] }
  }
  if (open !== undefined) yield open
}

/** A file of one piece is proven at once; one of many is gathered in a part until it is whole. */
async function deliver(fetching: Fetching, pieces: Pieces, piece: Piece, plain: Uint8Array): Promise<void> {
  const { parts } = fetching
  const { wanted } = piece
  const bytes = plain.subarray(piece.offset, piece.offset + piece.length)
  try {
    if (piece.position === wanted.start && piece.length === wanted.size - wanted.start) {
      // The batch holds a tail until it is put in place, and the block is much larger.
      const kept = wanted.start > 0 ? new Uint8Array(bytes) : bytes
      return await proveAndLand(fetching, wanted, { bytes: kept })
    }
    const part = parts.fileOf(wanted.key, `${wanted.digest} from ${wanted.start}`)
    writeAt(part, bytes, piece.position - wanted.start)
    if (pieces.arrived(piece)) await proveAndLand(fetching, wanted, { part })
  } catch (error) {
    const fault = asFault(error)
    if (fault.code !== 'corrupt') return fetching.failed(wanted, fault)
    // The file is still to be done, and is fetched from where it lies.
    fetching.source.report({ kind: 'note', level: 'warning', text: `a pack has other bytes for ${wanted.key}: it is fetched by itself` })
  }
}

function writeAt(file: string, bytes: Uint8Array, position: number): void {
  try {
    const descriptor = openSync(file, constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o666)
    try {
      for (let at = 0; at < bytes.byteLength;) at += writeSync(descriptor, bytes, at, bytes.byteLength - at, position + at)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw diskFault(error, file, 'write it')
  }
}
