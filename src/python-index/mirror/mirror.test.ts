import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { buildSdist } from '../../../test/fakes/distributions.ts'
import { startFakeUpstream } from '../../../test/fakes/upstream.ts'
import { bytesOf, digestOf, Fault, isFault } from '../../kit/index.ts'
import { publish } from '../publish/publish.ts'
import { listNotes } from '../records/notes.ts'
import { closeLater, dependency, metered, scene, wheel } from '../../../test/fakes/mirror-scene.ts'

describe('a mirror', () => {
  test('brings a file once from upstream and copies it to every prefix, with its metadata, and leaves one note of what it knows', async () => {
    const at = await scene({ prefixes: ['v2/a', 'v2/b', 'v2/c'], dependencies: [dependency('numpy')], fileCache: 'max-age=9' })
    const numpy = wheel('numpy', '2.0', { requiresPython: '>=3.9' })
    at.upstream.add(wheel('numpy', '1.0'))
    at.upstream.add(numpy, { requiresPython: '>=3.9', uploaded: '2024-05-06T07:08:09Z' })
    const spent = await metered(at.bucket, async (bucket) => {
      const done = await at.run({}, { bucket })
      assert.deepEqual(done.failures, [])
      assert.deepEqual(done.moved, { downloads: 1, bytes: numpy.bytes.byteLength, copies: 2, companions: 3 })
    })
    assert.deepEqual([spent.list, spent.put, spent.copy, spent.get, spent.head, spent.read], [3, 4, 2, 0, 0, 0])
    assert.deepEqual(at.upstream.requests, ['GET /simple/numpy/', `GET /files/${numpy.file}`, `GET /files/${numpy.file}.metadata`])
    assert.deepEqual(
      await at.keys(),
      ['a', 'b', 'c'].flatMap((prefix) => [`v2/${prefix}/${numpy.file}`, `v2/${prefix}/${numpy.file}.metadata`]),
    )
    const [note, ...rest] = await listNotes(at.context)
    assert.deepEqual(rest, [])
    assert.equal(note!.files.length, 3)
    for (const file of note!.files) {
      assert.equal(digestOf(await at.bytesAt(file.key)), numpy.digest)
      assert.equal(digestOf(await at.bytesAt(`${file.key}.metadata`)), numpy.metadataDigest)
      const info = (await at.bucket.head(file.key))!
      assert.deepEqual([info.contentType, info.cacheControl], ['application/octet-stream', 'max-age=9'])
      assert.deepEqual(file, {
        key: file.key,
        size: info.size,
        etag: info.etag,
        digest: numpy.digest,
        uploaded: '2024-05-06T07:08:09.000Z',
        requiresPython: '>=3.9',
        metadata: numpy.metadataDigest,
      })
    }
  })

  test('of 60 packages to 22 prefixes asks for each page and each wheel once', async () => {
    const names = Array.from({ length: 60 }, (_, index) => `package-${index}`)
    const prefixes = Array.from({ length: 22 }, (_, index) => `v2/gfx${index}`)
    const at = await scene({ prefixes, dependencies: names.map((name) => dependency(name)) })
    for (const name of names) at.upstream.add({ ...wheel(name), metadata: undefined })
    const done = await at.run()
    assert.deepEqual([done.moved.downloads, done.moved.copies, done.failures], [60, 60 * 21, []])
    assert.equal(at.upstream.requests.length, 120)
    assert.equal(new Set(at.upstream.requests).size, 120)
    assert.equal((await listNotes(at.context)).length, 1)
    const asked = at.upstream.requests.length
    const spent = await metered(at.bucket, async (bucket) => void (await at.run({}, { bucket })))
    assert.deepEqual([spent.list, spent.put, spent.copy, spent.get, spent.head], [22, 0, 0, 0, 0])
    assert.equal(at.upstream.requests.length, asked + 60)
  })

  test('in a dry run tells the same and changes nothing', async () => {
    const at = await scene({ dependencies: [dependency('numpy'), dependency('scipy')] })
    const [numpy, scipy] = [wheel('numpy'), wheel('scipy')]
    for (const each of [numpy, scipy]) at.upstream.add(each)
    await at.bucket.put(`v2/b/${scipy.file}`, bytesOf(scipy.bytes))
    const { plan, moved } = await at.run({ dryRun: true })
    assert.deepEqual(
      plan.files.map(({ file, targets }) => [file.name, targets.map(({ key, state }) => `${state} ${key}`)]),
      [
        [numpy.file, [`missing v2/a/${numpy.file}`, `missing v2/b/${numpy.file}`]],
        [scipy.file, [`missing v2/a/${scipy.file}`, `unproven v2/b/${scipy.file}`]],
      ],
    )
    assert.deepEqual([plan.downloads, plan.copies, plan.standing, plan.unproven], [2, 1, 0, 1])
    assert.deepEqual(moved, { downloads: 0, bytes: 0, copies: 0, companions: 0 })
    assert.deepEqual(await at.keys(), [`v2/b/${scipy.file}`])
    assert.deepEqual(at.spent(), { list: 1, get: 1 })
  })

  test('shows its plan before it writes, and writes nothing where that is not agreed to', async () => {
    const at = await scene({ dependencies: [dependency('numpy')] })
    at.upstream.add(wheel('numpy'))
    const no = new Fault('aborted', 'no')
    await assert.rejects(at.run({ agree: ({ downloads }) => Promise.reject(downloads === 1 ? no : new Error('other plan')) }), no)
    assert.deepEqual(await at.keys(), [])
    await at.run()
    await at.run({ agree: () => Promise.reject(new Error('asked for nothing')) })
  })

  test('copies what one prefix has already, without asking the upstream for it', async () => {
    const at = await scene({ dependencies: [dependency('numpy')] })
    const numpy = wheel('numpy')
    at.upstream.add(numpy)
    await at.bucket.put(`v2/b/${numpy.file}`, bytesOf(numpy.bytes))
    const { moved, plan } = await at.run()
    assert.deepEqual([moved.downloads, moved.copies, plan.standing], [0, 1, 1])
    assert.equal(at.upstream.count('.whl'), 0)
    assert.equal(digestOf(await at.bytesAt(`v2/a/${numpy.file}`)), numpy.digest)
    assert.deepEqual((await listNotes(at.context))[0]!.files.map(({ key }) => key).toSorted(), [`v2/a/${numpy.file}`, `v2/b/${numpy.file}`])
  })

  test('takes a package to a folder of its own below each prefix, where that is its target', async () => {
    const at = await scene({ dependencies: [dependency('numpy', { target: 'deps' })] })
    const numpy = wheel('numpy')
    at.upstream.add({ ...numpy, metadata: undefined })
    await at.run()
    assert.deepEqual(await at.keys(), [`v2/a/deps/${numpy.file}`, `v2/b/deps/${numpy.file}`])
  })

  test('takes the dependencies of one project, to one prefix, where that is asked for', async () => {
    const dependencies = [
      dependency('numpy', { projects: ['torch', 'jax'] }),
      dependency('scipy'),
      dependency('six', { projects: ['jax'] }),
    ]
    const at = await scene({ dependencies })
    for (const { name } of dependencies) at.upstream.add({ ...wheel(name), metadata: undefined })
    await at.run({ package: 'jax', prefixes: ['v2/b', 'v2/b'] })
    assert.deepEqual(await at.keys(), ['v2/b/numpy-1.0-py3-none-any.whl', 'v2/b/six-1.0-py3-none-any.whl'])
    for (const [asked, hint] of [
      [{ package: 'tensorflow' }, /there are jax, torch, and all/],
      [{ prefixes: [] }, /--prefix/],
    ] as const)
      await assert.rejects(at.run(asked), (error) => isFault(error, 'nothing-to-do') && hint.test(error.hint!))
  })

  test('takes each package from the upstream that it names', async () => {
    const other = await startFakeUpstream({ forms: 'html', login: 'ann:the-password' })
    closeLater(other)
    const named = { upstream: other.url.replace('//', '//ann:the-password@') }
    const at = await scene({ dependencies: [dependency('numpy', named), dependency('scipy')] })
    other.add(wheel('numpy'))
    other.add(wheel('scipy', '9.0'))
    at.upstream.add(wheel('scipy'))
    assert.deepEqual((await at.run()).failures, [])
    assert.deepEqual(
      await at.keys('v2/a'),
      ['numpy', 'scipy'].flatMap((name) => [`v2/a/${name}-1.0-py3-none-any.whl`, `v2/a/${name}-1.0-py3-none-any.whl.metadata`]),
    )
  })

  test('takes source distributions and provenance along, and says what is yanked', async () => {
    const at = await scene({ prefixes: ['v2'], dependencies: [dependency('numpy', { versions: ['1.0'], takesSources: true })] })
    const [numpy, source] = [wheel('numpy'), buildSdist({ name: 'numpy', version: '1.0' })]
    at.upstream.add(numpy, { provenance: '{"version": 1}', yanked: 'it was broken' })
    at.upstream.add(source)
    const { moved, failures } = await at.run()
    assert.deepEqual([moved.downloads, moved.companions, failures], [2, 2, []])
    assert.deepEqual(
      await at.keys(),
      [numpy.file, `${numpy.file}.metadata`, `${numpy.file}.provenance`, source.file].map((name) => `v2/${name}`),
    )
    const [note] = await listNotes(at.context)
    const noted = note!.files.find(({ key }) => key.endsWith('.whl'))!
    assert.deepEqual([noted.yanked, noted.provenance], ['it was broken', digestOf('{"version": 1}')])
    assert.ok(at.notes.some((text) => /numpy-1\.0-py3-none-any\.whl is yanked by the upstream \(it was broken\)/.test(text)))
  })
})

