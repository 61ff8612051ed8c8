import assert from 'node:assert/strict'
import { once } from 'node:events'
import { mkdirSync, writeFileSync } from 'node:fs'
import { connect } from 'node:net'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { problemOf, reads, type Schema, targetOf, writes } from '../../test/fakes/described-api.ts'
import { sayRaw } from '../../test/fakes/say-raw.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { testSeed } from '../../test/fakes/seeded-random.ts'
import { fillDesk, type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'
import { systemClock } from '../kit/index.ts'
import { listen } from './index.ts'

const scratch = scratchDirectory()

/** Text that has done harm somewhere. */
const harmful = String.raw`. .. ../.. ../../../etc/passwd ..\.. / // %00 %2e%2e%2f __proto__ constructor toString $(id) {{7*7}} <script> NaN -1 1e999 👾`
const nasty = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 40 }),
  fc.constantFrom('', ' ', '\0', '\ud800', 'a\r\nSet-Cookie: a=b', "' OR 1=1 --", 'x'.repeat(5000), ...harmful.split(' ')),
)

/** What the desk has: plans are made of it, and go wrong further inside. */
const known = fc.constantFrom(
  'rcclx',
  '6.4',
  'stable',
  'last-stable',
  'v2/gpu',
  'v3/gpu',
  'default',
  'stage',
  'clean_state',
  'store-verify',
  'torch',
)

/** What a schema asks for, more or less. */
function bodyOf(schema: Schema): fc.Arbitrary<unknown> {
  const strange = fc.oneof(nasty, fc.jsonValue({ maxDepth: 2 }), fc.double(), fc.constantFrom(null, [], {}, 2 ** 53, -0))
  const fitting = () => {
    if (schema.type === 'object') return objectOf(schema)
    if (schema.type === 'boolean') return fc.boolean()
    if (schema.type === 'integer') return fc.integer({ min: 1, max: 9 })
    return fc.oneof(known, fc.constant(`sha256:${'0'.repeat(64)}`))
  }
  return fc.oneof({ weight: 6, arbitrary: fitting() }, { weight: 1, arbitrary: strange })
}

function objectOf({ properties = {}, required = [] }: Schema): fc.Arbitrary<unknown> {
  const members = Object.fromEntries(Object.entries(properties).map(([name, schema]) => [name, bodyOf(schema)]))
  return fc.oneof(
    { weight: 4, arbitrary: fc.record(members, { requiredKeys: [...required] }) },
    { weight: 1, arbitrary: fc.record(members, { requiredKeys: [] }) },
  )
}

/** Names of headers that answers have. */
const ours = new Set(
  `accept-ranges allow cache-control connection content-disposition content-length content-range content-security-policy content-type
  cross-origin-resource-policy date digest etag keep-alive location referrer-policy repr-digest retry-after transfer-encoding vary
  www-authenticate x-content-type-options x-frame-options`.split(/\s+/),
)

function expectOurHeaders(names: Iterable<string>, what: string): void {
  for (const name of names) assert.ok(ours.has(name.toLowerCase()), `${what}: ${name}`)
}

