import { setFlagsFromString } from 'node:v8'
import { type Digest, digestOf, Fault, isFault } from '../../kit/index.ts'
import { readTar, type TarMember } from '../../kit/tar/index.ts'
import { maxConfigBytes } from '../model/config.ts'
import type { LayerForm } from '../model/media-types.ts'
import { findContents } from './contents.ts'
import { formOf } from './inflate.ts'
import { measureLayer } from './layer-content.ts'
import type { ArchiveLayer, ArchiveMember, LayerFacts, SeenMember } from './member.ts'
import { linkTarget, memberName, shown } from './names.ts'
import { startsAsTar } from './tar-start.ts'
import { type Peeked, peekPieces, unpacked } from './unpacked.ts'

/** What an archive may be; past one of them reading it ends with `corrupt`. */
export interface ArchiveLimits {
  readonly members: number
  /** Of all JSON documents together, which are kept in memory until the end. */
  readonly documentBytes: number
  /** That the archive, or one of its layers, may inflate to. */
  readonly inflatedBytes: number
}

/** That an archive may inflate to unless told. */
export const inflatedBytes = 2 ** 40

const defaultLimits: ArchiveLimits = { members: 100_000, documentBytes: 64 << 20, inflatedBytes }

/**
 * Reads what `docker save`, skopeo, buildkit and podman write (docker-archive, oci-archive, and both in one), plain or in gzip or zstd, once
 * and from front to end: the layers in whatever order they come, then what they all mean.
 *
 * `at` names the archive in messages. Throws `corrupt` for bytes that do not agree with a name, a config or a manifest, for what is missing,
 * what leads out of the archive, and what goes past a limit. Memory is bounded by the documents and a few pieces.
 */
export async function* readArchive(
  bytes: AsyncIterable<Uint8Array>,
  at: string,
  limits: Partial<ArchiveLimits> = {},
): AsyncGenerator<ArchiveMember> {
  // What inflating makes counts for the collector like the heap itself, which is small: it would mark all of it for every 20 MB, a quarter of the work.
  setFlagsFromString('--heap-growing-percent=400')
  try {
    yield* readMembers(bytes, { ...defaultLimits, ...limits })
  } catch (error) {
    if (isFault(error) && error.at === undefined) throw new Fault(error.code, error.message, { at, hint: error.hint, cause: error })
    throw error
  }
}

async function* readMembers(bytes: AsyncIterable<Uint8Array>, limits: ArchiveLimits): AsyncGenerator<ArchiveMember> {
  const members = new Map<string, SeenMember>()
  const links = new Map<string, string>()
  const room: Room = { left: limits.documentBytes, limit: limits.documentBytes }
  let count = 0
  for await (const member of membersOf(bytes, limits)) {
    count += 1
    if (count > limits.members) throw new Fault('corrupt', `the archive has more than ${limits.members} members`)
    const name = memberName(member.name)
    if (member.type === 'hardlink' || member.type === 'symlink')
      setLink(links, members, name, linkTarget(name, member.link, member.type === 'symlink'))
    if (member.type !== 'file') continue
    const { head, pieces } = await peek(member)
    const seen = isDocument(head, member.size) ? await readDocument(pieces, member.size, room) : undefined
    if (seen !== undefined) setMember(members, links, name, seen)
    else if (isLayer(name, head)) {
      const layer = measureLayer(pieces, member.size, layerForm(head), limits.inflatedBytes)
      try {
        const named = nameOf(name)
        const { content, facts: factsOf } = layer
        yield { kind: 'layer', name, size: member.size, form: layerForm(head), content, named, facts: factsOf } satisfies ArchiveLayer
        const facts = { ...(await layer.finish()), offset: member.offset }
        checkName(name, named, facts)
        setMember(members, links, name, { kind: 'layer', facts })
      } finally {
        await layer.abandon()
      }
    }
  }
  yield findContents({ members, links })
}

