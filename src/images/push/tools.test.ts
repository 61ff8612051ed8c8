import assert from 'node:assert/strict'
import { mkdir, readFile, symlink, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'
import { gzipSync, zstdCompressSync } from 'node:zlib'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { dockerMembers, fakeImage, fakeLayer } from '../../../test/fakes/images.ts'
import { provenance, type PushDesk, pushDesk } from '../../../test/fakes/push-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom } from '../../../test/fakes/seeded-random.ts'
import { tarBytes } from '../../../test/fakes/tar-bytes.ts'
import { type ZipMember, zipBytes } from '../../../test/fakes/zip-bytes.ts'
import { imageTools, whyNoImageTools } from '../../../test/services/image-tools.ts'
import { registryForTests, type RegistryServer } from '../../../test/services/registry.ts'
import { bytesOf, digestOf, systemClock } from '../../kit/index.ts'
import { openZip } from '../../kit/zip/index.ts'
import { openSource, parsePlace } from '../../oci/index.ts'
import { readBundle } from '../bundle/read-bundle.ts'
import { originOf } from './provenance.ts'
import { type PushedImage, pushImage } from './push-image.ts'
import { retag } from './retag.ts'

const scratch = scratchDirectory()
const sh = imageTools(scratch)
const at = (...parts: string[]): string => path.join(scratch, ...parts)
let missing: string | undefined
const names = ['coordinator', 'worker']

before(async () => {
  missing = await whyNoImageTools()
  if (missing === undefined) await makeImages()
})

/** Two images on one layer, as umoci makes them. The files that each is to have lie in `NAME/rootfs`. */
async function makeImages(): Promise<void> {
  const random = seededRandom(7)
  const layout = at('made')
  const add = async (image: string, bundle: string, folder: string, size: number) => {
    await sh('umoci', 'unpack', '--rootless', '--image', `${layout}:${image}`, at(bundle))
    const root = at(bundle, 'rootfs', folder)
    await mkdir(root)
    await writeFile(path.join(root, 'program'), Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(random() * 256))), {
      mode: 0o755,
    })
    await symlink('program', path.join(root, 'link'))
    await sh('umoci', 'repack', '--image', `${layout}:${image}`, at(bundle))
  }
  await sh('umoci', 'init', '--layout', layout)
  await sh('umoci', 'new', '--image', `${layout}:base`)
  await add('base', 'base-bundle', 'base', 4_400_000)
  for (const name of names) {
    await sh('umoci', 'tag', '--image', `${layout}:base`, name)
    await add(name, name, name, 100_000)
  }
}

async function desks(
  t: TestContext,
  options: Parameters<typeof pushDesk>[1] = {},
): Promise<{ server: RegistryServer; desk: PushDesk } | undefined> {
  if (missing !== undefined) t.skip(missing)
  if (missing !== undefined) return undefined
  const server = await registryForTests(t, 'plain')
  if (server === undefined) return undefined
  const desk = await pushDesk(server.host, options)
  t.after(() => desk.close())
  return { server, desk }
}

async function pushBundle(
  desk: PushDesk,
  project: string,
  members: readonly ZipMember[],
  tag = '1',
  run = 5,
): Promise<Map<string, PushedImage>> {
  const bytes = zipBytes(members)
  const zip = await openZip({
    name: 'the artifact',
    size: bytes.byteLength,
    read: async (start, end) => bytesOf(bytes.subarray(start, end)),
  })
  const pushed = new Map<string, PushedImage>()
  const wanted = names.map((family) => ({ family, tarball: `${family}.tar.gz` }))
  await readBundle(
    zip,
    wanted,
    async ({ wanted: { family }, member, tarball }) => {
      const origin = { ...provenance, run, entry: member }
      const more = { repository: `${project}/x86/${family}`, tag, onOther: 'refuse', mountFrom: [], platform: 'linux/amd64' } as const
      pushed.set(family, await pushImage(desk.context, { tarball, at: member, provenance: origin, ...more }))
    },
    { at: 'the artifact' },
  )
  return pushed
}

/** What skopeo and umoci get out of the registry is what went in, file by file. */
async function compare(server: RegistryServer, project: string, family: string, { digest }: PushedImage): Promise<void> {
  const name = `docker://${server.host}/${project}/x86/${family}:1`
  const shown = JSON.parse(await sh('skopeo', 'inspect', '--tls-verify=false', name)) as { Digest: string; Architecture: string }
  assert.deepEqual([shown.Digest, shown.Architecture], [digest, 'amd64'])
  const folder = `${project.replaceAll('/', '-')}-${family}`
  await sh('skopeo', 'copy', '--src-tls-verify=false', name, `dir:${at(`${folder}.dir`)}`)
  assert.equal(digestOf(await readFile(at(`${folder}.dir`, 'manifest.json'))), digest)
  await sh('skopeo', 'copy', '--src-tls-verify=false', name, `oci:${at(folder)}:1`)
  await sh('umoci', 'unpack', '--rootless', '--image', `${at(folder)}:1`, at(`${folder}.out`))
  await sh('diff', '-r', '--no-dereference', at(family, 'rootfs'), at(`${folder}.out`, 'rootfs'))
}

