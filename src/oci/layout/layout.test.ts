import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { type Bytes, bytesOf, bytesOnce, collect, type Digest, digestOf, Fault, hexOf, systemClock } from '../../kit/index.ts'
import { fakeImage, fakeLayer } from '../../../test/fakes/images.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import type { ImageTarget } from '../model/image-source.ts'
import { describeManifest, makeIndex, makeManifest } from '../model/manifest.ts'
import { layerType, mediaTypes } from '../model/media-types.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { openLayout } from './read.ts'
import { openLayoutTarget } from './write.ts'

const scratch = scratchDirectory()
let count = 0
const newFolder = (): string => path.join(scratch, `layout-${count++}`)
const options = { clock: systemClock }

function blobOf(bytes: Uint8Array, mediaType = 'application/octet-stream'): Descriptor {
  return { mediaType, digest: digestOf(bytes), size: bytes.byteLength }
}

async function putImage(target: ImageTarget, text: string, ref?: string, subject?: Descriptor): Promise<StoredManifest> {
  const { config, layers } = fakeImage(text, [fakeLayer({ 'a/file': text })])
  const packed = gzipSync(layers[0]!)
  await target.putBlob(blobOf(config), bytesOf(config))
  await target.putBlob(blobOf(packed), bytesOf(packed))
  const manifest = makeManifest({ config: blobOf(config, mediaTypes.ociConfig), layers: [blobOf(packed, layerType('gzip'))], subject })
  await target.putManifest(manifest, ref)
  return manifest
}

const blobsOf = (folder: string): string[] => readdirSync(path.join(folder, 'blobs', 'sha256'))
const temporaries = (folder: string): string[] => readdirSync(folder).filter((name) => name.startsWith('.~tmp-'))

describe('an OCI layout that is written', () => {
  it('gives back what was put, by name and by digest, byte for byte', async () => {
    const folder = newFolder()
    const manifest = await putImage(await openLayoutTarget(folder, options), 'one', 'app:1.0')
    const source = await openLayout(folder)
    for (const ref of ['app:1.0', manifest.digest, undefined])
      assert.deepEqual(await source.resolve(ref), { ...manifest, bytes: new Uint8Array(manifest.bytes) })
    assert.deepEqual(await source.refs(), ['app:1.0'])
    assert.deepEqual(temporaries(folder), [])
  })

  it('moves a name to another image and keeps all other names and unknown members', async () => {
    const folder = newFolder()
    const target = await openLayoutTarget(folder, options)
    await putImage(target, 'one', 'latest')
    await putImage(target, 'other', 'kept')
    const file = path.join(folder, 'index.json')
    const index = JSON.parse(readFileSync(file, 'utf8'))
    index.later = { x: 1 }
    index.manifests[1].future = [2]
    writeFileSync(file, JSON.stringify(index))
    const second = await putImage(target, 'two', 'latest')
    const source = await openLayout(folder)
    assert.equal((await source.resolve('latest')).digest, second.digest)
    assert.deepEqual(await source.refs(), ['kept', 'latest'])
    const after = JSON.parse(readFileSync(file, 'utf8'))
    assert.deepEqual([after.later, after.manifests[0].future], [{ x: 1 }, [2]])
  })

  it('shows no blob before its digest and size are right, and leaves nothing behind', async () => {
    const folder = newFolder()
    const target = await openLayoutTarget(folder, options)
    const right = Buffer.from('right')
    async function* broken() {
      yield right.subarray(0, 2)
      throw new Fault('unavailable', 'the line went dead')
    }
    const cases: [Bytes, string][] = [
      [bytesOf('wrong'), 'corrupt'],
      [bytesOf('longer than it'), 'corrupt'],
      [bytesOnce(broken()), 'unavailable'],
      [
        bytesOnce(
          (async function* () {
            yield right.subarray(0, 4)
          })(),
        ),
        'corrupt',
      ],
    ]
    for (const [body, code] of cases) await assert.rejects(target.putBlob(blobOf(right), body), { code })
    assert.deepEqual([blobsOf(folder), temporaries(folder)], [[], []])
    assert.equal(await target.hasBlob(blobOf(right)), false)
  })

  it('mends a blob that is damaged on the disk', async () => {
    const folder = newFolder()
    const target = await openLayoutTarget(folder, options)
    const right = Buffer.from('right')
    const file = path.join(folder, 'blobs/sha256', hexOf(digestOf(right)))
    writeFileSync(file, 'wrong')
    assert.equal(await target.hasBlob(blobOf(right)), false)
    await target.putBlob(blobOf(right), bytesOf(right))
    assert.equal(readFileSync(file, 'utf8'), 'right')
    assert.equal(await target.hasBlob(blobOf(right)), true)
  })

  it('keeps every name of many writers at once', async () => {
    const folder = newFolder()
    const names = Array.from({ length: 12 }, (_, at) => `tag-${at}`)
    await Promise.all(names.map(async (name) => await putImage(await openLayoutTarget(folder, options), `of ${name}`, name)))
    const source = await openLayout(folder)
    assert.deepEqual((await source.refs()).toSorted(), names.toSorted())
    for (const name of names) for await (const _ of await source.blob(describeManifest(await source.resolve(name))));
  })

  it('removes leftovers of a day ago and nothing that may be in use', async () => {
    const folder = newFolder()
    await openLayoutTarget(folder, options)
    const [old, young, foreign] = [`.~tmp-${'0'.repeat(16)}`, `.~tmp-${'1'.repeat(16)}`, 'notes.txt']
    for (const name of [old, young, foreign]) writeFileSync(path.join(folder, name), 'x')
    utimesSync(path.join(folder, old), 1, 1)
    await openLayoutTarget(folder, options)
    assert.deepEqual(
      readdirSync(folder).filter((name) => [old, young, foreign].includes(name)),
      [young, foreign],
    )
  })

  it('takes no name that a layout cannot have', async () => {
    const target = await openLayoutTarget(newFolder(), options)
    for (const ref of ['', '../x', 'a b', 'a\n', '-x', 'x'.repeat(301)])
      await assert.rejects(putImage(target, 'x', ref), { code: 'invalid' })
  })
})

