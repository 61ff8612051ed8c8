import type { IncomingMessage, ServerResponse } from 'node:http'
import { asFault, redact, type Report } from '../kit/index.ts'

/** From a request of the web's standard to its response. The request's signal fires when its client goes away. Request bodies are not handed on. */
export type Handler = (request: Request) => Promise<Response>

/** Carries one request to the handler and its response back; never rejects. */
export async function answer(handler: Handler, incoming: IncomingMessage, outgoing: ServerResponse, report: Report): Promise<void> {
  const gone = new AbortController()
  // Also called where all is sent: an abort then would only cost.
  outgoing.once('close', () => outgoing.writableFinished || gone.abort())
  // A socket that breaks while it is written to; `close` follows.
  outgoing.on('error', () => undefined)
  try {
    const request = requestOf(incoming, gone.signal)
    await send(request === undefined ? plain(400, 'not a usable request') : await handler(request), incoming, outgoing)
  } catch (error) {
    if (gone.signal.aborted) return
    report({
      kind: 'note',
      level: 'warning',
      event: 'request-failed',
      text: redact(`${incoming.method} ${JSON.stringify(incoming.url)}: ${asFault(error).message}`),
    })
    // What is half sent must not look whole.
    if (outgoing.headersSent) outgoing.destroy()
    else await send(plain(500, 'something went wrong here'), incoming, outgoing).catch(() => outgoing.destroy())
  }
}

function requestOf(incoming: IncomingMessage, signal: AbortSignal): Request | undefined {
  const target = incoming.url ?? ''
  const url = target.startsWith('/') ? `http://${incoming.headers.host ?? 'localhost'}${target}` : target
  try {
    // The host must be nothing but a host: `a/b` would become a part of the path.
    const parsed = new URL(url)
    if (parsed.protocol !== 'http:' || parsed.username !== '' || parsed.password !== '') return undefined
    if (/[/?#\\@]/.test(incoming.headers.host ?? '')) return undefined
    const headers = new Headers()
    const raw = incoming.rawHeaders
    for (let at = 0; at + 1 < raw.length; at += 2) headers.append(raw[at]!, raw[at + 1]!)
    return new Request(parsed, { method: incoming.method ?? 'GET', headers, signal })
  } catch {
    return undefined
  }
}

async function send(response: Response, incoming: IncomingMessage, outgoing: ServerResponse): Promise<void> {
  outgoing.statusCode = response.status
  outgoing.setHeaders(response.headers)
  // A body that nobody reads would be taken for the connection's next request.
  if (hasBody(incoming)) outgoing.setHeader('connection', 'close')
  if (response.body === null || incoming.method === 'HEAD') {
    await response.body?.cancel()
    outgoing.end()
    return
  }
  for await (const piece of response.body) {
    if (outgoing.destroyed) return
    if (!outgoing.write(piece)) await drained(outgoing)
  }
  outgoing.end()
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['transfer-encoding'] !== undefined || (headers['content-length'] ?? '0') !== '0'
}

/** Once the client has taken what was written, or is gone. */
async function drained(outgoing: ServerResponse): Promise<void> {
  if (outgoing.destroyed) return
  const { promise, resolve } = Promise.withResolvers<void>()
  outgoing.once('drain', resolve)
  outgoing.once('close', resolve)
  await promise
  outgoing.off('drain', resolve)
  outgoing.off('close', resolve)
}

function plain(status: number, text: string): Response {
  return new Response(`${text}\n`, { status, headers: { 'content-type': 'text/plain; charset=utf-8' } })
}