describe('hostile input', () => {
  let desk: ServerDesk
  let moves: string
  const allMoves = async () => await (await desk.get('/api/v1/moves')).text()
  before(async () => {
    desk = await serverDesk(scratch)
    await fillDesk(desk)
    writeFileSync(path.join(desk.folder, '../outside.txt'), 'outside of the project')
    moves = await allMoves()
  })
  after(() => desk.close())

  for (const operation of writes) {
    it(`as a body of ${operation.operationId} does nothing, and is answered with a plan or a problem`, async () => {
      const secret = desk.token('*')
      const bodies = bodyOf(operation.requestBody!.content['application/json'].schema)
      const keys = fc.option(fc.stringMatching(/^[ -~\u00a0-\u00ff]{0,300}$/), { nil: undefined })
      const send = async (body: unknown, key: string | undefined) => {
        const headers = { ...secret, ...(key === undefined ? {} : { 'idempotency-key': key }) }
        const response = await desk.post(operation.path, body, headers)
        if (response.status !== 200) {
          const { status, detail } = await problemOf(response)
          assert.ok(status < 500, `${status} ${detail}`)
          return
        }
        const { dryRun, plan } = (await response.json()) as { readonly dryRun: boolean; readonly plan: string }
        assert.ok(dryRun && /^sha256:[0-9a-f]{64}$/.test(plan))
      }
      await fc.assert(fc.asyncProperty(bodies, keys, send), { numRuns: 40, seed: testSeed })
      assert.equal(await allMoves(), moves)
      assert.deepEqual(desk.state.audit.read({ limit: 1 }), [])
    })
  }

  for (const operation of reads) {
    const { operationId, parameters = [] } = operation
    if (parameters.length === 0) continue
    it(`in the path and query of ${operationId} is answered with what there is or a problem, under our headers alone`, async () => {
      const secret = operation['x-scope'] === undefined ? {} : desk.token(operation['x-scope'])
      const other = fc.record(
        Object.fromEntries(parameters.map(({ name }) => [name, fc.oneof(nasty, known).map((text) => text.toWellFormed())])),
        { requiredKeys: [] },
      )
      const ask = async (given: Readonly<Record<string, string | undefined>>) => {
        const response = await desk.get(targetOf(operation, given), secret)
        expectOurHeaders(response.headers.keys(), operationId)
        const text = await response.text()
        assert.ok(response.status < 500, `${response.status} ${text}`)
        assert.doesNotMatch(text, /outside of the project|root:/)
      }
      await fc.assert(fc.asyncProperty(other, ask), { numRuns: 40, seed: testSeed })
    })
  }

  it('leads out of no place by any way of writing a path', async () => {
    const places = [
      '',
      '/releases',
      '/releases/rcclx/6.4/stable',
      '/index',
      '/index/v2/gpu',
      '/index-nightly',
      '/ui',
      '/ui/assets',
      '/api/v1/releases',
    ]
    const up = ['..', '%2e%2e', '.%2e', '%252e%252e', '..;', '..%00', '%c0%ae%c0%ae', '..%5c..', '\\..']
    const targets = ['outside.txt', 'holdfast.toml', 'store/holdfast.json', 'etc/passwd']
    for (const place of places) {
      for (const step of up) {
        for (const [depth, target] of targets.entries()) {
          for (const between of ['/', '%2f']) {
            const way = `${place}/${`${step}${between}`.repeat(depth + 1)}${target}`
            const said = await sayRaw(desk.port, `GET ${way} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n`)
            assert.match(said, /^HTTP\/1\.1 [234]/, way)
            assert.doesNotMatch(said, /outside of the project|\[store\]|"holdfast-store|root:/, way)
          }
        }
      }
    }
  })

  it('puts no header into an answer', async () => {
    const evil = ['%0d%0aEvil:%201', '%0aEvil:%201', '%E5%98%8A%E5%98%8DEvil:%201', '"%0d%0a%0d%0a<b>', '%00', '%u000aEvil']
    const places = [
      '/',
      '/ui/',
      '/releases/',
      '/releases/rcclx/6.4/stable/',
      '/index/v2/gpu/',
      '/index/',
      '/api/v1/releases/',
      '/api/v1/moves?after=',
    ]
    for (const place of [...places, '/releases/rcclx/6.4/stable?as-of=', '/api/v1/index/default/package?prefix=v2/gpu&name=']) {
      for (const way of evil) await expectNoneOf(`GET ${place}${way} HTTP/1.1\r\nHost: localhost\r\n`, place)
    }
    const headers = [
      'If-None-Match',
      'If-Range',
      'Range',
      'Origin',
      'Accept',
      'Accept-Encoding',
      'Authorization',
      'X-Forwarded-For',
      'Traceparent',
    ]
    for (const header of headers) {
      for (const value of ['"\t", Evil: 1', '\xff\xfe', `"${'a'.repeat(4000)}"`, 'bytes=0-0\t;Evil: 1', '*']) {
        const target = '/releases/rcclx/6.4/stable/librcclx-dev.a'
        await expectNoneOf(`GET ${target} HTTP/1.1\r\nHost: localhost\r\n${header}: ${value}\r\n`, header)
      }
      const bare = await sayRaw(desk.port, `GET / HTTP/1.1\r\nHost: localhost\r\n${header}: a\rEvil: 1\r\nConnection: close\r\n\r\n`)
      assert.match(bare, /^HTTP\/1\.1 400/, header)
    }
  })

  async function expectNoneOf(request: string, what: string): Promise<void> {
    const said = await sayRaw(desk.port, `${request}Connection: close\r\n\r\n`)
    const [status = '', ...lines] = said.slice(0, said.indexOf('\r\n\r\n')).split('\r\n')
    assert.match(status, /^HTTP\/1\.1 [234]/, `${what}: ${status}`)
    expectOurHeaders(
      lines.map((line) => line.slice(0, line.indexOf(':'))),
      what,
    )
  }

  it('is taken in only so far: bodies without a length, with a wrong one, deeper or wider than any plan', async () => {
    const { authorization } = desk.token('*')
    const head = `POST /api/v1/actions/store-verify HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${authorization}\r\nContent-Type: application/json\r\n`
    const chunk = `10000\r\n${' '.repeat(0x10000)}\r\n`
    const said = async (rest: string) => (await sayRaw(desk.port, `${head}${rest}`)).slice(0, 12)
    assert.equal(await said(`Transfer-Encoding: chunked\r\n\r\n${chunk.repeat(17)}`), 'HTTP/1.1 413')
    assert.equal(await said('Content-Length: 99999999999\r\n\r\n'), 'HTTP/1.1 413')
    for (const length of ['-1', '1, 2', '0x10', '18446744073709551617', '2\r\nContent-Length: 3', '2\r\nTransfer-Encoding: chunked']) {
      assert.equal(await said(`Content-Length: ${length}\r\n\r\n{}`), 'HTTP/1.1 400', length)
    }
    const send = async (body: string) =>
      await fetch(`${desk.url}/api/v1/actions/store-verify`, {
        method: 'POST',
        headers: { authorization, 'content-type': 'application/json' },
        body,
      })
    const wide = Object.fromEntries(Array.from({ length: 50_000 }, (_none, at) => [`k${at}`, at]))
    for (const body of ['['.repeat(1 << 19), `${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`, JSON.stringify(wide), '\u0000', '1e999'])
      assert.equal((await problemOf(await send(body))).status, 400)
    assert.equal((await desk.get(`/api/v1/moves?${'a&'.repeat(5000)}`)).status, 400)
  })
})

describe('names in a store', () => {
  it('end no value of a metric, whatever signs they have', async (t) => {
    const desk = await serverDesk(scratch)
    t.after(() => desk.close())
    const group = 'x"} 1\\'
    const move = { id: 'a', generation: 1, at: '2026-01-02T03:04:05Z', by: 'ann', action: 'create' }
    mkdirSync(path.join(desk.folder, 'store/refs', group), { recursive: true })
    writeFileSync(path.join(desk.folder, 'store/refs', group, 'name.json'), JSON.stringify({ history: [move] }))
    const text = await (await desk.get('/metrics')).text()
    assert.ok(text.includes('\nholdfast_last_move_timestamp_seconds{group="x\\"} 1\\\\"} 1767323045\n'), text)
  })
})

describe('clients that take their time', () => {
  const limits = { headersTime: 150, requestTime: 150, idleTime: 300, grace: 0 }
  const respond = async () => ({ status: 200, headers: {}, body: new TextEncoder().encode('ready') })

  it('are let go, whether it is headers or a body that never come to their end, and keep nobody else waiting', async (t) => {
    const desk = await serverDesk(scratch)
    t.after(() => desk.close())
    const { authorization } = desk.token('*')
    const server = await listen({
      handler: { respond: async (asked) => ({ ...(await respond()), body: await asked.body(1000) }) },
      port: 0,
      clock: systemClock,
      limits,
    })
    t.after(() => server.close())
    const slow = [
      ...Array.from({ length: 30 }, () => 'GET / HTTP/1.1\r\nHost: a\r\nX: '),
      ...Array.from({ length: 30 }, () => `POST / HTTP/1.1\r\nHost: a\r\nAuthorization: ${authorization}\r\nContent-Length: 100\r\n\r\n{`),
    ].map(async (text) => await sayRaw(server.port, text))
    assert.equal((await fetch(server.url, { method: 'POST', body: 'at once' })).status, 200)
    for (const said of await Promise.all(slow)) assert.match(said, /^HTTP\/1\.1 408/)
  })

  it('are let go where they take nothing of what they asked for', async (t) => {
    const ended = Promise.withResolvers<void>()
    const endless = async function* () {
      try {
        for (;;) yield new Uint8Array(1 << 16)
      } finally {
        ended.resolve()
      }
    }
    const server = await listen({
      handler: { respond: async () => ({ status: 200, headers: {}, body: endless() }) },
      port: 0,
      clock: systemClock,
      limits,
    })
    t.after(() => server.close())
    const socket = connect(server.port, '127.0.0.1').pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    await ended.promise
    socket.destroy()
  })

  it('are so many and no more', async (t) => {
    const server = await listen({
      handler: { respond },
      port: 0,
      clock: systemClock,
      limits: { ...limits, connections: 2, requestTime: 10_000 },
    })
    t.after(() => server.close())
    const held = [connect(server.port, '127.0.0.1'), connect(server.port, '127.0.0.1')]
    for (const socket of held) {
      socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
      await once(socket, 'data')
    }
    const more = connect(server.port, '127.0.0.1')
    more.on('error', () => undefined)
    await once(more, 'close')
    for (const socket of held) socket.destroy()
  })

  it('have no more than their share from one address, which a trusted proxy does not count for', async (t) => {
    for (const [trustedProxies, expected] of [
      [[], 'closed'],
      [['127.0.0.1'], 'answered'],
    ] as const) {
      const server = await listen({
        handler: { respond },
        port: 0,
        clock: systemClock,
        limits: { ...limits, connectionsOfOne: 2, requestTime: 10_000, idleTime: 10_000 },
        trustedProxies,
      })
      t.after(() => server.close())
      const open = async (localAddress: string) => {
        const socket = connect({ port: server.port, host: '127.0.0.1', localAddress })
        t.after(() => socket.destroy())
        socket.on('error', () => undefined)
        socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
        const outcome = await Promise.race([once(socket, 'data').then(() => 'answered'), once(socket, 'close').then(() => 'closed')])
        return { socket, outcome }
      }
      const first = await open('127.0.0.1')
      assert.equal((await open('127.0.0.1')).outcome, 'answered')
      assert.equal((await open('127.0.0.1')).outcome, expected)
      // Whoever else asks is not kept waiting, and what was let go counts no more.
      assert.equal((await open('127.0.0.2')).outcome, 'answered')
      first.socket.end()
      await once(first.socket, 'close')
      assert.equal((await open('127.0.0.1')).outcome, 'answered')
    }
  })
})
