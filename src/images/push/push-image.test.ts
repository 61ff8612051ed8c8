import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { archiveBytes, dockerMembers, type FakeImage, fakeImage, fakeLayer, ociMembers, skopeoMembers } from '../../../test/fakes/images.ts'
import { provenance, type PushDesk, pushDesk, type PushDeskOptions } from '../../../test/fakes/push-desk.ts'
import { cutAfter, type Instead, type RegistryPeer, refuse, say, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { tarBytes } from '../../../test/fakes/tar-bytes.ts'
import { bytesOf, bytesOnce, type Digest, digestOf, isFault } from '../../kit/index.ts'
import { openSource, parseManifest, parsePlace, storedManifest } from '../../oci/index.ts'
import { originOf } from './provenance.ts'
import { pushImage } from './push-image.ts'
import { scratchIn } from './scratch.ts'

const scratch = scratchDirectory()
const closing: (() => unknown)[] = []
after(async () => {
  for (const close of closing) await close()
})

interface Scene {
  readonly peer: RegistryPeer
  readonly desk: PushDesk
}

async function scene(options: PushDeskOptions = {}): Promise<Scene> {
  const peer = await startRegistryPeer()
  closing.push(() => peer.close())
  const desk = await pushDesk(peer.host, options)
  closing.push(() => desk.close())
  return { peer, desk }
}

const noise = (size: number, seed: number): Buffer => {
  const random = seededRandom(seed)
  return Buffer.from(Uint32Array.from({ length: size / 4 }, () => Math.floor(random() * 2 ** 32)).buffer)
}
/** Too large to be known before it is sent, compressed. */
const large = fakeLayer({ 'lib/large': noise(5 << 20, 1) })
const small = fakeLayer({ 'bin/small': 'x'.repeat(1000) })
const other = fakeLayer({ 'etc/other': noise(60_000, 2) })
const image = fakeImage('app:1', [large, small, other])
const light = fakeImage('app:1', [other, small, fakeLayer({ 'opt/third': noise(200_000, 3) })])

async function originIn({ registry }: PushDesk, tag: string) {
  const place = parsePlace(`docker://${registry.host}/team/app:${tag}`)
  const { source } = await openSource(place, () => registry)
  const image = await source.resolve(tag)
  return { found: image.digest, origin: await originOf(source, image) }
}

/** An archive of docker before 25 whose layers are called what those of another image are. */
function lyingMembers(image: FakeImage, like: FakeImage): ReturnType<typeof dockerMembers> {
  const foldersOf = (of: FakeImage) =>
    dockerMembers([of]).flatMap(({ name }) => (name.endsWith('/layer.tar') ? [name.slice(0, name.indexOf('/'))] : []))
  const others = foldersOf(like)
  const own = foldersOf(image)
  const renamed = (text: string) => own.reduce((said, folder, at) => said.replaceAll(folder, others[at]!), text)
  return dockerMembers([image]).map((member) => {
    const content = member.name === 'manifest.json' ? Buffer.from(renamed(String(member.content))) : member.content
    return { ...member, name: renamed(member.name), ...(content === undefined ? {} : { content }) }
  })
}

const sentBlobs = ({ requests }: RegistryPeer) => requests.filter((line) => /^PUT .*digest=/.test(line)).length

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

describe('a layer that the registry has', () => {
  test('is neither compressed nor sent again: by its digest, by the map of layers, or by its name of earlier runs', async () => {
    for (const [members, by] of [
      [(images: readonly FakeImage[]) => ociMembers(images, 'gzip'), 'name'],
      [skopeoMembers, 'name'],
      [(images: readonly FakeImage[]) => ociMembers(images, 'plain', true), 'name'],
      [dockerMembers, 'memory'],
    ] as const) {
      const { peer, desk } = await scene()
      await desk.push(archiveBytes(members([image]), 'gzip'))
      const { received } = peer
      const again = await (
        await desk.restarted()
      ).push(archiveBytes(members([image]), 'gzip'), { tag: '2', provenance: { ...provenance, run: 5 } })
      assert.deepEqual(
        again.layers.map((layer) => [layer.how, layer.by]),
        [1, 2, 3].map(() => ['there', by]),
      )
      assert.ok(peer.received - received < 10_000, `${peer.received - received}`)
    }
  })

  test('is told from others by its bytes: a name that lies costs a second reading', async () => {
    const { desk } = await scene()
    await desk.push(archiveBytes(dockerMembers([light])))
    const changed = fakeImage('app:1', [small, other])
    const pushed = await desk.push(archiveBytes(lyingMembers(changed, light)), { tag: '2', provenance: { ...provenance, run: 5 } })
    assert.equal(desk.readings, 3)
    assert.match(desk.notes.join(), /is read again/)
    const clean = await (await scene()).desk.push(archiveBytes(dockerMembers([changed])), { provenance: { ...provenance, run: 5 } })
    assert.equal(pushed.digest, clean.digest)
  })

  test('and a name that lies is forgotten where the tarball cannot be read twice', async () => {
    const { desk, peer } = await scene()
    await desk.push(archiveBytes(dockerMembers([light])))
    const changed = archiveBytes(lyingMembers(fakeImage('app:1', [small, other]), light))
    const once = () =>
      pushImage(desk.context, {
        tarball: bytesOnce(bytesOf(changed)),
        at: 'inner.tar',
        repository: 'team/app',
        tag: '2',
        onOther: 'refuse',
        mountFrom: [],
      })
    await faultOf(once(), 'unavailable', /not what was known/)
    assert.equal(peer.manifests.has('team/app:2'), false)
    assert.equal((await once()).tag, 'created')
  })

  test('goes through the scratch where its name says nothing, and is not sent', async () => {
    const folder = mkdtempSync(path.join(scratch, 'x'))
    const members = (images: readonly FakeImage[]) =>
      dockerMembers(images).map((member) =>
        member.name.endsWith('layer.tar') ? member : { ...member, content: renamed(member.content), name: member.name },
      )
    const odd = (images: readonly FakeImage[]) =>
      members(images).map((member) => ({ ...member, name: member.name.replace('/layer.tar', '/odd.tar') }))
    const { peer, desk } = await scene({ scratch: scratchIn(folder, 100 << 20) })
    await desk.push(archiveBytes(odd([image])), { provenance: undefined })
    const { received } = peer
    const again = await (await desk.restarted()).push(archiveBytes(odd([image])), { tag: '2', provenance: undefined })
    assert.deepEqual([again.layers[0]!.how, again.layers[0]!.by], ['there', 'scratch'])
    assert.ok(peer.received - received < 5000)
    const tight = await scene({ scratch: scratchIn(folder, 1 << 20) })
    assert.equal((await tight.desk.push(archiveBytes(odd([image])), { provenance: undefined })).layers[0]!.by, 'reading')
  })

  function renamed(content: Uint8Array | undefined): Uint8Array | undefined {
    return content === undefined
      ? undefined
      : Buffer.from(Buffer.from(content).toString('latin1').replaceAll('/layer.tar', '/odd.tar'), 'latin1')
  }

  test('with another size than it can have is the registry’s fault, and nothing is tagged', async () => {
    const { peer, desk } = await scene()
    await desk.push(archiveBytes(skopeoMembers([image])))
    peer.instead(/^HEAD .*blobs/, say(200, { 'content-length': '7' }))
    await faultOf(desk.push(archiveBytes(skopeoMembers([image])), { tag: '2', provenance: undefined }), 'corrupt', /registry has 7 of it/)
    assert.equal(peer.manifests.has('team/app:2'), false)
  })
})

describe('images side by side', () => {
  test('send a layer that they share once', async () => {
    const sharing = fakeImage('b:1', [large, fakeLayer({ b: 'b' })])
    for (const members of [skopeoMembers, (images: readonly FakeImage[]) => ociMembers(images, 'plain', true)]) {
      const { peer, desk } = await scene()
      const pushes = [image, sharing].map((each, at) =>
        desk.push(archiveBytes(members([each]), 'gzip'), { repository: `team/${at}`, provenance: { ...provenance, entry: `${at}` } }),
      )
      const layers = (await Promise.all(pushes)).map((pushed) => pushed.layers[0]!)
      const uploads = peer.requests.filter((line) => line.startsWith('PATCH')).length
      assert.equal(uploads, 1)
      // Whichever of both came to it first.
      assert.deepEqual(layers.map(({ how }) => how).toSorted(), ['sent', 'there'])
      assert.equal(layers.find(({ how }) => how === 'there')?.by, 'memory')
    }
  })

  test('send it themselves where the other one failed', async () => {
    const sharing = fakeImage('b:1', [large, fakeLayer({ b: 'b' })])
    const { peer, desk } = await scene()
    peer.instead(/^PATCH/, say(403))
    const results = await Promise.allSettled(
      [image, sharing].map((each, at) =>
        desk.push(archiveBytes(skopeoMembers([each]), 'gzip'), { repository: `team/${at}`, provenance: undefined }),
      ),
    )
    assert.deepEqual(results.map(({ status }) => status).toSorted(), ['fulfilled', 'rejected'])
    assert.equal([...peer.manifests.keys()].filter((key) => /^team\/\d:1$/.test(key)).length, 1)
  })
})

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

describe('the memory of layers', () => {
  test('that cannot be written is told of once, and holds up nothing', async () => {
    const folder = path.join(mkdtempSync(path.join(scratch, 'x')), 'folder')
    const { desk } = await scene({ memoryFile: path.join(folder, 'layers.json') })
    // A file where the folder is to be.
    writeFileSync(folder, '')
    assert.equal((await desk.push(archiveBytes(skopeoMembers([light])))).tag, 'created')
    assert.equal(desk.notes.filter((note) => note.includes('not kept for the next run')).length, 1)
  })

  test('that is damaged or of another machine is told of, and only costs', async () => {
    const tarball = archiveBytes(skopeoMembers([light]))
    for (const content of ['{', '[]', '{"format":2}', undefined]) {
      const { peer, desk } = await scene()
      const { digest } = await desk.push(tarball)
      const sent = sentBlobs(peer)
      const kept = readFileSync(desk.memoryFile, 'utf8')
      writeFileSync(desk.memoryFile, content ?? kept.replaceAll('gzip level', 'brotli level'))
      const again = await desk.restarted()
      const pushed = await again.push(tarball, { tag: '2', onOther: 'replace' })
      assert.equal(pushed.digest, digest)
      assert.deepEqual([pushed.layers[0]!.how, pushed.layers[0]!.by], ['there', 'reading'])
      assert.equal(
        again.notes.some((note) => note.includes('is damaged')),
        content !== undefined,
      )
      assert.equal(sentBlobs(peer), sent)
    }
  })
})
