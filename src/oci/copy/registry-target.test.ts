import assert from 'node:assert/strict'
import { afterEach, describe, it } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { type ImagePlace, imagePlace, placeImage, placeIndex } from '../../../test/fakes/image-places.ts'
import { type RegistryDesk, registryDesk } from '../../../test/fakes/registry-desk.ts'
import { cutAfter, type RegistryPeer, refuse, say, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { type Digest, digestOf } from '../../kit/index.ts'
import type { ResumeMemo } from '../../store/index.ts'
import { describeManifest } from '../model/manifest.ts'
import type { ImageSource, ImageTarget } from '../model/image-source.ts'
import { carryOutCopy } from './copy.ts'
import { deleteByDigest, deleteTag, findNamers } from './delete.ts'
import { type CopyWishes, planCopy } from './plan.ts'
import { registrySource } from './registry-source.ts'
import { registryTarget, type RegistryTargetOptions } from './registry-target.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function peer(): Promise<RegistryPeer> {
  const started = await startRegistryPeer()
  open.push(started)
  return started
}

/** A client that has found out already what the registry speaks. */
async function client(registry: RegistryPeer): Promise<RegistryDesk> {
  const desk = registryDesk(registry.host, { isPlain: true, clock: hastyClock(0) })
  open.push(desk)
  return desk
}

async function target(registry: RegistryPeer, repository: string, more: Partial<RegistryTargetOptions> = {}): Promise<ImageTarget> {
  return registryTarget({ registry: await client(registry), repository, ...more })
}

async function copy(source: ImageSource, to: ImageTarget, wishes: CopyWishes) {
  const plan = await planCopy({ source, target: to, ...wishes })
  return await carryOutCopy(plan, { source, target: to })
}

function made(): { source: ImagePlace; stored: ReturnType<typeof placeImage>['stored']; layers: ReturnType<typeof placeImage>['layers'] } {
  const source = imagePlace('source')
  return { source, ...placeImage(source, ['one', 'two'], { tag: 'v1' }) }
}

/** `HEAD tag`, `PUT digest`, … for what was asked. */
function shapes({ requests }: RegistryPeer): string[] {
  return requests.map((line) => line.replace(/sha256(:|%3A)[0-9a-f]{64}/g, 'DIGEST').replace(/upload-\d+/, 'UPLOAD'))
}

