import { type Bytes, bytesOf, collect } from '../bytes.ts'
import type { Clock } from '../clock.ts'
import { type Report, silent } from '../events.ts'
import { asFault, Fault } from '../fault.ts'
import { retrying, type RetryPolicy } from '../retry.ts'
import type { Tracer } from '../trace.ts'
import { formatDuration } from '../units.ts'
import { addressOf, type Credential, parseHttpUrl } from './address.ts'
import { bodyOf, lengthOf } from './body.ts'
import { decoded, tooLarge } from './encoding.ts'
import { exchange, type Exchanged, type Prepared } from './exchange.ts'
import { askForRest, canGoOn } from './rest.ts'
import { createWire, type ProxyVariables, type Wire, type WireLimits } from './wire.ts'

export interface HttpOptions {
  /** Waits between tries. Time-outs are of the network, and by the system's clock. */
  readonly clock: Clock
  /** A number in [0, 1). */
  readonly random: () => number
  /** Is told of each try that is made again, and why. */
  readonly report?: Report | undefined
  /** Is told the method of each request that is sent: tries and redirects count. */
  readonly onRequest?: ((method: string) => void) | undefined
  readonly userAgent: string
  /** Certificates of authorities, in PEM, beside those that Node trusts. */
  readonly ca?: readonly string[] | undefined
  readonly proxy?: ProxyVariables | undefined
  readonly credentials?: readonly Credential[] | undefined
  readonly limits?: Partial<WireLimits> | undefined
  /** Follows each request that is sent: tries and redirects are spans of their own. */
  readonly tracer?: Tracer | undefined
}