describe('what stands already', () => {
  test('with the same digest is left alone, whether a note, a generation or nobody knows of it', async () => {
    const at = await scene({ dependencies: [dependency('numpy')] })
    const numpy = wheel('numpy')
    at.upstream.add(numpy)
    await at.run()
    const again = async () => {
      const before = at.upstream.count('.whl')
      const spent = await metered(at.bucket, async (bucket) => {
        const { failures, plan } = await at.run({}, { bucket })
        assert.deepEqual([failures, plan.standing], [[], 2])
      })
      assert.equal(at.upstream.count('.whl'), before)
      return [spent.put + spent.copy, spent.head, spent.get]
    }
    assert.deepEqual(await again(), [0, 0, 0], 'a note knows of it')
    await publish(at.context, { prefixes: ['v2/a', 'v2/b'] })
    assert.deepEqual(await listNotes(at.context), [])
    assert.deepEqual(await again(), [0, 0, 0], 'a generation knows of it')
    assert.deepEqual(await listNotes(at.context), [])
  })

  test('and nobody knows what it is, is read once, and noted', async () => {
    const at = await scene({ dependencies: [dependency('numpy')] })
    const numpy = wheel('numpy')
    at.upstream.add({ ...numpy, metadata: undefined })
    for (const prefix of ['v2/a', 'v2/b']) await at.bucket.put(`${prefix}/${numpy.file}`, bytesOf(numpy.bytes))
    const first = await metered(at.bucket, async (bucket) => void (await at.run({}, { bucket })))
    assert.deepEqual([first.put, first.head, first.get, first.read], [0, 2, 2, 2 * numpy.bytes.byteLength])
    const second = await metered(at.bucket, async (bucket) => void (await at.run({}, { bucket })))
    assert.deepEqual([second.put, second.head, second.get], [0, 0, 0])
  })

  test('with other bytes stays, and is an error that shows both digests; everything else is done', async () => {
    const at = await scene({ dependencies: [dependency('numpy'), dependency('scipy')] })
    const [numpy, other] = [wheel('numpy'), wheel('numpy', '1.0', { seed: 2, size: 100 })]
    for (const each of [numpy, wheel('scipy')]) at.upstream.add({ ...each, metadata: undefined })
    await at.bucket.put(`v2/a/${numpy.file}`, bytesOf(other.bytes))
    const done = await at.run()
    assert.equal(done.failures.length, 1)
    const [{ what, code, reason } = assert.fail()] = done.failures
    assert.deepEqual([what, code], [`v2/a/${numpy.file}`, 'already-exists'])
    assert.ok(reason.includes(numpy.digest) && reason.includes(other.digest), reason)
    assert.equal(digestOf(await at.bytesAt(`v2/a/${numpy.file}`)), other.digest)
    assert.equal(digestOf(await at.bytesAt(`v2/b/${numpy.file}`)), numpy.digest)
    assert.equal((await at.keys()).length, 4)
  })
})
