import assert from 'node:assert/strict'
import { gunzipSync } from 'node:zlib'
import { describe, it } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { type ImagePlace, imagePlace, placeImage, placeIndex } from '../../../test/fakes/image-places.ts'
import { digestOf } from '../../kit/index.ts'
import { describeManifest, makeIndex, makeManifest, parseManifest } from '../model/manifest.ts'
import { layerType, mediaTypes } from '../model/media-types.ts'
import type { StoredManifest } from '../registry/registry.ts'
import { compareImages } from './compare.ts'
import { describeImage } from './describe.ts'
import { joinImages } from './join.ts'

function put(place: ImagePlace, stored: StoredManifest): StoredManifest {
  place.manifests.set(stored.digest, stored)
  return stored
}

/** The same image with another config. */
function withConfig(
  place: ImagePlace,
  change: (config: Record<string, unknown>) => object,
  annotations?: Record<string, string>,
): StoredManifest {
  const { config, layers } = placeImage(place, ['base', 'app'])
  const changed = Buffer.from(
    JSON.stringify(change(JSON.parse(Buffer.from(place.blobs.get(config.digest)!).toString()) as Record<string, unknown>)),
  )
  place.blobs.set(digestOf(changed), changed)
  return put(place, makeManifest({ config: { ...config, digest: digestOf(changed), size: changed.byteLength }, layers, annotations }))
}

describe('two images', () => {
  it('of one digest do not differ, and nothing of them is read', async () => {
    const place = imagePlace()
    const { stored } = placeImage(place, ['base'])
    const compared = await compareImages({ source: place, stored }, { source: place, stored })
    assert.deepEqual([compared.differences, place.calls.get('blob')], [[], undefined])
  })

  it('differ in layers that one has and the other has not', async () => {
    const place = imagePlace()
    const [a, b] = [placeImage(place, ['base', 'old']), placeImage(place, ['base', 'new'])]
    const { differences, shared } = await compareImages({ source: place, stored: a.stored }, { source: place, stored: b.stored })
    assert.deepEqual(
      differences.map(({ part, change, what }) => [part, change, what]),
      [
        ['layer', 'removed', a.layers[1]!.digest],
        ['layer', 'added', b.layers[1]!.digest],
      ],
    )
    assert.deepEqual(shared, { layers: 1, bytes: a.layers[0]!.size })
  })

  it('whose layers are only packed otherwise are told so', async () => {
    const place = imagePlace()
    const { stored, config, layers } = placeImage(place, ['base'])
    const plain = gunzipSync(place.blobs.get(layers[0]!.digest)!)
    const unpacked = { mediaType: layerType('plain'), digest: digestOf(plain), size: plain.byteLength }
    const other = put(place, makeManifest({ config, layers: [unpacked] }))
    const { differences } = await compareImages({ source: place, stored }, { source: place, stored: other })
    assert.deepEqual(
      differences.map(({ change, what, before, after }) => [change, what, before, after]),
      [['repacked', unpacked.digest, layers[0]!.digest, unpacked.digest]],
    )
  })

  it('differ in the order of the layers', async () => {
    const place = imagePlace()
    const [a, b] = [placeImage(place, ['one', 'two']), placeImage(place, ['two', 'one'])]
    const { differences } = await compareImages({ source: place, stored: a.stored }, { source: place, stored: b.stored })
    assert.deepEqual(
      differences.map(({ what }) => what),
      ['the order of the layers'],
    )
  })

  it('differ in settings, by variable and label, and in annotations', async () => {
    const place = imagePlace()
    const a = withConfig(place, (config) => ({ ...config, config: { Env: ['A=1', 'B=2'], Cmd: ['sh'], Labels: { x: '1' } } }), {
      gone: 'g',
      same: 's',
    })
    const b = withConfig(place, (config) => ({ ...config, config: { Env: ['A=1', 'B=3=4'], User: 'app', Labels: { x: '2' } } }), {
      same: 's',
    })
    const { differences } = await compareImages({ source: place, stored: a }, { source: place, stored: b })
    assert.deepEqual(
      differences.map(({ part, change, what, before, after }) => [part, change, what, before, after]),
      [
        ['config', 'removed', 'Cmd', '["sh"]', undefined],
        ['config', 'changed', 'Env B', '2', '3=4'],
        ['config', 'changed', 'Labels x', '1', '2'],
        ['config', 'added', 'User', undefined, 'app'],
        ['annotation', 'removed', 'gone', 'g', undefined],
      ],
    )
  })

  it('of several platforms are compared platform by platform', async () => {
    const place = imagePlace()
    const [a, b] = [placeIndex(place, 'a', ['amd64', 'arm64'], 'old'), placeIndex(place, 'b', ['amd64', 'riscv64'], 'new')]
    const { differences } = await compareImages({ source: place, stored: a.stored }, { source: place, stored: b.stored })
    assert.deepEqual(
      differences.map(({ platform, part, change, what }) => [platform, part, change, part === 'platform' ? what : '']),
      [
        ['linux/amd64', 'layer', 'removed', ''],
        ['linux/amd64', 'layer', 'removed', ''],
        ['linux/amd64', 'layer', 'added', ''],
        ['linux/amd64', 'layer', 'added', ''],
        [undefined, 'platform', 'removed', 'linux/arm64'],
        [undefined, 'platform', 'added', 'linux/riscv64'],
      ],
    )
  })

  it('one of which is an index are compared where it has the other’s platform', async () => {
    const place = imagePlace()
    const { stored, images } = placeIndex(place, 'a', ['amd64', 'arm64'])
    const alone = images[1]!.stored
    for (const [a, b] of [
      [stored, alone],
      [alone, stored],
    ] as const) {
      assert.deepEqual((await compareImages({ source: place, stored: a }, { source: place, stored: b })).differences, [])
    }
    const other = placeImage(place, ['x'], { architecture: 's390x' }).stored
    await faultOf(compareImages({ source: place, stored }, { source: place, stored: other }), 'not-found', /no image for linux\/s390x/)
  })
})

