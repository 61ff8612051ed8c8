import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { packed } from '../../../test/fakes/images.ts'
import { tarBytes, type TarMember } from '../../../test/fakes/tar-bytes.ts'
import { type ZipMember, zipBytes } from '../../../test/fakes/zip-bytes.ts'
import { bytesOf, collect, type Digest, digestOf, Fault } from '../../kit/index.ts'
import { openZip, type RangedSource } from '../../kit/zip/index.ts'
import { readBundle } from './read-bundle.ts'

const content = (name: string): Buffer => gzipSync(Buffer.from(name.repeat(1000)))
const coordinator = { family: 'coordinator', tarball: 'coordinator-v1.tar.gz' }
const worker = { family: 'worker', tarball: 'worker-v1.tar.gz' }
const wanted = [coordinator, worker]

function memory(bytes: Uint8Array): RangedSource {
  return { name: 'artifact 7', size: bytes.byteLength, read: async (start, end) => bytesOf(bytes.subarray(start, end)) }
}

async function read(bytes: Uint8Array, images: readonly { readonly family: string; readonly tarball: string }[] = wanted, width?: number) {
  const found: [family: string, member: string, bytes: string][] = []
  let [underWay, most] = [0, 0]
  const { extras } = await readBundle(
    await openZip(memory(bytes)),
    images,
    async ({ wanted: image, member, tarball }) => {
      most = Math.max(most, ++underWay)
      found.push([image.family, member, Buffer.from(await collect(tarball, 1 << 20)).toString('base64')])
      underWay--
    },
    { at: 'artifact 7', width },
  )
  return { found: found.toSorted(([a], [b]) => a.localeCompare(b)), extras, most }
}

const files = (...names: string[]): ZipMember[] => names.map((name) => ({ name, content: content(name.split('/').at(-1)!) }))
const members = (...names: string[]): TarMember[] => names.map((name) => ({ name, content: content(name.split('/').at(-1)!) }))
const text = (name: string) => content(name).toString('base64')

describe('an artifact of tarballs', () => {
  test('gives each by its name, in any folder, and says what else it has', async () => {
    const { found, extras } = await read(zipBytes(files('out/worker-v1.tar.gz', 'coordinator-v1.tar.gz', 'notes.txt', 'worker-v2.tar.gz')))
    assert.deepEqual(found, [
      ['coordinator', 'coordinator-v1.tar.gz', text('coordinator-v1.tar.gz')],
      ['worker', 'out/worker-v1.tar.gz', text('worker-v1.tar.gz')],
    ])
    assert.deepEqual(extras, ['notes.txt', 'worker-v2.tar.gz'])
  })

  test('may have them packed in another way than is said', async () => {
    for (const suffix of ['tar', 'tgz', 'tar.zst']) {
      const { found } = await read(zipBytes(files(`worker-v1.${suffix}`, `coordinator-v1.${suffix}`)))
      assert.equal(found.length, 2)
    }
  })

  test('has so many read side by side, and no more', async () => {
    const images = Array.from({ length: 5 }, (_, at) => ({ family: `f${at}`, tarball: `f${at}.tar` }))
    const bytes = zipBytes(files(...images.map(({ tarball }) => tarball)))
    assert.deepEqual([(await read(bytes, images)).most, (await read(bytes, images, 3)).most], [2, 3])
  })

  test('without one of them is refused by name before any is given', async () => {
    let given = 0
    const fault = await faultOf(
      readBundle(await openZip(memory(zipBytes(files('other.tar.gz', 'notes.txt')))), wanted, async () => void given++, {
        at: 'artifact 7',
      }),
      'corrupt',
      /^Missing expected tarballs: coordinator-v1\.tar\.gz, worker-v1\.tar\.gz$/,
    )
    assert.match(fault.hint ?? '', /the artifact has "other.tar.gz", "notes.txt"/)
    assert.equal(fault.at, 'artifact 7')
    assert.equal(given, 0)
    await faultOf(read(zipBytes(files('worker-v1.tar.gz', 'x'))), 'corrupt', /^Missing expected tarballs: coordinator-v1\.tar\.gz$/)
    await faultOf(read(zipBytes([])), 'corrupt', /Missing expected tarballs/)
  })

  test('with two for one image is refused', async () => {
    const bytes = zipBytes(files('worker-v1.tar.gz', 'coordinator-v1.tar', 'again/worker-v1.tar'))
    await faultOf(read(bytes), 'corrupt', /two tarballs of one image: "worker-v1.tar.gz" and "again\/worker-v1.tar"/)
  })

  test('ends with what the work throws', async () => {
    const zip = await openZip(memory(zipBytes(files('worker-v1.tar.gz', 'coordinator-v1.tar'))))
    const work = readBundle(zip, wanted, () => Promise.reject(new Fault('denied', 'no')), { at: 'artifact 7' })
    await faultOf(work, 'denied', /no/)
  })
})

