import { bytesOf, collect, type Digest, diskFault, errno, Fault, hasher, hexOf, isFault, realDisk, verified } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { refName } from '../layout/folder.ts'
import { checkRef } from '../layout/write.ts'
import { maxConfigBytes, parseConfig } from '../model/config.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageTarget } from '../model/image-source.ts'
import { describeManifest, parseManifest } from '../model/manifest.ts'
import { isConfigType } from '../model/media-types.ts'
import type { StoredManifest } from '../registry/registry.ts'
import { formOf, inflate } from './inflate.ts'
import { openArchive } from './open.ts'
import { createTarFile, type TarFile } from './tar-file.ts'

export interface ArchiveTargetOptions {
  /** A file that is there and holds something else is replaced, and with it all that is in it. */
  readonly replaces: boolean
}

/** That a layer may inflate to. */
const maxLayerBytes = 2 ** 40

/** An oci-archive as `skopeo copy` writes it, which appears when it is whole. */
export function ociArchiveTarget(file: string, options: ArchiveTargetOptions): ImageTarget {
  const tar = createTarFile(file)
  const blobs = new Set<Digest>()
  const entries: ImageDescriptor[] = []
  const put = async (digest: Digest, content: AsyncIterable<Uint8Array>, o?: Signal) => {
    await tar.add(content, () => blobName(digest), o)
    blobs.add(digest)
  }
  return {
    name: `oci-archive:${file}`,
    width: 1,
    beginsEmpty: true,
    named: rememberedName(file, 'oci-archive', options),
    hasBlob: async ({ digest }) => blobs.has(digest),
    putBlob: async ({ digest }, body, o) => await put(digest, verified(body, digest, file), o),
    async putStream({ bytes, result }, o) {
      await tar.add(bytes, () => blobName(result().digest), o)
      blobs.add(result().digest)
    },
    async putManifest(manifest, ref, o) {
      if (ref !== undefined) checkRef(ref)
      const { subject } = parseManifest(manifest)
      if (!blobs.has(manifest.digest)) await put(manifest.digest, bytesOf(manifest.bytes), o)
      if (ref !== undefined) entries.push({ ...describeManifest(manifest), annotations: { [refName]: ref } })
      else if (subject !== undefined) entries.push(describeManifest(manifest))
    },
    async finish() {
      // The name that was put last is the image's own, and what reads only the first entry finds that.
      const index = { schemaVersion: 2, manifests: entries.toReversed() }
      await addJson(tar, 'index.json', index)
      await addJson(tar, 'oci-layout', { imageLayoutVersion: '1.0.0' })
      await tar.finish()
    },
    close: async () => await tar.discard(),
  }
}

/** A docker-archive as `docker load` reads it, with one image, whose layers are inflated: it has no manifest, and so another digest. */
export function dockerArchiveTarget(file: string, options: ArchiveTargetOptions): ImageTarget {
  const tar = createTarFile(file)
  const configs = new Map<Digest, Uint8Array>()
  const diffIds = new Map<Digest, Digest>()
  const listed: object[] = []
  return {
    name: `docker-archive:${file}`,
    width: 1,
    beginsEmpty: true,
    named: rememberedName(file, 'docker-archive', options),
    hasBlob: async ({ digest }) => configs.has(digest) || diffIds.has(digest),
    accepts(top) {
      const content = parseManifest(top)
      if (content.kind === 'index') {
        throw new Fault('invalid', 'a docker-archive holds images of one platform', { at: file, hint: 'choose one with --platform' })
      }
    },
    async putBlob({ digest, mediaType }, body, o) {
      const bytes = verified(body, digest, file)
      if (isConfigType(mediaType)) {
        const config = await collect(bytes, maxConfigBytes, `the config ${digest}`)
        await tar.add(bytesOf(config), () => `${hexOf(digest)}.json`, o)
        configs.set(digest, config)
        return
      }
      const plain = hasher()
      let diffId: Digest | undefined
      const name = () => `${hexOf((diffId = plain.digest()))}.tar`
      await tar.add(
        observedPieces(inflated(bytes), (piece) => plain.update(piece)),
        name,
        o,
      )
      diffIds.set(digest, diffId!)
    },
    async putStream() {
      throw new Fault('bug', 'a docker-archive has plain layers', { at: file })
    },
    async putManifest(manifest, ref) {
      listed.push(dockerImage(manifest, ref, configs, diffIds))
    },
    async finish() {
      await addJson(tar, 'manifest.json', listed)
      await tar.finish()
    },
    close: async () => await tar.discard(),
  }
}