describe('a registry that is copied to', () => {
  it('is sent what it lacks, asked for each blob before and after, and given the tag last', async () => {
    const registry = await peer()
    const { source, stored } = made()
    await copy(source, await target(registry, 'app'), { ref: 'v1', as: 'v1' })
    assert.equal(registry.manifests.get('app:v1')?.bytes.toString(), Buffer.from(stored.bytes).toString())
    const asked = shapes(registry)
    assert.equal(asked.at(-1), 'PUT /v2/app/manifests/v1')
    const count = (shape: string) => asked.filter((line) => line === shape).length
    assert.equal(count('HEAD /v2/app/blobs/DIGEST'), 6)
    assert.equal(count('POST /v2/app/blobs/uploads/'), 3)
    assert.equal(count('PUT /v2/app/blobs/uploads/UPLOAD?digest=DIGEST'), 3)
    assert.equal(asked.length, 16)
  })

  it('for a new tag of an image of the same repository: one GET, one HEAD of the tag, one PUT', async () => {
    const registry = await peer()
    await copy(made().source, await target(registry, 'app'), { ref: 'v1', as: 'v1' })
    registry.requests.length = 0
    const desk = await client(registry)
    const to = registryTarget({ registry: desk, repository: 'app', holdsSource: true })
    await copy(registrySource(desk, 'app'), to, { ref: 'v1', as: 'v2' })
    assert.deepEqual(shapes(registry), ['GET /v2/app/manifests/v1', 'HEAD /v2/app/manifests/v2', 'PUT /v2/app/manifests/v2'])
  })

  it('with nothing new: one GET at the source, one HEAD at the target', async () => {
    const [from, to] = [await peer(), await peer()]
    await copy(made().source, await target(from, 'app'), { ref: 'v1', as: 'v1' })
    const source = registrySource(await client(from), 'app')
    await copy(source, await target(to, 'app'), { ref: 'v1', as: 'v1' })
    from.requests.length = to.requests.length = 0
    await copy(source, await target(to, 'app'), { ref: 'v1', as: 'v1' })
    assert.deepEqual([shapes(from), shapes(to)], [['GET /v2/app/manifests/v1'], ['HEAD /v2/app/manifests/v1']])
  })

  it('with one platform that changed reads the manifest of that alone', async () => {
    const [from, to] = [await peer(), await peer()]
    const place = imagePlace()
    placeIndex(place, 'v1', ['amd64', 'arm64'])
    await copy(place, await target(from, 'app'), { ref: 'v1', as: 'v1' })
    const source = registrySource(await client(from), 'app')
    await copy(source, await target(to, 'app'), { ref: 'v1', as: 'v1' })
    const { images } = placeIndex(place, 'v2', ['amd64', 'arm64', 'riscv64'])
    await copy(place, await target(from, 'app'), { ref: 'v2', as: 'v2' })
    from.requests.length = 0
    await copy(source, await target(to, 'app'), { ref: 'v2', as: 'v2' })
    const read = from.requests.filter((line) => line.includes('/manifests/'))
    assert.deepEqual(read, ['GET /v2/app/manifests/v2', `GET /v2/app/manifests/${images[2]!.stored.digest}`])
  })

  it('takes blobs over from other repositories, and stops asking one that has none', async () => {
    const registry = await peer()
    const { source, layers } = made()
    for (const { digest } of layers) registry.blobs.set(digest, Buffer.from(source.blobs.get(digest)!))
    registry.instead(/^HEAD .*blobs/, say(404), 3)
    const { blobs } = await copy(source, await target(registry, 'new', { mountFrom: ['app', 'new'] }), { ref: 'v1', as: 'v1' })
    assert.equal(blobs.filter(({ how }) => how === 'mounted').length, 2)
    assert.equal(registry.requests.filter((line) => line.includes('from=app')).length, 3)
    assert.equal(registry.requests.filter((line) => line.includes('from=new')).length, 0)
    const many = imagePlace()
    placeImage(
      many,
      Array.from({ length: 20 }, (_, at) => `layer ${at}`),
      { tag: 'v1' },
    )
    await copy(many, await target(registry, 'third', { mountFrom: ['empty'] }), { ref: 'v1', as: 'v1' })
    const tried = registry.requests.filter((line) => line.includes('from=empty')).length
    assert.ok(tried >= 8 && tried <= 12, `asked ${tried} times`)
  })

  it('goes on with an upload that was interrupted, and forgets it when it is done', async () => {
    const registry = await peer()
    const source = imagePlace()
    const { layers } = placeImage(source, ['one'], { tag: 'v1' })
    // Larger than a chunk.
    const big = Buffer.alloc(40 << 20, 'abcdefg')
    source.blobs.set(layers[0]!.digest, big)
    const descriptor = { ...layers[0]!, digest: digestOf(big), size: big.byteLength }
    source.blobs.set(descriptor.digest, big)
    const memos = new Map<Digest, string>()
    const memoFor = (_: string, digest: Digest): ResumeMemo => ({
      load: async () => memos.get(digest),
      save: async (text) => void memos.set(digest, text),
      clear: async () => void memos.delete(digest),
    })
    const first = await target(registry, 'app', { memoFor })
    const stop = new AbortController()
    registry.instead(/^PATCH/, cutAfter(registry, 16 << 20))
    registry.instead(/^PATCH/, async (_request, response) => {
      stop.abort()
      response.destroy()
    })
    await faultOf(first.putBlob(descriptor, await source.blob(descriptor), { signal: stop.signal }), 'aborted', /./)
    assert.equal(memos.size, 1)
    const before = registry.received
    await (await target(registry, 'app', { memoFor })).putBlob(descriptor, await source.blob(descriptor))
    assert.equal(registry.received - before, big.byteLength - (16 << 20))
    assert.ok(registry.blobs.get(descriptor.digest)!.equals(big))
    assert.equal(memos.size, 0)
  })
})

