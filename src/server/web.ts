import type { Asked, Responder } from '../kit/index.ts'
import { plain } from './answer.ts'

/** From a request of the web's standard to its response. The request's signal fires when its client goes away. Request bodies are not handed on. */
export type Handler = (request: Request) => Promise<Response>

/** A handler of the web's standard as ours. */
export function fromWeb(handler: Handler): Responder {
  return async (asked) => {
    const request = requestOf(asked)
    if (request === undefined) return plain(400, 'not a usable request')
    const response = await handler(request)
    const headers: Record<string, string> = {}
    for (const [name, value] of response.headers) headers[name] = value
    if (asked.method === 'HEAD') await response.body?.cancel()
    return { status: response.status, headers, body: asked.method === 'HEAD' ? null : response.body }
  }
}

/** Undefined where it would be no request of that standard. */
function requestOf({ method, path, search, headers, signal }: Asked): Request | undefined {
  try {
    const kept = new Headers()
    for (const [name, value] of headers) kept.append(name, value)
    return new Request(`http://${headers.get('host') ?? 'localhost'}${path}${search}`, {
      method,
      headers: kept,
      signal,
    })
  } catch {
    return undefined
  }
}
