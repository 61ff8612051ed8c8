import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { gunzipSync } from 'node:zlib'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { imagePlace, placeImage, placeIndex } from '../../../test/fakes/image-places.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { bytesOf, collect, digestOf } from '../../kit/index.ts'
import { carryOutCopy } from '../copy/copy.ts'
import { type CopyWishes, planCopy } from '../copy/plan.ts'
import type { ImageSource, ImageTarget } from '../model/image-source.ts'
import { parseManifest } from '../model/manifest.ts'
import { openArchive } from './open.ts'
import { dockerArchiveTarget, ociArchiveTarget } from './write.ts'

const scratch = scratchDirectory()
const newFile = (): string => path.join(mkdtempSync(path.join(scratch, 'archive-')), 'image.tar')

async function copy(source: ImageSource, target: ImageTarget, wishes: CopyWishes): Promise<void> {
  try {
    const plan = await planCopy({ source, target, ...wishes })
    await carryOutCopy(plan, { source, target })
  } finally {
    await target.close()
  }
}

describe('an oci-archive that is written', () => {
  it('is read with all platforms, digests and names that were put into it', async () => {
    const source = imagePlace()
    const { stored, images } = placeIndex(source, 'v1', ['amd64', 'arm64'])
    const signature = placeImage(source, ['sig'], { subject: stored }).stored
    const file = newFile()
    await copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'app:v1', all: true })
    const archive = await openArchive(file, 'oci-archive')
    assert.equal((await archive.resolve('app:v1')).digest, stored.digest)
    for (const image of images) {
      const read = await archive.manifest(image.stored.digest)
      for (const layer of image.layers) for await (const _ of await archive.blob(layer));
      assert.equal(read.digest, image.stored.digest)
    }
    const referrers = []
    for await (const { digest } of archive.referrers(stored.digest)) referrers.push(digest)
    assert.deepEqual(referrers, [signature.digest])
    assert.deepEqual(await archive.refs(), ['app:v1'])
  })

  it('has its name also where a file with it was there, and signatures come to it', async () => {
    const source = imagePlace()
    const { stored } = placeImage(source, ['one'], { tag: 'v1' })
    const file = newFile()
    await copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'v1' })
    placeImage(source, ['sig'], { subject: stored })
    await copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'v1', all: true })
    const archive = await openArchive(file, 'oci-archive')
    assert.equal((await archive.resolve('v1')).digest, stored.digest)
    assert.equal((await Array.fromAsync(archive.referrers(stored.digest))).length, 1)
  })

  it('has the same bytes for the same image', async () => {
    const source = imagePlace()
    placeImage(source, ['one'], { tag: 'v1' })
    const files = [newFile(), newFile()]
    for (const file of files) await copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'v1' })
    assert.ok(readFileSync(files[0]!).equals(readFileSync(files[1]!)))
  })

  it('does not appear before it is whole, and leaves nothing where it fails', async () => {
    const source = imagePlace()
    const { layers } = placeImage(source, ['one', 'two'], { tag: 'v1' })
    source.blobs.set(layers[1]!.digest, Buffer.alloc(layers[1]!.size))
    const file = newFile()
    await faultOf(copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'v1' }), 'corrupt', /./)
    assert.deepEqual(readdirSync(path.dirname(file)), [])
  })

  it('replaces no file that holds something else, unless it may; one that holds the same is left', async () => {
    const source = imagePlace()
    placeImage(source, ['one'], { tag: 'v1' })
    placeImage(source, ['two'], { tag: 'v2' })
    const file = newFile()
    await copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'v1' })
    const before = readFileSync(file)
    await copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'v1' })
    await faultOf(copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v2', as: 'v1' }), 'already-exists', /^v1 is sha256/)
    await faultOf(
      copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v2', as: 'v2' }),
      'already-exists',
      /there is a file already/,
    )
    assert.ok(readFileSync(file).equals(before))
    writeFileSync(file, 'anything')
    await faultOf(
      copy(source, ociArchiveTarget(file, { replaces: false }), { ref: 'v2', as: 'v2' }),
      'already-exists',
      /there is a file already/,
    )
    await copy(source, ociArchiveTarget(file, { replaces: true }), { ref: 'v2', as: 'v2', force: true })
    assert.deepEqual(await (await openArchive(file, 'oci-archive')).refs(), ['v2'])
  })

  it('takes content whose digest is known at its end', async () => {
    const file = newFile()
    const target = ociArchiveTarget(file, { replaces: false })
    const content = Buffer.alloc(3000, 'content')
    await target.putStream({ bytes: bytesOf(content), result: () => ({ digest: digestOf(content), size: content.byteLength }) })
    assert.ok(await target.hasBlob({ mediaType: '', digest: digestOf(content), size: content.byteLength }))
    await target.close()
    assert.deepEqual(readdirSync(path.dirname(file)), [])
  })
})

describe('a docker-archive that is written', () => {
  it('has the config and the plain layers of the image, under its name', async () => {
    const source = imagePlace()
    const { stored, layers, config } = placeImage(source, ['one', 'two'], { tag: 'v1' })
    const file = newFile()
    await copy(source, dockerArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'host/app:v1' })
    const archive = await openArchive(file, 'docker-archive')
    const content = parseManifest(await archive.resolve('host/app:v1'))
    assert.ok(content.kind === 'manifest')
    assert.equal(content.config.digest, config.digest)
    assert.deepEqual(
      content.layers.map(({ digest }) => digest),
      layers.map(({ digest }) => digestOf(gunzipSync(source.blobs.get(digest)!))),
    )
    for (const layer of content.layers) await collect(await archive.blob(layer), 1 << 20)
    assert.notEqual((await archive.resolve()).digest, stored.digest)
  })

  it('is of one platform, and says so before anything is read', async () => {
    const source = imagePlace()
    placeIndex(source, 'v1', ['amd64', 'arm64'])
    const file = newFile()
    const fault = await faultOf(
      copy(source, dockerArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'a:b' }),
      'invalid',
      /one platform/,
    )
    assert.match(fault.hint!, /--platform/)
    assert.equal(source.calls.get('blob'), undefined)
  })

  it('is not written for layers that are not those of the config', async () => {
    const source = imagePlace()
    const { config, layers } = placeImage(source, ['one', 'two'])
    const other = placeImage(source, ['three'])
    const { makeManifest } = await import('../model/manifest.ts')
    const wrong = makeManifest({ config, layers: [layers[0]!, other.layers[0]!] })
    source.manifests.set(wrong.digest, wrong)
    source.tags.set('v1', wrong.digest)
    const file = newFile()
    await faultOf(
      copy(source, dockerArchiveTarget(file, { replaces: false }), { ref: 'v1', as: 'a:b' }),
      'corrupt',
      /not those of its config/,
    )
    assert.deepEqual(readdirSync(path.dirname(file)), [])
  })
})