function dockerImage(
  manifest: StoredManifest,
  ref: string | undefined,
  configs: ReadonlyMap<Digest, Uint8Array>,
  diffIds: ReadonlyMap<Digest, Digest>,
): object {
  const content = parseManifest(manifest)
  const config = content.kind === 'manifest' ? configs.get(content.config.digest) : undefined
  if (content.kind === 'index' || config === undefined) {
    throw new Fault('unsupported', `a docker-archive holds images alone, and ${manifest.digest} is none`, {
      hint: 'copy it to oci-archive: or oci:',
    })
  }
  const own = content.layers.map(({ digest }) => diffIds.get(digest))
  const said = parseConfig(config, content.config.digest).diffIds
  if (own.length !== said.length || own.some((diffId, at) => diffId !== said[at])) {
    throw new Fault('corrupt', `the layers of ${manifest.digest} are not those of its config`, { hint: 'nothing was written' })
  }
  return {
    Config: `${hexOf(content.config.digest)}.json`,
    RepoTags: ref === undefined ? [] : [ref],
    Layers: said.map((id) => `${hexOf(id)}.tar`),
  }
}

/** As its first bytes say that it is packed. */
async function* inflated(bytes: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  const source = bytes[Symbol.asyncIterator]()
  try {
    let head: Uint8Array = new Uint8Array()
    for (let next = await source.next(); next.done !== true; next = await source.next()) {
      head = Buffer.concat([head, next.value])
      if (head.byteLength >= 16) break
    }
    const form = formOf(head)
    const pieces = async function* (): AsyncGenerator<Uint8Array> {
      yield head
      for (let next = await source.next(); next.done !== true; next = await source.next()) yield next.value
    }
    yield* form === 'xz' || form === 'bzip2' ? pieces() : inflate(pieces(), form, maxLayerBytes)
  } finally {
    await source.return?.()
  }
}

async function* observedPieces(pieces: AsyncIterable<Uint8Array>, look: (piece: Uint8Array) => void): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    look(piece)
    yield piece
  }
}

/** The image that the file holds under a name; it is read once. A file that holds anything else is in the way, unless it may be replaced. */
function rememberedName(file: string, kind: 'docker-archive' | 'oci-archive', { replaces }: ArchiveTargetOptions): ImageTarget['named'] {
  const look = async (ref: string): Promise<Digest | undefined> => {
    if (!(await isThere(file))) return undefined
    try {
      return (await (await openArchive(file, kind)).resolve(ref)).digest
    } catch (error) {
      if (replaces && isFault(error)) return undefined
      throw new Fault('already-exists', `there is a file already, and it has no image ${ref}`, {
        at: file,
        hint: '--force replaces it with all that is in it; or name another file',
        cause: error,
      })
    }
  }
  const found = new Map<string, Promise<Digest | undefined>>()
  return async (ref) => {
    const known = found.get(ref) ?? look(ref)
    found.set(ref, known)
    return await known
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await realDisk.lstat(file)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, file, 'look at the archive')
  }
}

function blobName(digest: Digest): string {
  return `blobs/sha256/${hexOf(digest)}`
}

async function addJson(tar: TarFile, name: string, value: unknown): Promise<void> {
  await tar.add(bytesOf(JSON.stringify(value)), () => name)
}
