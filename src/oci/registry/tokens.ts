import * as v from 'valibot'
import { basicCredential, type HttpClient, type HttpRequest } from '../../kit/http/index.ts'
import { type Clock, Fault, forgetSecret, keepSecret, parseJson, untilAborted } from '../../kit/index.ts'
import type { RegistryCredential } from '../credentials/credential.ts'
import type { Challenge } from './challenge.ts'
import { isLoopback } from './origin.ts'

export interface Scope {
  readonly repository: string
  readonly actions: 'pull' | 'pull,push' | 'pull,delete'
}

/** The tokens of one token server for one registry, each for its scopes until it expires. */
export interface Tokens {
  isOf(challenge: Challenge): boolean
  token(scopes: readonly Scope[], signal?: AbortSignal): Promise<string>
  /** The registry did not take it. */
  refuse(token: string): void
}

interface Given {
  readonly token: string
  /** Milliseconds. */
  readonly renewAt: number
}

const answerLimit = 1 << 20
const longestLife = 24 * 3600
/** Seconds, where a token server says nothing (distribution: "Token Authentication Specification"). */
const usualLife = 60

const answerShape = v.object({
  token: v.optional(v.string()),
  access_token: v.optional(v.string()),
  expires_in: v.optional(v.number()),
})

interface TokenOptions {
  readonly host: string
  readonly http: HttpClient
  readonly clock: Clock
}

export function createTokens(
  { host, http, clock }: TokenOptions,
  challenge: Challenge,
  credential: RegistryCredential | undefined,
  isPlain: boolean,
): Tokens {
  const realm = checkedRealm(challenge.parameters['realm'] ?? '', host, credential !== undefined, isPlain)
  const service = challenge.parameters['service']
  const held = new Map<string, Given>()
  const coming = new Map<string, Promise<Given>>()

  const forget = (key: string) => {
    forgetSecret(held.get(key)?.token)
    held.delete(key)
  }

  const fetchToken = async (key: string, scopes: readonly string[]): Promise<Given> => {
    try {
      const asked = clock.now()
      const { token, life } = await readToken(http, tokenRequest(realm, service, scopes, credential), realm)
      // In time for what it is sent with to arrive.
      const given = { token, renewAt: asked + life - Math.min(10_000, life / 10) }
      held.set(key, given)
      return given
    } finally {
      coming.delete(key)
    }
  }

  return {
    isOf: ({ parameters }) => parameters['realm'] === challenge.parameters['realm'] && parameters['service'] === service,
    async token(scopes, signal) {
      for (const key of keysFor(scopes)) {
        const given = held.get(key)
        if (given !== undefined && given.renewAt > clock.now()) return given.token
        if (given !== undefined) forget(key)
      }
      const key = keysFor(scopes)[0]!
      // Shared, so that no one's signal ends it.
      const fetched = coming.get(key) ?? fetchToken(key, scopes.map(scopeText))
      if (held.get(key) === undefined) coming.set(key, fetched)
      return (await untilAborted(fetched, signal)).token
    },
    refuse(token) {
      for (const [key, given] of held) if (given.token === token) forget(key)
    },
  }
}

async function readToken(http: HttpClient, request: HttpRequest, realm: URL): Promise<{ readonly token: string; readonly life: number }> {
  const page = await http.read(request, answerLimit)
  if (page.status >= 300) throw new Fault('unsupported', `the token server ${realm.host} redirects a secret elsewhere: it was not sent on`)
  const answer = parseJson(answerShape, page.bytes, realm.origin + realm.pathname)
  const token = answer.token ?? answer.access_token ?? ''
  if (!/^[\x21-\x7e]+$/.test(token)) throw new Fault('corrupt', 'the token server gave no token', { at: realm.origin })
  keepSecret(token)
  return { token, life: Math.min(Math.max(answer.expires_in ?? usualLife, 1), longestLife) * 1000 }
}

function scopeText({ repository, actions }: Scope): string {
  return `repository:${repository}:${actions}`
}

/** What tokens for these scopes are kept under; who may push may pull. */
function keysFor(scopes: readonly Scope[]): string[] {
  const key = scopes.map(scopeText).join(' ')
  const only = scopes.length === 1 ? scopes[0]! : undefined
  return only?.actions === 'pull' ? [key, scopeText({ ...only, actions: 'pull,push' })] : [key]
}

/**
 * The registry names its token server, which may be on another host, as Docker Hub's is. It is shown the registry's credentials, as Docker does,
 * but only over https, on this machine, or where the registry itself is spoken to without TLS and the server is of the same host.
 */
function checkedRealm(text: string, host: string, hasCredential: boolean, isPlain: boolean): URL {
  const realm = URL.parse(text)
  if (realm === null || !/^https?:$/.test(realm.protocol) || realm.username !== '' || realm.password !== '') {
    throw new Fault('corrupt', `${host} names a token server that is no address: ${JSON.stringify(text.slice(0, 200))}`)
  }
  const isOwnHost = realm.hostname === new URL(`http://${host}`).hostname
  const isSafe = realm.protocol === 'https:' || isLoopback(realm.hostname) || (isPlain && isOwnHost)
  if (!isSafe && hasCredential) {
    throw new Fault('denied', `${host} names a token server without TLS: ${realm.origin}`, {
      hint: 'the credentials were not sent: the registry has to name an https address',
    })
  }
  return realm
}

function tokenRequest(
  realm: URL,
  service: string | undefined,
  scopes: readonly string[],
  credential: RegistryCredential | undefined,
): HttpRequest {
  const named: [string, string][] = service === undefined ? [] : [['service', service]]
  if (credential?.kind === 'identity-token') {
    keepSecret(credential.token)
    const form = new URLSearchParams([
      ...named,
      ['grant_type', 'refresh_token'],
      ['client_id', 'holdfast'],
      ['scope', scopes.join(' ')],
      ['refresh_token', credential.token],
    ])
    return {
      url: realm.href,
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
      // Its body is a secret: a redirect is not followed.
      accepts: [301, 302, 303, 307, 308],
      repeatable: true,
    }
  }
  const url = new URL(realm)
  for (const [name, value] of [...named, ...scopes.map((scope): [string, string] => ['scope', scope])]) url.searchParams.append(name, value)
  if (credential === undefined) return { url: url.href }
  url.searchParams.append('account', credential.user)
  return { url: url.href, credentials: [basicCredential(realm.origin, credential.user, credential.password)] }
}
