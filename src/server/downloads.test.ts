import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { sayRaw } from '../../test/fakes/say-raw.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'

const scratch = scratchDirectory()
const place = '/releases/rcclx/6.4'
const file = 'librcclx-dev.a'

function bytesOfSeed(seed: number, size: number): Uint8Array<ArrayBuffer> {
  const random = seededRandom(seed)
  return Uint8Array.from({ length: size }, () => Math.floor(random() * 256))
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest()

async function bytesOf(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer())
}

describe('a release over HTTP', () => {
  const first = bytesOfSeed(1, 300_000)
  const second = bytesOfSeed(2, 2_500_000)
  let desk: ServerDesk
  /** The release that is not stable. */
  let other = ''
  before(async () => {
    desk = await serverDesk(scratch)
    for (const content of [first, second]) {
      desk.build(content)
      assert.equal((await desk.holdfast('release create rcclx --variant 6.4 --no-build --yes')).exit, 0)
    }
  })
  after(() => desk.close())

  it('comes whole, under its digest, as a file to keep', async () => {
    const response = await desk.get(`${place}/stable/${file}`)
    assert.equal(response.status, 200)
    assert.deepEqual(await bytesOf(response), Buffer.from(second))
    const { headers } = response
    assert.equal(headers.get('content-length'), String(second.byteLength))
    assert.equal(headers.get('etag'), `"${sha256(second).toString('hex')}"`)
    assert.equal(headers.get('repr-digest'), `sha-256=:${sha256(second).toString('base64')}:`)
    assert.equal(headers.get('digest'), `SHA-256=${sha256(second).toString('base64')}`)
    assert.equal(headers.get('content-disposition'), `attachment; filename="${file}"`)
    assert.equal(headers.get('x-content-type-options'), 'nosniff')
    assert.equal(headers.get('last-modified'), null)
  })

  it('is found by channel, as latest, by the time of an archive, by id and as of a time', async () => {
    const digestAt = async (target: string) => {
      const response = await desk.get(target)
      assert.equal(
        response.status,
        200,
        `${target}: ${await response
          .clone()
          .text()
          .catch(() => '')}`,
      )
      return sha256(await bytesOf(response)).toString('hex')
    }
    const [one, two] = [sha256(first).toString('hex'), sha256(second).toString('hex')]
    assert.equal(await digestAt(`${place}/latest/${file}`), two)
    assert.equal(await digestAt(`${place}/last-stable/${file}`), one)
    assert.equal(await digestAt(`${place}/last_stable/${file}`), one)
    const { items } = (await (await desk.get('/api/v1/releases/rcclx/history')).json()) as { items: { at: string }[] }
    assert.equal(await digestAt(`${place}/stable/${file}?as-of=${encodeURIComponent(items[1]!.at)}`), one)
    const { id } = (await (await desk.get(`/api/v1${place}/last-stable`)).json()) as { id: string }
    other = id
    assert.equal(await digestAt(`${place}/${id}/${file}`), one)
    assert.equal(await digestAt(`${place}/${id.slice(7, 19)}/${file}`), one)
    assert.equal((await desk.holdfast('release rollback rcclx --variant 6.4 --yes')).exit, 0)
    desk.time.ahead += 1_500
    const list = (await (await desk.get('/api/v1/releases/rcclx/list')).json()) as { items: { archived?: { at: string } }[] }
    const archive = list.items.find(({ archived }) => archived !== undefined)!.archived!.at
    const response = await desk.get(`${place}/archives/${archive}/${file}`)
    assert.match(response.headers.get('cache-control') ?? '', /immutable/)
    assert.equal(sha256(await bytesOf(response)).toString('hex'), two)
    assert.equal(await digestAt(`${place}/latest/${file}`), one)
    assert.equal((await desk.holdfast(`release rollback rcclx --variant 6.4 --to ${archive} --yes`)).exit, 0)
    desk.time.ahead += 1_500
  })

  it('is not sent to who has it, and a channel that moved is', async () => {
    const etag = (await desk.get(`${place}/stable/${file}`)).headers.get('etag')!
    const held = await desk.get(`${place}/stable/${file}`, { 'if-none-match': `"x", W/${etag}` })
    assert.deepEqual([held.status, (await bytesOf(held)).byteLength, held.headers.get('etag')], [304, 0, etag])
    assert.equal((await desk.get(`${place}/${other}/${file}`, { 'if-none-match': etag })).status, 200)
    assert.match(held.headers.get('cache-control') ?? '', /no-cache/)
  })

  it('gives any range of it, byte for byte', async () => {
    const range = fc.tuple(fc.nat({ max: second.byteLength - 1 }), fc.nat({ max: 200_000 }))
    await fc.assert(
      fc.asyncProperty(range, async ([start, more]) => {
        const response = await desk.get(`${place}/stable/${file}`, { range: `bytes=${start}-${start + more}` })
        const end = Math.min(start + more + 1, second.byteLength)
        assert.equal(response.status, 206)
        assert.equal(response.headers.get('content-range'), `bytes ${start}-${end - 1}/${second.byteLength}`)
        assert.deepEqual(await bytesOf(response), Buffer.from(second.subarray(start, end)))
      }),
      { numRuns: 40, seed: testSeed },
    )
  })

  it('gives a range only of the version that was begun, and refuses one past its end', async () => {
    const etag = (await desk.get(`${place}/stable/${file}`)).headers.get('etag')!
    const ask = async (condition: string) =>
      (await desk.get(`${place}/stable/${file}`, { range: 'bytes=5-9', 'if-range': condition })).status
    assert.equal(await ask(etag), 206)
    assert.equal(await ask('"another"'), 200)
    const past = await desk.get(`${place}/stable/${file}`, { range: `bytes=${second.byteLength}-` })
    assert.deepEqual([past.status, past.headers.get('content-range')], [416, `bytes */${second.byteLength}`])
  })

  it('answers HEAD with the same headers and no byte', async () => {
    const whole = await desk.get(`${place}/stable/${file}`)
    await whole.arrayBuffer()
    const head = await fetch(`${desk.url}${place}/stable/${file}`, { method: 'HEAD' })
    const facts = ({ headers }: Response) => ['etag', 'content-length', 'repr-digest', 'content-type'].map((name) => headers.get(name))
    assert.deepEqual([head.status, facts(head), (await bytesOf(head)).byteLength], [200, facts(whole), 0])
  })

  it('lists its files, and says plainly what is not there', async () => {
    const list = (await (await desk.get(`${place}/stable/`)).json()) as { files: { path: string; size: number }[] }
    assert.deepEqual(
      list.files.map(({ path: name, size }) => [name, size]),
      [[file, second.byteLength]],
    )
    for (const [target, status] of [
      [`${place}/stable/other.a`, 404],
      [`${place}/staging/${file}`, 404],
      [`/releases/other/6.4/stable/${file}`, 404],
      [`/releases/rcclx/9.9/stable/${file}`, 404],
      [`${place}/archives/now/${file}`, 404],
      [`${place}/stable/${file}?as-of=soon`, 400],
      // Before all time, and a number without an end.
      [`${place}/stable/${file}?as-of=99999999999999d`, 400],
      [`${place}/stable/${file}?as-of=1s${'1'.repeat(15_000)}`, 400],
      [`${place}/stable/${file}?token=1`, 400],
      ['/releases/', 404],
    ] as const) {
      const response = await desk.get(target)
      assert.equal(response.status, status, target)
      assert.equal(response.headers.get('content-type'), 'application/problem+json')
    }
  })

  it('leads out of the release by no way of writing', async () => {
    for (const way of [
      '../../../holdfast.toml',
      '..%2f..%2fholdfast.toml',
      '%2e%2e/%2e%2e/holdfast.toml',
      '..\\holdfast.toml',
      `${file}%00`,
      '/etc/passwd',
      '%c0%ae%c0%ae/x',
      '%',
    ]) {
      const said = await sayRaw(desk.port, `GET ${place}/stable/${way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
      assert.match(said, /^HTTP\/1\.1 (404|400) /, way)
      assert.doesNotMatch(said, /\[store\]|root:/)
    }
  })

  it('breaks off before its end where a byte in the store is wrong, and tells nothing but the log why', async () => {
    const blob = blobIn(path.join(desk.folder, 'store/blobs'), sha256(first).toString('hex'))
    const damaged = readFileSync(blob)
    damaged[1000]! ^= 1
    rmSync(blob)
    writeFileSync(blob, damaged)
    desk.time.ahead += 1_500
    await assert.rejects(desk.get(`${place}/${other}/${file}`).then(bytesOf))
    assert.match(JSON.stringify(desk.told.at(-1)), /expected sha256:/)
    rmSync(blob)
    const missing = await desk.get(`${place}/${other}/${file}`)
    const problem = (await missing.json()) as { detail: string; instance: string }
    assert.equal(missing.status, 500)
    assert.doesNotMatch(problem.detail, /blobs|sha256/)
    assert.match(JSON.stringify(desk.told.at(-1)), new RegExp(problem.instance.slice('urn:request:'.length)))
    writeFileSync(blob, first)
  })
})

function blobIn(folder: string, hex: string): string {
  const found = readdirSync(folder, { recursive: true }).map((name) => path.join(folder, String(name)))
  return found.find((name) => name.includes(hex) && statSync(name).isFile())!
}
