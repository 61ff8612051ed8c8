import { basicCredential, type HttpClient } from '../../kit/http/index.ts'
import { type Clock, type Fault, isFault } from '../../kit/index.ts'
import { type Challenge, parseChallenges } from './challenge.ts'
import { createIdentity, type IdentityOptions } from './identity.ts'
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
  /** The same refusal, with what was known of who asks, and what they would have to be allowed. */
  explained(fault: Fault, scopes: readonly Scope[]): Fault
}

export interface AuthorityOptions extends IdentityOptions {
  readonly http: HttpClient
  readonly isPlain?: boolean | undefined
  readonly clock: Clock
}

type Way = { readonly kind: 'basic'; readonly header: string } | { readonly kind: 'bearer'; readonly tokens: Tokens }

export function createAuthority(options: AuthorityOptions): Authority {
  const { host, http, isPlain = false } = options
  const identity = createIdentity(options)
  let found: string | undefined
  let way: Way | undefined

  const learn = async (header: string, at: string, signal: AbortSignal | undefined): Promise<void> => {
    const challenge = bestOf(parseChallenges(header))
    if (challenge === undefined || (way?.kind === 'bearer' && way.tokens.isOf(challenge))) return
    const who = await identity.find(signal)
    if (challenge.scheme === 'bearer') way = { kind: 'bearer', tokens: createTokens(options, challenge, who, isPlain) }
    else if (who?.kind === 'password') {
      way = { kind: 'basic', header: basicCredential(at, who.user, who.password).headers['authorization']! }
    }
  }
  const origin = async (signal?: AbortSignal) => {
    if (found !== undefined) return found
    const { origin: at, challenge, isSure } = await findOrigin(http, host, isPlain, signal)
    if (isSure) found = at
    if (challenge !== undefined) await learn(challenge, at, signal)
    return at
  }
  const forget = () => {
    way = undefined
    identity.forget()
  }

  return {
    origin,
    explained: identity.explained,
    async headers(scopes, signal) {
      if (way === undefined) return {}
      if (way.kind === 'basic') return { authorization: way.header }
      try {
        return { authorization: `Bearer ${await way.tokens.token(scopes, signal)}` }
      } catch (error) {
        if (!isFault(error, 'denied')) throw error
        forget()
        throw identity.explained(error, scopes)
      }
    },
    async challenged(challenge, { authorization }, signal) {
      await learn(challenge, await origin(signal), signal)
      if (way?.kind === 'bearer') {
        if (authorization !== undefined) way.tokens.refuse(authorization.slice('Bearer '.length))
        return true
      }
      const isAnother = way !== undefined && way.header !== authorization
      if (!isAnother) forget()
      return isAnother
    },
  }
}

/** Tokens rather than the password, where a registry takes both. */
function bestOf(challenges: readonly Challenge[]): Challenge | undefined {
  const of = (scheme: string) => challenges.find((challenge) => challenge.scheme === scheme)
  const bearer = of('bearer')
  return bearer?.parameters['realm'] === undefined ? of('basic') : bearer
}
