import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { collect, digestOf } from '../../kit/index.ts'
import { archiveBytes, dockerMembers, fakeImage, fakeLayer, ociMembers, packed, skopeoMembers } from '../../../test/fakes/images.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { parseManifest } from '../model/manifest.ts'
import { openArchive } from './open.ts'

const scratch = scratchDirectory()
const base = fakeLayer({ 'bin/sh': Buffer.alloc(70_000, 'sh') })
const images = [fakeImage('app:1', [base, fakeLayer({ a: 'a' })]), fakeImage('app:2', [base, fakeLayer({ b: 'b' })])]

describe('an archive in a file', () => {
  for (const kind of ['docker-archive', 'oci-archive'] as const) {
    for (const packing of ['plain', 'gzip', 'zstd'] as const) {
      it(`of ${kind}, ${packing}, gives each image and each of its blobs, again and again`, async () => {
        const file = path.join(scratch, `${kind}.${packing}`)
        writeFileSync(file, archiveBytes(kind === 'docker-archive' ? dockerMembers(images) : ociMembers(images), packing))
        const source = await openArchive(file, kind)
        for (const image of images) {
          const stored = await source.resolve(image.name)
          assert.equal((await source.manifest(stored.digest)).digest, stored.digest)
          const manifest = parseManifest(stored)
          assert.ok(manifest.kind === 'manifest')
          assert.deepEqual(Buffer.from(await collect(await source.blob(manifest.config), 1 << 20)), image.config)
          for (const [at, layer] of manifest.layers.entries()) {
            const bytes = await source.blob(layer)
            const expected = kind === 'docker-archive' ? image.layers[at]! : packed(image.layers[at]!, 'gzip')
            for (let round = 0; round < 2; round++) assert.equal(digestOf(await collect(bytes, 1 << 20)), digestOf(expected))
          }
        }
        await assert.rejects(source.resolve(), { code: 'invalid', hint: 'it has app:1, app:2' })
        await assert.rejects(source.resolve('app:3'), { code: 'not-found' })
        await assert.rejects(source.manifest(digestOf('x')), { code: 'not-found' })
        await assert.rejects(source.blob({ mediaType: 'a/b', digest: digestOf('x'), size: 1 }), { code: 'not-found' })
      })
    }
  }

  it('that is packed as a whole gives its blobs in any order, several at once, and some only begun', async () => {
    const layers = Array.from({ length: 5 }, (_, at) => fakeLayer({ [`${at}`]: Buffer.alloc(100_000 * (at + 1), `${at} of them`) }))
    const file = path.join(scratch, 'several')
    writeFileSync(file, archiveBytes(skopeoMembers([fakeImage('app:1', layers)]), 'gzip'))
    const source = await openArchive(file, 'docker-archive')
    const manifest = parseManifest(await source.resolve('app:1'))
    assert.ok(manifest.kind === 'manifest')
    const blobs = manifest.layers
    const inOrder = blobs.toSorted((a, b) => source.placeOf!(a) - source.placeOf!(b))
    assert.deepEqual(inOrder, blobs)
    const read = async (at: number) =>
      assert.equal(digestOf(await collect(await source.blob(blobs[at]!), 1 << 20)), blobs[at]!.digest, `blob ${at}`)
    for (const at of [0, 1, 3, 4, 2, 2, 0]) await read(at)
    await Promise.all([1, 3, 0, 4, 4].map(read))
    for await (const _ of await source.blob(blobs[3]!)) break
    await read(4)
    const last = read(0)
    await source.close()
    await last
  })

  it('that changes while it is used never gives the end of a blob', async () => {
    const file = path.join(scratch, 'changing')
    writeFileSync(file, archiveBytes(dockerMembers(images)))
    const source = await openArchive(file, 'docker-archive')
    const manifest = parseManifest(await source.resolve('app:1'))
    assert.ok(manifest.kind === 'manifest')
    const bytes = await source.blob(manifest.layers[0]!)
    writeFileSync(file, Buffer.alloc(1 << 20))
    await assert.rejects(collect(bytes, 1 << 20), { code: 'corrupt' })
  })

  it('that is not there, or no file, is said so', async () => {
    await assert.rejects(openArchive(path.join(scratch, 'none'), 'oci-archive'), { code: 'not-found' })
    mkdirSync(path.join(scratch, 'folder'))
    await assert.rejects(openArchive(path.join(scratch, 'folder'), 'oci-archive'), { code: 'invalid' })
  })
})
