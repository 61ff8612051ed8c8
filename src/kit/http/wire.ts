import http from 'node:http'
import https from 'node:https'
import tls from 'node:tls'
import { throwIfAborted } from '../abort.ts'
import type { Bytes } from '../bytes.ts'
import { Fault } from '../fault.ts'
import { keepSecret } from '../redact.ts'

export interface WireOptions {
  /** Certificates of authorities that are trusted beside Node's own, in PEM. */
  readonly ca?: readonly string[] | undefined
  readonly proxy?: ProxyVariables | undefined
  readonly onRequest?: ((method: string) => void) | undefined
  readonly limits: WireLimits
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

export function createWire({ ca, proxy = {}, onRequest, limits }: WireOptions): Wire {
  for (const value of Object.values(proxy)) keepSecret(URL.parse(value ?? '')?.password)
  const proxyEnv = { ...proxy }
  const plain = new http.Agent({ keepAlive: true, proxyEnv })
  const trusted = ca === undefined || ca.length === 0 ? {} : { ca: [...tls.getCACertificates('default'), ...ca] }
  const secure = new https.Agent({ keepAlive: true, proxyEnv, ...trusted })
  return {
    limits,
    send(request) {
      onRequest?.(request.method)
      return send(request, request.url.protocol === 'https:' ? secure : plain, limits)
    },
    close() {
      plain.destroy()
      secure.destroy()
    },
  }
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
