import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, type Asked, asFault, collect, Fault, isFault, redact, type Report, type Responder } from '../kit/index.ts'

export interface CarryOptions {
  readonly report: Report
  /** The address that a request counts for: that of its socket, or the one that a trusted proxy names. */
  readonly addressOf: (incoming: IncomingMessage) => string
}

/** Carries one request to the responder and its answer back; never rejects. */
export async function carry(
  responder: Responder,
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  { report, addressOf }: CarryOptions,
): Promise<void> {
  // A socket that breaks while it is written to; `close` follows.
  outgoing.on('error', nothing)
  try {
    const asked = askedOf(incoming, outgoing, addressOf(incoming))
    const answer = asked === undefined ? plain(400, 'not a usable request') : await responder(asked)
    await send(answer, incoming, outgoing)
  } catch (error) {
    // A client that went away is no news.
    if (outgoing.destroyed && !outgoing.writableFinished) return
    const text = redact(`${incoming.method} ${JSON.stringify(incoming.url)}: ${asFault(error).message}`)
    report({ kind: 'note', level: 'warning', event: 'request-failed', text })
    // What is half sent must not look whole.
    if (outgoing.headersSent) outgoing.destroy()
    else await send(plain(500, 'something went wrong here'), incoming, outgoing).catch(() => outgoing.destroy())
  }
}

/** Undefined for what is no usable request. */
function askedOf(incoming: IncomingMessage, outgoing: ServerResponse, address: string): Asked | undefined {
  const target = incoming.url ?? ''
  const { host } = incoming.headers
  // The host must be nothing but a host: `a/b` would become a part of a path.
  if (host !== undefined && /[/?#\\@\s]/.test(host)) return undefined
  const local = target.startsWith('/') ? target : localPart(target)
  if (local === undefined) return undefined
  const query = local.indexOf('?')
  const gone = new Going(outgoing)
  return {
    method: incoming.method ?? 'GET',
    path: query === -1 ? local : local.slice(0, query),
    search: query === -1 ? '' : local.slice(query),
    headers: { get: (name) => headerOf(incoming, name), [Symbol.iterator]: () => pairsOf(incoming.rawHeaders) },
    address,
    get signal() {
      return gone.signal()
    },
    async body(limit) {
      const stated = Number(incoming.headers['content-length'] ?? 0)
      if (stated > limit) throw tooLarge(limit)
      try {
        return await collect(incoming as AsyncIterable<Uint8Array>, limit, 'the body of the request')
      } catch (error) {
        throw isFault(error, 'corrupt') ? tooLarge(limit) : error
      }
    },
  }
}

/** Of the form for proxies, `GET http://host/path` (RFC 9112, 3.2.2). */
function localPart(target: string): string | undefined {
  const url = /^https?:\/\//i.test(target) ? URL.parse(target) : null
  return url === null || url.username !== '' || url.password !== '' ? undefined : `${url.pathname}${url.search}`
}

/** Several of one name are one list (RFC 9110, 5.3). */
function headerOf(incoming: IncomingMessage, name: string): string | null {
  const value = incoming.headers[name.toLowerCase()]
  return value === undefined ? null : typeof value === 'string' ? value : value.join(', ')
}

function* pairsOf(raw: readonly string[]): Generator<readonly [string, string]> {
  for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at]!, raw[at + 1]!]
}

function tooLarge(limit: number): Fault {
  return new Fault('invalid', `the body of the request is larger than its limit of ${limit} bytes`, { hint: 'send less at once' })
}

/** Whether the client is gone. Most requests never ask: for them nothing is made. */
class Going {
  readonly #outgoing: ServerResponse
  #gone: AbortController | undefined

  constructor(outgoing: ServerResponse) {
    this.#outgoing = outgoing
  }

  isGone(): boolean {
    return this.#outgoing.destroyed && !this.#outgoing.writableFinished
  }

  signal(): AbortSignal {
    if (this.#gone === undefined) {
      const gone = new AbortController()
      this.#gone = gone
      if (this.isGone()) gone.abort()
      // Also called where all is sent: an abort then would only cost.
      this.#outgoing.once('close', () => this.#outgoing.writableFinished || gone.abort())
    }
    return this.#gone.signal
  }
}

async function send({ status, headers, body }: Answer, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  // A body that nobody has read would be taken for the connection's next request.
  if (hasBody(incoming) && !incoming.readableEnded) outgoing.setHeader('connection', 'close')
  outgoing.writeHead(status, headers as Record<string, string>)
  if (body === null || incoming.method === 'HEAD') outgoing.end()
  else if (body instanceof Uint8Array) outgoing.end(body)
  else await stream(body, outgoing)
}

async function stream(body: AsyncIterable<Uint8Array>, outgoing: ServerResponse): Promise<void> {
  for await (const piece of body) {
    if (outgoing.destroyed) return
    await written(piece, outgoing)
  }
  outgoing.end()
}

/** Once the piece is in the system's hands, or the client is gone: the piece is ours only until the next one is asked for. */
async function written(piece: Uint8Array, outgoing: ServerResponse): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>()
  const done = () => resolve()
  outgoing.once('close', done)
  outgoing.write(piece, done)
  await promise
  outgoing.off('close', done)
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

export function plain(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = new TextEncoder().encode(`${text}\n`)
  return {
    status,
    headers: { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(body.byteLength), ...headers },
    body,
  }
}

function nothing(): void {}
