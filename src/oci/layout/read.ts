import { type Bytes, collect, type Digest, Fault, isDigest, verified } from '../../kit/index.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageSource } from '../model/image-source.ts'
import { maxManifestBytes, parseManifest, storedManifest } from '../model/manifest.ts'
import { isIndexType, isManifestType } from '../model/media-types.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { chooseEntry } from './choose-entry.ts'
import { blobPath, checkLayout, openBlob, readIndex, refName } from './folder.ts'

/** An OCI layout as it is: image-spec 1.1, image-layout.md. All that it gives was compared with its digest; faults as `ImageSource` has them. */
export async function openLayout(folder: string): Promise<ImageSource> {
  await checkLayout(folder)
  const blob = async (descriptor: Descriptor): Promise<Bytes> => {
    const { digest, size } = descriptor
    const bytes = await openBlob(folder, digest, size)
    if (bytes !== undefined) return verified(bytes, digest, blobPath(folder, digest))
    throw new Fault('not-found', `the OCI layout has no blob ${digest} of ${size} bytes`, { at: folder })
  }
  const read = async (descriptor: Descriptor): Promise<StoredManifest> => {
    const at = blobPath(folder, descriptor.digest)
    if (descriptor.size > maxManifestBytes) {
      throw new Fault('corrupt', `a manifest of ${descriptor.size} bytes is larger than its limit of ${maxManifestBytes}`, { at })
    }
    return storedManifest(await collect(await blob(descriptor), maxManifestBytes, 'the manifest'), at, descriptor.mediaType)
  }
  const manifest = async (digest: Digest): Promise<StoredManifest> => {
    const found = await findEntry(await readIndex(folder), read, (entry) => entry.digest === digest)
    if (found === undefined) throw new Fault('not-found', `the OCI layout has no manifest ${digest}`, { at: folder })
    return await read(found)
  }
  return {
    name: `oci:${folder}`,
    async resolve(ref) {
      if (ref !== undefined && isDigest(ref)) return await manifest(ref)
      return await read(chooseEntry(folder, await readIndex(folder), ref))
    },
    manifest: async (digest) => await manifest(digest),
    blob: async (descriptor) => await blob(descriptor),
    async *referrers(digest) {
      const seen = new Set<Digest>()
      for (const entry of await readIndex(folder)) {
        if (seen.has(entry.digest) || !isImage(entry)) continue
        seen.add(entry.digest)
        const content = parseManifest(await read(entry))
        if (content.subject?.digest !== digest) continue
        const type = content.artifactType ?? (content.kind === 'manifest' ? content.config.mediaType : undefined)
        yield { mediaType: entry.mediaType, digest: entry.digest, size: entry.size, artifactType: type, annotations: content.annotations }
      }
    },
    async refs() {
      return (await readIndex(folder)).flatMap(({ annotations }) => annotations?.[refName] ?? [])
    },
    async close() {},
  }
}

function isImage({ mediaType }: Descriptor): boolean {
  return isManifestType(mediaType) || isIndexType(mediaType)
}

/** The first that fits, also within indexes. What is in an index and not in the layout is passed over: a layout may have some platforms only. */
async function findEntry(
  entries: readonly ImageDescriptor[],
  read: (descriptor: Descriptor) => Promise<StoredManifest>,
  fits: (entry: ImageDescriptor) => boolean,
): Promise<ImageDescriptor | undefined> {
  const waiting = [...entries]
  const seen = new Set<Digest>()
  for (let entry = waiting.shift(); entry !== undefined; entry = waiting.shift()) {
    if (fits(entry)) return entry
    if (!isIndexType(entry.mediaType) || seen.has(entry.digest)) continue
    seen.add(entry.digest)
    const stored = await read(entry).catch((error: unknown) => {
      if (error instanceof Fault && error.code === 'not-found') return undefined
      throw error
    })
    const content = stored === undefined ? undefined : parseManifest(stored)
    if (content?.kind === 'index') waiting.push(...content.manifests)
  }
  return undefined
}
