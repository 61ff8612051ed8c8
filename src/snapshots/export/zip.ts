import { promisify } from 'node:util'
import { createDeflateRaw, crc32, deflateRaw } from 'node:zlib'
import { Fault } from '../../kit/index.ts'
import { shownName } from '../tree/name.ts'
import { contentOfMember, type ReadMember } from './content.ts'
import type { Losses } from './losses.ts'
import type { Member, Members } from './members.ts'
import { filled, through } from './stream.ts'
import { centralHeader, dataDescriptor, endOfDirectory, hasZipTime, localHeader, type ZipBody, type ZipFile } from './zip-record.ts'

const deflateWhole = promisify(deflateRaw)

/** Longer files are compressed as they go by. */
const wholeBytes = 1 << 20
const level = 6
const maxNameBytes = 0xffff

/**
 * A zip archive as it can be written without going back: what is long is followed by its sizes, and the directory at the end is made by a
 * second walk, so that nothing grows with the number of files but twenty bytes for each. It follows from the members and the compressor.
 */
export async function* zipOf(
  members: Members,
  read: (members: AsyncIterable<Member>) => AsyncIterable<ReadMember>,
  losses: Losses,
): AsyncGenerator<Uint8Array> {
  const bodies: Bodies = { crc: [], stored: [], isDeflated: [] }
  let written = 0
  for await (const member of read(fitting(members(), losses))) {
    for await (const piece of memberOf(member, bodies)) {
      written += piece.byteLength
      yield piece
    }
  }
  let count = 0
  let offset = 0
  let size = 0
  for await (const member of fitting(members())) {
    const file = fileOf(member)
    const body = bodyAt(bodies, count++)
    const header = centralHeader(file, body, offset)
    offset += localHeader(file, body).byteLength + body.stored + (file.isStreamed ? dataDescriptor(file, body).byteLength : 0)
    size += header.byteLength
    yield header
  }
  if (offset !== written) throw new Fault('bug', `a zip archive's members have ${written} bytes and were counted as ${offset}`)
  yield endOfDirectory(count, offset, size)
}

/** Of each file, what only reading it can tell. */
interface Bodies {
  readonly crc: number[]
  readonly stored: number[]
  readonly isDeflated: boolean[]
}

function bodyAt({ crc, stored, isDeflated }: Bodies, index: number): ZipBody {
  return { crc: crc[index]!, stored: stored[index]!, method: isDeflated[index]! ? 'deflated' : 'stored' }
}

/** What a zip archive can hold; of the rest it is told what is lost. */
async function* fitting(members: AsyncIterable<Member>, losses?: Losses): AsyncGenerator<Member> {
  for await (const member of members) {
    const { entry, path } = member
    if (path === '') continue
    if (entry.kind === 'fifo' || entry.kind === 'character-device' || entry.kind === 'block-device') {
      losses?.note('pipes and devices, left out')
      continue
    }
    if (path.length >= maxNameBytes)
      throw new Fault('unsupported', `a name is too long for a zip archive: ${shownName(path.slice(0, 100))}…`)
    if (entry.kind === 'hardlink') losses?.note('hard links, each a file of its own now')
    if ((entry.xattrs?.length ?? 0) > 0) losses?.note('entries without their extended attributes')
    if (!hasZipTime(entry)) losses?.note('times before 1901 or after 2038, the nearest possible instead')
    yield member
  }
}

function fileOf({ entry, path }: Member): ZipFile {
  const { mode, uid, gid, mtimeNs } = entry
  const facts = { mode, uid, gid, mtimeNs }
  if (entry.kind === 'directory') return { ...facts, name: `${path}/`, kind: 'directory', size: 0, isStreamed: false }
  if (entry.kind === 'symlink') return { ...facts, name: path, kind: 'symlink', size: entry.target.length, isStreamed: false }
  const size = 'content' in entry ? entry.content.size : 0
  return { ...facts, name: path, kind: 'file', size, isStreamed: size > wholeBytes }
}

async function* memberOf(member: ReadMember, bodies: Bodies): AsyncGenerator<Uint8Array> {
  const file = fileOf(member)
  if (file.isStreamed) yield* streamedMember(file, member, bodies)
  else yield* wholeMember(file, member, bodies)
}

async function* wholeMember(file: ZipFile, member: ReadMember, bodies: Bodies): AsyncGenerator<Uint8Array> {
  const plain = member.entry.kind === 'symlink' ? Buffer.from(member.entry.target, 'latin1') : Buffer.concat(await plainPieces(member))
  const deflated = file.kind === 'file' && plain.byteLength > 0 ? await deflateWhole(plain, { level }) : plain
  const isDeflated = deflated.byteLength < plain.byteLength
  const stored = isDeflated ? deflated : plain
  const body: ZipBody = { crc: crc32(plain), stored: stored.byteLength, method: isDeflated ? 'deflated' : 'stored' }
  keep(bodies, body)
  yield localHeader(file, body)
  yield stored
}

async function plainPieces(member: ReadMember): Promise<Uint8Array[]> {
  return contentOfMember(member) === undefined ? [] : await Array.fromAsync(filled(member.pieces))
}

async function* streamedMember(file: ZipFile, member: ReadMember, bodies: Bodies): AsyncGenerator<Uint8Array> {
  yield localHeader(file, { crc: 0, stored: 0, method: 'deflated' })
  let crc = 0
  let stored = 0
  async function* checked(): AsyncGenerator<Uint8Array> {
    for await (const piece of filled(member.pieces)) {
      crc = crc32(piece, crc)
      yield piece
    }
  }
  for await (const piece of through(checked(), createDeflateRaw({ level }))) {
    stored += piece.byteLength
    yield piece
  }
  const body: ZipBody = { crc, stored, method: 'deflated' }
  keep(bodies, body)
  yield dataDescriptor(file, body)
}

function keep(bodies: Bodies, { crc, stored, method }: ZipBody): void {
  bodies.crc.push(crc)
  bodies.stored.push(stored)
  bodies.isDeflated.push(method === 'deflated')
}
