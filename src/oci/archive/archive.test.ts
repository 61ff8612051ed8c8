import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { gzipSync } from 'node:zlib'
import { collect, digestOf, isFault } from '../../kit/index.ts'
import {
  archiveBytes,
  dockerMembers,
  fakeImage,
  fakeLayer,
  ociMembers,
  packed,
  type Packing,
  skopeoMembers,
} from '../../../test/fakes/images.ts'
import { fleetingPieces } from '../../../test/fakes/fleeting-pieces.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import type { TarMember } from '../../../test/fakes/tar-bytes.ts'
import { readArchive } from './read.ts'
import type { ArchiveContents, ArchiveLayer } from './member.ts'

const base = fakeLayer({ 'etc/os': 'a small system', 'bin/sh': Buffer.alloc(70_000, 'sh') })
const upper = fakeLayer({ 'app/run': Buffer.alloc(200_000, 'run') })
const other = fakeLayer({ '{strange name}': 'x' })
const images = [fakeImage('app:1', [base, upper]), fakeImage('app:2', [base, other])]

/** Reads all of it, keeping what the layers gave. */
async function readAll(bytes: Uint8Array, o: { step?: number; keeps?: (layer: ArchiveLayer) => boolean } = {}) {
  const layers = new Map<string, Uint8Array>()
  let contents: ArchiveContents | undefined
  for await (const member of readArchive(fleetingPieces(bytes, o.step ?? 1 << 16), 'the archive')) {
    if (member.kind === 'contents') contents = member
    else if (o.keeps?.(member) !== false) layers.set(member.name, await collect(member.content, 1 << 30))
  }
  assert.ok(contents !== undefined)
  return { contents, layers }
}

function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const rest = [...items]
  return items.map(() => rest.splice(Math.floor(random() * rest.length), 1)[0]!)
}

function replaced(members: readonly TarMember[], name: RegExp, change: (member: TarMember) => TarMember[]): Buffer {
  let count = 0
  const changed = members.flatMap((member) => (name.test(member.name) && count++ === 0 ? change(member) : [member]))
  assert.ok(count > 0)
  return archiveBytes(changed)
}

async function refuses(bytes: Buffer, message: RegExp): Promise<void> {
  await assert.rejects(readAll(bytes), { code: 'corrupt', message, at: 'the archive' })
}

const forms: Readonly<Record<string, readonly TarMember[]>> = {
  'docker before 25': dockerMembers(images),
  skopeo: skopeoMembers(images),
  'docker from 25 on': ociMembers(images, 'plain', true),
}

describe('an archive of docker', () => {
  for (const [form, members] of Object.entries(forms)) {
    for (const packing of ['plain', 'gzip', 'zstd'] as const) {
      it(`of ${form}, ${packing}, gives each image with its layers, whatever the order of the members`, async () => {
        const random = seededRandom(testSeed)
        for (let round = 0; round < 5; round++) {
          const { contents, layers } = await readAll(archiveBytes(shuffled(members, random), packing), {
            step: 1 + Math.floor(random() * 70_000),
          })
          assert.equal(layers.size, 3, `seed ${testSeed}, round ${round}`)
          assert.deepEqual(
            contents.images.map(({ names, layers }) => ({ names, layers: layers.map(({ diffId }) => diffId) })),
            images.map((image) => ({ names: [image.name], layers: image.layers.map((layer) => digestOf(layer)) })),
          )
          for (const [at, image] of contents.images.entries())
            assert.deepEqual(Buffer.from(contents.documents.get(image.config)!), images[at]!.config)
          assert.deepEqual(new Set([...layers.values()].map((bytes) => digestOf(bytes))), new Set(contents.layers.keys()))
        }
      })
    }
  }

  it('has layers in gzip or zstd with the digests of both forms', async () => {
    for (const packing of ['gzip', 'zstd'] as const) {
      const members = skopeoMembers(images).map((member) =>
        member.name.endsWith('.tar') ? { ...member, content: packed(Buffer.from(member.content!), packing) } : member,
      )
      const { contents } = await readAll(archiveBytes(members))
      const { offset, ...facts } = contents.images[0]!.layers[1]!
      const { digest, size } = facts
      assert.equal(digestOf(archiveBytes(members).subarray(offset, offset + size)), digest)
      assert.deepEqual(facts, {
        digest: digestOf(packed(upper, packing)),
        size: packed(upper, packing).byteLength,
        form: packing,
        diffId: digestOf(upper),
      })
    }
  })

  it('is checked also where nobody reads a layer, or reads only its first piece', async () => {
    const members = skopeoMembers(images)
    const whole = await readAll(archiveBytes(members), { keeps: () => false })
    assert.equal(whole.contents.layers.size, 3)
    const lying = replaced(members, /\.tar$/, (member) => [{ ...member, content: other }])
    await assert.rejects(readAll(lying, { keeps: () => false }), { code: 'corrupt', message: /not what it is called/ })
    for await (const member of readArchive(fleetingPieces(archiveBytes(members), 1000), 'x')) {
      if (member.kind === 'layer') for await (const _ of member.content) break
      else assert.equal(member.layers.size, 3)
    }
  })

  it('says of a layer what its name says', async () => {
    const named = async (members: readonly TarMember[]) => {
      const found: unknown[] = []
      for await (const member of readArchive(fleetingPieces(archiveBytes(members), 9999), 'x'))
        if (member.kind === 'layer') found.push(member.named)
      return found
    }
    assert.deepEqual(await named(skopeoMembers([images[0]!])), [{ diffId: digestOf(base) }, { diffId: digestOf(upper) }])
    assert.deepEqual(await named(ociMembers([fakeImage('x', [base])])), [{ digest: digestOf(packed(base, 'gzip')) }])
    assert.deepEqual(await named(dockerMembers([fakeImage('x', [base])])), [undefined])
  })

  it('whose reader stops early lets go of the source', async () => {
    let isClosed = false
    async function* source() {
      try {
        yield* fleetingPieces(archiveBytes(skopeoMembers(images), 'gzip'), 100)
      } finally {
        isClosed = true
      }
    }
    for await (const _ of readArchive(source(), 'x')) break
    assert.ok(isClosed)
  })
})

