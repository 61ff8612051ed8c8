import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { archiveBytes, dockerMembers, fakeImage, ociMembers, skopeoMembers } from '../../../test/fakes/images.ts'
import { provenance, type PushDesk } from '../../../test/fakes/push-desk.ts'
import { image, light, other, pushScenes, small } from '../../../test/fakes/push-scene.ts'
import { type Digest, digestOf } from '../../kit/index.ts'
import { openSource, parseManifest, parsePlace, storedManifest } from '../../oci/index.ts'
import { originOf } from './provenance.ts'

const scene = pushScenes()

async function originIn({ registry }: PushDesk, tag: string) {
  const place = parsePlace(`docker://${registry.host}/team/app:${tag}`)
  const { source } = await openSource(place, () => registry)
  const image = await source.resolve(tag)
  return { found: image.digest, origin: await originOf(source, image) }
}

describe('an image', () => {
  const forms: Record<string, Buffer> = {
    'of docker before 25': archiveBytes(dockerMembers([image]), 'gzip'),
    'of docker from 25 on': archiveBytes(ociMembers([image], 'plain', true), 'gzip'),
    'of skopeo': archiveBytes(skopeoMembers([image]), 'gzip'),
    'that is not packed': archiveBytes(skopeoMembers([image])),
    'in zstd': archiveBytes(skopeoMembers([image]), 'zstd'),
  }
  const digests = new Set<Digest>()
  for (const [what, tarball] of Object.entries(forms)) {
    test(`${what} is in the registry, layer by layer`, async () => {
      const { peer, desk } = await scene()
      const pushed = await desk.push(tarball)
      digests.add(pushed.digest)
      assert.deepEqual([pushed.tag, pushed.before], ['created', undefined])
      assert.deepEqual(
        pushed.layers.map(({ how }) => how),
        ['sent', 'sent', 'sent'],
      )
      const content = parseManifest(storedManifest(peer.manifests.get('team/app:1')!.bytes, 'it'))
      assert.ok(content.kind === 'manifest')
      assert.equal(content.config.digest, digestOf(image.config))
      for (const { digest, size } of [content.config, ...content.layers]) assert.equal(peer.blobs.get(digest)?.byteLength, size)
    })
  }
  test('has the same manifest in each of these forms', () => assert.equal(digests.size, 1))

  test('keeps layers as they are that are packed in the archive already', async () => {
    for (const packing of ['gzip', 'zstd'] as const) {
      const { peer, desk } = await scene()
      await desk.push(archiveBytes(ociMembers([image], packing)))
      const content = parseManifest(storedManifest(peer.manifests.get('team/app:1')!.bytes, 'it'))
      assert.ok(content.kind === 'manifest')
      const names = new Set(ociMembers([image], packing).map(({ name }) => name))
      for (const { digest, mediaType } of content.layers) {
        assert.ok(names.has(`blobs/sha256/${digest.slice(7)}`))
        assert.equal(mediaType, `application/vnd.oci.image.layer.v1.tar+${packing}`)
      }
    }
  })

  test('is tagged last, after every blob was asked for by name', async () => {
    const { peer, desk } = await scene()
    const { layers } = await desk.push(forms['of skopeo']!)
    const tagged = peer.requests.indexOf('PUT /v2/team/app/manifests/1')
    assert.equal(peer.requests.slice(tagged + 1).length, 0)
    const byDigest = peer.requests.findIndex((line) => /^PUT .*\/manifests\/sha256:/.test(line))
    const heads = peer.requests.slice(0, byDigest).filter((line) => line.startsWith('HEAD') && line.includes('/blobs/'))
    for (const { digest } of layers) assert.ok(heads.slice(-4).some((line) => line.includes(digest)))
  })

  test('says where it comes from, and a referrer says all of it', async () => {
    for (const keepsReferrers of [false, true]) {
      const { peer, desk } = await scene()
      peer.keepsReferrers = keepsReferrers
      const { digest, layers } = await desk.push(forms['of docker from 25 on']!)
      const { annotations } = parseManifest(storedManifest(peer.manifests.get('team/app:1')!.bytes, 'it'))
      assert.equal(annotations?.['org.opencontainers.image.source'], 'https://github.com/team/builds')
      assert.equal(annotations['org.opencontainers.image.revision'], provenance.commit)
      assert.equal(annotations['holdfast.github.run'], '12345678901')
      const { found, origin } = await originIn(desk, '1')
      assert.equal(found, digest)
      assert.deepEqual({ ...origin, layers: undefined }, { ...provenance, layers: undefined })
      assert.deepEqual(
        origin?.layers,
        layers.map((layer, at) => ({ diffId: digestOf(image.layers[at]!), digest: layer.digest, size: layer.size })),
      )
    }
  })

  test('that somebody else pushed has no origin, and what others say of it counts only where it agrees', async () => {
    const { peer, desk } = await scene()
    await desk.push(forms['of skopeo']!, { provenance: undefined })
    assert.equal((await originIn(desk, '1')).origin, undefined)
    peer.keepsReferrers = true
    const { referrer } = await desk.push(forms['of skopeo']!, { tag: '2', provenance })
    const held = peer.manifests.get(`team/app@${referrer!}`)!
    const { layers } = JSON.parse(held.bytes.toString()) as { layers: { digest: string }[] }
    peer.blobs.set(layers[0]!.digest, Buffer.from('other bytes'))
    assert.equal((await originIn(desk, '2')).origin, undefined)
  })
})

