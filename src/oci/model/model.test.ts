import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { digestOf, isFault } from '../../kit/index.ts'
import { parseConfig } from './config.ts'
import { isForeignLayer, layerType, mediaTypes } from './media-types.ts'
import {
  describeManifest,
  type ImageManifest,
  makeIndex,
  makeManifest,
  maxManifestBytes,
  parseManifest,
  storedManifest,
} from './manifest.ts'
import { formatPlatform, isPlatform, parsePlatform } from './platform.ts'

const encode = (value: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(value))
const config = { mediaType: mediaTypes.ociConfig, digest: digestOf('config'), size: 6 }
const layer = { mediaType: mediaTypes.ociLayerGzip, digest: digestOf('layer'), size: 5 }

function parsed(value: unknown, type?: string) {
  return parseManifest(storedManifest(encode(value), 'the test', type))
}

describe('a manifest', () => {
  it('that was made has the same bytes for the same content, whatever the order of its annotations', () => {
    const one = makeManifest({ config, layers: [layer], annotations: { b: '1', a: '2' } })
    const other = makeManifest({
      layers: [{ size: 5, digest: layer.digest, mediaType: layer.mediaType }],
      config,
      annotations: { a: '2', b: '1' },
    })
    assert.equal(one.digest, other.digest)
    assert.deepEqual(
      (parseManifest(one) as ImageManifest).layers.map(({ digest }) => digest),
      [layer.digest],
    )
  })

  it('keeps its bytes and so its digest, whatever its spaces and unknown members', () => {
    const bytes = new TextEncoder().encode(`{ "later": 1,  "schemaVersion": 2,\n "config": ${JSON.stringify(config)}, "layers": [] }`)
    const stored = storedManifest(bytes, 'the test')
    assert.equal(stored.digest, digestOf(bytes))
    assert.equal(stored.mediaType, mediaTypes.ociManifest)
    assert.deepEqual(describeManifest(stored), { mediaType: mediaTypes.ociManifest, digest: stored.digest, size: bytes.byteLength })
  })

  it('of Docker is read as one of OCI is', () => {
    const manifest = parsed({ schemaVersion: 2, mediaType: mediaTypes.dockerManifest, config, layers: [layer] })
    assert.equal(manifest.kind, 'manifest')
  })

  it('with the lists of an index too is refused', () => {
    assert.throws(() => parsed({ schemaVersion: 2, config, layers: [], manifests: [] }, mediaTypes.ociManifest), { code: 'corrupt' })
    assert.throws(() => parsed({ schemaVersion: 2, config, layers: [], manifests: [] }, mediaTypes.ociIndex), { code: 'corrupt' })
  })

  it('that calls itself something else than it is called is refused', () => {
    const value = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [] }
    assert.throws(() => parsed(value, mediaTypes.ociIndex), { code: 'corrupt', message: /calls itself/ })
  })

  it('with a digest that could lead out, a negative size or a type that is none is refused with the place of it', () => {
    for (const broken of [{ digest: 'sha256:../../../etc/passwd' }, { size: -1 }, { size: 1e300 }, { mediaType: 'text/html\r\nx: y' }]) {
      assert.throws(() => parsed({ schemaVersion: 2, config, layers: [{ ...layer, ...broken }] }), {
        code: 'corrupt',
        message: /at layers\.0\./,
      })
    }
  })

  it('of the first schema of Docker is unsupported, and one past 4 MiB is refused', () => {
    assert.throws(() => parsed({ schemaVersion: 1, fsLayers: [] }), { code: 'unsupported' })
    assert.throws(() => storedManifest(new Uint8Array(maxManifestBytes + 1), 'the test'), { code: 'corrupt', message: /4194304/ })
    assert.throws(() => makeManifest({ config, layers: [], annotations: { big: 'x'.repeat(maxManifestBytes) } }), { code: 'invalid' })
  })

  it('of any other bytes is a fault and never an exception of a library', () => {
    for (const text of [
      '',
      '[]',
      'null',
      '7',
      '{"schemaVersion":2}',
      '{"schemaVersion":2,"manifests":{}}',
      '\xff',
      '{"schemaVersion":2,"mediaType":"a/b"}',
    ]) {
      assert.throws(
        () => parseManifest(storedManifest(Buffer.from(text, 'latin1'), 'the test')),
        (error) => isFault(error) && error.code !== 'bug',
        text,
      )
    }
  })
})

describe('an index', () => {
  it('keeps the platforms of its images', () => {
    const index = parseManifest(
      makeIndex({ manifests: [{ ...layer, mediaType: mediaTypes.ociManifest, platform: { os: 'linux', architecture: 'arm64' } }] }),
    )
    assert.equal(index.kind, 'index')
    assert.deepEqual(index.kind === 'index' && index.manifests[0]?.platform, { os: 'linux', architecture: 'arm64' })
  })
})

describe('a config', () => {
  it('says platform and layers', () => {
    const { platform, diffIds } = parseConfig(
      encode({ os: 'linux', architecture: 'amd64', rootfs: { type: 'layers', diff_ids: [layer.digest] } }),
      'x',
    )
    assert.deepEqual({ platform, diffIds }, { platform: { os: 'linux', architecture: 'amd64' }, diffIds: [layer.digest] })
  })

  it('without layers is refused', () => {
    assert.throws(() => parseConfig(encode({ os: 'linux' }), 'x'), { code: 'corrupt' })
  })
})

describe('a platform', () => {
  it('is read and written as os/architecture/variant', () => {
    for (const text of ['linux/amd64', 'linux/arm/v7', 'windows/amd64']) assert.equal(formatPlatform(parsePlatform(text)), text)
    for (const text of ['', 'linux', 'linux/', 'linux/amd64/v1/x', '../etc', 'Linux/AMD64'])
      assert.throws(() => parsePlatform(text), { code: 'invalid' })
  })

  it('without a variant fits any, and arm64 is v8', () => {
    assert.ok(isPlatform(parsePlatform('linux/arm/v7'), parsePlatform('linux/arm')))
    assert.ok(!isPlatform(parsePlatform('linux/arm/v6'), parsePlatform('linux/arm/v7')))
    assert.ok(isPlatform(parsePlatform('linux/arm64'), parsePlatform('linux/arm64/v8')))
  })
})

it('layers have the type of their form, and foreign ones are known', () => {
  assert.deepEqual((['plain', 'gzip', 'zstd'] as const).map(layerType), [
    mediaTypes.ociLayer,
    mediaTypes.ociLayerGzip,
    mediaTypes.ociLayerZstd,
  ])
  assert.ok(isForeignLayer('application/vnd.docker.image.rootfs.foreign.diff.tar.gzip'))
  assert.ok(isForeignLayer('application/vnd.oci.image.layer.nondistributable.v1.tar+gzip'))
  assert.ok(!isForeignLayer(mediaTypes.ociLayer))
})
