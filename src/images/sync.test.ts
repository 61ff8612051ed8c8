import assert from 'node:assert/strict'
import { mkdtempSync, readdirSync, readlinkSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { faultOf } from '../../test/fakes/fault-of.ts'
import { refusal, spoilt } from '../../test/fakes/github/trouble.ts'
import { imageDesk, type ImageDesk, type ImageDeskOptions, madeFamilies, runScene, runTag, tarballOf } from '../../test/fakes/image-desk.ts'
import { archiveBytes, dockerMembers, fakeImage, fakeLayer } from '../../test/fakes/images.ts'
import { registryDesk, type RegistryDesk } from '../../test/fakes/registry-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { zipBytes } from '../../test/fakes/zip-bytes.ts'
import { registryForTests } from '../../test/services/registry.ts'
import { digestOf } from '../kit/index.ts'
import { faultOfImages, wasDone } from './bring.ts'
import { type SyncTag, syncTag } from './sync.ts'

const scratch = scratchDirectory()
const imageTag = 'presto-92865fbce0d2-velox-65797d572e0a'

interface Scene extends ImageDesk {
  readonly registry: RegistryDesk
  sync(o?: Partial<SyncTag>): ReturnType<typeof syncTag>
  /** What the tag of each family names; undefined where there is none. */
  tags(tag?: string): Promise<(string | undefined)[]>
}

async function scene(t: TestContext, options: Partial<ImageDeskOptions> = {}): Promise<Scene | undefined> {
  const server = await registryForTests(t, 'plain')
  if (server === undefined) return undefined
  const project = server.newRepository()
  const desk = await imageDesk({ folder: mkdtempSync(path.join(scratch, 'sync-')), registry: server.host, project, ...options })
  const registry = registryDesk(server.host)
  t.after(async () => {
    registry.close()
    await desk.close()
  })
  return {
    ...desk,
    registry,
    sync: (o) => syncTag(desk.context, { tag: runTag, onOther: 'refuse', isLatest: () => false, ...o }),
    tags: async (tag = imageTag) =>
      await Promise.all(madeFamilies.map(async (family) => (await registry.headManifest(`${project}/x86/${family}`, tag))?.digest)),
  }
}

function bytesBelow(folder: string): number {
  const named = readdirSync(folder, { recursive: true, withFileTypes: true }).map((each) => path.join(each.parentPath, each.name))
  // What was opened and has no name any more takes its room too.
  const opened = readdirSync('/proc/self/fd').map((each) => `/proc/self/fd/${each}`)
  const nameless = opened.filter((file) => {
    const target = linkOf(file)
    return target.startsWith(`${folder}/`) && target.endsWith(' (deleted)')
  })
  // What is replaced just now may be gone.
  const sizes = [...named, ...nameless].map((file) => statSync(file, { throwIfNoEntry: false })?.size ?? 0)
  return sizes.reduce((sum, size) => sum + size, 0)
}

function linkOf(file: string): string {
  try {
    return readlinkSync(file)
  } catch {
    return ''
  }
}

describe('a sync of a tag', () => {
  test('brings every image to its repository, and each layer once', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    const { images } = await at.sync()
    assert.deepEqual(
      images.map(({ pushed }) => pushed?.tag),
      ['created', 'created', 'created'],
    )
    assert.deepEqual(
      await at.tags(),
      images.map(({ pushed }) => pushed!.digest),
    )
    const layers = images.flatMap(({ pushed }) => pushed!.layers)
    const shared = layers.find(({ digest }) => layers.filter((each) => each.digest === digest).length === 3)
    assert.ok(shared !== undefined, 'all three have a layer in common')
    assert.equal(layers.filter(({ digest, how }) => digest === shared.digest && how === 'sent').length, 1)
  })

  test('a second time finds everything as it was, and reads no tarball', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    const first = await at.sync()
    const before = at.github.storage.requests.length
    const { images } = await at.sync()
    assert.deepEqual(
      images.map(({ pushed }) => [pushed!.tag, pushed!.sentBytes]),
      [
        ['same', 0],
        ['same', 0],
        ['same', 0],
      ],
    )
    assert.ok(!images.some(wasDone))
    assert.deepEqual(
      images.map(({ pushed }) => pushed!.digest),
      first.images.map(({ pushed }) => pushed!.digest),
    )
    const asked = at.github.storage.requests.slice(before).filter((line) => line.includes('artifacts'))
    assert.ok(asked.length <= 2, `the size and the directory: ${asked.join(', ')}`)
  })

  test('refuses a tag that names another image, with both digests, and goes on with the others; --force replaces it', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    await at.sync()
    const [old] = await at.tags()
    at.github.add(runScene(runTag, { salt: 'built again' }))
    const { images } = await at.sync()
    const fault = faultOfImages(images, 'again')
    assert.equal(fault?.code, 'precondition')
    assert.match(fault.message, new RegExp(`${old}, and .* is sha256:`))
    assert.deepEqual((await at.tags())[0], old)
    const forced = await at.sync({ onOther: 'replace' })
    assert.deepEqual(
      forced.images.map(({ pushed }) => pushed!.tag),
      ['moved', 'moved', 'moved'],
    )
    assert.equal(forced.images[0]!.pushed!.before, old)
  })

  test('of a bundle that was brought in part brings the rest', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    await at.sync({ isWanted: ({ family }) => family === madeFamilies[1] })
    assert.deepEqual(
      (await at.tags()).map((digest) => digest !== undefined),
      [false, true, false],
    )
    const { images } = await at.sync()
    assert.deepEqual(
      images.map(({ pushed }) => pushed!.tag),
      ['created', 'same', 'created'],
    )
  })

  test('goes on with the others where one tarball is damaged, which is not tagged', async (t) => {
    const good = madeFamilies.map((family) => ({ name: `${family}-${runTag}.tar.gz`, content: tarballOf(family), isStored: true }))
    for (const [what, bad] of Object.entries({
      'is no archive': { ...good[1]!, content: Buffer.from('not an archive') },
      'breaks off': { ...good[1]!, content: good[1]!.content.subarray(0, 60) },
      'has another checksum than the zip says': { ...good[1]!, says: { crc: 7 } },
      'is encrypted': { ...good[1]!, isStored: false, flags: 1 },
    })) {
      const content = zipBytes([good[0]!, bad, good[2]!])
      const at = await scene(t, { runs: [runScene(runTag, { artifacts: [{ name: 'x', content, digest: digestOf(content) }] })] })
      if (at === undefined) return
      const { images } = await at.sync()
      assert.deepEqual(
        images.map(({ fault }) => fault?.code),
        [undefined, 'corrupt', undefined],
        what,
      )
      assert.deepEqual(
        (await at.tags()).map((digest) => digest !== undefined),
        [true, false, true],
        what,
      )
      assert.equal(faultOfImages(images, 'again')?.code, 'partial')
    }
  })

  test('of an artifact that is not what its run made tags none, though every image in it is whole', async (t) => {
    const content = zipBytes(
      madeFamilies.map((family) => ({ name: `${family}-${runTag}.tar.gz`, content: tarballOf(family), isStored: true })),
    )
    const digest = digestOf('what the run made')
    const at = await scene(t, { runs: [runScene(runTag, { artifacts: [{ name: 'x', content, digest }] })] })
    if (at === undefined) return
    const fault = await faultOf(at.sync(), 'corrupt', /the artifact is not what its run made/)
    assert.ok(fault.message.includes(digest) && fault.message.includes(digestOf(content)))
    assert.deepEqual(await at.tags(), [undefined, undefined, undefined])
  })

  test('of an artifact that lacks a tarball brings none', async (t) => {
    const members = [{ name: `${madeFamilies[0]}-${runTag}.tar.gz`, content: tarballOf(madeFamilies[0]) }]
    const at = await scene(t, { runs: [runScene(runTag, { members })] })
    if (at === undefined) return
    await assert.rejects(at.sync(), { code: 'corrupt', message: /^Missing expected tarballs: presto-native-worker-cpu/ })
    assert.deepEqual(await at.tags(), [undefined, undefined, undefined])
  })

  test('moves latest where it is asked to, and no other time', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    const isLatest = ({ family }: { family: string }) => family === madeFamilies[0]
    const { images } = await at.sync({ isLatest })
    assert.deepEqual(
      images.map(({ latest }) => latest?.tag),
      ['created', undefined, undefined],
    )
    assert.deepEqual(await at.tags('latest'), [images[0]!.pushed!.digest, undefined, undefined])
    const again = await at.sync({ isLatest: () => true })
    assert.deepEqual(
      again.images.map(({ latest }) => latest?.tag),
      ['same', 'created', 'created'],
    )
    assert.deepEqual(again.images.map(wasDone), [false, true, true])
  })

  test('keeps nothing on the disk while it goes on, but what it remembers of layers and runs', async (t) => {
    const random = seededRandom(7)
    const noise = Buffer.from(Uint32Array.from({ length: 3 << 19 }, () => Math.floor(random() * 2 ** 32)).buffer)
    const members = madeFamilies.map((family) => {
      const image = fakeImage(`${family}:built`, [fakeLayer({ [`opt/${family}`]: noise })])
      return { name: `${family}-${runTag}.tar.gz`, content: archiveBytes(dockerMembers([image]), 'gzip'), isStored: true }
    })
    const folder = mkdtempSync(path.join(scratch, 'disk-'))
    const at = await scene(t, { folder, runs: [runScene(runTag, { members })] })
    if (at === undefined) return
    const before = process.env['TMPDIR']
    process.env['TMPDIR'] = folder
    t.after(() => {
      if (before === undefined) delete process.env['TMPDIR']
      else process.env['TMPDIR'] = before
    })
    const sizes: number[] = []
    const look = async () => void sizes.push(bytesBelow(folder))
    at.github.trouble(spoilt({ beforePiece: look }, { match: /artifacts/, times: Infinity }))
    const { images } = await at.sync()
    await look()
    assert.ok(images.reduce((sum, { pushed }) => sum + pushed!.sentBytes, 0) > 18_000_000)
    assert.ok(sizes.length > 10, `${sizes.length} looks`)
    assert.ok(Math.max(...sizes) < 100_000, `${Math.max(...sizes)} bytes`)
  })

  test('waits out limits, renews addresses that expire, and goes on where a download breaks off', async (t) => {
    const at = await scene(t, { github: { urlUses: 2 } })
    if (at === undefined) return
    at.github.trouble(
      refusal(429, 'Too many requests', { 'retry-after': '2' }, { match: /artifacts/ }),
      spoilt({ cutAfter: 10 }, { match: /artifacts/, times: 2 }),
    )
    const { images } = await at.sync()
    assert.deepEqual(
      images.map(({ pushed }) => pushed?.tag),
      ['created', 'created', 'created'],
    )
  })

  test('says what is wrong before anybody is asked, where a tag can be of no run', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    await assert.rejects(at.sync({ tag: 'latest' }), { code: 'invalid' })
    assert.deepEqual(at.github.requests, [])
  })
})
