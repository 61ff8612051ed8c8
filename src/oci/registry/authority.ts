import { basicCredential, type HttpClient } from '../../kit/http/index.ts'
import { type Clock, Fault, isFault } from '../../kit/index.ts'
import type { RegistryCredential } from '../credentials/credential.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { findOrigin } from './origin.ts'
import { createTokens, type Scope, type Tokens } from './tokens.ts'

export type { Scope } from './tokens.ts'

/** Where a registry is reached, and what it is shown of who asks: nothing before it has asked for it. */
export interface Authority {
  origin(signal?: AbortSignal): Promise<string>
  /** The headers that go with a request for these scopes now. */
  headers(scopes: readonly Scope[], signal?: AbortSignal): Promise<Readonly<Record<string, string>>>
  /** Learns from an answer of 401 to `used`; whether it is worth while to ask again. */
  challenged(challenge: string, used: Readonly<Record<string, string>>, signal?: AbortSignal): Promise<boolean>
  /** The same refusal, with what was known of who asks. */
  explained(fault: Fault): Fault
}

export interface AuthorityOptions {
  readonly host: string
  readonly http: HttpClient
  readonly credentials: (host: string, signal?: AbortSignal) => Promise<RegistryCredential | undefined>
  readonly isPlain?: boolean | undefined
  readonly clock: Clock
}

export function createAuthority(options: AuthorityOptions): Authority {
  const { host, http, isPlain = false } = options
  let found: { readonly origin: string } | undefined
  let way: { readonly kind: 'basic'; readonly header: string } | { readonly kind: 'bearer'; readonly tokens: Tokens } | undefined
  let credential: Promise<RegistryCredential | undefined> | undefined
  let known: RegistryCredential | undefined

  const findCredential = async (signal: AbortSignal | undefined) => {
    credential ??= options.credentials(host, signal)
    try {
      return (known = await credential)
    } catch (error) {
      credential = undefined
      throw error
    }
  }

  const learn = async (header: string, origin: string, signal: AbortSignal | undefined): Promise<void> => {
    const challenge = bestOf(parseChallenges(header))
    if (challenge === undefined) return
    const who = await findCredential(signal)
    if (challenge.scheme === 'bearer') {
      if (way?.kind === 'bearer' && way.tokens.isOf(challenge)) return
      way = { kind: 'bearer', tokens: createTokens(options, challenge, who, isPlain) }
    } else if (who?.kind === 'password') {
      way = { kind: 'basic', header: basicCredential(origin, who.user, who.password).headers['authorization']! }
    }
  }

  const origin = async (signal?: AbortSignal) => {
    if (found !== undefined) return found.origin
    const { origin: at, challenge, isSure } = await findOrigin(http, host, isPlain, signal)
    if (isSure) found = { origin: at }
    if (challenge !== undefined) await learn(challenge, at, signal)
    return at
  }

  /** What was not taken may have been replaced meanwhile: the next request looks for it anew. */
  const forget = () => {
    way = undefined
    credential = undefined
  }

  const explained = (fault: Fault) =>
    new Fault(fault.code, fault.message, {
      at: fault.at,
      hint:
        known === undefined
          ? `no credentials for ${host} were found: log in with \`docker login ${host}\`, or set GITLAB_TOKEN or CI_REGISTRY_PASSWORD for it`
          : `the credentials from ${known.from} were not taken: check that they are right and not expired`,
      cause: fault.cause,
    })

  return {
    origin,
    explained,
    async headers(scopes, signal) {
      if (way === undefined) return {}
      if (way.kind === 'basic') return { authorization: way.header }
      try {
        return { authorization: `Bearer ${await way.tokens.token(scopes, signal)}` }
      } catch (error) {
        if (!isFault(error, 'denied')) throw error
        const fault = explained(error)
        forget()
        throw fault
      }
    },
    async challenged(challenge, { authorization }, signal) {
      await learn(challenge, await origin(signal), signal)
      if (way === undefined) return false
      if (way.kind === 'basic') {
        const isAnother = way.header !== authorization
        if (!isAnother) forget()
        return isAnother
      }
      if (authorization !== undefined) way.tokens.refuse(authorization.slice('Bearer '.length))
      return true
    },
  }
}

/** Tokens rather than the password, where a registry takes both. */
function bestOf(challenges: readonly Challenge[]): Challenge | undefined {
  const of = (scheme: string) => challenges.find((challenge) => challenge.scheme === scheme)
  const bearer = of('bearer')
  return bearer?.parameters['realm'] === undefined ? of('basic') : bearer
}
