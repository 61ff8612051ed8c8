import http from 'node:http'
import https from 'node:https'
import tls from 'node:tls'
import { throwIfAborted } from '../abort.ts'
import type { Bytes } from '../bytes.ts'
import { Fault } from '../fault.ts'
import { keepSecret } from '../redact.ts'
import { type Span, traced, type Tracer } from '../trace.ts'

export interface WireOptions {
  /** Certificates of authorities that are trusted beside Node's own, in PEM. */
  readonly ca?: readonly string[] | undefined
  readonly proxy?: ProxyVariables | undefined
  readonly onRequest?: ((method: string) => void) | undefined
  readonly limits: WireLimits
  /** Follows each request until the headers of its answer, and hands the trace on with it. */
  readonly tracer?: Tracer | undefined
}

/** `HTTP_PROXY`, `HTTPS_PROXY`, `NO_PROXY`, also in lower case, as every program reads them. */
export type ProxyVariables = Readonly<Record<string, string | undefined>>

export interface WireLimits {
  /** Bytes of an answer's headers. */
  readonly headerBytes: number
  /** Milliseconds between the last byte that was sent and the first of the answer. */
  readonly answerTime: number
  /** Milliseconds without a byte in the middle of a body. */
  readonly idleTime: number
}

export interface WireRequest {
  readonly method: string
  readonly url: URL
  readonly headers: Readonly<Record<string, string>>
  readonly body?: Bytes | undefined
  readonly signal?: AbortSignal | undefined
}

/** Sends one request and gives the answer, whatever its status, with the body still to come. */
export interface Wire {
  readonly limits: WireLimits
  send(request: WireRequest): Promise<http.IncomingMessage>
  close(): void
}

/** Throws `invalid` where the variable of a proxy holds no URL. */
export function createWire({ ca, proxy = {}, onRequest, limits, tracer }: WireOptions): Wire {
  for (const value of Object.values(proxy)) keepSecret(URL.parse(value ?? '')?.password)
  const trusted = ca === undefined || ca.length === 0 ? {} : { ca: [...tls.getCACertificates('default'), ...ca] }
  const { plain, secure } = agents(proxy, trusted)
  return {
    limits,
    send(request) {
      onRequest?.(request.method)
      const agent = request.url.protocol === 'https:' ? secure : plain
      return tracer === undefined ? send(request, agent, limits) : followed(tracer, request, (given) => send(given, agent, limits))
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
}

function agents(proxy: ProxyVariables, trusted: https.AgentOptions): { plain: http.Agent; secure: https.Agent } {
  const options = { keepAlive: true, proxyEnv: { ...proxy } }
  try {
    return { plain: new http.Agent(options), secure: new https.Agent({ ...options, ...trusted }) }
  } catch {
    // Node's own words have the whole of it, and with it a password.
    throw new Fault('invalid', 'what HTTP_PROXY or HTTPS_PROXY holds is no URL of a proxy', {
      hint: 'write it as http://host:port; in a password before the host /, #, ?, @ and % are %2F, %23, %3F, %40 and %25',
    })
  }
}

/** Semantic conventions of HTTP: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
function followed(
  tracer: Tracer,
  request: WireRequest,
  work: (request: WireRequest) => Promise<http.IncomingMessage>,
): Promise<http.IncomingMessage> {
  const { method, url, headers } = request
  const attributes = {
    'http.request.method': method,
    'url.full': url.href,
    'server.address': url.hostname,
    'server.port': Number(url.port) || (url.protocol === 'https:' ? 443 : 80),
  }
  return traced(tracer, method, { kind: 'client', attributes }, async (span) => {
    const response = await work(span === undefined ? request : { ...request, headers: { ...headers, traceparent: span.traceparent } })
    if (span !== undefined) tellStatus(span, response.statusCode ?? 0)
    return response
  })
}

function tellStatus(span: Span, status: number): void {
  span.set({ 'http.response.status_code': status })
  if (status >= 400) span.end(String(status))
}

async function send(
  { method, url, headers, body, signal }: WireRequest,
  agent: http.Agent,
  limits: WireLimits,
): Promise<http.IncomingMessage> {
  throwIfAborted(signal)
  const { promise, resolve, reject } = Promise.withResolvers<http.IncomingMessage>()
  const { request } = url.protocol === 'https:' ? https : http
  const outgoing = request(url, { method, agent, headers, maxHeaderSize: limits.headerBytes, ...(signal === undefined ? {} : { signal }) })
  let timer: NodeJS.Timeout | undefined
  const watch = () => {
    clearTimeout(timer)
    timer = setTimeout(() => {
      outgoing.destroy(new Fault('unavailable', `${url.host} did not answer within ${limits.answerTime} ms`, { at: url.href }))
    }, limits.answerTime)
  }
  let isOver = false
  outgoing.on('response', resolve)
  // Stays: what breaks after the answer has begun is told by the answer's body.
  outgoing.on('error', reject)
  // Such as after an answer that wants to speak another protocol: there is no error then.
  outgoing.on('close', () => reject(new Fault('corrupt', `${url.host} gave no answer of HTTP`, { at: url.href })))
  watch()
  pour(body, outgoing, () => {
    if (!isOver) watch()
    return isOver
  }).catch((error: unknown) => outgoing.destroy(error instanceof Error ? error : new Error(String(error))))
  try {
    return await promise
  } finally {
    isOver = true
    clearTimeout(timer)
  }
}

/** Writes a body as fast as it is taken, until `onPiece` says that an answer has come before its end. */
async function pour(body: Bytes | undefined, outgoing: http.ClientRequest, onPiece: () => boolean): Promise<void> {
  let release = () => {}
  outgoing.on('close', () => release())
  for await (const piece of body ?? []) {
    if (outgoing.destroyed) return
    // The piece is the reader's only until the next one is asked for.
    await new Promise<void>((taken) => {
      release = taken
      outgoing.write(piece, () => taken())
    })
    if (onPiece()) return
  }
  outgoing.end()
}