describe('an OCI layout that is read', () => {
  it('with several images asks which, and names them', async () => {
    const folder = newFolder()
    const target = await openLayoutTarget(folder, options)
    await putImage(target, 'one', 'a')
    await putImage(target, 'two', 'b')
    const source = await openLayout(folder)
    await assert.rejects(source.resolve(), { code: 'invalid', hint: 'it has a, b' })
    await assert.rejects(source.resolve('c'), { code: 'not-found', hint: 'it has a, b' })
    await assert.rejects(source.manifest(digestOf('nothing')), { code: 'not-found' })
  })

  it('finds the images of an index, and those of other platforms may be absent', async () => {
    const folder = newFolder()
    const target = await openLayoutTarget(folder, options)
    const child = await putImage(target, 'child')
    const absent = blobOf(Buffer.from('not here'), mediaTypes.ociManifest)
    await target.putManifest(makeIndex({ manifests: [absent, describeManifest(child)] }), 'both')
    const source = await openLayout(folder)
    assert.equal((await source.manifest(child.digest)).digest, child.digest)
    await assert.rejects(source.manifest(absent.digest), { code: 'not-found' })
  })

  it('lists what refers to an image', async () => {
    const folder = newFolder()
    const target = await openLayoutTarget(folder, options)
    const image = await putImage(target, 'image', 'image')
    const referrer = await putImage(target, 'signature', undefined, describeManifest(image))
    const found: Digest[] = []
    for await (const { digest } of (await openLayout(folder)).referrers(image.digest)) found.push(digest)
    assert.deepEqual(found, [referrer.digest])
  })

  it('never gives the end of a blob that is damaged', async () => {
    const folder = newFolder()
    const manifest = await putImage(await openLayoutTarget(folder, options), 'one', 'x')
    const source = await openLayout(folder)
    const file = path.join(folder, 'blobs/sha256', hexOf(manifest.digest))
    const bytes = readFileSync(file)
    bytes[bytes.byteLength - 1]! ^= 1
    writeFileSync(file, bytes)
    await assert.rejects(source.resolve('x'), { code: 'corrupt' })
    await assert.rejects(async () => await collect(await source.blob(describeManifest(manifest)), 1 << 20), { code: 'corrupt' })
    writeFileSync(file, bytes.subarray(1))
    await assert.rejects(source.blob(describeManifest(manifest)), { code: 'not-found' })
  })

  it('that is none, or of another version, is refused', async () => {
    await assert.rejects(openLayout(newFolder()), { code: 'not-found' })
    const folder = newFolder()
    mkdirSync(folder)
    await assert.rejects(openLayout(folder), { code: 'corrupt' })
    writeFileSync(path.join(folder, 'oci-layout'), '{"imageLayoutVersion":"2.0.0"}')
    await assert.rejects(openLayout(folder), { code: 'unsupported' })
    writeFileSync(path.join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}')
    const source = await openLayout(folder)
    await assert.rejects(source.resolve(), { code: 'corrupt' })
    for (const text of ['', '{}', '{"manifests":[{"mediaType":"a/b","digest":"sha256:../x","size":1}]}', '{"manifests":7}']) {
      writeFileSync(path.join(folder, 'index.json'), text)
      await assert.rejects(source.resolve(), { code: 'corrupt' }, text)
    }
    rmSync(path.join(folder, 'index.json'))
    mkdirSync(path.join(folder, 'index.json'))
    await assert.rejects(source.resolve(), { code: 'corrupt' })
  })
})
