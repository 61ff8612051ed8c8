import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type BuiltDistribution, buildWheel } from '../../../test/fakes/distributions.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { type FakeUpstreamOptions } from '../../../test/fakes/upstream.ts'
import { startHttpPeer } from '../../../test/faults/http-peer.ts'
import { digestOf, Fault, isFault } from '../../kit/index.ts'
import { faultyStore, type ObjectStore, randomFaults } from '../../store/index.ts'
import type { Dependency } from '../environment.ts'
import { listNotes } from '../records/notes.ts'
import { closeLater, dependency, reasons, type Scene, scene, wheel } from '../../../test/fakes/mirror-scene.ts'

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
    closeLater(peer)
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
    closeLater(server)
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
    closeLater(elsewhere)
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
