import type { Answer, Fault, FaultCode } from '../../kit/index.ts'

/** Sent with everything: what is served is never taken for anything else than what it says it is. */
const always = { 'x-content-type-options': 'nosniff' }

/** For answers that say no: whoever keeps them asks again. */
const unkept = { 'cache-control': 'no-cache' }

export function respond(status: number, headers: Record<string, string>, body: Answer['body']): Answer {
  return { status, headers: { ...always, ...headers }, body }
}

/** A sentence for people. */
export function respondText(status: number, text: string, headers: Record<string, string> = {}): Answer {
  const bytes = new TextEncoder().encode(`${text}\n`)
  return respond(
    status,
    { 'content-type': 'text/plain; charset=utf-8', 'content-length': String(bytes.byteLength), ...unkept, ...headers },
    bytes,
  )
}

/** To a relative URL: whatever stands before this server keeps its own address. */
export function redirect(to: string, headers: Record<string, string> = {}): Answer {
  return respond(301, { location: to, 'content-length': '0', ...headers }, null)
}

/** The same answer, without its body. */
export function withoutBody({ status, headers }: Answer): Answer {
  return { status, headers, body: null }
}

const statuses: Partial<Record<FaultCode, { status: number; text: string }>> = {
  'not-found': { status: 404, text: 'it is not here' },
  precondition: { status: 503, text: 'it is being replaced: try again in a moment' },
  busy: { status: 503, text: 'it is being changed: try again in a moment' },
  unavailable: { status: 503, text: 'the place where it is kept does not answer: try again in a moment' },
  aborted: { status: 503, text: 'this server is ending' },
}

/** What went wrong, for visitors: without what is only ours to know. */
export function respondFault(fault: Fault): Answer {
  const { status, text } = statuses[fault.code] ?? { status: 500, text: 'it cannot be served: the log of this server says why' }
  return respondText(status, text, status === 503 ? { 'retry-after': String(Math.ceil((fault.retryAfter ?? 5_000) / 1000)) } : {})
}
