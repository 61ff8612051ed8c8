import type { HttpClient } from '../../kit/http/index.ts'
import { keepSecret } from '../../kit/index.ts'
import type { TokenFor } from './token.ts'

/** What Octokit asks of the function that it sends with. */
interface Asked {
  readonly method: string
  readonly headers: Readonly<Record<string, string>>
  readonly body?: string | undefined
  readonly redirect?: string | undefined
  readonly signal?: AbortSignal | undefined
}

/** Refusals that Octokit or we make sense of. What else fails, such as with 5xx, the client tries again as it does for everybody. */
const refusals = [400, 401, 403, 404, 409, 410, 422, 429, 451]

/** Bytes: a page of a hundred runs has two million. */
const longestAnswer = 32 << 20

/**
 * `fetch` for Octokit over our own client, so that proxies, certificates, retries and limits are those of everything else. The token is no header of
 * Octokit's: it goes to the API's origin alone, wherever an answer may point to.
 */
export function fetchOver(http: HttpClient, origin: string, token: TokenFor): (url: string, asked: Asked) => Promise<Response> {
  return async (url, { method, headers, body, redirect, signal }) => {
    const accepts = [304, ...refusals, ...(redirect === 'manual' ? [302] : [])]
    const send = async (secret: string | undefined) => {
      keepSecret(secret)
      const credentials = secret === undefined ? [] : [{ origin, headers: { authorization: `Bearer ${secret}` } }]
      return await http.read({ url, method, headers, body, accepts, credentials, signal }, longestAnswer)
    }
    const secret = await token()
    let page = await send(secret)
    if (page.status === 401 && secret !== undefined) {
      const other = await token(secret)
      if (other !== secret) page = await send(other)
    }
    const isEmpty = page.status === 204 || page.status === 304
    return new Response(isEmpty ? null : new Uint8Array(page.bytes), { status: page.status, headers: withoutLengths(page.headers) })
  }
}

/** The body is decoded already. */
function withoutLengths({
  'content-encoding': _encoding,
  'content-length': _length,
  ...headers
}: Readonly<Record<string, string>>): Record<string, string> {
  return headers
}
