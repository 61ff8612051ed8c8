import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { request as askTls } from 'node:https'
import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import path from 'node:path'
import { describe, it } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { sayRaw } from '../../test/fakes/say-raw.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { serverDesk } from '../../test/fakes/server-desk.ts'
import { isFault, systemClock } from '../kit/index.ts'
import { answeredNames, forNames, listen } from './index.ts'
import { clientAddress, networksOf } from './proxies.ts'
import { createRates } from './rates.ts'
import { allows } from './scopes.ts'

const scratch = scratchDirectory()

describe('a rate', () => {
  it('lets an address do so much at once, and then as much as comes in', async () => {
    const clock = manualClock()
    const rates = createRates(2, clock)
    const take = (count: number, address = '10.0.0.1') =>
      Array.from({ length: count }, () => rates.take(address)).filter((wait) => wait === 0).length
    assert.equal(take(20), 10)
    assert.equal(rates.take('10.0.0.1'), 500)
    assert.equal(take(20, '10.0.0.2'), 10)
    await clock.advance(2_000)
    assert.equal(take(20), 4)
  })

  it('is that of the network of an IPv6 address', () => {
    const rates = createRates(1, manualClock())
    for (let at = 0; at < 5; at++) rates.take(`2001:db8:0:1::${at}`)
    assert.ok(rates.take('2001:db8:0:1::ffff') > 0)
    assert.equal(rates.take('2001:db8:0:2::1'), 0)
    for (let at = 0; at < 5; at++) rates.take(`2001:db8::${at}:1:1:1`)
    for (const same of ['2001:db8::7', '2001:0DB8:0:0:1::', '2001:db8:0:0:f::1']) assert.ok(rates.take(same) > 0, same)
    for (let at = 0; at < 5; at++) rates.take('::1')
    assert.ok(rates.take('::2') > 0)
  })

  it('is refused with 429 and when to come again; guesses at tokens cost more', async (t) => {
    const desk = await serverDesk(scratch, { rate: 10 })
    t.after(() => desk.close())
    const statuses = []
    for (let at = 0; at < 4; at++) statuses.push((await desk.get('/api/v1/moves', { authorization: 'Bearer guess' })).status)
    assert.deepEqual(statuses, [401, 401, 401, 429])
    const refused = await desk.get('/healthz')
    assert.ok(Number(refused.headers.get('retry-after')) > 0)
  })
})

describe('who asks', () => {
  const incoming = (remoteAddress: string, forwarded?: string) =>
    ({
      socket: { remoteAddress } as Socket,
      headers: forwarded === undefined ? {} : { 'x-forwarded-for': forwarded },
    }) as unknown as IncomingMessage

  it('is what a trusted proxy says, and nobody else', () => {
    const of = clientAddress(['10.0.0.0/8', '::1'])
    assert.equal(of(incoming('192.0.2.1', '1.2.3.4')), '192.0.2.1')
    assert.equal(of(incoming('10.0.0.1', '1.2.3.4')), '1.2.3.4')
    assert.equal(of(incoming('::ffff:10.0.0.1', '9.9.9.9, 1.2.3.4, 10.0.0.9')), '1.2.3.4')
    assert.equal(of(incoming('::1', 'unknown, nonsense')), '::1')
    assert.equal(of(incoming('10.0.0.1')), '10.0.0.1')
  })

  it('cannot be said with what is no network', () => {
    for (const text of ['10.0.0.0/33', 'proxy', '10.0.0', '::1/129', ''])
      assert.throws(
        () => networksOf([text]),
        (error) => isFault(error, 'invalid'),
        text,
      )
  })
})

describe('scopes', () => {
  it('allow themselves, their group, or all, and never what only begins like them', () => {
    assert.ok(allows(['release:promote'], 'release:promote'))
    assert.ok(allows(['release:*'], 'release:rollback'))
    assert.ok(allows(['*'], 'env:restore'))
    assert.ok(!allows(['release:promote'], 'release:rollback'))
    assert.ok(!allows(['release'], 'release:promote'))
    assert.ok(!allows(['rel*', 'release:pro*'], 'release:promote'))
    assert.ok(!allows([], 'release:promote'))
  })
})