describe('a registry that lies', () => {
  it('about a blob that it took is not given the tag', async () => {
    const registry = await peer()
    const { source } = made()
    registry.instead(/^PUT .*blobs/, say(201))
    await faultOf(copy(source, await target(registry, 'app'), { ref: 'v1', as: 'v1' }), 'corrupt', /took sha256.* and does not have it/)
    assert.equal(registry.manifests.size, 0)
  })

  it('about a mount is not given the tag', async () => {
    const registry = await peer()
    const { source } = made()
    registry.instead(/mount=/, say(201))
    await faultOf(copy(source, await target(registry, 'app', { mountFrom: ['x'] }), { ref: 'v1', as: 'v1' }), 'corrupt', /does not have it/)
    assert.equal(registry.manifests.size, 0)
  })

  it('about the size of a blob is not given the tag', async () => {
    const registry = await peer()
    const { source } = made()
    registry.instead(/^HEAD .*blobs/, say(200, { 'content-length': '7' }))
    await faultOf(copy(source, await target(registry, 'app'), { ref: 'v1', as: 'v1' }), 'corrupt', /has 7/)
    assert.equal(registry.manifests.size, 0)
  })

  it('about the digest of a manifest is told', async () => {
    const registry = await peer()
    const { source } = made()
    registry.instead(/^PUT .*manifests/, say(201, { 'docker-content-digest': digestOf('x') }))
    await faultOf(copy(source, await target(registry, 'app'), { ref: 'v1', as: 'v1' }), 'corrupt', /stored app:v1 as sha256/)
  })

  it('about what it gives is copied nowhere', async () => {
    const [from, to] = [await peer(), await peer()]
    const { source, stored, layers } = made()
    await copy(source, await target(from, 'app'), { ref: 'v1', as: 'v1' })
    const lies: [RegExp, ReturnType<typeof say>][] = [
      [/^GET .*manifests/, say(200, { 'content-type': stored.mediaType, 'docker-content-digest': stored.digest }, '{"schemaVersion":2}')],
      [/^GET .*manifests/, say(200, { 'content-type': 'text/html' }, '<html>')],
      [new RegExp(`^GET .*${layers[0]!.digest}`), say(200, {}, Buffer.alloc(layers[0]!.size))],
      [new RegExp(`^GET .*${layers[0]!.digest}`), say(200, {}, Buffer.alloc(3))],
      [new RegExp(`^GET .*${layers[0]!.digest}`), say(200, {}, Buffer.alloc(layers[0]!.size + 1))],
    ]
    for (const [which, lie] of lies) {
      from.instead(which, lie)
      await faultOf(copy(registrySource(await client(from), 'app'), await target(to, 'app'), { ref: 'v1', as: 'v1' }), 'corrupt', /./)
      assert.deepEqual(
        [...to.manifests.keys()].filter((key) => key.startsWith('app')),
        [],
      )
      assert.ok([...to.blobs].every(([digest, bytes]) => digestOf(bytes) === digest))
    }
  })

  it('with tags that never end is left', async () => {
    const registry = await peer()
    const { source } = made()
    await copy(source, await target(registry, 'app'), { ref: 'v1', as: 'v1' })
    let page = 0
    registry.instead(
      /tags\/list/,
      (_request, response) => {
        response.writeHead(200, { link: `</v2/app/tags/list?last=${page++}>; rel="next"` }).end(JSON.stringify({ tags: ['a'] }))
      },
      1e9,
    )
    const from = registrySource(await client(registry), 'app')
    await faultOf(copy(from, await target(await peer(), 'app'), { ref: 'v1', as: 'v1', all: true }), 'corrupt', /more than 2000 pages/)
  })
})

describe('a registry that is busy', () => {
  it('is waited for', async () => {
    const registry = await peer()
    const { source, stored } = made()
    registry.instead(/^HEAD/, say(429, { 'retry-after': '20' }), 2)
    registry.instead(/^(POST|PUT)/, say(503), 3)
    await copy(source, await target(registry, 'app'), { ref: 'v1', as: 'v1' })
    assert.ok(registry.manifests.has(`app@${stored.digest}`))
  })
})

describe('deleting', () => {
  async function filled() {
    const registry = await peer()
    const place = imagePlace()
    const { images, stored } = placeIndex(place, 'v1', ['amd64', 'arm64'])
    const to = await target(registry, 'app')
    for (const as of ['v1', 'latest']) await copy(place, to, { ref: 'v1', as })
    await copy(place, to, { ref: images[0]!.stored.digest, as: 'amd64' })
    return { registry, desk: await client(registry), stored, images }
  }

  it('knows which tags name an image, and which need it', async () => {
    const { desk, stored, images } = await filled()
    assert.deepEqual(await findNamers(desk, 'app', stored.digest), { tags: ['latest', 'v1'], within: [], digestTags: [] })
    assert.deepEqual(await findNamers(desk, 'app', images[0]!.stored.digest), { tags: ['amd64'], within: ['latest', 'v1'], digestTags: [] })
  })

  it('refuses what an index needs', async () => {
    const { registry, desk, images } = await filled()
    const { digest } = images[0]!.stored
    const namers = await findNamers(desk, 'app', digest)
    await faultOf(deleteByDigest(desk, 'app', digest, namers), 'busy', /is a part of latest, v1/)
    assert.ok(registry.manifests.has(`app@${digest}`))
  })

  it('of a tag, where a registry deletes by digest only, says what else would go', async () => {
    const { registry, desk, stored } = await filled()
    registry.instead(/^DELETE/, (_request, response) => refuse(response, 405, 'UNSUPPORTED'), 9)
    const fault = await faultOf(
      deleteTag(desk, 'app', 'v1', stored.digest),
      'unsupported',
      /deletes by digest only: v1 .* latest, which names it too/,
    )
    assert.match(fault.hint!, /--by-digest/)
  })

  it('of a tag leaves what it named', async () => {
    const { registry, desk, stored } = await filled()
    await deleteTag(desk, 'app', 'v1', stored.digest)
    assert.ok(!registry.manifests.has('app:v1') && registry.manifests.has(`app@${stored.digest}`))
    assert.equal((await desk.manifest('app', 'latest')).digest, describeManifest(stored).digest)
  })
})
