import type { IncomingMessage } from 'node:http'
import { Fault } from '../fault.ts'
import { throwIfAborted } from '../abort.ts'
import type { Bytes } from '../bytes.ts'
import { addressOf, type Credential, headersFor, parseHttpUrl } from './address.ts'
import { networkFault, statusFault } from './faults.ts'
import { retryAfterOf } from './retry-after.ts'
import type { Wire } from './wire.ts'

/** A request as it stands: with an address that is checked, and without credentials in it. */
export interface Prepared {
  readonly method: string
  readonly url: URL
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Bytes | undefined
  /** Statuses beside 2xx that are answers. */
  readonly accepts: readonly number[]
  readonly credentials: readonly Credential[]
  readonly signal?: AbortSignal | undefined
}

export interface Exchanged {
  readonly response: IncomingMessage
  readonly status: number
  /** Where the answer came from, after redirects. */
  readonly url: URL
}

const maxRedirects = 10
const moved = new Set([301, 302, 303, 307, 308])

/** What an answer says about its refusal is read up to here. */
const wordsLimit = 4096

/** One try: a request and its redirects. An answer that is neither 2xx nor accepted is thrown as a Fault. */
export async function exchange(wire: Wire, request: Prepared, now: () => number): Promise<Exchanged> {
  let { url, method, body } = request
  for (let hop = 0; ; hop++) {
    const what = `${method} ${addressOf(url)}`
    const headers = headersFor(url.origin, { origin: request.url.origin, headers: request.headers }, request.credentials)
    const response = await sent(wire, { method, url, headers: { ...headers, ...lengthOf(body) }, body, signal: request.signal }, what)
    const status = response.statusCode ?? 0
    if ((status >= 200 && status < 300) || request.accepts.includes(status)) return { response, status, url }
    const { location } = response.headers
    if (!moved.has(status) || location === undefined) {
      const hadCredential = Object.keys(headers).some((name) => /^(authorization|.*-token|cookie)$/.test(name))
      const retryAfter = retryAfterOf(response.headers['retry-after'], now())
      const words = await wordsOf(response, wire.limits.idleTime)
      throwIfAborted(request.signal)
      throw statusFault({ status, what, at: addressOf(url), hadCredential, words, retryAfter })
    }
    // Its connection can be used again only where nothing more comes.
    if (response.headers['content-length'] === '0') response.resume()
    else response.destroy()
    if (hop === maxRedirects) throw new Fault('invalid', `${what} was redirected more than ${maxRedirects} times`, { at: addressOf(url) })
    ;({ url, method, body } = follow({ url, method, body }, status, location))
  }
}

interface Hop {
  readonly url: URL
  readonly method: string
  readonly body: Bytes | undefined
}

function follow({ url, method, body }: Hop, status: number, location: string): Hop {
  const what = `${method} ${addressOf(url)}`
  const next = parseHttpUrl(location, url).url
  if (url.protocol === 'https:' && next.protocol === 'http:') {
    throw new Fault('denied', `${what} was redirected to ${next.origin}, away from https`, {
      at: addressOf(url),
      hint: 'this would give up encryption; if it is right, name that address itself',
    })
  }
  if (status === 303 && method !== 'HEAD') return { url: next, method: 'GET', body: undefined }
  if (method === 'GET' || method === 'HEAD') return { url: next, method, body: undefined }
  // What was a POST is often a GET after 301 and 302, against the standard: neither is guessed.
  if (status < 307)
    throw new Fault('invalid', `${what} has moved to ${addressOf(next)}`, { at: addressOf(url), hint: 'name that address itself' })
  if (body !== undefined && !body.rewindable) throw new Fault('unavailable', `${what} was redirected after its body had been sent`)
  return { url: next, method, body }
}

function lengthOf(body: Bytes | undefined): Record<string, string> {
  return body?.length === undefined ? {} : { 'content-length': String(body.length) }
}

async function sent(wire: Wire, request: Parameters<Wire['send']>[0], what: string): Promise<IncomingMessage> {
  try {
    return await wire.send(request)
  } catch (error) {
    throwIfAborted(request.signal)
    throw networkFault(error, what, addressOf(request.url), wire.limits)
  }
}

/** The first line of a refusal's text, such as `{"message":"…"}`: without what could play tricks on a terminal. */
async function wordsOf(response: IncomingMessage, idleTime: number): Promise<string> {
  const type = response.headers['content-type'] ?? ''
  let text = ''
  const timer = setTimeout(() => response.destroy(), idleTime)
  try {
    // Read to the end where it is short: its connection can be used again.
    for await (const piece of response as AsyncIterable<Buffer>) {
      text += piece.toString('utf8')
      if (text.length > wordsLimit) break
    }
  } catch {
    // The refusal stands without its words.
  } finally {
    clearTimeout(timer)
    response.destroy()
  }
  if (!/^(text\/plain|application\/([a-z.-]+\+)?json)\b/.test(type)) return ''
  const line = text.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').trim()
  return line.length <= 200 ? line : `${line.slice(0, 199)}…`
}
