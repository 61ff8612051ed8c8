import { createHash } from 'node:crypto'
import { maxPackedFile } from '../format/limits.ts'
import type { Mark } from '../format/page.ts'
import { type Catalogue, extraOfFile, type FileExtra } from './catalogue.ts'
import { addRow, digestAt } from './columns.ts'
import { digestText } from './digest-text.ts'
import { type Before, createFileHasher, type HashedFile } from './hash-file.ts'
import { isAppendOnly } from '../format/kinds.ts'
import { type Facts, isSettled } from './look.ts'
import { thinMarks } from './marks.ts'
import type { PackWriter } from './pack-writer.ts'

/** Milliseconds: for so long the end of a line is waited for. Writers with a buffer leave half a line until it is full again. */
const unendedFor = 60_000

export interface RefreshOptions {
  /** Real and absolute. */
  readonly root: string
  readonly known: Catalogue
  /** With the same texts as `known`. */
  readonly fresh: Catalogue
  /** Where small files and tails go; undefined for no packs. */
  readonly packs: PackWriter | undefined
  readonly revision: number
  /** Every file is read, whatever is known of it. */
  readonly rehash: boolean
  /** Milliseconds since 1970. */
  readonly now: number
  readonly signal: AbortSignal | undefined
}

export interface FileRefresher {
  /** Whether a known file is still that, and needs not be read. */
  isKept(file: number, facts: Facts): boolean
  /** Reads a file and adds it to the fresh catalogue; whether its content is what it was. Throws the system's own errors. */
  add(folder: string, path: string, before: number | undefined): Promise<boolean>
  /** Of all files that were read. */
  readonly bytesRead: number
}

export function createFileRefresher({ known, fresh, packs, revision, rehash, now, signal }: RefreshOptions): FileRefresher {
  const hasher = createFileHasher()
  const { size, mtime, ctime, ino, settled, packed } = known.files.columns
  let bytesRead = 0
  return {
    get bytesRead() {
      return bytesRead
    },
    isKept(file, facts) {
      if (rehash || settled[file] === 0) return false
      if (facts.size !== size[file] || facts.mtime !== mtime[file] || facts.ctime !== ctime[file] || facts.ino !== ino[file]) return false
      return packs === undefined || packed[file] === 1 || facts.size > maxPackedFile
    },
    async add(folder, path, file) {
      const before = file === undefined ? undefined : { size: size[file]!, digest: digestAt(known.files, file) }
      const linesSince = isAppendOnly(path) ? now - unendedFor : undefined
      const hashed = await hasher.hash(`${folder}/${path}`, { before, linesSince, signal })
      bytesRead += hashed.facts.size
      const isSame = before !== undefined && hashed.facts.size === before.size && hashed.digest.equals(before.digest)
      const wasPacked = file !== undefined && packed[file] === 1
      const isPacked = packs !== undefined && ((isSame && wasPacked) || pack(packs, hashed, { before, wasPacked, revision }))
      const extra: FileExtra = {
        tail: isAppendOnly(path) && hashed.facts.size > 0 ? createHash('md5').update(hashed.end).digest('hex') : undefined,
        marks: isSame ? extraOfFile(known, file!).marks : hashed.hasGrown ? marksAfter(known, file!) : [],
      }
      addRow(
        fresh.files,
        {
          path: fresh.texts.numberOf(path),
          ...hashed.facts,
          settled: isSettled(hashed.facts, now) ? 1 : 0,
          packed: isPacked ? 1 : 0,
          extra: extra.tail === undefined && extra.marks.length === 0 ? 0 : fresh.texts.numberOf(JSON.stringify(extra)),
        },
        hashed.digest,
      )
      return isSame
    },
  }
}

interface Earlier {
  readonly before: Before | undefined
  readonly wasPacked: boolean
  readonly revision: number
}

/** Puts the file, or what it has grown by, into the pack; whether packs have all of it then. */
function pack(packs: PackWriter, { facts, digest, hasGrown, bytes }: HashedFile, { before, wasPacked, revision }: Earlier): boolean {
  if (bytes === undefined) return false
  const isSmall = facts.size <= maxPackedFile
  const name = digestText(digest)
  if (hasGrown && before !== undefined && (wasPacked || !isSmall)) {
    const tail = isSmall ? bytes.subarray(before.size) : bytes
    packs.add({ revision, digest: name, from: before.size, base: digestText(before.digest) }, tail)
  } else packs.add({ revision, digest: name, from: 0, base: undefined }, bytes)
  return isSmall
}

function marksAfter(known: Catalogue, file: number): readonly Mark[] {
  const last = { offset: known.files.columns.size[file]!, digest: digestText(digestAt(known.files, file)) }
  return thinMarks([...extraOfFile(known, file).marks, last])
}