const archives = new Map<string, Promise<Buffer[]>>()

function saved(kind: 'docker-archive' | 'oci-archive'): Promise<Buffer[]> {
  const save = async (name: string) => {
    await sh('skopeo', 'copy', `oci:${at('made')}:${name}`, `${kind}:${at(`${name}.${kind}`)}:${name}:1`)
    return await readFile(at(`${name}.${kind}`))
  }
  const made = archives.get(kind) ?? Promise.all(names.map(save))
  archives.set(kind, made)
  return made
}

describe('a bundle', () => {
  const zipped = (tarballs: readonly Buffer[], suffix: string): ZipMember[] =>
    names.map((name, place) => ({ name: `${name}${suffix}`, content: tarballs[place]!, isStreamed: true }))
  const forms: Record<string, () => Promise<ZipMember[]>> = {
    'of tarballs of skopeo in gzip': async () =>
      zipped(
        (await saved('docker-archive')).map((bytes) => gzipSync(bytes, { level: 1 })),
        '.tar.gz',
      ),
    'of oci-archives in zstd': async () =>
      zipped(
        (await saved('oci-archive')).map((bytes) => zstdCompressSync(bytes)),
        '.tar.zst',
      ),
    'that is one archive of tarballs': async () => {
      const tarballs = await saved('docker-archive')
      const inner = tarBytes(names.map((name, place) => ({ name: `out/${name}.tar`, content: tarballs[place]! })))
      return [{ name: 'images.tar.gz', content: gzipSync(inner, { level: 1 }), isStored: true }]
    },
  }
  for (const [what, make] of Object.entries(forms)) {
    test(`${what} is in the registry as it was made`, async (t) => {
      const both = await desks(t)
      if (both === undefined) return
      const project = both.server.newRepository()
      const pushed = await pushBundle(both.desk, project, await make())
      for (const name of names) await compare(both.server, project, name, pushed.get(name)!)
      const place = parsePlace(`docker://${both.server.host}/${project}/x86/worker:1`)
      const { source } = await openSource(place, () => both.desk.registry)
      const origin = await originOf(source, await source.resolve('1'))
      assert.deepEqual([origin?.run, origin?.metadata], [5, provenance.metadata])
    })
  }

  test('has the layer that its images share sent once, and taken over from the other repository', async (t) => {
    const both = await desks(t)
    if (both === undefined) return
    const { server, desk } = both
    const pushed = await pushBundle(desk, server.newRepository(), await forms['of tarballs of skopeo in gzip']!())
    const hows = [...pushed.values()].map(({ layers }) => layers.map(({ how }) => how).join()).toSorted()
    assert.deepEqual(hows, ['mounted,sent', 'sent,sent'])
  })

  test('of another project of the registry gets its layers from there, after a restart too', async (t) => {
    const both = await desks(t)
    if (both === undefined) return
    const { server, desk } = both
    const members = await forms['of tarballs of skopeo in gzip']!()
    const first = await pushBundle(desk, server.newRepository(), members)
    const again = await desk.restarted()
    t.after(() => again.close())
    const project = server.newRepository()
    const second = await pushBundle(again, project, members)
    for (const name of names) {
      assert.equal(second.get(name)!.digest, first.get(name)!.digest)
      for (const { how } of second.get(name)!.layers) assert.equal(how, 'mounted')
    }
    await compare(server, project, 'worker', second.get('worker')!)
  })

  test('that is pushed again has nothing read, and under another tag nothing sent', async (t) => {
    const both = await desks(t)
    if (both === undefined) return
    const { server, desk } = both
    const project = server.newRepository()
    const members = await forms['of oci-archives in zstd']!()
    await pushBundle(desk, project, members)
    const { readings } = desk
    for (const { tag } of (await pushBundle(desk, project, members)).values()) assert.equal(tag, 'same')
    assert.equal(desk.readings, readings)
    for (const { tag, layers } of (await pushBundle(desk, project, members, '2')).values()) {
      assert.deepEqual([tag, ...layers.map(({ how }) => how)], ['created', 'there', 'there'])
    }
  })
})

