import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, test, type TestContext } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { registryDesk, type RegistryDesk, type RegistryDeskOptions } from '../../../test/fakes/registry-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { startHttpPeer } from '../../../test/faults/http-peer.ts'
import { imageTools, whyNoImageTools } from '../../../test/services/image-tools.ts'
import { type RegistryKind, registryForTests, type RegistryServer } from '../../../test/services/registry.ts'
import { bytesOf, bytesOnce, collect, digestOf } from '../../kit/index.ts'
import type { Descriptor } from './registry.ts'

const scratch = scratchDirectory()
const sh = imageTools(scratch)

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
  const described = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf(config), size: config.byteLength }
  const manifest = Buffer.from(
    JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      config: described,
      layers: [{ mediaType: 'application/vnd.oci.image.layer.v1.tar', digest: digestOf(layer), size: layer.byteLength }],
    }),
  )
  const digest = await registry.putManifest(repository, tag, { bytes: manifest, mediaType: ociManifest })
  return { manifest, digest, layer: digestOf(layer), config: described }
}

for (const kind of ['plain', 'htpasswd', 'token'] as const) {
  describe(`a real registry (${kind})`, () => {
    test('gives back what was put, by tag and by digest', async (t) => {
      const at = await scene(t, kind)
      if (at === undefined) return
      const { registry, repository } = at
      await registry.ping()
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
      const untagged = await faultOf(registry.manifest(repository, 'v1'), 'not-found', /MANIFEST_UNKNOWN/)
      assert.match(untagged.hint ?? '', /`holdfast images tags`/)
      await faultOf(registry.blob(repository, digestOf('nothing')), 'not-found', /BLOB_UNKNOWN/)
      const unknown = await faultOf(Array.fromAsync(registry.tags(repository)), 'not-found', /NAME_UNKNOWN/)
      assert.match(unknown.hint ?? '', /check the name of the repository/)
      assert.equal(await registry.headManifest(repository, 'v1'), undefined)
      assert.equal(await registry.headBlob(repository, digestOf('nothing')), undefined)
    })

    test('mounts a blob from another repository, and only one that is there', async (t) => {
      const at = await scene(t, kind)
      if (at === undefined) return
      const { registry, repository, server } = at
      const { layer } = await putImage(at, 'v1', randomBytes(1000))
      const other = server.newRepository()
      assert.equal(await registry.mountBlob(other, layer, repository), true)
      assert.deepEqual(await registry.headBlob(other, layer), { size: 1000 })
      assert.equal(await registry.mountBlob(other, digestOf('nothing'), repository), false)
    })

    test('deletes a manifest by its digest, and says that it deletes no tag alone', async (t) => {
      const at = await scene(t, kind)
      if (at === undefined) return
      const { registry, repository } = at
      const { digest } = await putImage(at, 'v1', randomBytes(1000))
      await faultOf(registry.deleteTag(repository, 'v1'), 'unsupported', /./)
      await registry.deleteManifest(repository, digest)
      assert.equal(await registry.headManifest(repository, digest), undefined)
      await faultOf(registry.deleteManifest(repository, digest), 'not-found', /./)
    })
  })
}