describe('a description', () => {
  it('of an image has its platform, layers, whole size and what refers to it', async () => {
    const place = imagePlace()
    const { stored, config, layers } = placeImage(place, ['one', 'two'], { architecture: 'arm64' })
    const signature = placeImage(place, ['sig'], { subject: stored }).stored
    const described = await describeImage(place, stored)
    assert.equal(described.kind, 'image')
    assert.deepEqual(described.platform, { os: 'linux', architecture: 'arm64' })
    assert.equal(described.size, stored.bytes.byteLength + config.size + layers[0]!.size + layers[1]!.size)
    assert.deepEqual(
      described.referrers.map(({ digest }) => digest),
      [signature.digest],
    )
  })

  it('of an index has its images with their sizes, shared layers once, and says which are not there', async () => {
    const place = imagePlace()
    const { stored, images } = placeIndex(place, 'a', ['amd64', 'arm64', 'riscv64'])
    place.manifests.delete(images[2]!.stored.digest)
    const { images: entries, size } = await describeImage(place, stored)
    assert.equal(entries[2]!.total, undefined)
    const [first, second] = entries
    assert.ok(size < stored.bytes.byteLength + first!.total! + second!.total!)
  })

  it('of another artifact reads no config', async () => {
    const place = imagePlace()
    const empty = { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 }
    const stored = put(place, makeManifest({ artifactType: 'application/x.list', config: empty, layers: [] }))
    const described = await describeImage(place, stored)
    assert.deepEqual([described.kind, described.artifactType, place.calls.get('blob')], ['artifact', 'application/x.list', undefined])
  })
})

