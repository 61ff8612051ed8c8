import assert from 'node:assert/strict'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { before, describe, it } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { bytesOf, collect, digestOf, systemClock } from '../kit/index.ts'
import { fakeImage, fakeLayer } from '../../test/fakes/images.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { imageTools, whyNoImageTools } from '../../test/services/image-tools.ts'
import { readArchive } from './archive/read.ts'
import type { ArchiveContents } from './archive/member.ts'
import { compressLayer } from './compress.ts'
import { openLayout } from './layout/read.ts'
import { openLayoutTarget } from './layout/write.ts'
import { parseConfig } from './model/config.ts'
import { describeManifest, makeIndex, makeManifest, parseManifest } from './model/manifest.ts'
import { layerType, mediaTypes } from './model/media-types.ts'
import type { Descriptor } from './registry/registry.ts'

const scratch = scratchDirectory()
const sh = imageTools(scratch)
const at = (...parts: string[]): string => path.join(scratch, ...parts)
let missing: string | undefined

before(async () => {
  missing = await whyNoImageTools()
  if (missing === undefined) await makeWithUmoci()
})

/** An image of two layers, `made:v1`, as umoci makes it. */
async function makeWithUmoci(): Promise<void> {
  await sh('umoci', 'init', '--layout', at('made'))
  await sh('umoci', 'new', '--image', `${at('made')}:v1`)
  for (const layer of ['one', 'two']) {
    await sh('umoci', 'unpack', '--rootless', '--image', `${at('made')}:v1`, at(`bundle-${layer}`))
    const root = at(`bundle-${layer}`, 'rootfs')
    await mkdir(path.join(root, `dir-${layer}`))
    await writeFile(path.join(root, `dir-${layer}`, 'file'), Buffer.alloc(300_000, layer))
    await symlink(`dir-${layer}/file`, path.join(root, `link-${layer}`))
    await sh('umoci', 'repack', '--image', `${at('made')}:v1`, at(`bundle-${layer}`))
  }
}

async function contentsOf(file: string, pieces: AsyncIterable<Uint8Array> = createReadStream(file)): Promise<ArchiveContents> {
  for await (const member of readArchive(pieces, file)) if (member.kind === 'contents') return member
  throw new Error('no contents')
}

function blobOf(bytes: Uint8Array, mediaType: string): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength }
}

describe('what skopeo and umoci made', () => {
  it('is read from a layout, every blob of it', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const source = await openLayout(at('made'))
    assert.ok((await source.refs()).includes('v1'))
    const manifest = parseManifest(await source.resolve('v1'))
    assert.equal(manifest.kind, 'manifest')
    if (manifest.kind !== 'manifest') return
    const config = parseConfig(await collect(await source.blob(manifest.config), 1 << 20), 'the config')
    assert.equal(config.diffIds.length, manifest.layers.length)
    for (const layer of manifest.layers) for await (const _ of await source.blob(layer));
  })

  it('is read from an oci-archive with the digests that it has in the layout', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    await sh('skopeo', 'copy', `oci:${at('made')}:v1`, `oci-archive:${at('made.oci.tar')}:app:v1`)
    const { digest } = await (await openLayout(at('made'))).resolve('v1')
    assert.deepEqual(
      (await contentsOf(at('made.oci.tar'))).index?.map((entry) => entry.digest),
      [digest],
    )
  })

  it('is read from a docker-archive, plain, in gzip or in zstd, with the layers of its config', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    await sh('skopeo', 'copy', `oci:${at('made')}:v1`, `docker-archive:${at('made.tar')}:example.com/app:v1`)
    const bytes = await readFile(at('made.tar'))
    for (const form of [bytes, gzipSync(bytes, { level: 1 }), zstdCompressSync(bytes)]) {
      const { images, documents } = await contentsOf('made.tar', bytesOf(form))
      assert.deepEqual(
        images.map(({ names }) => names),
        [['example.com/app:v1']],
      )
      const [image] = images
      const { diffIds } = parseConfig(documents.get(image!.config)!, 'the config')
      assert.deepEqual(
        image!.layers.map(({ diffId }) => diffId),
        diffIds,
      )
      assert.equal(diffIds.length, 2)
    }
  })

  it('is read from an oci-archive of layers in zstd', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    await sh('skopeo', 'copy', '--dest-decompress', `oci:${at('made')}:v1`, `dir:${at('plain')}`)
    await sh('skopeo', 'copy', '--dest-compress', '--dest-compress-format', 'zstd', `dir:${at('plain')}`, `dir:${at('zstd')}`)
    await sh('skopeo', 'copy', `dir:${at('zstd')}`, `oci-archive:${at('zstd.tar')}:v1`)
    const { layers } = await contentsOf(at('zstd.tar'))
    const { diffIds } = parseConfig(await configOf('made', 'v1'), 'the config')
    assert.deepEqual(new Set([...layers.values()].map(({ diffId }) => diffId)), new Set(diffIds))
    assert.deepEqual(new Set([...layers.values()].map(({ form }) => form)), new Set(['zstd']))
  })
})

