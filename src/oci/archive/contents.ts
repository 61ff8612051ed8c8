import * as v from 'valibot'
import { type Digest, Fault, parseJson } from '../../kit/index.ts'
import { parseConfig } from '../model/config.ts'
import { descriptorShape, type ImageDescriptor } from '../model/descriptor.ts'
import { parseManifest, storedManifest } from '../model/manifest.ts'
import { isForeignLayer, isIndexType, isManifestType } from '../model/media-types.ts'
import type { ArchiveContents, ArchivedImage, LayerFacts, SeenArchive, SeenMember } from './member.ts'
import { followLinks, memberName, shown } from './names.ts'

/** What the members of a whole archive mean together. Throws `corrupt` for what is missing in it or does not agree. */
export function findContents(archive: SeenArchive): ArchiveContents {
  const documents = new Map<Digest, Uint8Array>()
  const layers = new Map<Digest, LayerFacts>()
  for (const member of archive.members.values()) {
    if (member.kind === 'document') documents.set(member.digest, member.bytes)
    else layers.set(member.facts.digest, member.facts)
  }
  const list = archive.members.get('manifest.json')
  const index = archive.members.get('index.json')
  if (list === undefined && index === undefined) {
    throw new Fault('corrupt', 'the archive has neither a manifest.json nor an index.json', {
      hint: 'an archive of images is made by docker save, or by skopeo copy to docker-archive: or oci-archive:',
    })
  }
  return {
    kind: 'contents',
    images: list === undefined ? [] : findImages(archive, documentOf(list, 'manifest.json')),
    index: index === undefined ? undefined : checkIndex(documentOf(index, 'index.json'), documents, layers),
    documents,
    layers,
  }
}

const listShape = v.array(
  v.object({ Config: v.string(), RepoTags: v.optional(v.nullable(v.array(v.string()))), Layers: v.nullable(v.array(v.string())) }),
)

function findImages(archive: SeenArchive, bytes: Uint8Array): ArchivedImage[] {
  return parseJson(listShape, bytes, 'manifest.json').map(({ Config, RepoTags, Layers }) => {
    const seen = find(archive, Config)
    const config = documentOf(seen, Config)
    const digest = seen.kind === 'document' ? seen.digest : undefined
    const called = /(?:^|\/)([0-9a-f]{64})(?:\.json)?$/.exec(Config)?.[1]
    if (digest === undefined || (called !== undefined && digest !== `sha256:${called}`)) {
      throw new Fault('corrupt', `expected sha256:${called}, got ${digest}: the config ${shown(Config)} is not what it is called`)
    }
    const { diffIds } = parseConfig(config, Config)
    const layers = (Layers ?? []).map((name) => layerOf(archive, name))
    if (layers.length !== diffIds.length) {
      throw new Fault(
        'corrupt',
        `the image of ${shown(Config)} has ${layers.length} layers in the archive and ${diffIds.length} in its config`,
      )
    }
    for (const [at, diffId] of diffIds.entries()) {
      if (layers[at]!.diffId === diffId) continue
      throw new Fault(
        'corrupt',
        `expected ${diffId}, got ${layers[at]!.diffId}: the layer ${shown(Layers![at]!)} is not what the config says`,
      )
    }
    return { names: RepoTags ?? [], config: digest, layers }
  })
}

function layerOf(archive: SeenArchive, name: string): LayerFacts {
  const seen = find(archive, name)
  if (seen.kind === 'layer') return seen.facts
  throw new Fault('corrupt', `the layer ${shown(name)} of the archive is no tar, plain or in gzip or zstd`)
}

function find({ members, links }: SeenArchive, name: string): SeenMember {
  const seen = members.get(followLinks(links, memberName(name)))
  if (seen === undefined) throw new Fault('corrupt', `missing in the archive: ${shown(name)}`)
  return seen
}

function documentOf(seen: SeenMember, name: string): Uint8Array {
  if (seen.kind === 'document') return seen.bytes
  throw new Fault('corrupt', `${shown(name)} of the archive is no JSON document of up to 16 MiB`)
}

const indexShape = v.object({ manifests: v.nullable(v.array(descriptorShape)) })

/**
 * That everything is there which the index reaches, with the size that is said. Of an index within it, images may be absent: `docker save`
 * writes those of the platforms that it has.
 */
function checkIndex(
  bytes: Uint8Array,
  documents: ReadonlyMap<Digest, Uint8Array>,
  layers: ReadonlyMap<Digest, LayerFacts>,
): ImageDescriptor[] {
  const top = parseJson(indexShape, bytes, 'index.json').manifests ?? []
  const waiting = top.map((descriptor) => ({ descriptor, mayBeAbsent: false }))
  const done = new Set<string>()
  for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
    const { digest, size, mediaType } = next.descriptor
    const key = `${mediaType} ${digest} ${size} ${next.mayBeAbsent}`
    if (done.has(key)) continue
    done.add(key)
    const document = documents.get(digest)
    const actual = document?.byteLength ?? layers.get(digest)?.size
    if (actual === undefined) {
      if (next.mayBeAbsent) continue
      throw new Fault('corrupt', `missing in the archive: ${digest}`)
    }
    if (actual !== size) throw new Fault('corrupt', `expected ${size} bytes of ${digest}, got ${actual}`)
    if (!isManifestType(mediaType) && !isIndexType(mediaType)) continue
    if (document === undefined) throw new Fault('corrupt', `the manifest ${digest} of the archive is no JSON document`)
    const content = parseManifest(storedManifest(document, digest, mediaType))
    if (content.kind === 'index') waiting.push(...content.manifests.map((descriptor) => ({ descriptor, mayBeAbsent: true })))
    else {
      const parts = [content.config, ...content.layers]
      waiting.push(...parts.map((descriptor) => ({ descriptor, mayBeAbsent: isForeignLayer(descriptor.mediaType) })))
    }
  }
  return top
}
