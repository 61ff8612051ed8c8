import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { registryDesk, type RegistryDesk } from '../../../test/fakes/registry-desk.ts'
import { type RegistryPeer, say, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { type Digest, digestOf, isFault } from '../../kit/index.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const repository = 'team/app'
const mediaType = 'application/vnd.oci.image.manifest.v1+json'
const ociIndex = 'application/vnd.oci.image.index.v1+json'
const subject = digestOf('the image')
const tag = `sha256-${subject.slice(7)}`

async function scene(keepsReferrers: boolean): Promise<{ peer: RegistryPeer; registry: RegistryDesk }> {
  const peer = await startRegistryPeer()
  peer.keepsReferrers = keepsReferrers
  const registry = registryDesk(peer.host, { isPlain: true, clock: hastyClock(0) })
  open.push(registry, peer)
  return { peer, registry }
}

const about = (name: string) => ({
  bytes: Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType,
      artifactType: 'application/example',
      config: { mediaType: 'application/vnd.oci.empty.v1+json', digest: digestOf('{}'), size: 2 },
      layers: [],
      subject: { mediaType, digest: subject, size: 9 },
      annotations: { name },
    }),
  ),
  mediaType,
})

const listed = async (registry: RegistryDesk, of: Digest = subject) =>
  (await Array.fromAsync(registry.referrers(repository, of))).map(({ digest }) => digest)

for (const keepsReferrers of [true, false]) {
  describe(`referrers in a registry ${keepsReferrers ? 'with their API' : 'without their API'}`, () => {
    test('are what named a manifest their subject, until they are deleted', async () => {
      const { peer, registry } = await scene(keepsReferrers)
      assert.deepEqual(await listed(registry), [])
      const first = await registry.putManifest(repository, digestOf(about('one').bytes), about('one'))
      const second = await registry.putManifest(repository, 'named', about('two'))
      await registry.putManifest(repository, 'named', about('two'))
      assert.deepEqual((await listed(registry)).toSorted(), [first, second].toSorted())
      assert.equal(peer.manifests.has(`${repository}:${tag}`), !keepsReferrers)
      await registry.deleteManifest(repository, first)
      assert.deepEqual(await listed(registry), [second])
      assert.deepEqual(await listed(registry, digestOf('another')), [])
    })
  })
}

describe('the fallback tag', () => {
  test('says of a referrer what the API would, and keeps what others wrote', async () => {
    const { peer, registry } = await scene(false)
    const other = { mediaType, digest: digestOf('other'), size: 5, platform: { os: 'linux', architecture: 'arm64' }, data: 'e30=' }
    const index = { schemaVersion: 2, mediaType: ociIndex, manifests: [other], annotations: { by: 'another client' } }
    peer.manifests.set(`${repository}:${tag}`, { bytes: Buffer.from(JSON.stringify(index)), type: ociIndex })
    const { bytes } = about('one')
    await registry.putManifest(repository, digestOf(bytes), about('one'))
    const written = JSON.parse(peer.manifests.get(`${repository}:${tag}`)!.bytes.toString()) as unknown
    const own = {
      mediaType,
      digest: digestOf(bytes),
      size: bytes.byteLength,
      artifactType: 'application/example',
      annotations: { name: 'one' },
    }
    assert.deepEqual(written, { ...index, manifests: [other, own] })
  })

  test('is not touched for what has no subject', async () => {
    const { peer, registry } = await scene(false)
    await registry.putManifest(repository, 'v1', { bytes: Buffer.from(JSON.stringify({ mediaType })), mediaType })
    assert.equal(peer.requests.length, 1)
  })

  test('is not a way round trouble with the API', async () => {
    const { peer, registry } = await scene(true)
    peer.instead(/referrers/, say(403))
    await assert.rejects(listed(registry), (error) => isFault(error, 'denied'))
    peer.instead(/referrers/, say(200, {}, '{"manifests":[{"mediaType":"x","digest":"sha256:../../x","size":1}]}'))
    await assert.rejects(listed(registry), (error) => isFault(error, 'corrupt'))
  })
})