async function configOf(folder: string, ref: string): Promise<Uint8Array> {
  const source = await openLayout(at(folder))
  const manifest = parseManifest(await source.resolve(ref))
  assert.ok(manifest.kind === 'manifest')
  return await collect(await source.blob(manifest.config), 1 << 20)
}

describe('what we wrote', () => {
  it('is inspected by skopeo, unpacked by umoci and copied to an archive that we read', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    const image = fakeImage('ours', [
      fakeLayer({ 'a.txt': 'lower', 'b.txt': 'lower' }),
      fakeLayer({ 'b.txt': 'upper', big: Buffer.alloc(3 << 20, 'content') }),
    ])
    const target = await openLayoutTarget(at('ours'), { clock: systemClock })
    const layers: Descriptor[] = []
    for (const layer of image.layers) {
      const { bytes, result } = compressLayer(bytesOf(layer))
      const packed = await collect(bytes, 1 << 26)
      assert.equal(result().diffId, digestOf(layer))
      layers.push(blobOf(packed, layerType('gzip')))
      await target.putBlob(layers.at(-1)!, bytesOf(packed))
    }
    await target.putBlob(blobOf(image.config, mediaTypes.ociConfig), bytesOf(image.config))
    const manifest = makeManifest({ config: blobOf(image.config, mediaTypes.ociConfig), layers })
    await target.putManifest(manifest, 'v1')
    const both = makeIndex({ manifests: [{ ...describeManifest(manifest), platform: { os: 'linux', architecture: 'amd64' } }] })
    await target.putManifest(both, 'all')
    for (const ref of ['v1', 'all']) {
      const seen = JSON.parse(
        await sh('skopeo', 'inspect', '--override-os', 'linux', '--override-arch', 'amd64', `oci:${at('ours')}:${ref}`),
      ) as { Layers: string[] }
      assert.deepEqual(
        seen.Layers,
        layers.map(({ digest }) => digest),
      )
    }
    await sh('umoci', 'unpack', '--rootless', '--image', `${at('ours')}:v1`, at('unpacked'))
    const root = at('unpacked', 'rootfs')
    assert.deepEqual((await readdir(root)).toSorted(), ['a.txt', 'b.txt', 'big'])
    assert.equal(await readFile(path.join(root, 'b.txt'), 'utf8'), 'upper')
    assert.ok((await readFile(path.join(root, 'big'))).equals(Buffer.alloc(3 << 20, 'content')))
    await sh('skopeo', 'copy', `oci:${at('ours')}:v1`, `docker-archive:${at('ours.tar')}:x:y`)
    assert.deepEqual(
      (await contentsOf(at('ours.tar'))).images[0]!.layers.map(({ diffId }) => diffId),
      image.layers.map((layer) => digestOf(layer)),
    )
    // umoci removes what nothing reaches: all of ours is reached.
    await sh('umoci', 'gc', '--layout', at('ours'))
    assert.equal((await (await openLayout(at('ours'))).resolve('v1')).digest, manifest.digest)
  })

  it('stands beside what skopeo adds to the same layout', async (t) => {
    if (missing !== undefined) return t.skip(missing)
    await sh('skopeo', 'copy', `oci:${at('made')}:v1`, `oci:${at('shared')}:theirs`)
    const target = await openLayoutTarget(at('shared'), { clock: systemClock })
    const image = fakeImage('ours', [])
    await target.putBlob(blobOf(image.config, mediaTypes.ociConfig), bytesOf(image.config))
    await target.putManifest(makeManifest({ config: blobOf(image.config, mediaTypes.ociConfig), layers: [] }), 'ours')
    await sh('skopeo', 'copy', `oci:${at('made')}:v1`, `oci:${at('shared')}:again`)
    const source = await openLayout(at('shared'))
    assert.deepEqual((await source.refs()).toSorted(), ['again', 'ours', 'theirs'])
    await sh('skopeo', 'inspect', '--raw', `oci:${at('shared')}:ours`)
  })
})
