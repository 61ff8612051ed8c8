import type { Asked } from '../kit/index.ts'
import type { Caller } from './caller.ts'
import type { Refusal } from './problem.ts'
import type { Tokens } from './state/tokens.ts'

/**
 * Who calls, by the header Authorization alone: no cookie is ever looked at, so that no page of another site can act in somebody's name. A token
 * that is not good is refused also where none is needed: whoever sends one means it.
 */
export function authenticate({ headers, address }: Asked, request: string, tokens: Tokens): Caller | Refusal {
  const given = headers.get('authorization')
  if (given === null) return { request, address, token: undefined }
  const secret = /^bearer +(\S+)$/i.exec(given)?.[1]
  const token = secret === undefined ? undefined : tokens.find(secret)
  if (token !== undefined) return { request, address, token }
  return {
    status: 401,
    detail: 'this token is not good: it is unknown, has expired, or was revoked',
    headers: { 'www-authenticate': 'Bearer realm="holdfast", error="invalid_token"' },
  }
}

/** A browser says from where a page asks (Fetch Metadata). What another site asks is not even looked at. */
export function isOfAnotherSite({ method, headers }: Asked): boolean {
  const site = headers.get('sec-fetch-site')
  return method !== 'GET' && method !== 'HEAD' && site !== null && site !== 'same-origin' && site !== 'none'
}