describe('a tag that is there', () => {
  const tarball = archiveBytes(skopeoMembers([light]))
  const changed = archiveBytes(skopeoMembers([fakeImage('app:1', [small, other])]))

  test('and names this image costs two requests when its origin says so, and nothing is read', async () => {
    const { peer, desk } = await scene()
    const { digest } = await desk.push(tarball)
    const before = peer.requests.length
    assert.deepEqual(await desk.push(tarball), { digest, before: digest, tag: 'same', layers: [], sentBytes: 0 })
    assert.equal(peer.requests.length - before, 2)
    assert.equal(desk.readings, 1)
  })

  test('and names this image is told to be the same without its origin, and nothing is sent', async () => {
    const { peer, desk } = await scene()
    const { digest } = await desk.push(tarball, { provenance: undefined })
    const { received } = peer
    const again = await (await desk.restarted()).push(tarball, { provenance: undefined })
    assert.deepEqual([again.digest, again.tag, again.sentBytes], [digest, 'same', 0])
    assert.equal(peer.received, received)
  })

  test('and names another image is refused, with both digests, before anything is sent', async () => {
    const { peer, desk } = await scene()
    const { digest } = await desk.push(tarball)
    const { received } = peer
    const theirs = await (await scene()).desk.push(changed, { provenance: { ...provenance, run: 2 } })
    const fault = await faultOf(desk.push(changed, { provenance: { ...provenance, run: 2 } }), 'precondition', new RegExp(digest))
    assert.ok(fault.message.includes(theirs.digest))
    assert.equal(peer.received, received)
    assert.equal(digestOf(peer.manifests.get('team/app:1')!.bytes), digest)
  })

  test('and names another image is replaced or kept, as was asked', async () => {
    const { peer, desk } = await scene()
    const { digest } = await desk.push(tarball)
    const asked = peer.requests.length
    const kept = await desk.push(changed, { provenance: undefined, onOther: 'skip' })
    assert.deepEqual([kept.tag, kept.digest], ['kept', digest])
    assert.equal(peer.requests.length - asked, 1)
    const replaced = await desk.push(changed, { provenance: undefined, onOther: 'replace' })
    assert.deepEqual([replaced.tag, replaced.before], ['moved', digest])
    assert.equal(digestOf(peer.manifests.get('team/app:1')!.bytes), replaced.digest)
  })

  test('and was moved by somebody else meanwhile is not moved back', async () => {
    const { peer, desk } = await scene()
    const { digest } = await desk.push(changed, { tag: 'theirs', provenance: undefined })
    const theirs = peer.manifests.get('team/app:theirs')!
    peer.instead(/^PUT .*manifests\/sha256/, (_request, _response, _body, pass) => {
      peer.manifests.set('team/app:1', theirs)
      return pass()
    })
    const fault = await faultOf(desk.push(tarball), 'precondition', /names/)
    assert.ok(fault.message.includes(digest))
    assert.equal(digestOf(peer.manifests.get('team/app:1')!.bytes), digest)
  })
})
