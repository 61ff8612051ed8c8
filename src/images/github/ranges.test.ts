import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { githubDesks } from '../../../test/fakes/github/desk.ts'
import type { ArtifactScene } from '../../../test/fakes/github/scene.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { refusal, spoilt, storageRefusal } from '../../../test/fakes/github/trouble.ts'
import { asFault, collect, digestOf } from '../../kit/index.ts'
import { readAhead } from '../../kit/zip/index.ts'

const { scene, desk } = githubDesks()
const content = randomBytes(3_000_000)

async function opened(
  artifact: Partial<ArtifactScene> = {},
  options: Parameters<typeof scene>[0] = {},
  more: Parameters<typeof desk>[1] = {},
) {
  const stand = await scene({ runs: [{ tag: 'x', artifacts: [{ content, digest: digestOf(content), ...artifact }] }], ...options })
  const made = desk(stand, more)
  const [run] = await made.github.runs({ limit: 1 })
  const [only] = await made.github.artifacts(run!)
  return { stand, ...made, artifact: only!, source: await made.github.openArtifact(only!) }
}

async function part(source: Awaited<ReturnType<typeof opened>>['source'], start: number, end: number): Promise<Buffer> {
  return Buffer.from(await collect(await source.read(start, end), 1 << 24))
}

describe('an artifact', () => {
  test('says its name, size and digest', async () => {
    const { artifact, source } = await opened()
    assert.equal(artifact.size, content.byteLength)
    assert.equal(artifact.digest, digestOf(content))
    assert.equal(artifact.isExpired, false)
    assert.equal(source.size, content.byteLength)
    assert.equal((await opened({ name: 'other', digest: undefined as never })).artifact.digest, undefined)
  })
  test('is read in any part', async () => {
    const { source } = await opened()
    for (const [start, end] of [
      [0, content.byteLength],
      [0, 1],
      [content.byteLength - 22, content.byteLength],
      [1_234_567, 2_345_678],
      [5, 5],
    ] as const)
      assert.deepEqual(await part(source, start, end), content.subarray(start, end))
  })
  test('that has expired is refused with the day', async () => {
    const stand = await scene({ runs: [{ artifacts: [{ content, isExpired: true }], createdAt: Date.UTC(2026, 0, 1) }] })
    const { github } = desk(stand)
    const [run] = await github.runs({ limit: 1 })
    const [artifact] = await github.artifacts(run!)
    await faultOf(github.openArtifact(artifact!), 'not-found', /^the artifact presto-images-\d+ of run \d+ has expired on 2026-04-01/)
  })
  test('that GitHub has deleted since is no longer there', async () => {
    const { stand, github, artifact } = await opened()
    stand.trouble(refusal(410, 'Artifact has expired'))
    await faultOf(github.openArtifact(artifact), 'not-found', /GitHub has deleted it/)
  })
  test('of a run is one of several, all pages of them', async () => {
    const artifacts = Array.from({ length: 120 }, (_, at) => ({ name: `a${at}`, content: 'x' }))
    const { github } = desk(await scene({ runs: [{ artifacts }] }))
    const [run] = await github.runs({ limit: 1 })
    assert.deepEqual((await github.artifacts(run!)).map(({ name }) => name).toSorted(), artifacts.map(({ name }) => name).toSorted())
  })
})

describe('addresses of a storage', () => {
  test('that have expired are renewed, once for all who read', async () => {
    const { stand, source, github } = await opened()
    stand.storage.expireAll()
    const before = github.requests()
    const [first, second] = await Promise.all([part(source, 0, 1_000_000), part(source, 1_000_000, 2_000_000)])
    assert.deepEqual(Buffer.concat([first, second]), content.subarray(0, 2_000_000))
    assert.equal(github.requests(), before + 1)
  })
  test('that expire in the middle of a part are renewed, and the part goes on where it was', async () => {
    const { stand, source } = await opened()
    stand.trouble(spoilt({ cutAfter: 700_000 }))
    stand.trouble(storageRefusal(404))
    assert.deepEqual(await part(source, 100, 2_000_100), content.subarray(100, 2_000_100))
    assert.ok(stand.storage.sentBytes <= 2_000_001)
  })
  test('that are good for two requests each carry a whole artifact', async () => {
    const { source, github, stand } = await opened({}, { urlUses: 2 })
    const whole = readAhead(source, { start: 0, end: source.size, parts: 3, partBytes: 300_000 })
    assert.equal(digestOf(await collect(whole, 1 << 24)), digestOf(content))
    assert.ok(github.requests() >= 6)
    assert.ok(stand.storage.sentBytes <= content.byteLength + 1)
  })
  test('that GitHub could not give are asked for again by who reads next', async () => {
    const { stand, source } = await opened()
    stand.storage.expireAll()
    stand.trouble(refusal(403, 'no', {}))
    await faultOf(part(source, 0, 10), 'denied', /the token lacks actions:read/)
    assert.deepEqual(await part(source, 0, 10), content.subarray(0, 10))
  })
  test('that are refused one after another end it', async () => {
    const { stand, source } = await opened()
    stand.trouble(storageRefusal(403, { times: 3 }))
    await faultOf(part(source, 0, 10), 'denied', /refuses address after address, with 403/)
  })
  test('are never told the token', async () => {
    const { stand, source } = await opened()
    await part(source, 0, 10)
    assert.deepEqual(stand.offences, [])
    // What would tell, if it were.
    const leak = await fetch(stand.storage.url, { headers: { authorization: 'Bearer x' } })
    assert.equal(leak.status, 400)
    assert.match(stand.offences.splice(0).join(), /the storage was sent a credential/)
  })
})