/** To the very end of the bytes, behind the archive's own end: there lie the checksums of compression. */
async function* membersOf(bytes: AsyncIterable<Uint8Array>, limits: ArchiveLimits): AsyncGenerator<TarMember> {
  const plain = unpacked(bytes, limits.inflatedBytes)
  try {
    // Without `return`, which would end the source where the tar ends.
    yield* readTar({ [Symbol.asyncIterator]: () => ({ next: () => plain.next() }) })
    while ((await plain.next()).done !== true);
  } finally {
    await plain.return(undefined)
  }
}

async function peek(member: TarMember): Promise<Peeked> {
  return await peekPieces(member.content[Symbol.asyncIterator]())
}

interface Room {
  left: number
  readonly limit: number
}

/** JSON by its first character; a tar's first member may be called so too. */
function isDocument(head: Uint8Array, size: number): boolean {
  const first = head.find((byte) => byte !== 0x20 && byte !== 0x0a && byte !== 0x0d && byte !== 0x09)
  return (first === 0x7b || first === 0x5b) && size <= maxConfigBytes && !startsAsTar(head)
}

async function readDocument(pieces: AsyncIterator<Uint8Array>, size: number, room: Room): Promise<SeenMember> {
  if (size > room.left)
    throw new Fault('corrupt', `the JSON documents of the archive are larger than their limit of ${room.limit} bytes together`)
  room.left -= size
  const bytes = new Uint8Array(size)
  let at = 0
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    bytes.set(next.value, at)
    at += next.value.byteLength
  }
  return { kind: 'document', bytes, digest: digestOf(bytes) }
}

const blobName = /^blobs\/sha256\/([0-9a-f]{64})$/

/** A blob may be anything; elsewhere in the archive lie small texts too, such as versions. */
function isLayer(name: string, head: Uint8Array): boolean {
  return blobName.test(name) || startsAsTar(head) || formOf(head) !== 'plain'
}

function layerForm(head: Uint8Array): LayerForm {
  const form = formOf(head)
  return form === 'xz' || form === 'bzip2' ? 'plain' : form
}

/** The folder of a layer of Docker before 25 has an id that is no digest. */
function nameOf(name: string): ArchiveLayer['named'] {
  const blob = blobName.exec(name)?.[1]
  if (blob !== undefined) return { digest: `sha256:${blob}` }
  const tar = /^([0-9a-f]{64})\.tar$/.exec(name)?.[1]
  return tar === undefined ? undefined : { diffId: `sha256:${tar}` }
}

function checkName(name: string, named: ArchiveLayer['named'], { digest, diffId }: LayerFacts): void {
  if (named === undefined) return
  const [said, is] = 'digest' in named ? [named.digest, digest] : [named.diffId, diffId]
  if (said !== is) throw new Fault('corrupt', `expected ${said}, got ${is}: ${shown(name)} of the archive is not what it is called`)
}

function setMember(members: Map<string, SeenMember>, links: Map<string, string>, name: string, seen: SeenMember): void {
  const before = members.get(name)
  if (links.has(name) || (before !== undefined && digestIn(before) !== digestIn(seen))) throw twice(name)
  const blob = blobName.exec(name)?.[1]
  if (blob !== undefined && digestIn(seen) !== `sha256:${blob}`) {
    throw new Fault('corrupt', `expected sha256:${blob}, got ${digestIn(seen)}: ${shown(name)} of the archive is not what it is called`)
  }
  members.set(name, seen)
}

function setLink(links: Map<string, string>, members: ReadonlyMap<string, SeenMember>, name: string, target: string): void {
  if (members.has(name) || (links.has(name) && links.get(name) !== target)) throw twice(name)
  links.set(name, target)
}

function digestIn(seen: SeenMember): Digest {
  return seen.kind === 'document' ? seen.digest : seen.facts.digest
}

function twice(name: string): Fault {
  return new Fault('corrupt', `the archive has ${shown(name)} twice, with different content`)
}
