import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { archiveBytes, dockerMembers, fakeImage, fakeLayer, ociMembers } from '../../../test/fakes/images.ts'
import { imagePlace } from '../../../test/fakes/image-places.ts'
import { registryDesk } from '../../../test/fakes/registry-desk.ts'
import { type RegistryPeer, refuse, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { collect, digestOf } from '../../kit/index.ts'
import { openArchive } from '../archive/open.ts'
import type { ImageSource, StreamedContent } from '../model/image-source.ts'
import { parseManifest } from '../model/manifest.ts'
import { mediaTypes } from '../model/media-types.ts'
import { carryOutCopy } from './copy.ts'
import { type PackedLayers, packedLayersIn, packedSource } from './packed-source.ts'
import { planCopy } from './plan.ts'
import { registryTarget } from './registry-target.ts'

const scratch = scratchDirectory()
const newFolder = (): string => mkdtempSync(path.join(scratch, 'packed-'))

const image = fakeImage('app:v1', [fakeLayer({ one: 'lower' }), fakeLayer({ two: Buffer.alloc(2 << 20, 'upper') })])

async function archived(bytes: Buffer): Promise<ImageSource> {
  const file = path.join(newFolder(), 'image.tar')
  writeFileSync(file, bytes)
  return await openArchive(file, 'docker-archive')
}

const nothing: PackedLayers = { find: () => undefined, async add() {} }

describe('a docker-archive', () => {
  it('has layers in gzip, with the digests of its config', async () => {
    const source = packedSource(
      await archived(archiveBytes(dockerMembers([image]))),
      nothing,
      async ({ bytes }) => void (await collect(bytes, 1 << 26)),
    )
    const stored = await source.resolve('app:v1')
    const content = parseManifest(stored)
    assert.ok(content.kind === 'manifest')
    assert.equal(content.config.digest, digestOf(image.config))
    assert.deepEqual(new Set(content.layers.map(({ mediaType }) => mediaType)), new Set([mediaTypes.ociLayerGzip]))
    for (const [at, layer] of content.layers.entries()) {
      const packed = await collect(await source.blob(layer), 1 << 26)
      assert.equal(digestOf(packed), layer.digest)
      assert.ok(gunzipSync(packed).equals(image.layers[at]!))
    }
    assert.equal((await source.manifest(stored.digest)).digest, stored.digest)
    await source.close()
  })

  it('goes to the target while it is compressed, and what is remembered is not compressed again', async () => {
    const file = path.join(newFolder(), 'cache', 'layers.json')
    const first = imagePlace()
    const bytes = archiveBytes(dockerMembers([image]), 'gzip')
    const copy = async (target: typeof first): Promise<number> => {
      let compressed = 0
      const source = packedSource(await archived(bytes), await packedLayersIn(file), async (content) => {
        compressed++
        await target.putStream(content)
      })
      await carryOutCopy(await planCopy({ source, target, ref: 'app:v1', as: 'v1' }), { source, target })
      await source.close()
      return compressed
    }
    assert.equal(await copy(first), 2)
    assert.equal(first.written.filter((line) => line.startsWith('blob')).length, 3)
    assert.equal(await copy(first), 0)
    const second = imagePlace()
    assert.equal(await copy(second), 0)
    assert.equal(second.tags.get('v1'), first.tags.get('v1'))
    writeFileSync(file, readFileSync(file, 'utf8').slice(0, 20))
    assert.equal(await copy(second), 2)
  })

  it('whose layers are packed already keeps them as they are', async () => {
    const bytes = archiveBytes(ociMembers([image], 'gzip', true))
    const source = packedSource(await archived(bytes), nothing, async () => assert.fail('compressed again'))
    const content = parseManifest(await source.resolve())
    assert.ok(content.kind === 'manifest')
    assert.equal(content.layers.length, 2)
    for (const layer of content.layers) await collect(await source.blob(layer), 1 << 26)
    await source.close()
  })
})

describe('a registry that loses an upload', () => {
  const open: { close(): unknown }[] = []
  afterEach(async () => {
    for (const one of open.splice(0)) await one.close()
  })

  /** Its first uploads are gone when a chunk comes. */
  async function forgetful(times: number): Promise<RegistryPeer> {
    const registry = await startRegistryPeer()
    open.push(registry)
    registry.instead(
      /^PATCH/,
      (_request, response) => {
        registry.uploads.clear()
        refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN')
      },
      times,
    )
    return registry
  }

  async function copyTo({ host }: RegistryPeer, notes: string[] = []): Promise<void> {
    const registry = registryDesk(host, { isPlain: true, clock: hastyClock(0) })
    const archive = await archived(archiveBytes(dockerMembers([image]), 'gzip'))
    open.push(registry, archive)
    const target = registryTarget({ registry, repository: 'app' })
    const take = async (content: StreamedContent) => await target.putStream(content)
    const source = packedSource(archive, nothing, take, (event) => void (event.kind === 'note' && notes.push(event.text)))
    await carryOutCopy(await planCopy({ source, target, ref: 'app:v1', as: 'v1' }), { source, target })
  }

  it('of a layer that is compressed on its way gets it from the beginning', async () => {
    const registry = await forgetful(2)
    const notes: string[] = []
    await copyTo(registry, notes)
    assert.ok(registry.manifests.has('app:v1'))
    assert.equal(notes.filter((note) => /has lost an upload .* is read and sent again$/.test(note)).length, 2)
  })

  it('again and again is left, and has no tag', async () => {
    const registry = await forgetful(99)
    await faultOf(copyTo(registry), 'precondition', /has lost an upload/)
    assert.equal(registry.requests.filter((line) => line.startsWith('PATCH')).length, 4)
    assert.equal(registry.manifests.size, 0)
  })
})
