import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { crc32 } from 'node:zlib'
import { diskFault, errno, temporaryBeside } from '../../kit/index.ts'
import type { PackRow } from '../format/page.ts'
import { type Catalogue, createCatalogue, createTexts } from './catalogue.ts'
import { sizeOfRows, type Table, tableBytes, takeRows } from './columns.ts'
import type { WrittenManifest } from './manifest.ts'
import type { Left } from './prove.ts'

/** What a generator remembers from one generation to the next. It may be lost: then files are read and pages and packs written again. */
export interface Memory {
  readonly facts: MemoryFacts
  readonly catalogue: Catalogue
}

export interface MemoryFacts {
  /** Of the root that was written before it: with another root there, pages and packs are not those that are remembered. */
  readonly revision: number
  readonly log: string
  /** Pages in the log that are in use, without those of runs: kind and digest, and bytes of the record. */
  readonly pages: readonly (readonly [page: string, record: number])[]
  readonly packs: readonly KnownPack[]
  /** The log and the packs as they were left. */
  readonly left: readonly Left[]
  /** When the log and all packs were last proven, in milliseconds since 1970. */
  readonly proven: number
  readonly metadataOnly: boolean
  readonly withPacks: boolean
  readonly manifests: readonly WrittenManifest[]
}

export interface KnownPack extends PackRow {
  /** Bytes of files in it, plain. */
  readonly plain: number
}

const magic = 0x68667232 // hfr2
const headBytes = 16

interface Head {
  readonly facts: MemoryFacts
  readonly texts: readonly string[]
  readonly lengths: readonly number[]
}

/** Undefined where there is none, or one that is damaged or of another version: that is told by its checksum. */
export function loadMemory(file: string): Memory | undefined {
  let bytes: Buffer
  try {
    bytes = readFileSync(file)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw diskFault(error, file, 'read the cache')
  }
  if (bytes.byteLength < headBytes || bytes.readUInt32LE(0) !== magic) return undefined
  if (bytes.readUInt32LE(4) !== crc32(bytes.subarray(8))) return undefined
  const headLength = bytes.readUInt32LE(8)
  const { facts, texts, lengths } = JSON.parse(bytes.toString('utf8', headBytes, headBytes + headLength)) as Head
  const catalogue = createCatalogue(createTexts(texts))
  let at = aligned(headBytes + headLength)
  tablesOf(catalogue).forEach((table, index) => {
    const length = lengths[index]!
    takeRows(table, bytes.subarray(at), length)
    at += sizeOfRows(table, length)
  })
  return { facts, catalogue }
}

/** Not made durable: what a power cut leaves of it is told by its checksum. */
export function saveMemory(file: string, { facts, catalogue }: Memory): void {
  const { texts, tables } = withUsedTexts(catalogue)
  const head = Buffer.from(JSON.stringify({ facts, texts, lengths: tables.map(({ length }) => length) } satisfies Head))
  const start = Buffer.alloc(headBytes)
  const padding = Buffer.alloc(aligned(headBytes + head.byteLength) - headBytes - head.byteLength)
  const bytes = Buffer.concat([start, head, padding, ...tables.flatMap(tableBytes)])
  bytes.writeUInt32LE(magic, 0)
  bytes.writeUInt32LE(head.byteLength, 8)
  bytes.writeUInt32LE(crc32(bytes.subarray(8)), 4)
  const temporary = temporaryBeside(file)
  try {
    writeFileSync(temporary, bytes)
    renameSync(temporary, file)
  } catch (error) {
    throw diskFault(error, file, 'write the cache')
  }
}

function tablesOf({ runs, files, dirs, tops }: Catalogue): Table<string>[] {
  return [runs, files, dirs, tops]
}

/** Buffers of this size are alone in their memory, so that a multiple of eight there is one in the file. */
function aligned(length: number): number {
  return Math.ceil(length / 8) * 8
}

const textColumns = ['project', 'name', 'runId', 'detail', 'path', 'extra']

/** The tables with the texts numbered anew, so that there are only those in use. */
function withUsedTexts(catalogue: Catalogue): { texts: string[]; tables: Table<string>[] } {
  const numbers = new Float64Array(catalogue.texts.list.length).fill(-1)
  const texts = ['']
  numbers[0] = 0
  const renumbered = (column: Float64Array, length: number) => {
    const copy = column.slice(0, length)
    for (let row = 0; row < length; row++) {
      const before = copy[row]!
      if (numbers[before] === -1) numbers[before] = texts.push(catalogue.texts.at(before)) - 1
      copy[row] = numbers[before]!
    }
    return copy
  }
  const tables = tablesOf(catalogue).map((table): Table<string> => {
    const columns = { ...table.columns }
    for (const name of textColumns) if (columns[name] !== undefined) columns[name] = renumbered(columns[name], table.length)
    return { ...table, columns }
  })
  return { texts, tables }
}
