import { open, stat } from 'node:fs/promises'
import { type Bytes, bytesFrom, bytesOf, bytesOfFile, type Digest, diskFault, Fault, isDigest, verified } from '../../kit/index.ts'
import { chooseEntry } from '../layout/choose-entry.ts'
import { refName } from '../layout/folder.ts'
import type { ImageSource } from '../model/image-source.ts'
import { makeManifest, parseManifest, storedManifest } from '../model/manifest.ts'
import { isIndexType, isManifestType, layerType, mediaTypes } from '../model/media-types.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { formOf, inflate } from './inflate.ts'
import type { ArchiveContents, ArchivedImage } from './member.ts'
import { inflatedBytes, readArchive } from './read.ts'

/**
 * A file of `docker-archive:` or `oci-archive:` as images to copy from. It is read once to know and check it, and then each blob where it
 * lies; one that is compressed as a whole is inflated on from the blob before, or from its beginning where that lies behind. Images of a docker-archive have no manifest of their own: they
 * get one of OCI with the layers as they lie in the archive, so most often without compression.
 */
export async function openArchive(file: string, kind: 'docker-archive' | 'oci-archive'): Promise<ImageSource> {
  const bytes = await archiveBytes(file)
  const contents = await contentsOf(bytes.archived, file)
  const made = kind === 'docker-archive' ? contents.images.map((image) => manifestOf(contents, image)) : undefined
  const manifest = (digest: Digest, mediaType?: string): StoredManifest => {
    const document = contents.documents.get(digest)
    const known =
      made?.find((stored) => stored.digest === digest) ?? (document === undefined ? undefined : storedManifest(document, file, mediaType))
    if (known === undefined) throw new Fault('not-found', `the archive has no manifest ${digest}`, { at: file })
    return known
  }
  return {
    name: `${kind}:${file}`,
    async resolve(ref) {
      if (ref !== undefined && isDigest(ref)) return manifest(ref)
      if (made !== undefined) return manifestOf(contents, chooseImage(file, contents.images, ref))
      const { digest, mediaType } = chooseEntry(file, contents.index ?? [], ref)
      return manifest(digest, mediaType)
    },
    manifest: async (digest) => manifest(digest),
    async blob({ digest, size }) {
      const document = contents.documents.get(digest)
      const layer = contents.layers.get(digest)
      if ((document?.byteLength ?? layer?.size) !== size)
        throw new Fault('not-found', `the archive has no blob ${digest} of ${size} bytes`, { at: file })
      return document === undefined ? verified(bytes.slice(layer!.offset, size), digest, file) : bytesOf(document)
    },
    placeOf: ({ digest }) => contents.layers.get(digest)?.offset ?? 0,
    async *referrers(digest) {
      for (const { mediaType, digest: own, size } of contents.index ?? []) {
        if (!isManifestType(mediaType) && !isIndexType(mediaType)) continue
        const content = parseManifest(manifest(own))
        if (content.subject?.digest !== digest) continue
        const artifactType = content.artifactType ?? (content.kind === 'manifest' ? content.config.mediaType : undefined)
        yield { mediaType, digest: own, size, artifactType, annotations: content.annotations } satisfies Descriptor
      }
    },
    async refs() {
      return made === undefined
        ? (contents.index ?? []).flatMap(({ annotations }) => annotations?.[refName] ?? [])
        : contents.images.flatMap(({ names }) => names)
    },
    close: () => bytes.close(),
  }
}

async function contentsOf(archived: Bytes, file: string): Promise<ArchiveContents> {
  for await (const member of readArchive(archived, file)) if (member.kind === 'contents') return member
  throw new Fault('bug', 'an archive was read and said nothing', { at: file })
}

interface ArchiveFile {
  readonly archived: Bytes
  /** Of the archive without its compression. */
  slice(offset: number, size: number): Bytes
  close(): Promise<void>
}

