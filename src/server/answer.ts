import type { IncomingMessage, ServerResponse } from 'node:http'
import { type Answer, type Asked, asFault, collect, Fault, isFault, redact, type Report, type Responder } from '../kit/index.ts'
import type { ReadyAnswer } from './hot.ts'

export interface CarryOptions {
  readonly report: Report
  /** The address that a request counts for: that of its socket, or the one that a trusted proxy names. */
  readonly addressOf: (incoming: IncomingMessage) => string
}

/** Carries one request to the responder and its answer back; never throws. */
export function carry(responder: Responder, incoming: IncomingMessage, outgoing: ServerResponse, options: CarryOptions): void {
  // A socket that breaks while it is written to; `close` follows.
  outgoing.on('error', nothing)
  try {
    const asked = askedOf(incoming, outgoing, options.addressOf(incoming))
    const answer = asked === undefined ? plain(400, 'not a usable request') : responder(asked)
    if (answer instanceof Promise)
      answer.then((found) => send(found, incoming, outgoing)).catch((error) => fail(error, incoming, outgoing, options))
    else send(answer, incoming, outgoing)?.catch((error) => fail(error, incoming, outgoing, options))
  } catch (error) {
    fail(error, incoming, outgoing, options)
  }
}

function fail(error: unknown, incoming: IncomingMessage, outgoing: ServerResponse, { report }: CarryOptions): void {
  // A client that went away is no news.
  if (outgoing.destroyed && !outgoing.writableFinished) return
  const text = redact(`${incoming.method} ${JSON.stringify(incoming.url)}: ${asFault(error).message}`)
  report({ kind: 'note', level: 'warning', event: 'request_failed', text })
  // What is half sent must not look whole.
  if (outgoing.headersSent) outgoing.destroy()
  else void send(plain(500, 'something went wrong here'), incoming, outgoing)
}

/** Undefined for what is no usable request. */
function askedOf(incoming: IncomingMessage, outgoing: ServerResponse, address: string): Asked | undefined {
  const target = incoming.url ?? ''
  const { host } = incoming.headers
  // The host must be nothing but a host: `a/b` would become a part of a path.
  if (host !== undefined && /[/?#\\@\s]/.test(host)) return undefined
  const local = target.startsWith('/') ? target : localPart(target)
  return local === undefined ? undefined : new AskedRequest(incoming, outgoing, local, address)
}

/** A request of node:http. What is not looked at costs nothing. */
class AskedRequest implements Asked {
  readonly method: string
  readonly target: string
  readonly address: string
  readonly headers: Asked['headers']
  readonly #incoming: IncomingMessage
  readonly #outgoing: ServerResponse
  readonly #query: number
  #gone: AbortController | undefined

  constructor(incoming: IncomingMessage, outgoing: ServerResponse, target: string, address: string) {
    this.method = incoming.method ?? 'GET'
    this.target = target
    this.address = address
    this.headers = new SentHeaders(incoming)
    this.#incoming = incoming
    this.#outgoing = outgoing
    this.#query = target.indexOf('?')
  }

  get path(): string {
    return this.#query === -1 ? this.target : this.target.slice(0, this.#query)
  }

  get search(): string {
    return this.#query === -1 ? '' : this.target.slice(this.#query)
  }

  get signal(): AbortSignal {
    if (this.#gone === undefined) {
      const gone = new AbortController()
      const outgoing = this.#outgoing
      this.#gone = gone
      if (outgoing.destroyed && !outgoing.writableFinished) gone.abort()
      // Also called where all is sent: an abort then would only cost.
      outgoing.once('close', () => outgoing.writableFinished || gone.abort())
    }
    return this.#gone.signal
  }

  async body(limit: number): Promise<Uint8Array> {
    const incoming = this.#incoming
    if (Number(incoming.headers['content-length'] ?? 0) > limit) throw tooLarge(limit)
    try {
      return await collect(incoming as AsyncIterable<Uint8Array>, limit, 'the body of the request')
    } catch (error) {
      throw isFault(error, 'corrupt') ? tooLarge(limit) : error
    }
  }
}

class SentHeaders {
  readonly #incoming: IncomingMessage

  constructor(incoming: IncomingMessage) {
    this.#incoming = incoming
  }

  /** Several of one name are one list (RFC 9110, 5.3). */
  get(name: string): string | null {
    const value = this.#incoming.headers[name.toLowerCase()]
    return value === undefined ? null : typeof value === 'string' ? value : value.join(', ')
  }

  *[Symbol.iterator](): Generator<readonly [string, string]> {
    const raw = this.#incoming.rawHeaders
    for (let at = 0; at + 1 < raw.length; at += 2) yield [raw[at]!, raw[at + 1]!]
  }
}

/** Of the form for proxies, `GET http://host/path` (RFC 9112, 3.2.2). */
function localPart(target: string): string | undefined {
  const url = /^https?:\/\//i.test(target) ? URL.parse(target) : null
  return url === null || url.username !== '' || url.password !== '' ? undefined : `${url.pathname}${url.search}`
}

function tooLarge(limit: number): Fault {
  return new Fault('invalid', `the body of the request is larger than its limit of ${limit} bytes`, { hint: 'send less at once' })
}

/** Undefined where all of it is handed over already. */
function send(answer: Answer | ReadyAnswer, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> | undefined {
  const { status, headers, body, onSent } = answer
  // A body that nobody has read would be taken for the connection's next request.
  const closes = hasBody(incoming) && !incoming.readableEnded
  if (closes) outgoing.setHeader('connection', 'close')
  outgoing.writeHead(status, 'ready' in answer && !closes ? answer.ready : (headers as Record<string, string>))
  const whole = body === null || incoming.method === 'HEAD' ? noBytes : body
  if (!(whole instanceof Uint8Array)) return stream(whole, outgoing, onSent)
  if (whole === noBytes) outgoing.end()
  else outgoing.end(whole)
  onSent?.({ bytes: whole.byteLength, isWhole: true })
  return undefined
}

const noBytes = new Uint8Array()

async function stream(body: AsyncIterable<Uint8Array>, outgoing: ServerResponse, onSent: Answer['onSent']): Promise<void> {
  let bytes = 0
  let isWhole = false
  try {
    for await (const piece of body) {
      if (outgoing.destroyed) return
      bytes += piece.byteLength
      await written(piece, outgoing)
    }
    outgoing.end()
    isWhole = true
  } finally {
    onSent?.({ bytes, isWhole })
  }
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