test('an image of docker before 25 is unpacked from the registry as skopeo unpacks it from the archive', async (t) => {
  const both = await desks(t)
  if (both === undefined) return
  const { server, desk } = both
  const image = fakeImage('app:1', [fakeLayer({ 'bin/a': 'a', 'lib/b': Buffer.alloc(1_000_000, 'b') }), fakeLayer({ 'bin/a': 'changed' })])
  const archive = tarBytes(dockerMembers([image]), 'gnu')
  await writeFile(at('old.tar'), archive)
  const repository = server.newRepository()
  const { digest } = await desk.push(gzipSync(archive), { repository, platform: 'linux/amd64' })
  assert.equal(
    (JSON.parse(await sh('skopeo', 'inspect', '--tls-verify=false', `docker://${server.host}/${repository}:1`)) as { Digest: string })
      .Digest,
    digest,
  )
  await sh('skopeo', 'copy', `docker-archive:${at('old.tar')}`, `oci:${at('theirs')}:1`)
  await sh('skopeo', 'copy', '--src-tls-verify=false', `docker://${server.host}/${repository}:1`, `oci:${at('ours')}:1`)
  for (const name of ['theirs', 'ours']) await sh('umoci', 'unpack', '--rootless', '--image', `${at(name)}:1`, at(`${name}.out`))
  await sh('diff', '-r', at('theirs.out', 'rootfs'), at('ours.out', 'rootfs'))
})

describe('a tag', () => {
  const scene = async (t: TestContext) => {
    const both = await desks(t)
    if (both === undefined) return undefined
    const repository = both.server.newRepository()
    const layer = (content: string) => tarBytes(dockerMembers([fakeImage('a:1', [fakeLayer({ content })])]))
    const { digest: one } = await both.desk.push(layer('one'), { repository, tag: '1', provenance: undefined })
    const { digest: two } = await both.desk.push(layer('two'), { repository, tag: '2', provenance: undefined })
    const { registry } = both.desk
    const tag = async (name: string, more: Partial<Parameters<typeof retag>[1]> = {}) =>
      await retag(registry, {
        from: { repository, tag: '1' },
        to: { repository, tag: name },
        moving: ['latest'],
        clock: systemClock,
        ...more,
      })
    const digestOfTag = async (name: string) => (await registry.headManifest(repository, name))?.digest
    return { ...both, repository, one, two, tag, digestOfTag }
  }

  test('that moves is moved without a look, and told with one', async (t) => {
    const found = await scene(t)
    if (found === undefined) return
    const { one, two, repository, tag, digestOfTag } = found
    assert.deepEqual(await tag('latest'), { digest: one, before: undefined, tag: 'moved' })
    assert.deepEqual(await tag('latest', { from: { repository, tag: '2' }, looksBefore: true }), { digest: two, before: one, tag: 'moved' })
    assert.equal(await digestOfTag('latest'), two)
    assert.deepEqual(await tag('latest', { from: { repository, tag: '2' }, looksBefore: true }), { digest: two, before: two, tag: 'same' })
  })

  test('that is not to move is made once, and moved only by force', async (t) => {
    const found = await scene(t)
    if (found === undefined) return
    const { one, two, tag, digestOfTag, repository } = found
    assert.deepEqual(await tag('stable'), { digest: one, before: undefined, tag: 'created' })
    assert.equal((await tag('stable')).tag, 'same')
    const fault = await faultOf(tag('stable', { from: { repository, tag: '2' } }), 'precondition', new RegExp(one))
    assert.ok(fault.message.includes(two))
    assert.equal(await digestOfTag('stable'), one)
    assert.equal((await tag('stable', { from: { repository, tag: '2' }, force: true })).before, one)
    assert.equal(await digestOfTag('stable'), two)
  })

  test('moves only from what is expected', async (t) => {
    const found = await scene(t)
    if (found === undefined) return
    const { one, two, tag, digestOfTag, repository } = found
    await tag('latest')
    await faultOf(
      tag('latest', { from: { repository, tag: '2' }, expect: two }),
      'precondition',
      new RegExp(`names ${one}, and not ${two}`),
    )
    assert.equal((await tag('latest', { from: { repository, tag: '2' }, expect: one })).before, one)
    assert.equal(await digestOfTag('latest'), two)
    await faultOf(tag('new', { expect: one }), 'precondition', /names nothing/)
    await faultOf(tag('latest', { from: { repository, tag: 'none' } }), 'not-found', /none/)
  })

  test('in another repository has its blobs there', async (t) => {
    const found = await scene(t)
    if (found === undefined) return
    const { server, one, tag } = found
    const other = server.newRepository()
    assert.deepEqual(await tag('1', { to: { repository: other, tag: '1' } }), { digest: one, before: undefined, tag: 'created' })
    await sh('skopeo', 'copy', '--src-tls-verify=false', `docker://${server.host}/${other}:1`, `dir:${at(other.replaceAll('/', '-'))}`)
  })
})