describe('an artifact of one archive of tarballs', () => {
  for (const packing of ['plain', 'gzip', 'zstd'] as const) {
    test(`gives each as it comes (${packing})`, async () => {
      const name = `images.tar${packing === 'plain' ? '' : packing === 'gzip' ? '.gz' : '.zst'}`
      const inner = packed(
        tarBytes([{ name: 'out/', type: '5' }, ...members('out/worker-v1.tar.gz', 'readme', 'coordinator-v1.tar.gz')]),
        packing,
      )
      const { found, extras, most } = await read(zipBytes([{ name, content: inner }]))
      assert.deepEqual(found, [
        ['coordinator', `${name}/coordinator-v1.tar.gz`, text('coordinator-v1.tar.gz')],
        ['worker', `${name}/out/worker-v1.tar.gz`, text('worker-v1.tar.gz')],
      ])
      assert.deepEqual([extras, most], [['readme'], 1])
    })
  }

  test('goes on behind a tarball that was not read', async () => {
    const inner = tarBytes(members('worker-v1.tar.gz', 'coordinator-v1.tar.gz'))
    const seen: string[] = []
    await readBundle(
      await openZip(memory(zipBytes([{ name: 'all.tar', content: inner }]))),
      wanted,
      async ({ wanted: image, tarball }) => {
        seen.push(image.family)
        if (image === worker) return
        assert.equal(Buffer.from(await collect(tarball, 1 << 20)).toString('base64'), text('coordinator-v1.tar.gz'))
      },
      { at: 'artifact 7' },
    )
    assert.deepEqual(seen, ['worker', 'coordinator'])
  })

  test('that is cut, damaged, no archive, or leads out is refused', async () => {
    const inner = gzipSync(tarBytes(members('worker-v1.tar.gz', 'coordinator-v1.tar.gz')))
    const zipOf = (bytes: Uint8Array): Buffer => zipBytes([{ name: 'all.tar.gz', content: bytes }])
    for (let size = 0; size < inner.byteLength; size += 97) await faultOf(read(zipOf(inner.subarray(0, size))), 'corrupt', /./)
    await faultOf(read(zipBytes([{ name: 'all.tar.gz', content: inner, says: { crc: 5 } }])), 'corrupt', /checksum/)
    await faultOf(
      read(zipOf(Buffer.from('no archive at all, but a text that is longer than a block of a tar'.repeat(20)))),
      'corrupt',
      /tar/,
    )
    await faultOf(read(zipOf(tarBytes(members('../worker-v1.tar.gz')))), 'corrupt', /leads out/)
    await faultOf(read(zipOf(tarBytes(members('worker-v1.tar.gz')))), 'corrupt', /Missing expected tarballs: coordinator-v1/)
    await faultOf(read(zipOf(tarBytes(members('worker-v1.tar.gz', 'x/worker-v1.tar')))), 'corrupt', /two tarballs/)
  })
})

describe('an artifact with a digest', () => {
  const forms: Record<string, Buffer> = {
    'of tarballs': zipBytes(files('worker-v1.tar.gz', 'notes.txt', 'coordinator-v1.tar.gz', 'last.txt')),
    'of one archive': zipBytes([{ name: 'all.tar', content: tarBytes(members('worker-v1.tar.gz', 'readme', 'coordinator-v1.tar.gz')) }]),
  }
  /** Reads every tarball, and then waits for what `whole` says. */
  async function tag(bytes: Uint8Array, digest: Digest, isRead: (family: string) => boolean = () => true) {
    const source = memory(bytes)
    const asked: number[] = []
    const counting: RangedSource = {
      ...source,
      async read(start, end) {
        asked.push(end - start)
        return await source.read(start, end)
      },
    }
    const [read, tagged, refused]: [string[], string[], string[]] = [[], [], []]
    const work = readBundle(
      await openZip(counting),
      wanted,
      async ({ wanted: { family }, tarball, whole }) => {
        if (!isRead(family)) return
        await collect(tarball, 1 << 20)
        read.push(family)
        await whole!.then(
          () => tagged.push(family),
          () => refused.push(family),
        )
        assert.equal(read.length, wanted.filter((image) => isRead(image.family)).length)
      },
      { at: 'artifact 7', expected: { source: counting, digest } },
    )
    return { work, tagged, refused, asked }
  }

  for (const [what, bytes] of Object.entries(forms)) {
    test(`(${what}) has tags wait until all of it was read and is right`, async () => {
      const { work, tagged, refused } = await tag(bytes, digestOf(bytes))
      assert.equal((await work).isVerified, true)
      assert.deepEqual([tagged.toSorted(), refused], [['coordinator', 'worker'], []])
    })

    test(`(${what}) that is another one has nothing tagged, though its checksums are right`, async () => {
      const { work, tagged, refused } = await tag(bytes, digestOf('what the run made'))
      await faultOf(work, 'corrupt', /expected sha256:[0-9a-f]+, got sha256:[0-9a-f]+: the artifact is not what its run made/)
      assert.deepEqual([tagged, refused.toSorted()], [[], ['coordinator', 'worker']])
    })
  }

  test('is read whole where one of its tarballs is, and not at all where none is', async () => {
    const bytes = forms['of tarballs']!
    const one = await tag(bytes, digestOf(bytes), (family) => family === 'worker')
    assert.deepEqual([(await one.work).isVerified, one.tagged], [true, ['worker']])
    const none = await tag(bytes, digestOf('another'), () => false)
    assert.equal((await none.work).isVerified, false)
    assert.equal(none.asked.length, 1)
  })

  test('and one archive in it that lacks a tarball has nothing tagged', async () => {
    const bytes = zipBytes([{ name: 'all.tar', content: tarBytes(members('worker-v1.tar.gz')) }])
    const { work, tagged, refused } = await tag(bytes, digestOf(bytes), (family) => family === 'worker')
    await faultOf(work, 'corrupt', /Missing expected tarballs: coordinator/)
    assert.deepEqual([tagged, refused], [[], ['worker']])
  })
})

test('one tarball under its own name is that image, and not an archive of tarballs', async () => {
  const { found } = await read(zipBytes(files('worker-v1.tar.gz')), [worker])
  assert.deepEqual(found, [['worker', 'worker-v1.tar.gz', text('worker-v1.tar.gz')]])
})
