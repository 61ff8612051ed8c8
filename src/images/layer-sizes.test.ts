import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type Digest, digestOf, Fault } from '../kit/index.ts'
import { describeManifest, makeIndex, makeManifest, mediaTypes, type Registry, type StoredManifest } from '../oci/index.ts'
import type { ImagesContext } from './context.ts'
import { type ImageMemory, measureImages } from './layer-sizes.ts'
import { velox } from './velox.ts'

const coordinator = 'x86/presto-coordinator'
const worker = 'x86/presto-native-worker-cpu'
const config = { mediaType: mediaTypes.ociConfig, digest: digestOf('config'), size: 10 }
const layer = (name: string, size: number) => ({ mediaType: mediaTypes.ociLayerGzip, digest: digestOf(name), size })
const base = layer('base', 1000)
const image = (...own: readonly ReturnType<typeof layer>[]) => makeManifest({ config, layers: [base, ...own] })

/** A registry with these tags, that counts what it is asked. */
function scene(tags: Readonly<Record<string, StoredManifest>>, others: readonly StoredManifest[] = []) {
  const asked: string[] = []
  const stored = new Map([...Object.values(tags), ...others].map((each) => [each.digest, each]))
  const tagged = (repository: string, tag: string) => tags[`${repository.replace('group/', '')}:${tag}`]
  const registry = {
    host: 'registry.example',
    async *tags(repository: string) {
      const own = Object.keys(tags).filter((name) => `group/${name}`.startsWith(`${repository}:`))
      if (own.length === 0) throw new Fault('not-found', 'no such repository')
      yield* own.map((name) => name.split(':')[1]!)
    },
    async headManifest(repository: string, tag: string) {
      asked.push('head')
      return tagged(repository, tag)
    },
    async manifest(_repository: string, digest: Digest) {
      asked.push('get')
      const found = stored.get(digest)
      if (found === undefined) throw new Fault('not-found', 'no such manifest')
      return found
    },
  }
  const settings = { preset: velox.preset, tagsFrom: 'registry', registryProject: 'group' }
  const context = { settings, registry: async () => registry as unknown as Registry } as unknown as ImagesContext
  return { context, asked }
}

describe('sizes of images', () => {
  test('say what a tag takes, what of it others have too, and what all take together', async () => {
    const first = image(layer('a', 100))
    const second = image(layer('b', 20))
    const { context } = scene({ [`${coordinator}:one`]: first, [`${worker}:one`]: second })
    const { tags, bytes, unique, left } = await measureImages(context, new Map())
    const own = (manifest: StoredManifest) => manifest.bytes.byteLength + config.size
    assert.deepEqual(
      tags.map(({ repository, bytes: size, layers, shared }) => ({ repository, size, layers, shared })),
      [
        { repository: coordinator, size: own(first) + 1100, layers: 2, shared: { layers: 1, bytes: 1000 } },
        { repository: worker, size: own(second) + 1020, layers: 2, shared: { layers: 1, bytes: 1000 } },
      ],
    )
    assert.deepEqual([bytes, unique, left], [own(first) + own(second) + 2120, own(first) + own(second) + 1120, 0])
  })

  test('of two tags of one image are counted once together', async () => {
    const { context } = scene({ [`${worker}:one`]: image(), [`${worker}:latest`]: image() })
    const { tags, unique } = await measureImages(context, new Map())
    assert.equal(unique, tags[0]!.bytes)
    assert.deepEqual(tags[0]!.shared, { layers: 1, bytes: 1000 })
  })

  test('are asked for once: afterwards only whether a tag is where it was', async () => {
    const { context, asked } = scene({ [`${coordinator}:one`]: image(), [`${worker}:one`]: image(layer('b', 20)) })
    const memory: ImageMemory = new Map()
    const first = await measureImages(context, memory)
    assert.deepEqual(asked.splice(0).toSorted(), ['get', 'get', 'head', 'head'])
    assert.deepEqual(await measureImages(context, memory), first)
    assert.deepEqual(asked, ['head', 'head'])
  })

  test('of several platforms are those of all that the registry has', async () => {
    const [amd, arm] = [image(layer('amd', 5)), image(layer('arm', 7))]
    const index = makeIndex({ manifests: [describeManifest(amd), describeManifest(arm), describeManifest(image(layer('gone', 9)))] })
    const { context } = scene({ [`${worker}:all`]: index }, [amd, arm])
    const [tag] = (await measureImages(context, new Map())).tags
    assert.equal(tag!.layers, 3)
    assert.equal(tag!.bytes, [index, amd, arm].reduce((sum, each) => sum + each.bytes.byteLength, 0) + 2 * config.size + 1012)
  })

  test('tell which tags cannot be read, and hide no other', async () => {
    const broken = { ...image(layer('x', 1)), bytes: new TextEncoder().encode('{') }
    const { context } = scene({ [`${coordinator}:one`]: image(), [`${worker}:one`]: broken })
    const { tags, unread } = await measureImages(context, new Map())
    assert.deepEqual(
      [tags.map(({ repository }) => repository), unread.map(({ repository, failure }) => [repository, failure.code])],
      [[coordinator], [[worker, 'corrupt']]],
    )
  })

  test('are those of 200 tags at most, the last by their names', async () => {
    const names = Array.from({ length: 205 }, (_none, at) => `${worker}:t${String(at).padStart(3, '0')}`)
    const { context, asked } = scene(Object.fromEntries(names.map((name) => [name, image()])))
    const { tags, left } = await measureImages(context, new Map())
    assert.deepEqual([tags.length, left, tags[0]!.tag], [200, 5, 't204'])
    assert.ok(asked.length <= 204, `${asked.length} requests`)
  })
})
