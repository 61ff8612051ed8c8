import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { showIndex } from '../../../test/fakes/published-index.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, isKey, type Progress } from '../../kit/index.ts'
import { indexHandler } from './handler.ts'

const torch = buildWheel({ name: 'torch', version: '2.6.0+rocm6.4' })
const pieces = [
  '/',
  '/',
  '..',
  '.',
  '%2e',
  '%2f',
  '%5c',
  '\\',
  '%00',
  '%0a',
  '%ff',
  '%',
  '+',
  '%2B',
  'v2',
  'torch',
  'Torch',
  'index.html',
  'index.json',
  'secret.txt',
  '.metadata',
  '.provenance',
  encodeURIComponent(torch.file),
  '.~tmp-1',
  '__proto__',
  'constructor',
  'é',
  '%F0%9F%90%8D',
  '?format=',
  ';',
  '@',
  ':',
]
const headerNames = ['accept', 'range', 'if-range', 'if-none-match', 'if-modified-since']
const headerPieces = [
  'text/html',
  '*/*',
  'application/vnd.pypi.simple.v1+json',
  ';q=',
  '0',
  '1',
  '0.5',
  ',',
  ' ',
  'bytes=',
  '-',
  '9',
  '99999999999999999999',
  '"',
  'W/',
  '*',
  'Wed, 15 Jan 2025 14:30:00 GMT',
  'application/xhtml+xml',
  '\t',
  ';',
]

describe('any request at all', () => {
  it(`has an answer that is one, and leads nowhere outside of the index (seed ${testSeed})`, async () => {
    const random = seededRandom(testSeed)
    const pick = (items: readonly string[]) => items[Math.floor(random() * items.length)]!
    const text = (items: readonly string[], most: number) => Array.from({ length: Math.floor(random() * most) }, () => pick(items)).join('')
    const desk = indexDesk()
    await showIndex(desk.context, { v2: { distributions: [torch] } })
    for (const key of ['secret.txt', 'v2/secret.txt']) await desk.bucket.put(key, bytesOf('THE SECRET'))
    const told: Progress[] = []
    const keys: string[] = []
    const spied = <T extends (key: string, ...rest: never[]) => unknown>(verb: T) =>
      ((key: string, ...rest: never[]) => (keys.push(key), verb(key, ...rest))) as T
    const bucket = { ...desk.bucket, get: spied(desk.bucket.get), head: spied(desk.bucket.head) }
    const handler = indexHandler({ ...desk.context, bucket, report: (event) => told.push(event) })
    const allowed = new Set([200, 206, 301, 304, 400, 404, 406, 416])
    for (let turn = 0; turn < 4_000; turn++) {
      const start = pick(['/', '/v2/', `/v2/${encodeURIComponent(torch.file)}`])
      const path = `${start}${text(pieces, 6)}`
      const headers = new Headers()
      for (const name of headerNames) if (random() < 0.4) headers.set(name, text(headerPieces, 6))
      const response = await handler(new Request(`http://localhost${path}`, { method: random() < 0.3 ? 'HEAD' : 'GET', headers }))
      const shown = `${path} ${JSON.stringify([...headers])}`
      assert.ok(allowed.has(response.status), `${response.status} for ${shown}`)
      const body = Buffer.from(await response.arrayBuffer())
      assert.ok(!body.includes('THE SECRET'), shown)
      assert.doesNotMatch(response.headers.get('location') ?? './', /^(?:[a-z]+:|\/)/i, shown)
      const length = response.headers.get('content-length')
      if (body.byteLength > 0) assert.equal(length, String(body.byteLength), shown)
    }
    assert.deepEqual(told, [])
    assert.ok(keys.length > 0 && keys.every((key) => isKey(key) && key.startsWith(`v2/${torch.file}`)), JSON.stringify(keys.slice(0, 5)))
  })
})
