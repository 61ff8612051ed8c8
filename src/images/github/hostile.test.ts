import assert from 'node:assert/strict'
import { readdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { githubDesks } from '../../../test/fakes/github/desk.ts'
import { buildLog } from '../../../test/fakes/github/scene.ts'
import { apiAnswer, spoilt, storageRefusal } from '../../../test/fakes/github/trouble.ts'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { asFault, isFault } from '../../kit/index.ts'

const { scene, desk } = githubDesks()
const scratch = scratchDirectory()
const tag = 'presto-a-velox-b-linux-amd64'
const json = { 'content-type': 'application/json' }

async function* endless(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  for (;;) yield await Promise.resolve(piece)
}

describe('an answer of the API', () => {
  test('that is no JSON, or not what was asked for, is refused with the place', async () => {
    for (const body of [
      '<html>',
      '{"workflow_runs": 7}',
      '{"workflow_runs": [{"id": "7"}]}',
      '{"workflow_runs": [{"id": 9007199254740993}]}',
      'null',
      '[]',
      '',
      '{"__proto__": {"workflow_runs": []}}',
      `{"workflow_runs": [${'{},'.repeat(200)}{}]}`,
    ]) {
      const stand = await scene({ runs: [{}] })
      stand.trouble(apiAnswer(200, json, body))
      const fault = await faultOf(desk(stand).github.runs({ limit: 5 }), 'corrupt', /unexpected content|not valid/)
      assert.match(fault.at ?? '', /\/repos\/rapidsai\/velox-testing\/actions\/workflows\/presto-build-images\.yml\/runs/)
    }
  })
  test('without end is cut off at its limit', async () => {
    const stand = await scene({ runs: [{}] })
    stand.trouble(apiAnswer(200, json, endless(Buffer.alloc(1 << 20, ' '))))
    await faultOf(desk(stand).github.runs({ limit: 5 }), 'corrupt', /larger than its limit of 33554432 bytes/)
  })
  test('that claims nothing has changed, where nothing was known, is refused', async () => {
    const stand = await scene({ runs: [{}] })
    stand.trouble(apiAnswer(304, {}, ''))
    await faultOf(desk(stand).github.runs({ limit: 5 }), 'corrupt', /answered with 304, which nobody asked for/)
  })
  test('that refuses with numbers beyond those of JavaScript is refused itself', async () => {
    const stand = await scene({ runs: [{}] })
    stand.trouble(apiAnswer(400, json, '{"errors": [9007199254740993]}'))
    await faultOf(desk(stand).github.runs({ limit: 5 }), 'corrupt', /an answer that cannot be read/)
  })
  test('with other runs than were asked for does no harm', async () => {
    const stand = await scene({ runs: [{}] })
    stand.trouble(apiAnswer(200, json, '{"workflow_runs": []}'))
    assert.deepEqual(await desk(stand).github.runs({ limit: 5 }), [])
  })
  test('whatever it is, is read or refused', async () => {
    const stand = await scene({ runs: [{}] })
    const { github } = desk(stand)
    const strange = fc.oneof(
      fc.json(),
      fc.string({ unit: 'binary', maxLength: 50 }),
      fc.json().map((value) => `{"workflow_runs":[${value}]}`),
    )
    const header = fc.constantFrom('application/json', 'text/plain', 'x', 'application/json; charset=latin1', ';;;')
    await fc.assert(
      fc.asyncProperty(strange, header, fc.constantFrom(200, 201, 206, 299, 400, 404, 418, 422), async (body, type, status) => {
        stand.trouble(apiAnswer(status, { 'content-type': type }, body))
        try {
          await github.runs({ limit: 5, branch: body })
        } catch (error) {
          assert.ok(isFault(error), String(error))
          assert.ok(['corrupt', 'invalid', 'not-found', 'denied'].includes(error.code), `${error.code}: ${error.message}`)
        }
      }),
      { numRuns: 60 },
    )
  })
  test('that sends us around in a circle is left', async () => {
    const stand = await scene({ runs: [{}] })
    stand.trouble({
      where: 'api',
      times: 11,
      answer: (request, response) => void response.writeHead(301, { location: request.url! }).end(),
    })
    await faultOf(desk(stand).github.runs({ limit: 5 }), 'invalid', /redirected more than/)
  })
  test('that sends us elsewhere is followed without the token', async () => {
    const seen: (string | undefined)[] = []
    const elsewhere = await startHttpServer((request, response) => {
      seen.push(request.headers.authorization)
      response.writeHead(200, json).end('{"workflow_runs": []}')
    })
    const stand = await scene({ runs: [{}] })
    stand.trouble({ where: 'api', answer: (_, response) => void response.writeHead(301, { location: `${elsewhere.url}/x` }).end() })
    assert.deepEqual(await desk(stand).github.runs({ limit: 5 }), [])
    assert.deepEqual(seen, [undefined])
    await elsewhere.close()
  })
  test('about an artifact without an address, or with one of another kind, is refused', async () => {
    for (const location of ['', 'file:///etc/passwd', 'not a url', 'ftp://x/y']) {
      const stand = await scene({ runs: [{ artifacts: [{ content: 'x' }] }] })
      const { github } = desk(stand)
      const [run] = await github.runs({ limit: 1 })
      const [artifact] = await github.artifacts(run!)
      stand.trouble(apiAnswer(302, location === '' ? {} : { location }, ''))
      await faultOf(github.openArtifact(artifact!), 'corrupt', /answered with 302 and no address/)
    }
  })
  test('with the digest of an artifact that is none is refused', async () => {
    const stand = await scene({ runs: [{ artifacts: [{ content: 'x' }] }] })
    const { github } = desk(stand)
    const [run] = await github.runs({ limit: 1 })
    const one = { id: 1, name: 'x', size_in_bytes: 1, digest: 'sha256:../../x', expired: false, expires_at: null }
    stand.trouble(apiAnswer(200, json, JSON.stringify({ total_count: 1, artifacts: [one] })))
    await faultOf(github.artifacts(run!), 'corrupt', /unexpected content at artifacts\.0\.digest/)
  })
})

describe('a log', () => {
  async function ofLog(log: Parameters<typeof buildLog>[1] | { pieces: () => AsyncIterable<Uint8Array> } | string) {
    const content = Array.isArray(log) ? buildLog(undefined, log) : (log as string)
    const stand = await scene({ runs: [{ jobs: [{ name: 'build', log: content }] }] })
    const made = desk(stand)
    const [run] = await made.github.runs({ limit: 1 })
    return { stand, ...made, run: run! }
  }
  test('without end is left at its limit, and the run is asked again the next time', async () => {
    const { github, run, stand } = await ofLog({ pieces: () => endless(Buffer.alloc(1 << 20, 'x\n')) })
    await faultOf(github.metadata(run), 'corrupt', /the log of the job "build" of run \d+ is larger than its limit of 268435456 bytes/)
    stand.runs[0]!.scene = { ...stand.runs[0]!.scene, jobs: undefined as never, tag }
    assert.equal((await github.metadata(run))?.tag, tag)
  })
  test('is read no further than its block', async () => {
    const block = Buffer.from(buildLog({ ...required, 'Image tag': tag }))
    let given = 0
    const { github, run } = await ofLog({
      async *pieces() {
        yield block
        for (; given < 1000; given++) yield await Promise.resolve(Buffer.alloc(1 << 20, 'x'))
      },
    })
    assert.equal((await github.metadata(run))?.tag, tag)
    assert.ok(given < 100, `${given} MiB were sent`)
  })
  test('that breaks off, or whose address has expired, is read again from a new one', async () => {
    const { github, run, stand } = await ofLog(buildLog({ ...required, 'Image tag': tag }))
    stand.trouble(storageRefusal(403), spoilt({ cutAfter: 100, etag: 'W/"weak"' }))
    assert.equal((await github.metadata(run))?.tag, tag)
  })
  test('that is not there is none, and asked for again only while it may yet come', async () => {
    const young = await scene({ runs: [{ jobs: [{ name: 'build' }], createdAt: Date.UTC(2026, 4, 31, 23, 30) }] })
    const one = desk(young)
    const [run] = await one.github.runs({ limit: 1 })
    assert.equal(await one.github.metadata(run!), undefined)
    young.runs[0]!.scene = { ...young.runs[0]!.scene, jobs: undefined as never, tag }
    assert.equal((await one.github.metadata(run!))?.tag, tag)
    const old = await scene({ runs: [{ jobs: [{ name: 'build' }], createdAt: Date.UTC(2026, 0, 1) }] })
    const two = desk(old)
    const [gone] = await two.github.runs({ limit: 1 })
    assert.equal(await two.github.metadata(gone!), undefined)
    const asked = two.github.requests()
    assert.equal(await two.github.metadata(gone!), undefined)
    assert.equal(two.github.requests(), asked)
  })
  test('of the job that had the block the last time is read first', async () => {
    const log = buildLog({ ...required, 'Image tag': tag })
    const jobs = [
      { name: 'a', log: 'nothing\n' },
      { name: 'b', log: 'nothing\n' },
      { name: 'z', log },
    ]
    const stand = await scene({ runs: [{ jobs }, { jobs }] })
    const { github } = desk(stand)
    const [second, first] = await github.runs({ limit: 2 })
    assert.equal((await github.metadata(first!))?.tag, tag)
    const before = stand.storage.requests.length
    assert.equal((await github.metadata(second!))?.tag, tag)
    assert.equal(stand.storage.requests.length, before + 1)
  })
})

describe('what is remembered', () => {
  test('and damaged is asked for again', async () => {
    const stand = await scene({ runs: [{ tag }] })
    const cacheDir = path.join(scratch, 'damaged')
    const [run] = await desk(stand, { cacheDir }).github.runs({ limit: 1 })
    await desk(stand, { cacheDir }).github.metadata(run!)
    const files = readdirSync(cacheDir, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    assert.equal(files.length, 3)
    for (const content of ['', '{', '{"format":2}', '\u0000', 'null']) {
      for (const { parentPath, name } of files) writeFileSync(path.join(parentPath, name), content)
      const { github } = desk(stand, { cacheDir })
      assert.equal((await github.runs({ limit: 1 })).length, 1)
      assert.equal((await github.metadata(run!))?.tag, tag)
      assert.equal(github.requests(), 3)
    }
  })
  test('holds no token, and is of one repository, workflow and server', async () => {
    const stand = await scene({ runs: [{ tag }] })
    const cacheDir = path.join(scratch, 'places')
    const [run] = await desk(stand, { cacheDir }).github.runs({ limit: 1 })
    await desk(stand, { cacheDir }).github.metadata(run!)
    const { readFileSync } = await import('node:fs')
    for (const entry of readdirSync(cacheDir, { recursive: true, withFileTypes: true }))
      if (entry.isFile()) assert.doesNotMatch(readFileSync(path.join(entry.parentPath, entry.name), 'utf8'), new RegExp(stand.token))
    const other = await scene({ runs: [{ tag: 'other' }] })
    assert.equal((await desk(other, { cacheDir }).github.metadata(run!))?.tag, 'other')
    const keys = { keys: ['Image tag'], required: ['Image tag'], tag: 'Image tag', platform: 'x' }
    assert.deepEqual((await desk(stand, { cacheDir, metadata: keys }).github.metadata(run!))?.fields, { 'Image tag': tag })
  })
  test('that cannot be kept is told', async () => {
    const stand = await scene({ runs: [{ tag }] })
    const cacheDir = path.join(scratch, 'a-file')
    writeFileSync(cacheDir, '')
    const error = await desk(stand, { cacheDir })
      .github.runs({ limit: 1 })
      .catch((thrown: unknown) => thrown)
    assert.equal(asFault(error).code, 'invalid')
  })
})

describe('names', () => {
  test('that are no repository, workflow or encrypted API are refused before anyone is asked', async () => {
    const stand = await scene()
    for (const more of [
      { repo: 'a' },
      { repo: 'a/b/c' },
      { repo: '../b' },
      { repo: 'a/..' },
      { repo: 'a/b?x' },
      { workflow: '' },
      { workflow: 'x/' },
      { api: 'http://github.example.com' },
      { api: 'x' },
    ])
      assert.throws(() => desk(stand, more), { code: 'invalid' }, JSON.stringify(more))
    assert.deepEqual(stand.requests, [])
  })
  test('of branches and workflows stay what they are in an address', async () => {
    const stand = await scene({ runs: [{ branch: 'a&status=failure#?/../x y' }] })
    assert.equal((await desk(stand).github.runs({ limit: 5, branch: 'a&status=failure#?/../x y' })).length, 1)
    await faultOf(desk(stand, { workflow: '../runs' }).github.runs({ limit: 5 }), 'not-found', /GitHub has none/)
    await faultOf(desk(stand, { workflow: 'a%2F..?x.yml' }).github.runs({ limit: 5 }), 'not-found', /GitHub has none/)
  })
})

const required = {
  'Presto ref': 'a',
  'Velox ref': 'b',
  'Target platform': 'linux/amd64',
  'Worker bundle mode': 'all',
}