describe('a real registry', () => {
  test('takes a large blob in chunks, known or not in its length, and content whose digest is known at its end', async (t) => {
    const at = await scene(t, 'token')
    if (at === undefined) return
    const { registry, repository } = at
    const large = randomBytes((16 << 20) + 17)
    const digest = digestOf(large)
    await registry.putBlob(repository, digest, bytesOf(large))
    assert.deepEqual(await registry.headBlob(repository, digest), { size: large.byteLength })
    const other = large.subarray(0, 100_000)
    await registry.putBlob(repository, digestOf(other), bytesOnce(bytesOf(other)))
    assert.deepEqual(await registry.headBlob(repository, digestOf(other)), { size: other.byteLength })
    await registry.putBlob(repository, digestOf(''), bytesOf(''))
    assert.deepEqual(await registry.headBlob(repository, digestOf('')), { size: 0 })
    assert.equal((await collect(await registry.blob(repository, digestOf(''), 0), 1)).byteLength, 0)
    const upload = await registry.openUpload(repository)
    await upload.write(Buffer.from('a'))
    await upload.write(Buffer.from(' stream, '))
    await upload.write(Buffer.from('hashed as it went'))
    assert.equal(upload.offset, 27)
    await upload.finish(digestOf('a stream, hashed as it went'))
    assert.deepEqual(await registry.headBlob(repository, digestOf('a stream, hashed as it went')), { size: 27 })
    const wrong = await registry.openUpload(repository)
    await wrong.write(Buffer.from('wrong'))
    await faultOf(wrong.finish(digest), 'corrupt', /are not sha256:/)
    await wrong.cancel()
    await faultOf(registry.putBlob(repository, digestOf('right'), bytesOf('wrong')), 'corrupt', /are not sha256:/)
  })

  test('refuses a manifest whose blobs it lacks, and names them', async (t) => {
    const at = await scene(t, 'plain')
    if (at === undefined) return
    const { registry, repository } = at
    const config = { mediaType: 'application/vnd.oci.image.config.v1+json', digest: digestOf('absent'), size: 6 }
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: ociManifest, config, layers: [] }))
    const put = registry.putManifest(repository, 'v1', { bytes, mediaType: ociManifest })
    const fault = await faultOf(put, 'invalid', /BLOB_UNKNOWN/)
    assert.match(fault.message, new RegExp(digestOf('absent')))
    assert.equal(await registry.headManifest(repository, 'v1'), undefined)
  })

  test('lists its tags by pages', async (t) => {
    const at = await scene(t, 'plain')
    if (at === undefined) return
    const { registry, repository } = at
    const { manifest } = await putImage(at, 't0', randomBytes(100))
    const tags = Array.from({ length: 25 }, (_, tag) => `t${tag}`)
    for (const tag of tags) await registry.putManifest(repository, tag, { bytes: manifest, mediaType: ociManifest })
    assert.deepEqual((await Array.fromAsync(registry.tags(repository))).toSorted(), tags.toSorted())
  })

  test('keeps referrers under the fallback tag', async (t) => {
    const at = await scene(t, 'token')
    if (at === undefined) return
    const { registry, repository } = at
    const { digest, manifest, config } = await putImage(at, 'v1', randomBytes(100))
    const subject = { mediaType: ociManifest, digest, size: manifest.byteLength }
    const about = JSON.stringify({
      schemaVersion: 2,
      mediaType: ociManifest,
      artifactType: 'application/example',
      config,
      layers: [],
      subject,
    })
    const bytes = Buffer.from(about)
    await registry.putManifest(repository, digestOf(bytes), { bytes, mediaType: ociManifest })
    const [found, ...others] = await Array.fromAsync(registry.referrers(repository, digest))
    assert.deepEqual([found?.digest, found?.artifactType, others], [digestOf(bytes), 'application/example', []])
  })

  test('that wants a password says so to those who have none, or a wrong one', async (t) => {
    const at = await scene(t, 'htpasswd')
    if (at === undefined) return
    for (const login of [undefined, { user: 'tester', password: 'wrong one' }]) {
      const registry = registryDesk(at.server.host, { login })
      open.push(registry)
      await faultOf(registry.manifest(at.repository, 'v1'), 'denied', /UNAUTHORIZED/)
    }
  })

  test('that gives tokens lets those read who say nothing of themselves, and not write', async (t) => {
    const at = await scene(t, 'token')
    if (at === undefined) return
    await putImage(at, 'v1', randomBytes(100))
    const nobody = registryDesk(at.server.host)
    open.push(nobody)
    const { bytes, mediaType } = await nobody.manifest(at.repository, 'v1')
    await faultOf(nobody.putManifest(at.repository, 'v2', { bytes, mediaType }), 'denied', /UNAUTHORIZED|DENIED/)
  })

  test('takes an identity token instead of a password', async (t) => {
    const at = await scene(t, 'token')
    if (at === undefined) return
    const credential = { kind: 'identity-token', token: at.server.tokens!.refreshToken, from: 'the test' } as const
    const registry = registryDesk(at.server.host, { credential })
    open.push(registry)
    await putImage({ registry, repository: at.repository }, 'v1', randomBytes(100))
    assert.ok(at.server.tokens!.given.includes(`POST repository:${at.repository}:pull,push`))
  })

  test('whose token is expired from the start, or in the middle of an upload, gets another', async (t) => {
    const at = await scene(t, 'token')
    if (at === undefined) return
    const { repository, server } = at
    const tokens = server.tokens!
    const peer = await startHttpPeer(server.url)
    const registry = registryDesk(new URL(peer.url).host, { login: server.login, isPlain: true })
    open.push(registry, peer)
    tokens.stale = 1
    const challenge = `Bearer realm="${tokens.realm}",service="${tokens.registrySettings['service']}",error="invalid_token"`
    const refused = peer.plan(/^PATCH/, { status: 401, headers: { 'www-authenticate': challenge } })
    const content = randomBytes(100_000)
    const upload = await registry.openUpload(repository)
    await upload.write(content)
    await refused
    await upload.finish(digestOf(content))
    assert.deepEqual(await registry.headBlob(repository, digestOf(content)), { size: content.byteLength })
    assert.equal(peer.requests.map((line) => line.split(' ')[0]).join(' '), 'POST POST POST PATCH PATCH PUT HEAD')
  })

  test('goes on with an upload whose program was killed between two chunks', async (t) => {
    const at = await scene(t, 'plain')
    if (at === undefined) return
    const { repository, server } = at
    const peer = await startHttpPeer(server.url)
    open.push(peer)
    const large = randomBytes((16 << 20) + 200_000)
    let text: string | undefined
    const resume = {
      load: async () => text,
      save: async (saved: string) => void (text = saved),
      clear: async () => void (text = undefined),
    }
    const gone = new AbortController()
    const first = registryDesk(new URL(peer.url).host, { isPlain: true })
    open.push(first)
    const killing = {
      ...resume,
      save: async (saved: string) => {
        text = saved
        if (peer.requests.some((line) => line.startsWith('PATCH'))) gone.abort()
      },
    }
    await faultOf(first.putBlob(repository, digestOf(large), bytesOf(large), { resume: killing, signal: gone.signal }), 'aborted', /./)
    const before = peer.requests.length
    const second = registryDesk(new URL(peer.url).host, { isPlain: true })
    open.push(second)
    await second.putBlob(repository, digestOf(large), bytesOf(large), { resume })
    assert.deepEqual(
      peer.requests.slice(before).map((line) => line.split(' ')[0]),
      ['GET', 'PATCH', 'PUT'],
    )
    assert.deepEqual(await second.headBlob(repository, digestOf(large)), { size: large.byteLength })
    assert.equal(text, undefined)
  })

  test('reads and is read by skopeo, byte for byte', async (t) => {
    const at = await scene(t, 'htpasswd')
    if (at === undefined || !(await hasTools(t))) return
    const { registry, repository, server } = at
    const layout = path.join(scratch, 'layout')
    const bundle = path.join(scratch, 'bundle')
    await sh('umoci', 'init', '--layout', layout)
    await sh('umoci', 'new', '--image', `${layout}:v1`)
    await sh('umoci', 'unpack', '--rootless', '--image', `${layout}:v1`, bundle)
    await writeFile(path.join(bundle, 'rootfs/hello'), randomBytes(200_000))
    await sh('umoci', 'repack', '--image', `${layout}:v1`, bundle)
    const creds = `${server.login.user}:${server.login.password}`
    const name = `docker://${server.host}/${repository}`
    await sh('skopeo', 'copy', '--dest-tls-verify=false', '--dest-creds', creds, `oci:${layout}:v1`, `${name}:v1`)
    const stored = await registry.manifest(repository, 'v1')
    const { config, layers } = JSON.parse(Buffer.from(stored.bytes).toString()) as { config: Descriptor; layers: Descriptor[] }
    const other = server.newRepository()
    for (const { digest, size } of [config, ...layers]) await registry.putBlob(other, digest, await registry.blob(repository, digest, size))
    await registry.putManifest(other, 'copied', stored)
    const folder = path.join(scratch, 'dir')
    await sh('skopeo', 'copy', '--src-tls-verify=false', '--src-creds', creds, `docker://${server.host}/${other}:copied`, `dir:${folder}`)
    assert.equal(digestOf(await readFile(path.join(folder, 'manifest.json'))), stored.digest)
    for (const { digest } of layers) assert.equal(digestOf(await readFile(path.join(folder, digest.slice(7)))), digest)
  })
})

async function hasTools(t: TestContext): Promise<boolean> {
  const missing = await whyNoImageTools()
  if (missing !== undefined) t.skip(missing)
  return missing === undefined
}
