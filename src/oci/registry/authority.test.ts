import assert from 'node:assert/strict'
import { readFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { type Handler, type HttpServer, startHttpServer } from '../../../test/fakes/http-server.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { registryDesk, type RegistryDesk, type RegistryDeskOptions } from '../../../test/fakes/registry-desk.ts'
import { type RegistryPeer, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { createHttp } from '../../kit/http/index.ts'
import { bytesOf, bytesOnce, digestOf, explain, Fault, run } from '../../kit/index.ts'
import { parseChallenges } from './challenge.ts'
import { openRegistry } from './open.ts'
import { findOrigin } from './origin.ts'

const scratch = scratchDirectory()
const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const repository = 'team/app'
const manifest = {
  bytes: Buffer.from('{"mediaType":"application/vnd.oci.image.manifest.v1+json"}'),
  mediaType: 'application/vnd.oci.image.manifest.v1+json',
}
const login = { user: 'ann', password: 'correct horse' }

interface Realm extends HttpServer {
  /** `METHOD scopes`, the authorization and the form of each that came. */
  readonly asked: { line: string; authorization: string | undefined; form: URLSearchParams }[]
}

/** A token server that gives `token-1`, `token-2` and so on. */
async function startRealm(answer: (turn: number) => unknown = (turn) => ({ token: `token-${turn}`, expires_in: 300 })): Promise<Realm> {
  const asked: Realm['asked'] = []
  const handler: Handler = async (request, response, body) => {
    const query = new URL(request.url ?? '/', 'http://x').searchParams
    const form = new URLSearchParams((await body()).toString())
    const scopes = [...query.getAll('scope'), ...form.getAll('scope')]
    asked.push({ line: `${request.method} ${scopes.join(' ')}`, authorization: request.headers.authorization, form })
    response.end(JSON.stringify(answer(asked.length)))
  }
  const server = Object.assign(await startHttpServer(handler), { asked })
  open.push(server)
  return server
}

/** A registry that takes a request where `takes` says so, and else names the realm. */
async function scene(
  challenge: string,
  takes: (authorization: string | undefined, request: string) => boolean,
  options?: RegistryDeskOptions,
): Promise<{ peer: RegistryPeer; registry: RegistryDesk }> {
  const peer = await startRegistryPeer()
  const registry = registryDesk(peer.host, { isPlain: true, clock: hastyClock(0), login, ...options })
  open.push(registry, peer)
  peer.manifests.set(`${repository}:v1`, { bytes: manifest.bytes, type: manifest.mediaType })
  const guard: Parameters<RegistryPeer['instead']>[1] = async (request, response, body, pass) => {
    if (takes(request.headers.authorization, `${request.method} ${request.url}`)) return await pass()
    await body()
    return void response.writeHead(401, { 'www-authenticate': challenge }).end('{"errors":[{"code":"UNAUTHORIZED","message":"no"}]}')
  }
  peer.instead(/./, guard, Infinity)
  return { peer, registry }
}

const bearer = (realm: string) => `Bearer realm="${realm}",service="registry.example"`
const hasBearer = (authorization: string | undefined) => authorization?.startsWith('Bearer token-') === true

describe('a registry that wants tokens', () => {
  test('is asked without anything first, then with a token for just what is done, which is kept', async () => {
    const realm = await startRealm()
    const { peer, registry } = await scene(bearer(`${realm.url}/token`), hasBearer)
    await registry.manifest(repository, 'v1')
    await registry.manifest(repository, 'v1')
    await registry.putManifest(repository, 'v2', manifest)
    await registry.putBlob('other/app', digestOf('x'), bytesOf('x'))
    await registry.manifest('other/app', 'v1').catch(() => undefined)
    assert.deepEqual(
      realm.asked.map(({ line }) => line),
      ['GET repository:team/app:pull', 'GET repository:team/app:pull,push', 'GET repository:other/app:pull,push'],
    )
    assert.equal(realm.requests[0], 'GET /token?service=registry.example&scope=repository%3Ateam%2Fapp%3Apull&account=ann')
    assert.deepEqual(
      peer.headers.map(({ authorization }) => authorization),
      [undefined, 'Bearer token-1', 'Bearer token-1', 'Bearer token-2', 'Bearer token-3', 'Bearer token-3', 'Bearer token-3'],
    )
  })

  test('is retagged in a request to read and one to write, beside authentication', async () => {
    const realm = await startRealm()
    const { peer, registry } = await scene(bearer(realm.url), hasBearer)
    const stored = await registry.manifest(repository, 'v1')
    await registry.putManifest(repository, 'latest', stored)
    const authorized = peer.requests.filter((_, at) => peer.headers[at]!.authorization !== undefined)
    assert.deepEqual(authorized, [`GET /v2/${repository}/manifests/v1`, `PUT /v2/${repository}/manifests/latest`])
  })

  test('gives a mount a token for both repositories', async () => {
    const realm = await startRealm()
    const { peer, registry } = await scene(bearer(realm.url), hasBearer)
    peer.blobs.set(digestOf('x'), Buffer.from('x'))
    assert.equal(await registry.mountBlob(repository, digestOf('x'), 'other/app'), true)
    assert.equal(realm.asked[0]!.line, 'GET repository:team/app:pull,push repository:other/app:pull')
  })

  test('gets a new token in time, and one for many who ask at once', async () => {
    const clock = hastyClock(0)
    const realm = await startRealm()
    const { registry } = await scene(bearer(realm.url), hasBearer, { clock })
    await registry.manifest(repository, 'v1')
    clock.set(289_000)
    await registry.manifest(repository, 'v1')
    assert.equal(realm.asked.length, 1)
    clock.set(290_000)
    await Promise.all(Array.from({ length: 10 }, () => registry.manifest(repository, 'v1')))
    assert.equal(realm.asked.length, 2)
  })

  test('and takes one no longer, in the middle of an upload, gets another: once', async () => {
    let good = 'token-1'
    const realm = await startRealm()
    const { peer, registry } = await scene(bearer(realm.url), (authorization, request) => {
      if (/^PATCH .*upload-1/.test(request) && peer.uploads.get('upload-1')!.byteLength > 0) good = 'token-2'
      return authorization === `Bearer ${good}`
    })
    const large = Buffer.alloc((16 << 20) + 100, 7)
    await registry.putBlob(repository, digestOf(large), bytesOnce(bytesOf(large)))
    assert.ok(peer.blobs.get(digestOf(large))?.equals(large))
    assert.equal(realm.asked.length, 2)
    assert.deepEqual(
      peer.requests.map((line) => line.split(' ')[0]),
      ['POST', 'POST', 'PATCH', 'PATCH', 'PATCH', 'PUT'],
    )
  })

  test('and takes none, ends with what it was told, after one renewal', async () => {
    const realm = await startRealm()
    const { peer, registry } = await scene(bearer(realm.url), () => false)
    const fault = await faultOf(registry.manifest(repository, 'v1'), 'denied', /UNAUTHORIZED: no/)
    assert.match(fault.hint ?? '', /credentials from the test were not taken/)
    assert.equal(peer.requests.length, 3)
    assert.equal(realm.asked.length, 2)
    assert.match(fault.hint ?? '', /allow to pull \(at GitLab: read_registry\) in team\/app/)
    const { registry: nobody } = await scene(bearer(realm.url), () => false, { login: undefined })
    assert.match((await faultOf(nobody.manifest(repository, 'v1'), 'denied', /401/)).hint ?? '', /docker login/)
  })

  test('and forbids a push says which right is missing, and whose', async () => {
    const realm = await startRealm()
    const { registry } = await scene(bearer(realm.url), (authorization, request) => hasBearer(authorization) && !request.startsWith('POST'))
    const content = Buffer.from('content')
    const fault = await faultOf(registry.putBlob(repository, digestOf(content), bytesOf(content)), 'denied', /401/)
    assert.match(fault.hint ?? '', /from the test .* allow to push \(at GitLab: read_registry and write_registry\) in team\/app/)
  })

  test('asks anonymously where nothing is known of who asks', async () => {
    const realm = await startRealm()
    const { registry } = await scene(bearer(realm.url), hasBearer, { login: undefined })
    await registry.manifest(repository, 'v1')
    assert.equal(realm.asked[0]!.authorization, undefined)
  })

  test('gets an identity token in a form, where no log has it, and never by a redirect', async () => {
    const realm = await startRealm()
    const credential = { kind: 'identity-token', token: 'the-identity', from: 'the test' } as const
    const { registry } = await scene(bearer(realm.url), hasBearer, { login: undefined, credential })
    await registry.manifest(repository, 'v1')
    const { line, form } = realm.asked[0]!
    assert.equal(line, 'POST repository:team/app:pull')
    assert.deepEqual(
      [form.get('grant_type'), form.get('refresh_token'), form.get('service')],
      ['refresh_token', 'the-identity', 'registry.example'],
    )
    const thief = await startHttpServer(async (_, response, body) => void response.end(await body()))
    const leading = await startHttpServer((_, response) => void response.writeHead(307, { location: thief.url }).end())
    open.push(thief, leading)
    const { registry: led } = await scene(bearer(leading.url), hasBearer, { login: undefined, credential })
    await faultOf(led.manifest(repository, 'v1'), 'unsupported', /redirects a secret/)
    assert.deepEqual(thief.requests, [])
  })

  test('sends the password nowhere else where the token server redirects', async () => {
    const seen: (string | undefined)[] = []
    const spy = await startHttpServer((request, response) => {
      seen.push(request.headers.authorization)
      response.end('{"token":"token-9"}')
    })
    const leading = await startHttpServer((_, response) => void response.writeHead(302, { location: spy.url }).end())
    open.push(leading, spy)
    const { registry } = await scene(bearer(leading.url), hasBearer)
    await registry.manifest(repository, 'v1')
    assert.deepEqual(seen, [undefined])
  })

  test('and names a token server without TLS elsewhere gets no credentials out', async () => {
    const { registry } = await scene(bearer('http://token.example/give'), hasBearer)
    await faultOf(registry.manifest(repository, 'v1'), 'denied', /token server without TLS: http:\/\/token\.example/)
    for (const realm of ['file:///etc/passwd', 'nonsense', 'https://user:pw@token.example/', '']) {
      const { registry: other } = await scene(bearer(realm), hasBearer)
      await faultOf(other.manifest(repository, 'v1'), 'corrupt', /names a token server that is no address/)
    }
  })

  test('and whose token server refuses says from where the credentials were', async () => {
    const refusing = await startHttpServer((_, response) => void response.writeHead(401).end())
    open.push(refusing)
    const { registry } = await scene(bearer(refusing.url), hasBearer)
    const fault = await faultOf(registry.manifest(repository, 'v1'), 'denied', /401/)
    assert.match(fault.hint ?? '', /credentials from the test were not taken/)
  })

  test('and whose token server gives nonsense is corrupt', async () => {
    for (const answer of [{}, { token: '' }, { token: 'a\r\nx-evil: 1' }, { token: 7 }, [], 'no']) {
      const realm = await startRealm(() => answer)
      const { registry } = await scene(bearer(realm.url), hasBearer)
      await faultOf(registry.manifest(repository, 'v1'), 'corrupt', /./)
    }
  })

  test('shows no secret in a message, also where it gives one back', async () => {
    const realm = await startRealm(() => ({ token: 'secret-token-of-many-signs', expires_in: 1e12 }))
    const { peer, registry } = await scene(bearer(realm.url), () => true)
    peer.manifests.clear()
    const { registry: other } = await scene(bearer(realm.url), () => false)
    await faultOf(other.manifest(repository, 'v1'), 'denied', /401/)
    const fault = new Fault('invalid', `echoed secret-token-of-many-signs and ${login.password}`)
    assert.doesNotMatch(explain(fault), /secret-token|correct horse/)
    await faultOf(registry.manifest(repository, 'v1'), 'not-found', /404/)
  })
})

describe('a registry that wants a password', () => {
  test('gets it, and only where there is one', async () => {
    const takes = (authorization: string | undefined) => authorization === `Basic ${Buffer.from('ann:correct horse').toString('base64')}`
    const { peer, registry } = await scene('Basic realm="x"', takes)
    await registry.manifest(repository, 'v1')
    await registry.manifest(repository, 'v1')
    assert.equal(peer.requests.length, 3)
    const { peer: other, registry: nobody } = await scene('Basic realm="x"', takes, { login: undefined })
    await faultOf(nobody.manifest(repository, 'v1'), 'denied', /401/)
    assert.equal(other.requests.length, 1)
  })

  test('and takes tokens too gets no password', async () => {
    const realm = await startRealm()
    const { registry } = await scene(`Basic realm="x", ${bearer(realm.url)}`, hasBearer)
    await registry.manifest(repository, 'v1')
  })

  test('and does not take it is not asked again, until there is another', async () => {
    const { peer, registry } = await scene('Basic realm="x"', () => false)
    await faultOf(registry.manifest(repository, 'v1'), 'denied', /401/)
    assert.equal(peer.requests.length, 2)
    let password = 'old password'
    const http = createHttp({ clock: hastyClock(0), random: () => 0, userAgent: 'holdfast/test' })
    open.push(http)
    const credentials = () => Promise.resolve({ kind: 'password' as const, user: 'ann', password, from: 'the test' })
    const { peer: other } = await scene('Basic realm="x"', (authorization) => authorization === `Basic ${btoa('ann:new password')}`)
    const rotated = openRegistry({ host: other.host, http, credentials, isPlain: true, clock: hastyClock(0), random: () => 0 })
    await faultOf(rotated.manifest(repository, 'v1'), 'denied', /401/)
    password = 'new password'
    await rotated.manifest(repository, 'v1')
  })

  test('and never says what it wants is denied', async () => {
    for (const challenge of ['', 'Negotiate', 'Digest realm="x"', ',,,', '"""', 'Bearer', 'Bearer service="x"']) {
      const { peer, registry } = await scene(challenge, () => false)
      await faultOf(registry.manifest(repository, 'v1'), 'denied', /401/)
      assert.equal(peer.requests.length, 1, challenge)
    }
  })
})

describe('a registry of this machine', () => {
  test('is asked first whether it speaks HTTP, without credentials', async () => {
    const { peer } = await scene('Basic realm="x"', (authorization) => authorization !== undefined)
    const registry = registryDesk(peer.host, { login, clock: hastyClock(0) })
    open.push(registry)
    await registry.manifest(repository, 'v1')
    assert.deepEqual(peer.requests, ['GET /v2/', `GET /v2/${repository}/manifests/v1`])
    assert.equal(peer.headers[0]!.authorization, undefined)
  })

  test('that speaks TLS is asked with TLS', async () => {
    const { key, cert } = await certificate()
    const server = await startHttpServer((_, response) => void response.end('{}'), { key, cert })
    open.push(server)
    const registry = registryDesk(new URL(server.url).host, { ca: [cert], clock: hastyClock(0) })
    open.push(registry)
    await registry.ping()
    assert.deepEqual(server.requests, ['GET /v2/', 'GET /v2/'])
    const trusting = registryDesk(new URL(server.url).host, { clock: hastyClock(0) })
    open.push(trusting)
    await faultOf(trusting.ping(), 'denied', /certificate of the server is not trusted/)
  })

  test('that is not there is unavailable', async () => {
    const { peer, registry } = await scene('', () => true)
    await peer.close()
    await faultOf(registry.ping(), 'unavailable', /nothing listens there/)
    const found = registryDesk(peer.host, { clock: hastyClock(0) })
    open.push(found)
    await faultOf(found.ping(), 'unavailable', /nothing listens there/)
  })
})

describe('a registry elsewhere', () => {
  test('is asked with TLS alone, unless that was said to be off; Docker Hub where its registry is', async () => {
    const http = createHttp({ clock: hastyClock(0), random: () => 0, userAgent: 'holdfast/test' })
    const origin = async (host: string, isPlain = false) => (await findOrigin(http, host, isPlain)).origin
    assert.equal(await origin('r.example'), 'https://r.example')
    assert.equal(await origin('r.example:443'), 'https://r.example')
    assert.equal(await origin('r.example:5000', true), 'http://r.example:5000')
    assert.equal(await origin('127.0.0.1.example:5000'), 'https://127.0.0.1.example:5000')
    assert.equal(await origin('docker.io'), 'https://registry-1.docker.io')
  })
})

describe('a challenge', () => {
  test('is read as servers write it', () => {
    assert.deepEqual(parseChallenges('Bearer realm="https://a/b?c=d,e",service="s",scope="repository:x:pull,push"'), [
      { scheme: 'bearer', parameters: { realm: 'https://a/b?c=d,e', service: 's', scope: 'repository:x:pull,push' } },
    ])
    assert.deepEqual(parseChallenges('BASIC realm="a \\"b\\"", Bearer Realm = x , error="invalid_token"'), [
      { scheme: 'basic', parameters: { realm: 'a "b"' } },
      { scheme: 'bearer', parameters: { realm: 'x', error: 'invalid_token' } },
    ])
    assert.deepEqual(parseChallenges('Negotiate, Basic realm=""'), [
      { scheme: 'negotiate', parameters: {} },
      { scheme: 'basic', parameters: { realm: '' } },
    ])
  })

  test('that is none, or without end, is read in no time', () => {
    for (const text of [
      '',
      '=',
      '"',
      ' '.repeat(60_000),
      ','.repeat(60_000),
      'a="'.repeat(20_000),
      `a="${'\\'.repeat(60_000)}`,
      'a '.repeat(30_000),
    ])
      assert.ok(Array.isArray(parseChallenges(text)))
    assert.deepEqual(parseChallenges('realm="x", Basic __proto__="y"')[0]?.scheme, 'basic')
  })
})

async function certificate(): Promise<{ key: string; cert: string }> {
  const files = { key: path.join(scratch, 'key.pem'), cert: path.join(scratch, 'cert.pem') }
  const form = [
    '-x509',
    '-newkey',
    'ec',
    '-pkeyopt',
    'ec_paramgen_curve:prime256v1',
    '-nodes',
    '-subj',
    '/CN=tests',
    '-addext',
    'subjectAltName=IP:127.0.0.1',
  ]
  const { status } = await run(['openssl', 'req', ...form, '-keyout', files.key, '-out', files.cert])
  assert.equal(status, 0)
  return { key: await readFile(files.key, 'utf8'), cert: await readFile(files.cert, 'utf8') }
}
