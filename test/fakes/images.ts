import { gzipSync, zstdCompressSync } from 'node:zlib'
import { type Digest, digestOf, hexOf } from '../../src/kit/index.ts'
import { tarBytes, type TarMember } from './tar-bytes.ts'

/** A small image before it is put into any archive: the same input gives the same bytes. */
export interface FakeImage {
  readonly name: string
  readonly config: Buffer
  /** From the lowest up, plain. */
  readonly layers: readonly Buffer[]
}

export type Packing = 'plain' | 'gzip' | 'zstd'

export function fakeLayer(files: Readonly<Record<string, string | Uint8Array>>): Buffer {
  return tarBytes(Object.entries(files).map(([name, content]) => ({ name, content: Buffer.from(content) })))
}

export function fakeImage(name: string, layers: readonly Buffer[], architecture = 'amd64'): FakeImage {
  const config = Buffer.from(
    JSON.stringify({
      architecture,
      os: 'linux',
      config: { Env: ['PATH=/bin'], Cmd: ['/bin/sh'] },
      rootfs: { type: 'layers', diff_ids: layers.map((layer) => digestOf(layer)) },
      history: layers.map(() => ({ created_by: 'a test' })),
    }),
  )
  return { name, config, layers }
}

export function packed(bytes: Buffer, packing: Packing): Buffer {
  return packing === 'plain' ? bytes : packing === 'gzip' ? gzipSync(bytes, { level: 1 }) : zstdCompressSync(bytes)
}

/**
 * As `docker save` wrote before 25: a folder for each layer, called by what it is and lies upon, the highest one by its image's config too; a link
 * where the same layer is in another folder.
 */
export function dockerMembers(images: readonly FakeImage[]): TarMember[] {
  const first = new Map<Digest, string>()
  const folders = new Set<string>()
  const members: TarMember[] = []
  const list = images.map((image) => {
    let folder = ''
    const names = image.layers.map((layer, at) => {
      const top = at === image.layers.length - 1 ? digestOf(image.config) : ''
      folder = hexOf(digestOf(`${folder} ${digestOf(layer)} ${top}`))
      const name = `${folder}/layer.tar`
      if (folders.has(folder)) return name
      folders.add(folder)
      const known = first.get(digestOf(layer))
      members.push({ name: `${folder}/`, type: '5' }, { name: `${folder}/VERSION`, content: Buffer.from('1.0') })
      members.push({ name: `${folder}/json`, content: Buffer.from(JSON.stringify({ id: folder })) })
      if (known === undefined) first.set(digestOf(layer), name)
      members.push(known === undefined ? { name, content: layer } : { name, type: '2', link: `../${known}` })
      return name
    })
    const config = `${hexOf(digestOf(image.config))}.json`
    members.push({ name: config, content: image.config })
    return { Config: config, RepoTags: [image.name], Layers: names }
  })
  return [...members, { name: 'manifest.json', content: Buffer.from(JSON.stringify(list)) }]
}

/** As skopeo writes docker-archive: layers under their digest without compression. */
export function skopeoMembers(images: readonly FakeImage[]): TarMember[] {
  const members = new Map<string, TarMember>()
  const add = (name: string, content: Buffer): string => {
    members.set(name, { name, content })
    return name
  }
  const list = images.map((image) => ({
    Config: add(`${hexOf(digestOf(image.config))}.json`, image.config),
    RepoTags: [image.name],
    Layers: image.layers.map((layer) => add(`${hexOf(digestOf(layer))}.tar`, layer)),
  }))
  add('manifest.json', Buffer.from(JSON.stringify(list)))
  return [...members.values()]
}

/** As an oci-archive, or with a `manifest.json` too as docker writes from 25 on. */
export function ociMembers(images: readonly FakeImage[], packing: Packing = 'gzip', withList = false): TarMember[] {
  const members = new Map<string, TarMember>()
  const blob = (content: Buffer): string => {
    const name = `blobs/sha256/${hexOf(digestOf(content))}`
    members.set(name, { name, content })
    return name
  }
  const list: object[] = []
  const manifests = images.map((image) => {
    const layers = image.layers.map((layer) => packed(layer, packing))
    const mediaType = 'application/vnd.oci.image.manifest.v1+json'
    const manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType,
        config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(image.config), size: image.config.byteLength },
        layers: layers.map((layer) => ({
          mediaType: `application/vnd.oci.image.layer.v1.tar${packing === 'plain' ? '' : `+${packing}`}`,
          digest: digestOf(layer),
          size: layer.byteLength,
        })),
      }),
    )
    list.push({ Config: blob(image.config), RepoTags: [image.name], Layers: layers.map(blob) })
    blob(manifest)
    const annotations = { 'org.opencontainers.image.ref.name': image.name }
    return { mediaType, digest: digestOf(manifest), size: manifest.byteLength, annotations }
  })
  const texts = {
    'oci-layout': { imageLayoutVersion: '1.0.0' },
    'index.json': { schemaVersion: 2, manifests },
    ...(withList ? { 'manifest.json': list } : {}),
  }
  return [...members.values(), ...Object.entries(texts).map(([name, value]) => ({ name, content: Buffer.from(JSON.stringify(value)) }))]
}

/** The whole archive, in one of the packings. */
export function archiveBytes(members: readonly TarMember[], packing: Packing = 'plain'): Buffer {
  return packed(tarBytes(members, 'gnu'), packing)
}
