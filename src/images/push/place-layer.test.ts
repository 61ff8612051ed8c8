import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { archiveBytes, dockerMembers, type FakeImage, fakeImage, fakeLayer, ociMembers, skopeoMembers } from '../../../test/fakes/images.ts'
import { provenance, pushDesk } from '../../../test/fakes/push-desk.ts'
import { image, large, light, other, pushScenes, small } from '../../../test/fakes/push-scene.ts'
import { say } from '../../../test/fakes/registry-peer.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { bytesOf, bytesOnce } from '../../kit/index.ts'
import { pushImage } from './push-image.ts'
import { scratchIn } from './scratch.ts'

const scratch = scratchDirectory()
const scene = pushScenes()

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

describe('a repository that may have layers', () => {
  const mountFrom = ['team/first', 'team/second']
  const sharing = fakeImage('b:1', [large, small, other])
  const packed = archiveBytes(ociMembers([sharing], 'gzip'))
  const asked = (requests: readonly string[], repository: string) =>
    requests.filter((line) => line.startsWith('HEAD') && line.includes(`${repository}/blobs/`)).length

  test('is asked for them, and those that it has are mounted, without a mount in vain', async () => {
    const { peer, desk } = await scene()
    await desk.push(packed, { repository: 'team/second', provenance: undefined })
    // The stand-in has no repositories of its own.
    peer.instead(/^HEAD .*team\/app\/blobs/, say(404), 3)
    peer.instead(/^HEAD .*team\/first\/blobs/, say(404), 99)
    // Somebody else, who remembers nothing of it.
    const elsewhere = await pushDesk(peer.host)
    const from = peer.requests.length
    const { layers } = await elsewhere.push(packed, { mountFrom, provenance: undefined })
    assert.deepEqual(
      layers.map(({ how }) => how),
      ['mounted', 'mounted', 'mounted'],
    )
    const after = peer.requests.slice(from)
    assert.equal(after.filter((line) => line.includes('mount=')).length, 3)
    assert.equal(after.filter((line) => line.startsWith('DELETE')).length, 0)
    elsewhere.close()
  })

  test('and has none is asked no more after two small layers, by images side by side together', async () => {
    const { peer, desk } = await scene()
    for (const [at, repository] of ['team/a', 'team/b'].entries()) {
      const layers = [1, 2, 3].map((nth) => fakeLayer({ [`${at}/${nth}`]: 'new' }))
      await desk.push(archiveBytes(skopeoMembers([fakeImage('c:1', layers)])), { repository, mountFrom, provenance: undefined })
    }
    for (const repository of mountFrom) assert.equal(asked(peer.requests, repository), 2)
    assert.equal(peer.requests.filter((line) => line.includes('mount=')).length, 0)
  })

  test('that one may not read is done without', async () => {
    const { peer, desk } = await scene()
    peer.instead(/^HEAD .*team\/(first|second)\/blobs/, say(403), 99)
    const { layers } = await desk.push(archiveBytes(skopeoMembers([light])), { mountFrom, provenance: undefined })
    assert.ok(layers.every(({ how }) => how === 'sent'))
  })
})
