import { execFile } from 'node:child_process'
import { createPrivateKey, type KeyObject, randomUUID, sign, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { promisify } from 'node:util'
import { startHttpServer } from '../fakes/http-server.ts'

/** Gives tokens to those who have the password, as Docker's registries want them (distribution: "Token Authentication Specification"). */
export interface TokenServer {
  readonly realm: string
  /** What `auth.token` of docker-registry is told. */
  readonly registrySettings: Readonly<Record<string, string>>
  /** `GET repository:a:pull repository:b:pull` or `POST …`, of each that was given, in order. */
  readonly given: string[]
  /** Seconds that it says a token is good for; 300 to begin with. */
  expiresIn: number
  /** The next so many tokens have long expired, whatever is said of them. */
  stale: number
  /** What stands for the password in a POST, and is one answer of a POST. */
  readonly refreshToken: string
  close(): Promise<void>
}

const issuer = 'holdfast-tests'
const service = 'registry-of-the-tests'

export async function startTokenServer(folder: string, login: { user: string; password: string }): Promise<TokenServer> {
  const { key, certificate } = await makeKey(folder)
  const refreshToken = 'the-refresh-token-of-the-tests'
  const basic = `Basic ${Buffer.from(`${login.user}:${login.password}`).toString('base64')}`
  const state = { expiresIn: 300, stale: 0, given: [] as string[] }
  const server = await startHttpServer(async (request, response, body) => {
    const isPost = request.method === 'POST'
    const asked = new URLSearchParams(isPost ? (await body()).toString() : new URL(request.url ?? '/', 'http://x').search)
    const isKnown = isPost ? asked.get('refresh_token') === refreshToken : request.headers.authorization === basic
    const isAnonymous = !isPost && request.headers.authorization === undefined
    if ((!isKnown && !isAnonymous) || asked.get('service') !== service) {
      response.writeHead(401, { 'content-type': 'application/json' }).end('{"details":"incorrect username or password"}')
      return
    }
    const scopes = asked.getAll('scope').flatMap((scope) => scope.split(' '))
    state.given.push(`${request.method} ${scopes.join(' ')}`.trim())
    const age = state.stale > 0 ? 3600 : 0
    if (age > 0) state.stale--
    // Who says nothing of himself may read.
    const access = scopes.map((scope) => accessOf(scope, isKnown ? ['pull', 'push', 'delete', '*'] : ['pull']))
    const token = makeToken(key, certificate, access, age)
    const answer = { token, access_token: token, expires_in: state.expiresIn, issued_at: new Date().toISOString() }
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(answer))
  })
  server.unref()
  const realm = `${server.url}/token`
  return {
    realm,
    registrySettings: { realm, service, issuer, rootcertbundle: path.join(folder, 'token-cert.pem') },
    given: state.given,
    get expiresIn() {
      return state.expiresIn
    },
    set expiresIn(seconds) {
      state.expiresIn = seconds
    },
    get stale() {
      return state.stale
    },
    set stale(times) {
      state.stale = times
    },
    refreshToken,
    close: () => server.close(),
  }
}

function accessOf(scope: string, allowed: readonly string[]): { type: string; name: string; actions: string[] } {
  const [, type = '', name = '', actions = ''] = /^([a-z]+):(.*):([a-z,*]+)$/.exec(scope) ?? []
  return { type, name, actions: actions.split(',').filter((action) => allowed.includes(action)) }
}

/** A JWT that says in `x5c` which certificate proves it (RFC 7519, RFC 7515). */
function makeToken(key: KeyObject, certificate: string, access: unknown, age: number): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const now = Math.floor(Date.now() / 1000) - age
  const claims = { iss: issuer, sub: 'tests', aud: service, exp: now + 300, nbf: now - 60, iat: now, jti: randomUUID(), access }
  const signed = `${part({ typ: 'JWT', alg: 'ES256', x5c: [certificate] })}.${part(claims)}`
  return `${signed}.${sign('sha256', Buffer.from(signed), { key, dsaEncoding: 'ieee-p1363' }).toString('base64url')}`
}

async function makeKey(folder: string): Promise<{ key: KeyObject; certificate: string }> {
  const [keyFile, certFile] = [path.join(folder, 'token-key.pem'), path.join(folder, 'token-cert.pem')]
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=holdfast-tests']
  await promisify(execFile)('openssl', ['req', ...form, '-keyout', keyFile, '-out', certFile])
  const certificate = new X509Certificate(readFileSync(certFile)).raw.toString('base64')
  return { key: createPrivateKey(readFileSync(keyFile)), certificate }
}