async function archiveBytes(file: string): Promise<ArchiveFile> {
  try {
    const found = await stat(file)
    if (!found.isFile()) throw new Fault('invalid', 'not a file', { at: file })
    const archived = bytesOfFile(file, found.size)
    const form = formOf(await headOf(file))
    if (form === 'plain' || form === 'xz' || form === 'bzip2') {
      return { archived, slice: (offset, size) => bytesOfFile(file, size, { start: offset, end: offset + size }), close: async () => {} }
    }
    return { archived, ...inflatedParts(() => inflate(archived, form, inflatedBytes)) }
  } catch (error) {
    throw diskFault(error, file, 'read the archive')
  }
}

async function headOf(file: string): Promise<Uint8Array> {
  const handle = await open(file, 'r')
  try {
    const head = new Uint8Array(16)
    const { bytesRead } = await handle.read(head, 0, head.byteLength, 0)
    return head.subarray(0, bytesRead)
  } finally {
    await handle.close()
  }
}

/** What is inflated, as far as somebody has read it. */
interface Reading {
  readonly pieces: AsyncGenerator<Uint8Array>
  /** Of the next byte. */
  position: number
  /** The beginning of what comes next. */
  rest: Uint8Array
}

/** Parts of what can be read from its front alone: a part goes on from the one before where that is done and did not go past it. */
function inflatedParts(open: () => AsyncGenerator<Uint8Array>): Pick<ArchiveFile, 'slice' | 'close'> {
  let resting: Reading | undefined
  let isClosed = false
  const begin = async (offset: number): Promise<Reading> => {
    const last = resting
    resting = undefined
    if (last !== undefined && last.position <= offset) return last
    await last?.pieces.return(undefined)
    return { pieces: open(), position: 0, rest: new Uint8Array() }
  }
  async function* read(offset: number, size: number): AsyncGenerator<Uint8Array> {
    const reading = await begin(offset)
    let isWhole = false
    try {
      while (reading.position < offset + size) {
        if (reading.rest.byteLength === 0) {
          const next = await reading.pieces.next()
          if (next.done === true) return
          reading.rest = next.value
        }
        const end = reading.position < offset ? offset : offset + size
        const piece = reading.rest.subarray(0, end - reading.position)
        const isWanted = reading.position >= offset
        reading.rest = reading.rest.subarray(piece.byteLength)
        reading.position += piece.byteLength
        if (isWanted) yield piece
      }
      isWhole = true
    } finally {
      if (isWhole && resting === undefined && !isClosed) resting = reading
      else await reading.pieces.return(undefined)
    }
  }
  return {
    slice: (offset, size) => bytesFrom(() => read(offset, size), size),
    async close() {
      isClosed = true
      await resting?.pieces.return(undefined)
      resting = undefined
    },
  }
}

function chooseImage(at: string, images: readonly ArchivedImage[], ref: string | undefined): ArchivedImage {
  const found = ref === undefined ? images : images.filter(({ names }) => names.includes(ref))
  const [only, second] = found
  if (only !== undefined && second === undefined) return only
  const names = images.flatMap((image) => image.names)
  const hint = names.length === 0 ? undefined : `it has ${names.slice(0, 20).join(', ')}${names.length > 20 ? ', …' : ''}`
  if (only !== undefined)
    throw new Fault('invalid', `several images are meant${ref === undefined ? ': say which' : ` by ${ref}`}`, { at, hint })
  throw new Fault('not-found', ref === undefined ? 'it has no image' : `it has no image ${ref}`, { at, hint })
}

function manifestOf({ documents }: ArchiveContents, { config, layers }: ArchivedImage): StoredManifest {
  return makeManifest({
    config: { mediaType: mediaTypes.ociConfig, digest: config, size: documents.get(config)!.byteLength },
    layers: layers.map(({ digest, size, form }) => ({ mediaType: layerType(form), digest, size })),
  })
}