describe('a part', () => {
  test('that breaks off goes on, as often as it gets on', async () => {
    const { stand, source, notes } = await opened()
    for (let at = 0; at < 8; at++) stand.trouble(spoilt({ cutAfter: 100_000 }))
    assert.deepEqual(await part(source, 0, 1_000_000), content.subarray(0, 1_000_000))
    assert.match(notes.join('\n'), /broke off.*going on in/)
  })
  test('that brings no byte five times ends it', async () => {
    const { stand, source } = await opened()
    stand.trouble(spoilt({ cutAfter: 0 }, { times: 5 }))
    await faultOf(part(source, 0, 1000), 'unavailable', /broke off/)
  })
  test('that the server calls another is refused', async () => {
    for (const contentRange of ['bytes 0-9/3000000', 'bytes 10-19/4000000', 'bytes */3000000', 'x'.repeat(5000)]) {
      const { stand, source } = await opened()
      stand.trouble(spoilt({ contentRange }))
      await faultOf(part(source, 10, 20), 'corrupt', /asked for the bytes 10-19 of 3000000/)
    }
  })
  test('of a server that knows no parts is refused, unless it is the whole', async () => {
    const { stand, source } = await opened()
    stand.trouble(spoilt({ ignoresRange: true }), spoilt({ ignoresRange: true }))
    await faultOf(part(source, 10, 20), 'unsupported', /gives no parts/)
    assert.deepEqual(await part(source, 0, source.size), content)
  })
  test('of other content than before is refused', async () => {
    const { stand, source } = await opened()
    stand.trouble(spoilt({ etag: '"another"' }))
    await faultOf(part(source, 0, 10), 'precondition', /has changed while it was read/)
  })
  test('is waited for where the storage is overloaded', async () => {
    const { stand, source, clock } = await opened()
    const before = clock.now()
    stand.trouble(storageRefusal(503, {}, { 'retry-after': '7' }))
    assert.deepEqual(await part(source, 0, 10), content.subarray(0, 10))
    assert.equal(clock.now() - before, 7000)
  })
  test('can be left in the middle, and stops when it is told to', async () => {
    const { source } = await opened()
    for await (const piece of await source.read(0, source.size)) {
      assert.ok(piece.byteLength > 0)
      break
    }
    const stop = new AbortController()
    const work = (async () => {
      for await (const _ of await source.read(0, source.size, { signal: stop.signal })) stop.abort()
    })()
    await faultOf(work, 'aborted', /stopped/)
  })
  test('comes from a redirect, but never away from https', async () => {
    const { stand, github, artifact } = await opened()
    stand.trouble({
      where: 'storage',
      times: 11,
      answer: (request, response) => void response.writeHead(302, { location: request.url! }).end(),
    })
    await faultOf(github.openArtifact(artifact), 'invalid', /redirected more than/)
  })
})

describe('whatever the storage does', () => {
  test('an artifact is read right, or it is said that it cannot be', async () => {
    const random = seededRandom(testSeed)
    const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)]!
    let whole = 0
    for (let round = 0; round < 40; round++) {
      const { stand, source } = await opened({}, { urlUses: pick([2, 5, Infinity]) })
      for (let planned = Math.floor(random() * 6); planned > 0; planned--) {
        const cutAfter = Math.floor(random() * 500_000)
        stand.trouble(
          pick([
            spoilt({ cutAfter }),
            spoilt({ cutAfter }),
            storageRefusal(pick([401, 403, 404, 410])),
            storageRefusal(pick([500, 502, 503, 429]), {}, { 'retry-after': '2' }),
            spoilt({ contentRange: 'bytes 7-9/10' }),
            spoilt({ ignoresRange: true }),
            spoilt({ etag: '"another"' }),
          ]),
        )
      }
      const read = collect(
        readAhead(source, { start: 0, end: source.size, parts: pick([1, 3, 4]), partBytes: pick([200_000, 1 << 20]) }),
        1 << 24,
      )
      const result = await read.then(
        (bytes) => digestOf(bytes),
        (error: unknown) => asFault(error).code,
      )
      if (result === digestOf(content)) whole++
      else assert.ok(['corrupt', 'unsupported', 'precondition', 'denied'].includes(result), `${result}, seed ${testSeed}`)
      // What was left over when it ended was not met.
      stand.forgetTroubles()
    }
    assert.ok(whole > 5, `${whole} of 40 were read whole, seed ${testSeed}`)
  })
})