describe('a name of the server', () => {
  it('is, where none is written, one of this machine alone wherever on it one listens, and any elsewhere', async (t) => {
    for (const host of ['127.0.0.1', '127.0.0.2', 'localhost', '::1']) assert.deepEqual(answeredNames(host, undefined), [], host)
    for (const host of ['0.0.0.0', '::', '10.0.0.7']) assert.equal(answeredNames(host, undefined), undefined, host)
    assert.deepEqual(answeredNames('127.0.0.1', ['a.example']), ['a.example'])
    const respond = forNames(() => ({ status: 200, headers: {}, body: null }), answeredNames('127.0.0.1', undefined))
    const server = await listen({ handler: { respond }, port: 0, clock: systemClock, limits: { grace: 0 } })
    t.after(() => server.close())
    const ask = async (host: string) =>
      (await sayRaw(server.port, `GET / HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)).slice(9, 12)
    assert.deepEqual(await Promise.all(['localhost:1', '127.0.0.1', '[::1]:8080', 'evil.example'].map(ask)), ['200', '200', '200', '421'])
  })

  it('that is not its own is refused, so that no page can read it under a name that leads here', async (t) => {
    const desk = await serverDesk(scratch, { names: ['builds.example.com'] })
    t.after(() => desk.close())
    const ask = async (host: string) => {
      const said = await sayRaw(desk.port, `GET /healthz HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n\r\n`)
      return said.slice(9, 12)
    }
    assert.deepEqual(await Promise.all(['localhost:1', '127.0.0.1', '[::1]:80', 'builds.example.com', 'BUILDS.example.com:443'].map(ask)), [
      '200',
      '200',
      '200',
      '200',
      '200',
    ])
    assert.deepEqual(await Promise.all(['evil.example', 'builds.example.com.evil', 'a/b'].map(ask)), ['421', '421', '400'])
  })
})

describe('answers', () => {
  it('forbid browsers whatever pages might do, and carry no line that a request put there', async (t) => {
    const desk = await serverDesk(scratch)
    t.after(() => desk.close())
    for (const target of [
      '/',
      '/healthz',
      '/metrics',
      '/api/v1/overview',
      '/nothing',
      '/releases/x%0d%0aset-cookie:%20a=b/y/z/w',
      '/api/v1/%0d%0ax',
    ]) {
      const { headers } = await desk.get(target)
      assert.equal(headers.get('x-content-type-options'), 'nosniff', target)
      assert.match(headers.get('content-security-policy') ?? '', /default-src 'none'.*frame-ancestors 'none'/, target)
      assert.equal(headers.get('set-cookie'), null, target)
      assert.equal(headers.get('referrer-policy'), 'no-referrer')
      assert.equal(headers.get('strict-transport-security'), null)
    }
  })

  it('tell monitors how it is: alive, ready, and what it did', async (t) => {
    const desk = await serverDesk(scratch)
    t.after(() => desk.close())
    assert.deepEqual([(await desk.get('/healthz')).status, (await desk.get('/readyz')).status], [200, 200])
    await desk.get('/api/v1/overview')
    const text = await (await desk.get('/metrics')).text()
    assert.match(text, /^holdfast_http_requests_total\{route="getOverview",method="GET",status="200"\} 1$/m)
    assert.match(text, /^holdfast_http_request_duration_seconds_count\{route="getOverview"\} 1$/m)
    assert.match(text, /^holdfast_store_operations_total\{operation="list"\} \d+$/m)
    assert.match(text, /^holdfast_executions\{state="waiting"\} 0$/m)
    for (const line of text.trimEnd().split('\n')) assert.match(line, /^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{[^}]*\})? [0-9.e+-]+)$/)
  })

  it('say that they are not ready where the store is gone, or cannot be asked; that it is none yet is no trouble', async (t) => {
    const desk = await serverDesk(scratch)
    t.after(() => desk.close())
    const ready = async () => (await desk.get('/readyz')).status
    assert.equal(await ready(), 200, 'none yet')
    desk.build('first')
    assert.equal((await desk.holdfast('release create rcclx --rocm-version 6.4 --no-build --yes')).exit, 0)
    assert.equal(await ready(), 200)
    const store = path.join(desk.folder, 'store')
    renameSync(store, `${store}-away`)
    assert.equal(await ready(), 503, 'not mounted')
    writeFileSync(store, 'a file where the folder was')
    assert.equal(await ready(), 503)
    assert.equal((await desk.get('/healthz')).status, 200)
    rmSync(store)
    renameSync(`${store}-away`, store)
    assert.equal(await ready(), 200)
  })
})

describe('TLS', () => {
  const pair = (name: string) => {
    const [cert, key] = [path.join(scratch, `${name}.crt`), path.join(scratch, `${name}.key`)]
    const subject = ['-subj', `/CN=${name}`, '-addext', 'subjectAltName=DNS:localhost']
    execFileSync(
      'openssl',
      [
        'req',
        '-x509',
        '-newkey',
        'ec',
        '-pkeyopt',
        'ec_paramgen_curve:P-256',
        '-nodes',
        '-days',
        '2',
        '-keyout',
        key,
        '-out',
        cert,
        ...subject,
      ],
      { stdio: 'ignore' },
    )
    return { cert: readFileSync(cert, 'utf8'), key: readFileSync(key, 'utf8') }
  }
  const nameAt = async (port: number): Promise<string> =>
    await new Promise((resolve, reject) => {
      const asked = askTls({ port, host: '127.0.0.1', rejectUnauthorized: false, agent: false }, (response) => {
        resolve(String((response.socket as import('node:tls').TLSSocket).getPeerCertificate().subject['CN']))
        response.resume()
      })
      asked.on('error', reject).end()
    })

  it('speaks under the certificate that it has, and under a new one from the next connection on', async (t) => {
    const [old, renewed] = [pair('old'), pair('new')]
    const server = await listen({ handler: async () => new Response('x'), port: 0, clock: systemClock, tls: old, limits: { grace: 0 } })
    t.after(() => server.close())
    assert.match(server.url, /^https:/)
    assert.equal(await nameAt(server.port), 'old')
    assert.throws(
      () => server.renewTls({ cert: old.cert, key: renewed.key }),
      (error) => isFault(error, 'invalid'),
    )
    assert.equal(await nameAt(server.port), 'old')
    server.renewTls(renewed)
    assert.equal(await nameAt(server.port), 'new')
  })

  it('refuses what is no certificate before it listens', async () => {
    const handler = async () => new Response()
    await assert.rejects(listen({ handler, port: 0, clock: systemClock, tls: { cert: 'x', key: 'y' } }), (error) =>
      isFault(error, 'invalid'),
    )
  })
})