export interface HttpRequest {
  /** A user and password in it become a credential of its origin. */
  readonly url: string
  /** GET unless told. */
  readonly method?: string | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body?: Bytes | Uint8Array | string | undefined
  /** Beside those of the client. */
  readonly credentials?: readonly Credential[] | undefined
  /** Statuses beside 2xx that are answers and no faults, such as 304, 404, or 302 for a redirect that is not to be followed. */
  readonly accepts?: readonly number[] | undefined
  /** Whether it may be sent again, though the server may have done it already; yes for GET, HEAD, OPTIONS, PUT and DELETE unless told. */
  readonly repeatable?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

interface Answered {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** Where the answer came from, after redirects. */
  readonly url: string
}

export interface HttpAnswer extends Answered {
  /** To be read, once, or else `discard` is called: it holds a connection. Ends with a Fault unless every byte came. */
  readonly body: Bytes
  discard(): void
}

export interface HttpPage extends Answered {
  readonly bytes: Uint8Array
}

/**
 * Faults: `not-found` for 404 and 410, `denied` for 401, 403 and certificates that are not trusted, `precondition` for 412, `unavailable` for
 * 408, 429, 5xx and the network, given up after five tries or where a server wants a longer wait than five minutes; `invalid` for other 4xx.
 */
export interface HttpClient {
  /** Sends a request and gives the answer as soon as its headers are there. A GET that breaks off later goes on by Range, if its ETag is strong. */
  request(request: HttpRequest): Promise<HttpAnswer>
  /** The same with the whole body, which may come compressed. Past `limit` bytes it throws `corrupt`. */
  read(request: HttpRequest, limit: number): Promise<HttpPage>
  /** Lets go of idle connections. */
  close(): void
}

const attempts = 5
/** Milliseconds. */
const longestRetryAfter = 300_000
const defaultLimits: WireLimits = { headerBytes: 64 << 10, answerTime: 60_000, idleTime: 60_000 }
const repeatableMethods = new Set(['GET', 'HEAD', 'OPTIONS', 'PUT', 'DELETE'])

export function createHttp(options: HttpOptions): HttpClient {
  const wire = createWire({ ...options, limits: { ...defaultLimits, ...options.limits } })
  return {
    request: (request) => openAnswer(wire, options, request),
    read: (request, limit) => readWhole(wire, options, request, limit),
    close: () => wire.close(),
  }
}

async function openAnswer(wire: Wire, options: HttpOptions, request: HttpRequest): Promise<HttpAnswer> {
  const prepared = prepare(options, request)
  const { clock } = options
  const exchanged = await tries(options, request, () => exchange(wire, prepared, clock.now))
  const { response, url } = exchanged
  const goOn = canGoOn(prepared, exchanged) ? (given: number) => askForRest(wire, clock, prepared, response, given) : undefined
  const { method, signal } = prepared
  const isEmpty = method === 'HEAD' || exchanged.status === 204 || exchanged.status === 304
  // Its connection is free again at once.
  if (isEmpty) await response.toArray().catch(() => [])
  const body = isEmpty
    ? bytesOf('')
    : bodyOf(response, {
        what: `${method} ${addressOf(url)}`,
        at: addressOf(url),
        limits: wire.limits,
        policy: policyOf(options),
        signal,
        goOn,
      })
  return { ...answered(exchanged), body, discard: () => void response.destroy() }
}

async function readWhole(wire: Wire, options: HttpOptions, request: HttpRequest, limit: number): Promise<HttpPage> {
  const prepared = prepare(options, { ...request, headers: { 'accept-encoding': 'gzip', ...lowered(request.headers) } })
  return await tries(options, request, async () => {
    const exchanged = await exchange(wire, prepared, options.clock.now)
    const { response, url } = exchanged
    const at = addressOf(url)
    const length = lengthOf(response)
    if (length !== undefined && length > limit && prepared.method !== 'HEAD') {
      response.destroy()
      throw tooLarge(at, limit)
    }
    const body = bodyOf(response, {
      what: `${prepared.method} ${at}`,
      at,
      limits: wire.limits,
      policy: policyOf(options),
      signal: request.signal,
    })
    const bytes = await collect(body, limit, at)
    return { ...answered(exchanged), bytes: await decoded(bytes, response.headers['content-encoding'], limit, at) }
  })
}

function prepare({ userAgent, credentials = [] }: HttpOptions, request: HttpRequest): Prepared {
  const { url, credential } = parseHttpUrl(request.url)
  const { body } = request
  return {
    method: request.method ?? 'GET',
    url,
    headers: { 'user-agent': userAgent, 'accept-encoding': 'identity', ...lowered(request.headers) },
    body: typeof body === 'string' || body instanceof Uint8Array ? bytesOf(body) : body,
    accepts: request.accepts ?? [],
    credentials: [...(credential === undefined ? [] : [credential]), ...(request.credentials ?? []), ...credentials],
    signal: request.signal,
  }
}

function policyOf({ clock, random, report = silent }: HttpOptions): RetryPolicy {
  return {
    clock,
    random,
    attempts,
    base: 500,
    cap: 20_000,
    onRetry: ({ message }, _attempt, wait) =>
      report({ kind: 'note', level: 'warning', text: `${message}: trying again in ${formatDuration(wait)}`, event: 'http_retry' }),
  }
}

/** Tries that are used up, or of which a server wants the next one too late, end with the last fault. */
async function tries<T>(options: HttpOptions, request: HttpRequest, work: () => Promise<T>): Promise<T> {
  const { method = 'GET', body, signal } = request
  const isRewindable = body === undefined || typeof body === 'string' || body instanceof Uint8Array || body.rewindable
  if (!isRewindable || !(request.repeatable ?? repeatableMethods.has(method))) return await work()
  const result = await retrying(
    policyOf(options),
    async () => {
      try {
        return { done: await work() }
      } catch (error) {
        const fault = asFault(error)
        const { retryAfter = 0 } = fault
        if (retryAfter <= longestRetryAfter) throw fault
        const text = `${fault.message}, and wants a wait of ${formatDuration(retryAfter)}: longer than ${formatDuration(longestRetryAfter)}`
        return { failed: new Fault(fault.code, text, { at: fault.at, hint: 'run it again then', retryAfter }) }
      }
    },
    signal,
  )
  if ('failed' in result) throw result.failed
  return result.done
}

function answered({ response, status, url }: Exchanged): Answered {
  const headers = Object.entries(response.headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : (value ?? '')])
  return { status, headers: Object.fromEntries(headers) as Record<string, string>, url: addressOf(url) }
}

function lowered(headers: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value]))
}
