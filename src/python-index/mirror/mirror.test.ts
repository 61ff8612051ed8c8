import assert from 'node:assert/strict'
import { afterEach, describe, test } from 'node:test'
import { type BuiltDistribution, buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { indexDesk, type IndexDesk } from '../../../test/fakes/index-desk.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { type FakeUpstream, type FakeUpstreamOptions, startFakeUpstream } from '../../../test/fakes/upstream.ts'
import { startHttpPeer } from '../../../test/faults/http-peer.ts'
import { createHttp, type HttpClient } from '../../kit/http/index.ts'
import { bytesOf, collect, digestOf, Fault, isFault } from '../../kit/index.ts'
import { createMeter, faultyStore, meteredStore, type ObjectStore, randomFaults } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import type { Dependency, IndexEnvironment } from '../environment.ts'
import { publish } from '../publish/publish.ts'
import { listNotes } from '../records/notes.ts'
import { mirror, type Mirrored, type MirrorOptions } from './mirror.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

interface Scene extends IndexDesk {
  readonly upstream: FakeUpstream
  readonly http: HttpClient
  readonly notes: string[]
  run(options?: Partial<MirrorOptions>, context?: Partial<IndexContext>): Promise<Mirrored>
  keys(start?: string): Promise<string[]>
  bytesAt(key: string): Promise<Uint8Array>
}

const dependency = (name: string, more: Partial<Dependency> = {}): Dependency => ({
  name,
  projects: ['torch'],
  versions: ['latest'],
  takesSources: false,
  ...more,
})

async function scene(environment: Partial<IndexEnvironment>, options?: FakeUpstreamOptions): Promise<Scene> {
  const upstream = await startFakeUpstream(options)
  const notes: string[] = []
  const report: IndexContext['report'] = (event) => void (event.kind === 'note' && notes.push(event.text))
  const http = createHttp({ clock: hastyClock(0), random: () => 0.5, userAgent: 'holdfast/test', report })
  open.push(upstream, http)
  const desk = indexDesk({ environment: { upstream: upstream.url, prefixes: ['v2/a', 'v2/b'], ...environment } })
  return {
    ...desk,
    upstream,
    http,
    notes,
    run: (more = {}, context = {}) => mirror({ ...desk.context, report, ...context }, http, { package: 'all', ...more }),
    async keys(start = '') {
      const keys: string[] = []
      for await (const { key } of desk.bucket.list(start)) keys.push(key)
      return keys
    },
    bytesAt: async (key) => await collect(await desk.bucket.get(key), 1 << 26),
  }
}

const wheel = (name: string, version = '1.0', more: object = {}) => buildWheel({ name, version, ...more })
const reasons = ({ failures }: Mirrored) => failures.map(({ project, what, code, reason }) => [project, what, code, reason])

async function metered(bucket: ObjectStore, work: (counted: ObjectStore) => Promise<unknown>) {
  const meter = createMeter()
  await work(meteredStore(bucket, meter))
  const { operations, bytes } = meter.snapshot()
  return { ...operations, read: bytes.read, written: bytes.written }
}

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
    open.push(other)
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

describe('an upstream that is wrong about one package', () => {
  /** All that goes wrong is with `bad`; `good` is always brought. */
  async function tried(
    prepare: (at: Scene, bad: BuiltDistribution) => void | Promise<void>,
    more: Partial<Dependency> = {},
    options?: FakeUpstreamOptions,
  ) {
    const at = await scene({ dependencies: [dependency('bad', more), dependency('good')] }, options)
    at.upstream.add(wheel('good'))
    await prepare(at, wheel('bad', '1.0', { size: 200_000 }))
    const done = await at.run()
    const keys = await at.keys('v2/a')
    assert.ok(keys.includes('v2/a/good-1.0-py3-none-any.whl'))
    assert.equal(done.failures.filter(({ project }) => project !== 'bad').length, 0)
    return { at, done, reasons: reasons(done), keys: keys.filter((key) => key.includes('bad')) }
  }
  const file = 'bad-1.0-py3-none-any.whl'

  test('and lies about a digest: both are told, and nothing is put', async () => {
    const lie = '0'.repeat(64)
    const { reasons: told, keys } = await tried((at, bad) => at.upstream.add(bad, { sha256: lie }))
    assert.deepEqual(keys, [])
    assert.deepEqual(told[0]!.slice(0, 3), ['bad', file, 'corrupt'])
    assert.match(told[0]![3]!, new RegExp(`expected sha256:${lie}, got sha256:[0-9a-f]{64}`))
  })

  test('and lies about a length', async () => {
    for (const forms of ['json', 'both'] as const) {
      const { reasons: told, keys } = await tried((at, bad) => at.upstream.add(bad, { size: 77 }), {}, { forms })
      assert.deepEqual([keys, told.map((each) => each.slice(0, 3))], [[], [['bad', file, 'corrupt']]])
      assert.match(told[0]![3]!, /promises 77 bytes of bad-1\.0-py3-none-any\.whl and sends \d+/)
    }
  })

  test('and has lost the file', async () => {
    const { reasons: told, keys } = await tried((at, bad) => at.upstream.add(bad, { isGone: true }))
    assert.deepEqual([keys, told.map((each) => each.slice(0, 3))], [[], [['bad', file, 'not-found']]])
  })

  test('and tells no digest', async () => {
    const { reasons: told, at } = await tried((each, bad) => each.upstream.add(bad, { sha256: 'none' }))
    assert.deepEqual(told, [['bad', file, 'unsupported', 'the upstream tells no SHA-256 of it: nothing could prove what comes']])
    assert.equal(at.upstream.count(file), 0)
  })

  test('and does not have it, or not that version', async () => {
    const { reasons: told } = await tried(() => undefined)
    assert.deepEqual(
      told.map((each) => each.slice(0, 3)),
      [['bad', '', 'not-found']],
    )
    const { reasons: version, keys } = await tried((at, bad) => at.upstream.add(bad), { versions: ['2.0', '1.0'] })
    assert.deepEqual(version, [['bad', '2.0', 'not-found', 'the upstream has no such version; its latest are 1.0']])
    assert.ok(keys.includes(`v2/a/${file}`))
  })

  test('and holds it in quarantine', async () => {
    const { reasons: told } = await tried((at, bad) => {
      at.upstream.add(bad)
      at.upstream.setStatus('bad', 'quarantined', 'malware')
    })
    assert.deepEqual(
      told.map((each) => each.slice(0, 3)),
      [['bad', '', 'denied']],
    )
    assert.match(told[0]![3]!, /in quarantine: malware/)
  })

  test('and answers with a page of somebody else, or none at all', async () => {
    const page = '{"meta":{"api-version":"1.0"},"name":"good","files":[]}'
    const { reasons: told } = await tried((at) => at.upstream.setPage('bad', 'application/vnd.pypi.simple.v1+json', page))
    assert.deepEqual(told, [['bad', '', 'corrupt', 'the page of bad says that it is of "good"']])
    const { reasons: none } = await tried((at) => at.upstream.setPage('bad', 'image/png', 'x'))
    assert.equal(none[0]![2], 'corrupt')
  })

  test('and has hostile names on its page, which are dropped and told', async () => {
    const page = `<a href="../../x/%2e%2e%2fbad-1.0.tar.gz#sha256=${'0'.repeat(64)}">x</a><a href="file:///etc/bad-2.0-py3-none-any.whl">y</a>`
    const { reasons: told, at } = await tried((each) => each.upstream.setPage('bad', 'text/html', page))
    assert.deepEqual(told, [['bad', 'latest', 'not-found', 'the upstream has no file of it']])
    assert.ok(
      at.notes.some((text) => /left out of the upstream's page of bad: .*cannot be the name of a file.*not one of the web/.test(text)),
    )
  })

  test('and is no upstream', async () => {
    const { reasons: told } = await tried(() => undefined, { upstream: 'file:///srv/simple' })
    assert.deepEqual(
      told.map((each) => each.slice(0, 3)),
      [['bad', '', 'invalid']],
    )
  })

  test('and lies about its metadata: the wheel is brought without', async () => {
    const { reasons: told, keys } = await tried((at, bad) => at.upstream.add(bad, { metadataSha256: '1'.repeat(64) }))
    assert.deepEqual(keys, [`v2/a/${file}`])
    assert.deepEqual(
      told.map((each) => each.slice(0, 3)),
      [['bad', `${file}.metadata`, 'corrupt']],
    )
  })

  test('and has provenance that is none', async () => {
    const { reasons: told, keys } = await tried((at, bad) => at.upstream.add(bad, { provenance: '[]' }))
    assert.deepEqual(keys, [`v2/a/${file}`, `v2/a/${file}.metadata`])
    assert.deepEqual(told, [['bad', `${file}.provenance`, 'corrupt', 'it is no JSON object']])
  })

  test('and is not let in by the environment', async () => {
    const at = await scene({ dependencies: [dependency('bad'), dependency('good')], allow: ['go*'] })
    for (const name of ['bad', 'good']) at.upstream.add(wheel(name))
    const done = await at.run()
    assert.deepEqual(reasons(done), [['bad', '', 'invalid', 'the environment does not let it in']])
    assert.equal(at.upstream.count('/bad/'), 0)
  })
})

describe('an upstream that is troubled', () => {
  async function behindPeer() {
    const at = await scene({ dependencies: [dependency('numpy'), dependency('scipy')] })
    const peer = await startHttpPeer(at.upstream.url.replace('/simple/', ''))
    open.push(peer)
    const through = { environment: { ...at.context.environment, upstream: `${peer.url}/simple/` } }
    const numpy = wheel('numpy', '1.0', { size: 3_000_000 })
    for (const each of [numpy, wheel('scipy')]) at.upstream.add({ ...each, metadata: undefined })
    return { at, peer, numpy, run: () => at.run({}, through) }
  }

  test('is waited for: errors, limits, broken connections and bodies cost no file', async () => {
    const { at, peer, numpy, run } = await behindPeer()
    void peer.plan(/simple\/numpy/, { status: 500 }, 2)
    void peer.plan(/simple\/scipy/, { cutAfter: 50 })
    void peer.plan(/files\/scipy/, { status: 429, headers: { 'retry-after': '30' } })
    void peer.plan(/files\/numpy/, 'lose-answer')
    void peer.plan(/files\/numpy/, { cutAfter: 1_000_000 })
    const { failures, moved } = await run()
    assert.deepEqual([failures, moved.downloads], [[], 2])
    assert.equal(digestOf(await at.bytesAt(`v2/b/${numpy.file}`)), numpy.digest)
    assert.ok(at.notes.some((text) => /429.*trying again in 30\.0 s/.test(text)))
    assert.ok(at.notes.some((text) => /broke off after 1000000 of \d+ bytes: trying again/.test(text)))
  })

  test('for good is a failure of its packages', async () => {
    const { at, peer, numpy, run } = await behindPeer()
    void peer.plan(/files\/numpy/, { status: 503 }, 5)
    void peer.plan(/simple\/scipy/, { status: 503 }, 5)
    const done = await run()
    assert.deepEqual(
      done.failures.map(({ project, what, code }) => [project, what, code]),
      [
        ['scipy', '', 'unavailable'],
        ['numpy', numpy.file, 'unavailable'],
      ],
    )
    assert.deepEqual(await at.keys(), [])
    assert.deepEqual((await run()).failures, [])
  })

  test('and cannot go on with a body that broke is asked for all of it again, three times', async () => {
    const content = buildWheel({ name: 'numpy', version: '1.0', size: 300_000 })
    let asked = 0
    const server = await startHttpServer((request, response) => {
      if (request.url === '/simple/numpy/') {
        response.setHeader('content-type', 'text/html')
        response.end(`<a href="/${content.file}#sha256=${content.digest.slice(7)}">x</a>`)
      } else {
        asked++
        response.writeHead(200, { 'content-length': content.bytes.byteLength })
        if (asked === 3) response.end(content.bytes)
        else response.write(content.bytes.subarray(0, 1000), () => response.destroy())
      }
    })
    open.push(server)
    const at = await scene({ upstream: server.url + '/simple', dependencies: [dependency('numpy')] })
    assert.deepEqual((await at.run()).failures, [])
    assert.equal(asked, 3)
    assert.equal(digestOf(await at.bytesAt(`v2/b/${content.file}`)), content.digest)
    asked = 3
    for await (const { key } of at.bucket.list('')) await at.bucket.delete(key)
    const { failures } = await at.run()
    assert.equal(asked, 6)
    assert.match(failures[0]!.reason, /broke off after 1000 of \d+ bytes/)
  })

  test('may have its files at another origin', async () => {
    const at = await scene({ dependencies: [dependency('numpy')] }, { login: 'ann:the-password' })
    const numpy = wheel('numpy')
    const seen: (string | undefined)[] = []
    const elsewhere = await startHttpServer(({ headers }, response) => {
      seen.push(headers.authorization)
      response.end(numpy.bytes)
    })
    open.push(elsewhere)
    at.upstream.add({ ...numpy, metadata: undefined }, { movedTo: `${elsewhere.url}/cdn/x` })
    const environment = { ...at.context.environment, upstream: at.upstream.url.replace('//', '//ann:the-password@') }
    assert.deepEqual((await at.run({}, { environment })).failures, [])
    assert.deepEqual(seen, [undefined])
  })
})

describe('a mirror that is stopped', () => {
  const names = Array.from({ length: 30 }, (_, index) => `package-${index}`)
  const prefixes = ['v2/a', 'v2/b', 'v2/c']

  async function filled() {
    const at = await scene({ prefixes, dependencies: names.map((name) => dependency(name)) })
    for (const name of names) at.upstream.add({ ...wheel(name), metadata: undefined })
    return at
  }
  const stoppingAfter = (bucket: ObjectStore, puts: number, stop: () => void): ObjectStore => ({
    ...bucket,
    async put(key, body, options) {
      if (puts-- === 0) stop()
      return await bucket.put(key, body, options)
    },
  })

  test('by a signal keeps in mind what it has brought, and the next one brings the rest alone', async () => {
    const at = await filled()
    const stop = new AbortController()
    const bucket = stoppingAfter(at.bucket, 12, () => stop.abort())
    await assert.rejects(at.run({}, { bucket, signal: stop.signal }), (error) => isFault(error, 'aborted'))
    const [note] = await listNotes(at.context)
    assert.ok(note!.files.length > 0)
    const there = new Set((await at.keys()).map((key) => key.split('/').at(-1)))
    const before = at.upstream.requests.length
    const { failures, moved } = await at.run()
    assert.deepEqual(failures, [])
    assert.equal(moved.downloads, 30 - there.size)
    const again = at.upstream.requests.slice(before).map((line) => line.split('/').at(-1)!)
    assert.deepEqual(
      again.filter((file) => there.has(file)),
      [],
    )
    assert.equal((await at.keys()).length, 90)
  })

  test('with nothing left behind is gone on with all the same: what stands is looked at, and not fetched again', async () => {
    const at = await filled()
    const stop = new AbortController()
    const bucket = stoppingAfter(at.bucket, 12, () => stop.abort())
    await assert.rejects(at.run({}, { bucket, signal: stop.signal }))
    for await (const { key } of at.store.list('facts/')) await at.store.delete(key)
    const there = new Set((await at.keys()).map((key) => key.split('/').at(-1)))
    const { moved } = await at.run()
    assert.equal(moved.downloads, 30 - there.size)
    const [note] = await listNotes(at.context)
    assert.equal(note!.files.length, 90)
  })

  test('by a bucket that fails says what it is, and no package is blamed', async () => {
    const at = await filled()
    const full: ObjectStore = { ...at.bucket, put: async () => Promise.reject(new Fault('denied', 'the bucket is read-only')) }
    await assert.rejects(at.run({}, { bucket: full }), (error) => isFault(error, 'denied') && /read-only/.test(error.message))
    assert.deepEqual(await listNotes(at.context), [])
  })

  test(`again and again, by a bucket that fails at random, ends with everything right (seed ${testSeed})`, async () => {
    const random = seededRandom(testSeed)
    const at = await filled()
    const clock = hastyClock(0)
    for (let round = 0; ; round++) {
      const rate = round < 12 ? 0.1 : 0
      const bucket = faultyStore(at.bucket, randomFaults({ random, rate, faults: ['error-before', 'error-after'] }), clock)
      try {
        const { failures } = await at.run({}, { bucket })
        assert.deepEqual(failures, [])
        break
      } catch (error) {
        assert.ok(isFault(error, 'unavailable'), String(error))
      }
    }
    const wanted = names.flatMap((name) => prefixes.map((prefix) => `${prefix}/${wheel(name).file}`)).toSorted()
    assert.deepEqual((await at.keys()).toSorted(), wanted)
    for (const name of names) assert.equal(digestOf(await at.bytesAt(`v2/c/${wheel(name).file}`)), wheel(name).digest)
    const noted = new Set((await listNotes(at.context)).flatMap(({ files }) => files.map(({ key }) => key)))
    assert.equal(noted.size, 90)
  })
})
