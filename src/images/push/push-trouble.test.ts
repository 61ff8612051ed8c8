import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { archiveBytes, dockerMembers, type FakeImage, fakeImage, fakeLayer, ociMembers, skopeoMembers } from '../../../test/fakes/images.ts'
import { image, large, light, noise, other, pushScenes, small } from '../../../test/fakes/push-scene.ts'
import { cutAfter, type Instead, type RegistryPeer, refuse, say } from '../../../test/fakes/registry-peer.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { tarBytes } from '../../../test/fakes/tar-bytes.ts'
import { digestOf, isFault } from '../../kit/index.ts'

const scene = pushScenes()

describe('an upload that breaks', () => {
  test('goes on where the registry still has it', async () => {
    const { peer, desk } = await scene()
    peer.instead(/^PATCH/, cutAfter(peer, 1 << 20))
    await desk.push(archiveBytes(skopeoMembers([image])))
    assert.equal(desk.readings, 1)
  })

  test('and that the registry has lost is sent again from a second reading, and what arrived before is not', async () => {
    const second = fakeImage('app:2', [large, fakeLayer({ more: noise(6 << 20, 7) })])
    const { peer, desk } = await scene()
    let patches = 0
    peer.instead(
      /^PATCH/,
      (_request, response, _body, pass) =>
        ++patches === 2 ? (peer.uploads.clear(), refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN')) : pass(),
      99,
    )
    const { layers } = await desk.push(archiveBytes(dockerMembers([second])))
    assert.deepEqual(
      layers.map(({ how }) => how),
      ['there', 'sent'],
    )
    assert.deepEqual([desk.readings, patches], [2, 3])
  })
})

describe('whatever request fails', () => {
  const tarball = archiveBytes(ociMembers([fakeImage('app:1', [large, other])], 'gzip'))
  const failures: Record<string, Instead> = {
    'is refused': (_request, response) => refuse(response, 403, 'DENIED'),
    'has its connection cut': (request) => void request.socket.destroy(),
  }
  for (const [what, fail] of Object.entries(failures)) {
    test(`and ${what}: the tag is absent or right, and after a second run right, with no finished layer sent again`, async () => {
      const clean = await scene()
      const { digest } = await clean.desk.push(tarball)
      const { requests } = clean.peer
      for (let nth = 0; nth < requests.length; nth++) {
        const { peer, desk } = await scene({ clock: hastyClock(0) })
        let count = -1
        peer.instead(/./, (request, response, body, pass) => (++count === nth ? fail(request, response, body, pass) : pass()), 999)
        const failed = await desk.push(tarball).then(
          () => undefined,
          (error: unknown) => error,
        )
        // The first request only finds out how the registry speaks; what is cut is sent again.
        assert.equal(peer.manifests.has('team/app:1'), failed === undefined, requests[nth])
        assert.ok(failed === undefined || isFault(failed), `${requests[nth]}: ${String(failed)}`)
        const finished = new Set(peer.blobs.keys())
        const from = peer.requests.length
        assert.equal((await (await desk.restarted()).push(tarball)).digest, digest)
        assert.equal(digestOf(peer.manifests.get('team/app:1')!.bytes), digest)
        for (const line of peer.requests.slice(from)) {
          const put = /^PUT .*digest=(sha256%3A[0-9a-f]+)/.exec(line)?.[1]
          if (put !== undefined) assert.ok(!finished.has(decodeURIComponent(put)), `after ${requests[nth]}: ${line}`)
        }
      }
    })
  }
})

describe('a registry that lies', () => {
  const tarball = archiveBytes(skopeoMembers([light]), 'gzip')
  const lies: Record<string, (peer: RegistryPeer) => void> = {
    'that it took a layer': (peer) =>
      peer.instead(/^PUT .*digest=/, async (_request, response, body) => {
        await body()
        response.writeHead(201).end()
      }),
    'that it took another digest': (peer) =>
      peer.instead(/^PUT .*digest=/, say(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }), 9),
    'about the manifest': (peer) => peer.instead(/^PUT .*manifests/, say(201, { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }), 9),
    'about a size at the end': (peer) => {
      let heads = 0
      peer.instead(
        /^HEAD .*blobs/,
        (_request, response, _body, pass) => {
          if (++heads < 5) return pass()
          response.writeHead(200, { 'content-length': '12' }).end()
        },
        99,
      )
    },
  }
  for (const [what, lie] of Object.entries(lies)) {
    test(`${what} gets nothing tagged`, async () => {
      const { peer, desk } = await scene()
      lie(peer)
      await faultOf(desk.push(tarball), 'corrupt', /./)
      assert.equal(peer.manifests.has('team/app:1'), false)
    })
  }
})

describe('a bad tarball', () => {
  const good = archiveBytes(dockerMembers([fakeImage('app:1', [small, other])]))

  test('that is cut anywhere is refused, and nothing is tagged', async () => {
    const { peer, desk } = await scene()
    const packed = archiveBytes(dockerMembers([fakeImage('app:1', [small, other])]), 'gzip')
    for (let size = 0; size < packed.byteLength; size += Math.ceil(packed.byteLength / 40)) {
      await faultOf(desk.push(packed.subarray(0, size)), 'corrupt', /./)
    }
    await faultOf(desk.push(packed.subarray(0, -1)), 'corrupt', /./)
    assert.equal(peer.manifests.has('team/app:1'), false)
  })

  test(`with a byte changed is refused, or is the same image (seed ${testSeed})`, async () => {
    const random = seededRandom(testSeed)
    const { peer, desk } = await scene()
    const { digest } = await desk.push(good, { tag: 'good' })
    for (let round = 0; round < 60; round++) {
      const bytes = Buffer.from(good)
      bytes[Math.floor(random() * bytes.byteLength)]! ^= 1 << Math.floor(random() * 8)
      try {
        const pushed = await desk.push(bytes, { onOther: 'replace' })
        assert.equal(pushed.digest, digest, `round ${round}`)
      } catch (error) {
        assert.ok(isFault(error, 'corrupt') || isFault(error, 'unsupported'), `round ${round}: ${String(error)}`)
      }
      const tagged = peer.manifests.get('team/app:1')
      assert.ok(tagged === undefined || digestOf(tagged.bytes) === digest)
    }
  })

  const config = JSON.stringify({ architecture: 'arm64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digestOf(small)] } })
  const arm: FakeImage = { name: 'arm:1', config: Buffer.from(config), layers: [small] }
  const bad: Record<string, readonly [Buffer, RegExp]> = {
    'without an image': [tarBytes([{ name: 'readme', content: Buffer.from('text') }]), /neither a manifest\.json nor/],
    'with two images': [archiveBytes(skopeoMembers([image, fakeImage('b:1', [small])])), /2 images/],
    'for another platform': [archiveBytes(skopeoMembers([arm])), /linux\/arm64, and it is to be for linux\/amd64/],
    'with a layer under another digest': [
      archiveBytes(skopeoMembers([light]).map((member) => (member.content === small ? { ...member, content: other } : member))),
      /not what it is called/,
    ],
    'with names that lead out': [tarBytes([{ name: '../../etc/passwd', content: small }, ...dockerMembers([image])]), /leads out/],
  }
  for (const [what, [tarball, says]] of Object.entries(bad)) {
    test(`${what} is refused, and nothing is tagged`, async () => {
      const { peer, desk } = await scene()
      await faultOf(desk.push(tarball, { platform: 'linux/amd64' }), 'corrupt', says)
      assert.deepEqual([...peer.manifests.keys()], [])
    })
  }
})