describe('joined images', () => {
  it('are an index with the platforms of their configs, the same for the same images', async () => {
    const [x86, arm] = [imagePlace('x86'), imagePlace('arm')]
    const sides = [
      { source: x86, stored: placeImage(x86, ['a']).stored },
      { source: arm, stored: placeImage(arm, ['b'], { architecture: 'arm64' }).stored },
    ]
    const joined = await joinImages(sides, { 'a.b': 'c' })
    assert.deepEqual(
      joined.entries.map(({ digest, platform }) => [digest, platform?.architecture]),
      [
        [sides[0]!.stored.digest, 'amd64'],
        [sides[1]!.stored.digest, 'arm64'],
      ],
    )
    const again = await joinImages(sides, { 'a.b': 'c' })
    assert.equal((await joined.resolve()).digest, (await again.resolve()).digest)
  })

  it('are found each where it is', async () => {
    const [x86, arm] = [imagePlace('x86'), imagePlace('arm')]
    const one = placeImage(arm, ['b'], { architecture: 'arm64' })
    const joined = await joinImages(
      [
        { source: x86, stored: placeImage(x86, ['a']).stored },
        { source: arm, stored: one.stored },
      ],
      undefined,
    )
    await joined.manifest(one.stored.digest)
    await joined.blob(one.layers[0]!)
    assert.deepEqual([x86.calls.get('blob'), arm.calls.get('blob')], [1, 2])
    await faultOf(joined.manifest(digestOf('x')), 'not-found', /none of the images has/)
  })

  it('of an index are its images, each once', async () => {
    const place = imagePlace()
    const { stored, images } = placeIndex(place, 'a', ['amd64', 'arm64'])
    const more = placeImage(place, ['x'], { architecture: 'riscv64' }).stored
    const joined = await joinImages(
      [stored, images[0]!.stored, more].map((each) => ({ source: place, stored: each })),
      undefined,
    )
    assert.deepEqual(
      joined.entries.map(({ platform }) => platform?.architecture),
      ['amd64', 'arm64', 'riscv64'],
    )
  })

  it('may not be two of one platform, and what is no image is refused', async () => {
    const place = imagePlace()
    const [a, b] = [placeImage(place, ['a']).stored, placeImage(place, ['b']).stored]
    const sides = [a, b].map((stored) => ({ source: place, stored }))
    const fault = await faultOf(joinImages(sides, undefined), 'invalid', /two images are for linux\/amd64/)
    assert.ok(fault.message.includes(a.digest) && fault.message.includes(b.digest))
    const artifact = put(place, makeManifest({ config: { mediaType: 'application/x', digest: digestOf('{}'), size: 2 }, layers: [] }))
    await faultOf(joinImages([{ source: place, stored: artifact }], undefined), 'invalid', /not an image that runs/)
    const empty = put(place, makeIndex({ manifests: [] }))
    await faultOf(joinImages([{ source: place, stored: empty }], undefined), 'invalid', /without images/)
  })

  it('of Windows are told apart by its version', async () => {
    const place = imagePlace()
    const windows = ['10.0.17763.1', '10.0.20348.2'].map((version) =>
      withConfig(place, (config) => ({ ...config, os: 'windows', 'os.version': version })),
    )
    const joined = await joinImages(
      windows.map((stored) => ({ source: place, stored })),
      undefined,
    )
    assert.deepEqual(
      joined.entries.map(({ platform }) => platform?.['os.version']),
      ['10.0.17763.1', '10.0.20348.2'],
    )
    const content = parseManifest(await joined.resolve())
    assert.deepEqual(content.kind === 'index' && content.manifests.map(({ platform }) => platform?.['os.version']), [
      '10.0.17763.1',
      '10.0.20348.2',
    ])
  })

  it('may have as many attestations as there are images', async () => {
    const place = imagePlace()
    const unknown = { os: 'unknown', architecture: 'unknown' }
    const built = ['amd64', 'arm64'].map((architecture) => {
      const image = placeImage(place, ['a'], { architecture }).stored
      const attestation = placeImage(place, [`attestation ${architecture}`]).stored
      return put(
        place,
        makeIndex({
          manifests: [
            { ...describeManifest(image), platform: { os: 'linux', architecture } },
            { ...describeManifest(attestation), platform: unknown, annotations: { 'vnd.docker.reference.digest': image.digest } },
          ],
        }),
      )
    })
    const joined = await joinImages(
      built.map((stored) => ({ source: place, stored })),
      undefined,
    )
    assert.equal(joined.entries.length, 4)
    assert.equal((await joined.resolve()).mediaType, mediaTypes.ociIndex)
  })
})
