import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test, type TestContext } from 'node:test'
import { registryDesk, type RegistryDesk, type RegistryDeskOptions } from '../../../test/fakes/registry-desk.ts'
import { type RegistryKind, registryForTests, type RegistryServer } from '../../../test/services/registry.ts'
import { bytesOf, bytesOnce, collect, digestOf, isFault } from '../../kit/index.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

interface Scene {
  readonly server: RegistryServer
  readonly registry: RegistryDesk
  readonly repository: string
}

async function scene(t: TestContext, kind: RegistryKind, options?: RegistryDeskOptions): Promise<Scene | undefined> {
  const server = await registryForTests(t, kind)
  if (server === undefined) return undefined
  const registry = registryDesk(server.host, kind === 'plain' ? options : { login: server.login, ...options })
  open.push(registry)
  return { server, registry, repository: server.newRepository() }
}

const ociManifest = 'application/vnd.oci.image.manifest.v1+json'

async function putImage({ registry, repository }: Pick<Scene, 'registry' | 'repository'>, tag: string, layer: Uint8Array) {
  const config = Buffer.from(JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [] } }))
  await registry.putBlob(repository, digestOf(config), bytesOf(config))
  await registry.putBlob(repository, digestOf(layer), bytesOf(layer))
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.byteLength },
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(layer), size: layer.byteLength }],
    }),
  )
  const digest = await registry.putManifest(repository, tag, { bytes: manifest, mediaType: ociManifest })
  return { manifest, digest, layer: digestOf(layer) }
}

for (const kind of ['plain', 'htpasswd', 'token'] as const) {
  describe(`a real registry (${kind})`, () => {
    test('is there', async (t) => {
      const at = await scene(t, kind)
      await at?.registry.ping()
    })

    test('gives back what was put, by tag and by digest', async (t) => {
      const at = await scene(t, kind)
      if (at === undefined) return
      const { registry, repository } = at
      const layer = randomBytes(300_000)
      const { manifest, digest, layer: layerDigest } = await putImage(at, 'v1', layer)
      for (const reference of ['v1', digest]) {
        const stored = await registry.manifest(repository, reference)
        assert.deepEqual(Buffer.from(stored.bytes), manifest)
        assert.deepEqual([stored.digest, stored.mediaType], [digest, ociManifest])
        assert.deepEqual(await registry.headManifest(repository, reference), { digest, mediaType: ociManifest, size: manifest.byteLength })
      }
      assert.deepEqual(await registry.headBlob(repository, layerDigest), { size: layer.byteLength })
      assert.deepEqual(Buffer.from(await collect(await registry.blob(repository, layerDigest, layer.byteLength), 1 << 20)), layer)
      assert.deepEqual(await Array.fromAsync(registry.tags(repository)), ['v1'])
    })

    test('says plainly what is not there', async (t) => {
      const at = await scene(t, kind)
      if (at === undefined) return
      const { registry, repository } = at
      await assert.rejects(registry.manifest(repository, 'v1'), (error) => isFault(error, 'not-found'))
      await assert.rejects(registry.blob(repository, digestOf('nothing')), (error) => isFault(error, 'not-found'))
      await assert.rejects(Array.fromAsync(registry.tags(repository)), (error) => isFault(error, 'not-found'))
      assert.equal(await registry.headManifest(repository, 'v1'), undefined)
      assert.equal(await registry.headBlob(repository, digestOf('nothing')), undefined)
    })

    test('takes a large blob in chunks, known or not in its length, and content whose digest is known at its end', async (t) => {
      const at = await scene(t, kind)
      if (at === undefined) return
      const { registry, repository } = at
      const large = randomBytes((16 << 20) + 17)
      const digest = digestOf(large)
      await registry.putBlob(repository, digest, bytesOf(large))
      assert.deepEqual(await registry.headBlob(repository, digest), { size: large.byteLength })
      const other = large.subarray(1)
      await registry.putBlob(repository, digestOf(other), bytesOnce(bytesOf(other)))
      assert.deepEqual(await registry.headBlob(repository, digestOf(other)), { size: other.byteLength })
      const upload = await registry.openUpload(repository)
      await upload.write(Buffer.from('a stream, '))
      await upload.write(Buffer.from('hashed as it went'))
      assert.equal(upload.offset, 27)
      await upload.finish(digestOf('a stream, hashed as it went'))
      assert.deepEqual(await registry.headBlob(repository, digestOf('a stream, hashed as it went')), { size: 27 })
    })
  })
}