describe('an archive of OCI', () => {
  for (const packing of ['plain', 'gzip', 'zstd'] satisfies Packing[]) {
    it(`with layers in ${packing} gives its index and the manifests as they are`, async () => {
      const { contents } = await readAll(archiveBytes(shuffled(ociMembers(images, packing), seededRandom(testSeed)), 'zstd'))
      assert.deepEqual(
        contents.index?.map(({ annotations }) => annotations?.['org.opencontainers.image.ref.name']),
        ['app:1', 'app:2'],
      )
      for (const { digest } of contents.index!) assert.equal(digestOf(contents.documents.get(digest)!), digest)
    })
  }

  it('that lacks a layer, a config or a manifest is refused, and says which', async () => {
    for (const member of ociMembers(images).filter(({ name }) => name.startsWith('blobs/'))) {
      const rest = ociMembers(images).filter(({ name }) => name !== member.name)
      await refuses(archiveBytes(rest), new RegExp(`missing in the archive: .*${member.name.slice(13)}`))
    }
  })
})

describe('a bad archive', () => {
  it('with a name or a link that leads out is refused', async () => {
    const list = { name: 'manifest.json', content: Buffer.from('[]') }
    for (const bad of [
      { name: '../x', content: base },
      { name: '/etc/passwd', content: base },
      { name: 'a/../../x', content: base },
      { name: 'a/layer.tar', type: '2', link: '../../x' },
      { name: 'a/layer.tar', type: '2', link: '/etc/passwd' },
      { name: 'a/layer.tar', type: '1', link: '../x' },
    ]) {
      await refuses(archiveBytes([bad, list]), /leads out of it/)
    }
  })

  it('whose manifest names something that is missing, or leads out, is refused', async () => {
    const members = dockerMembers(images)
    await refuses(archiveBytes(members.filter(({ name }) => !name.endsWith('.json') || name === 'manifest.json')), /missing in the archive/)
    const first = members.find(({ name }) => name.endsWith('layer.tar'))!
    await refuses(archiveBytes(members.filter((member) => member !== first)), /missing in the archive/)
    const out = Buffer.from(JSON.stringify([{ Config: '../../etc/passwd', RepoTags: null, Layers: [] }]))
    await refuses(archiveBytes([{ name: 'manifest.json', content: out }]), /leads out/)
  })

  it('with links in a circle is refused', async () => {
    const members = dockerMembers([images[0]!])
    const bytes = replaced(members, /layer\.tar$/, ({ name }) => [
      { name, type: '1', link: 'a' },
      { name: 'a', type: '1', link: 'b' },
      { name: 'b', type: '1', link: 'a' },
    ])
    await refuses(bytes, /links behind one another/)
  })

  it('with a layer or config that is not what config, manifest or name says is refused', async () => {
    await refuses(
      replaced(dockerMembers(images), /layer\.tar$/, (member) => [{ ...member, content: other }]),
      /is not what the config says/,
    )
    await refuses(
      replaced(dockerMembers(images), /[0-9a-f]{64}\.json$/, (member) => [{ ...member, content: images[1]!.config }]),
      /not what it is called/,
    )
    await refuses(
      replaced(ociMembers(images), /^blobs/, (member) => [{ ...member, content: other }]),
      /not what it is called/,
    )
    await refuses(
      replaced(ociMembers(images), /^blobs/, (member) => [{ ...member, content: Buffer.from('{}') }]),
      /not what it is called/,
    )
  })

  it('with a member twice is refused unless both are the same', async () => {
    const members = dockerMembers(images)
    assert.equal((await readAll(replaced(members, /layer\.tar$/, (member) => [member, member]))).contents.images.length, 2)
    await refuses(
      replaced(members, /layer\.tar$/, (member) => [member, { ...member, content: other }]),
      /twice/,
    )
    await refuses(
      replaced(members, /layer\.tar$/, (member) => [member, { name: member.name, type: '2', link: 'x' }]),
      /twice/,
    )
  })

  it('with a huge extended header, too many members or too large documents is refused', async () => {
    await refuses(archiveBytes([{ name: 'x', type: 'x', content: Buffer.alloc(2 << 20) }]), /larger than its limit/)
    const many = archiveBytes(Array.from({ length: 11 }, (_, at) => ({ name: `m${at}`, content: Buffer.from('{}') })))
    const read = async (limits: object) => {
      for await (const _ of readArchive(fleetingPieces(many, 1 << 16), 'x', limits));
    }
    await assert.rejects(read({ members: 10 }), { code: 'corrupt', message: /more than 10 members/ })
    await assert.rejects(read({ documentBytes: 21 }), { code: 'corrupt', message: /limit of 21 bytes together/ })
  })

  it('that inflates past the limit is refused, in whole or in one layer', async () => {
    const read = async (bytes: Buffer) => {
      for await (const _ of readArchive(fleetingPieces(bytes, 1 << 16), 'x', { inflatedBytes: 1 << 20 }));
    }
    await assert.rejects(read(gzipSync(archiveBytes([{ name: 'x', content: Buffer.alloc(2 << 20) }]))), {
      code: 'corrupt',
      message: /limit of 1048576/,
    })
    await assert.rejects(read(archiveBytes([{ name: 'x.tar', content: gzipSync(Buffer.alloc(2 << 20)) }])), {
      code: 'corrupt',
      message: /limit of 1048576/,
    })
  })

  it('in xz is unsupported, and anything else corrupt', async () => {
    await assert.rejects(readAll(Buffer.from('\xfd7zXZ\0\0\0', 'latin1')), { code: 'unsupported', message: /xz/ })
    for (const bytes of [Buffer.alloc(0), Buffer.from('<html>'), Buffer.alloc(1024), archiveBytes([{ name: 'a', content: base }])]) {
      await assert.rejects(readAll(bytes), { code: 'corrupt' })
    }
  })

  it('cut short or with any byte changed gives what it gave, or a fault, and never something else', async () => {
    const random = seededRandom(testSeed)
    const small = [fakeImage('s:1', [fakeLayer({ a: 'a' }), fakeLayer({ b: 'b' })])]
    for (const [form, members] of Object.entries({
      docker: dockerMembers(small),
      skopeo: skopeoMembers(small),
      oci: ociMembers(small, 'gzip', true),
    })) {
      for (const packing of ['plain', 'gzip', 'zstd'] as const) {
        const whole = archiveBytes(members, packing)
        const digests = new Set(small[0]!.layers.flatMap((layer) => [digestOf(layer), digestOf(packed(layer, 'gzip'))]))
        for (let round = 0; round < 60; round++) {
          const bytes = Buffer.from(random() < 0.3 ? whole.subarray(0, Math.floor(random() * whole.byteLength)) : whole)
          for (let changes = random() * 3; changes > 0 && bytes.byteLength > 0; changes--)
            bytes[Math.floor(random() * bytes.byteLength)] = Math.floor(random() * 256)
          const what = `seed ${testSeed}, ${form} ${packing}, round ${round}`
          try {
            const { contents } = await readAll(bytes, { step: 1 + Math.floor(random() * 3000) })
            for (const image of contents.images) for (const { digest } of image.layers) assert.ok(digests.has(digest), what)
          } catch (error) {
            if (!isFault(error) || error.code === 'bug') throw new Error(what, { cause: error })
          }
        }
      }
    }
  })
})
