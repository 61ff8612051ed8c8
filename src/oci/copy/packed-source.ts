import { bytesFrom, type Digest, Fault, isFault, readSmallFile, replaceFile, type Report, silent, verified } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { type CompressedLayer, compressLayer, layerMap } from '../compress.ts'
import type { ImageDescriptor } from '../model/descriptor.ts'
import type { ImageSource, StreamedContent } from '../model/image-source.ts'
import { makeManifest, parseManifest } from '../model/manifest.ts'
import { layerType } from '../model/media-types.ts'
import type { StoredManifest } from '../registry/registry.ts'

/** What layers became when they were compressed, kept from one run to the next. */
export interface PackedLayers {
  find(diffId: Digest): CompressedLayer | undefined
  add(layer: CompressedLayer): Promise<void>
}

const mapLimit = 16 << 20
/** How often a layer is read at most. */
const maxReadings = 4

type TakeLayer = (content: StreamedContent, o?: Signal) => Promise<void>

/** In a file that may be deleted: then layers are compressed again to know what they become. */
export async function packedLayersIn(file: string, report: Report = silent): Promise<PackedLayers> {
  const text = await readSmallFile(file, mapLimit)
  let map = layerMap()
  try {
    map = layerMap(text, file)
  } catch {
    const note = `${file} is damaged and is written anew: layers are compressed again to know what they become`
    report({ kind: 'note', level: 'warning', text: note, event: 'layer_map_damaged' })
  }
  return {
    find: map.find,
    async add(layer) {
      map.add(layer)
      await replaceFile(file, map.toJson())
    },
  }
}

/**
 * A docker-archive, whose images have no manifest of their own and mostly plain layers, as images of OCI with layers in gzip. A layer that
 * `known` does not know is compressed when its image is asked for, and goes to `take` meanwhile: its digest is known only then. Where `take`
 * says `precondition`, the layer is read and given to it again, a few times.
 */
export function packedSource(archive: ImageSource, known: PackedLayers, take: TakeLayer, report: Report = silent): ImageSource {
  const manifests = new Map<Digest, StoredManifest>()
  const plainLayers = new Map<Digest, ImageDescriptor>()
  const send = createSender(archive, take, report)
  const pack = async (layer: ImageDescriptor, o?: Signal): Promise<ImageDescriptor> => {
    if (layer.mediaType !== layerType('plain')) return layer
    const { digest, size } = known.find(layer.digest) ?? (await compress(layer, o))
    plainLayers.set(digest, layer)
    return { mediaType: layerType('gzip'), digest, size }
  }
  const compress = async (layer: ImageDescriptor, o?: Signal): Promise<CompressedLayer> => {
    const sent = await send(layer, o)
    await known.add(sent)
    return sent
  }
  const packed = async (stored: StoredManifest, o?: Signal): Promise<StoredManifest> => {
    const content = parseManifest(stored)
    if (content.kind === 'index') throw new Fault('bug', 'a docker-archive has no index', { at: archive.name })
    const layers = new Map<Digest, ImageDescriptor>()
    const inOrder = content.layers.toSorted((a, b) => (archive.placeOf?.(a) ?? 0) - (archive.placeOf?.(b) ?? 0))
    for (const layer of inOrder) layers.set(layer.digest, layers.get(layer.digest) ?? (await pack(layer, o)))
    const made = makeManifest({ ...content, layers: content.layers.map(({ digest }) => layers.get(digest)!) })
    manifests.set(made.digest, made)
    return made
  }
  return {
    name: archive.name,
    resolve: async (ref, o) => await packed(await archive.resolve(ref, o), o),
    async manifest(digest) {
      const made = manifests.get(digest)
      if (made === undefined) throw new Fault('not-found', `the archive has no manifest ${digest}`, { at: archive.name })
      return made
    },
    async blob(descriptor, o) {
      const plain = plainLayers.get(descriptor.digest)
      if (plain === undefined) return await archive.blob(descriptor, o)
      const bytes = await archive.blob(plain, o)
      return verified(
        bytesFrom(() => compressLayer(bytes).bytes, descriptor.size),
        descriptor.digest,
        archive.name,
      )
    },
    // No manifest, and so nothing that refers to one.
    async *referrers() {},
    refs: async (o) => await archive.refs(o),
    close: async () => await archive.close(),
  }
}

/** Gives layers to `take`, compressed on the way, and from the beginning again where that has lost one. */
function createSender(archive: ImageSource, take: TakeLayer, report: Report) {
  return async (layer: ImageDescriptor, o?: Signal): Promise<CompressedLayer> => {
    for (let reading = 1; ; reading++) {
      const content = compressLayer(await archive.blob(layer, o))
      try {
        await take(content, o)
        return content.result()
      } catch (error) {
        // The registry has lost an upload: what it has of it cannot be sent again from a stream.
        if (!isFault(error, 'precondition') || reading === maxReadings) throw error
        const text = `${error.message}: the layer ${layer.digest} is read and sent again`
        report({ kind: 'note', level: 'warning', text, event: 'layer_read_again' })
      }
    }
  }
}
