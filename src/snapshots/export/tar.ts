import type { Signal } from '../../store/index.ts'
import type { Content, Xattr } from '../tree/entry.ts'
import { partsOf } from '../tree/split.ts'
import { contentOfMember, type ContentSource, type Piece, type ReadMember } from './content.ts'
import type { Member } from './members.ts'
import { filled, zeroBytes } from './stream.ts'
import { blockBytes, padding, type PaxRecord, tarHeader } from './tar-header.ts'

export interface TarOptions extends Signal {
  /** Writes holes as zeros, for readers that cannot be trusted with sparse files. */
  readonly fillsHoles?: boolean | undefined
}

/** Blocks are written in records of twenty, as tar has always done. */
const recordBytes = 20 * blockBytes

/**
 * A tar archive in the format of POSIX.1-2001, with extended attributes as star and GNU tar write them and sparse files as GNU tar's
 * "PAX 1.0". The root is the member `./`. It follows from the members alone.
 */
export async function* tarOf(
  source: Pick<ContentSource, 'read'>,
  members: AsyncIterable<ReadMember>,
  options: TarOptions,
): AsyncGenerator<Uint8Array> {
  let written = 0
  const count = (piece: Uint8Array) => {
    written += piece.byteLength
    return piece
  }
  for await (const member of members) {
    const content = contentOfMember(member)
    const extents = content === undefined || options.fillsHoles === true ? undefined : await extentsOf(source, content, options)
    for (const piece of headOf(member, content, extents)) yield count(piece)
    if (content === undefined) continue
    let size = 0
    for await (const piece of extents === undefined ? filled(member.pieces) : stored(member.pieces)) {
      size += piece.byteLength
      yield count(piece)
    }
    yield count(padding(size))
  }
  const end = written + 2 * blockBytes
  yield* zeroBytes(2 * blockBytes + ((recordBytes - (end % recordBytes)) % recordBytes))
}

/** Without holes. */
async function* stored(pieces: AsyncIterable<Piece>): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) if (piece instanceof Uint8Array) yield piece
}

interface Extent {
  readonly start: number
  readonly length: number
}

/** The stretches that have bytes; undefined where that is the whole file. */
async function extentsOf(source: Pick<ContentSource, 'read'>, content: Content, options: Signal): Promise<Extent[] | undefined> {
  const extents: { start: number; length: number }[] = []
  let at = 0
  for await (const parts of partsOf(source, content, options)) {
    for (const { id, length } of parts) {
      const last = extents.at(-1)
      if (id !== undefined && last !== undefined && last.start + last.length === at) last.length += length
      else if (id !== undefined) extents.push({ start: at, length })
      at += length
    }
  }
  const isWhole = content.size === 0 || (extents.length === 1 && extents[0]!.length === content.size)
  return isWhole ? undefined : extents
}

function headOf(member: Member, content: Content | undefined, extents: readonly Extent[] | undefined): Uint8Array[] {
  const { entry, path, linkTo } = member
  const name = path === '' ? './' : entry.kind === 'directory' ? `${path}/` : path
  const fields = {
    ...entry,
    name,
    type: linkTo !== undefined ? 'hardlink' : entry.kind === 'hardlink' ? 'file' : entry.kind,
    size: content?.size ?? 0,
    link: linkTo ?? (entry.kind === 'symlink' ? entry.target : ''),
    device: 'major' in entry ? entry : undefined,
  } as const
  const xattrs = linkTo === undefined ? (entry.xattrs ?? []).map(xattrRecord) : []
  if (extents === undefined) return tarHeader(fields, xattrs)

  const map = sparseMap(extents, fields.size)
  const bytes = extents.reduce((sum, { length }) => sum + length, 0)
  const sparse: PaxRecord[] = [
    ['GNU.sparse.major', '1'],
    ['GNU.sparse.minor', '0'],
    ['GNU.sparse.realsize', String(fields.size)],
  ]
  const sparseAs = `./GNUSparseFile.0/${entry.name}`.slice(0, 100)
  return [...tarHeader({ ...fields, size: map.byteLength + bytes }, [...sparse, ...xattrs], sparseAs), map]
}

/** How many stretches, then where each begins and how long it is, a number to a line, in whole blocks; the last tells where the file ends. */
function sparseMap(extents: readonly Extent[], size: number): Uint8Array {
  const last = extents.at(-1)
  const all = last !== undefined && last.start + last.length === size ? extents : [...extents, { start: size, length: 0 }]
  const text = Buffer.from([all.length, ...all.flatMap(({ start, length }) => [start, length])].join('\n') + '\n')
  return Buffer.concat([text, padding(text.byteLength)])
}

function xattrRecord({ name, value }: Xattr): PaxRecord {
  // `=` would end the key: GNU tar writes it so.
  return [`SCHILY.xattr.${name.replaceAll('%', '%25').replaceAll('=', '%3D')}`, value]
}
