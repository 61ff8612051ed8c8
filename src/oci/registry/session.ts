import type { HttpAnswer, HttpClient, HttpPage, HttpRequest } from '../../kit/http/index.ts'
import { type Bytes, Fault } from '../../kit/index.ts'
import type { Authority, Scope } from './authority.ts'
import { refusal } from './refusal.ts'

export interface Ask {
  /** Of the registry, with its query. */
  readonly path: string
  readonly method?: string | undefined
  readonly scopes: readonly Scope[]
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Bytes | Uint8Array | undefined
  /** Statuses beside 2xx that are answers and no faults. */
  readonly accepts?: readonly number[] | undefined
  readonly repeatable?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** Requests to one registry: at its address, with what it wants to see of who asks; a refusal is a Fault with the registry's own words. */
export interface Session {
  readonly host: string
  request(ask: Ask): Promise<HttpAnswer>
  /** The whole body, up to `limit` bytes. */
  read(ask: Ask, limit: number): Promise<HttpPage>
  /** The path of a `Location` or `Link` of this registry, relative to where the answer came from. Another host's throws `denied`. */
  ownPath(text: string, answeredFrom: string): Promise<string>
}

/** What the protocol has meanings for: their bodies say more than their numbers. */
const refusals = [400, 401, 403, 404, 405, 409, 413, 415, 416]

export function createSession({ host, http }: { readonly host: string; readonly http: HttpClient }, authority: Authority): Session {
  const open = async <T extends HttpAnswer | HttpPage>(ask: Ask, send: (request: HttpRequest) => Promise<T>): Promise<T> => {
    const origin = await authority.origin(ask.signal)
    const { path, method, headers, body, repeatable, signal, accepts = [] } = ask
    // Joined, and not resolved: `//host/x` would be another host.
    if (!path.startsWith('/')) throw new Fault('bug', `not a path of a registry: ${path}`)
    const url = new URL(origin + path).href
    for (let hasRenewed = false; ;) {
      const secret = await authority.headers(ask.scopes, signal)
      const credentials = [{ origin, headers: secret }]
      const answer = await send({ url, method, headers, body, credentials, repeatable, signal, accepts: [...refusals, ...accepts] })
      const { status } = answer
      if ((status >= 200 && status < 300) || accepts.includes(status)) return answer
      const fault = await refusal(`${method ?? 'GET'} ${url}`, answer)
      // What another host wants, where a redirect led, is nothing to us.
      if (new URL(answer.url).origin !== origin) throw fault
      if (status === 403) throw authority.explained(fault, ask.scopes)
      if (status !== 401) throw fault
      if (hasRenewed) throw authority.explained(fault, ask.scopes)
      const isAnother = await authority.challenged(answer.headers['www-authenticate'] ?? '', secret, signal)
      if (!isAnother) throw authority.explained(fault, ask.scopes)
      hasRenewed = secret['authorization'] !== undefined
      if (body !== undefined && 'rewindable' in body && !body.rewindable) throw fault
    }
  }
  return {
    host,
    request: (ask) => open(ask, (request) => http.request(request)),
    read: (ask, limit) => open(ask, (request) => http.read(request, limit)),
    ownPath: async (text, answeredFrom) => pathOf(host, new URL(await authority.origin()), text, answeredFrom),
  }
}

/**
 * Registries behind a proxy often give their inner address, `http:` for what is reached by https: what is of the same host is asked for at
 * the registry's own origin, and anything else is refused, since content and credentials would go where nobody sent them.
 */
function pathOf(host: string, origin: URL, text: string, answeredFrom: string): string {
  const url = URL.parse(text, answeredFrom)
  if (url === null || !/^https?:$/.test(url.protocol)) {
    throw new Fault('corrupt', `${host} points at what is no URL: ${JSON.stringify(text.slice(0, 200))}`, { at: origin.href })
  }
  if (url.hostname === origin.hostname) return url.pathname + url.search
  throw new Fault('denied', `${host} points at another host: ${url.host}`, {
    at: origin.href,
    hint: 'nothing was sent there: if the registry has moved, name that host itself',
  })
}
