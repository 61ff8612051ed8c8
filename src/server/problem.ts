import { type Answer, type Fault, type FaultCode } from '../kit/index.ts'

/** A refusal that only HTTP knows: it has no place among the faults of commands. */
export interface Refusal {
  readonly status: 401 | 403 | 404 | 405 | 406 | 413 | 415 | 421 | 429
  readonly detail: string
  readonly headers?: Readonly<Record<string, string>>
}

const statuses: Record<FaultCode, number> = {
  invalid: 400,
  'nothing-to-do': 409,
  'not-found': 404,
  precondition: 412,
  'already-exists': 409,
  denied: 502,
  unsupported: 501,
  corrupt: 500,
  busy: 503,
  unavailable: 503,
  partial: 500,
  bug: 500,
  aborted: 503,
}

const titles: Readonly<Record<number, string>> = {
  400: 'Bad Request',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'Not Found',
  405: 'Method Not Allowed',
  406: 'Not Acceptable',
  409: 'Conflict',
  412: 'Precondition Failed',
  413: 'Content Too Large',
  415: 'Unsupported Media Type',
  421: 'Misdirected Request',
  429: 'Too Many Requests',
  500: 'Internal Server Error',
  501: 'Not Implemented',
  502: 'Bad Gateway',
  503: 'Service Unavailable',
}

/** Whether the log has to tell it: nothing of it is the visitor's doing. */
export function isOurs(fault: Fault): boolean {
  return statuses[fault.code] >= 500 && fault.code !== 'busy'
}

/** A fault as RFC 9457 has it. Of what went wrong here, visitors learn the kind of trouble and the number under which the log tells all. */
export function problemOf(fault: Fault, request: string): Answer {
  const status = statuses[fault.code]
  const isTold = !isOurs(fault)
  const detail = isTold ? fault.message : 'this server could not do it: its log says why, under this request'
  const wait = status === 503 ? { 'retry-after': String(Math.ceil((fault.retryAfter ?? 5_000) / 1000)) } : {}
  return problem(status, { code: fault.code, detail, ...(isTold && fault.hint !== undefined ? { hint: fault.hint } : {}) }, request, wait)
}

export function refusalAnswer({ status, detail, headers }: Refusal, request: string): Answer {
  return problem(status, { detail }, request, headers)
}

function problem(status: number, more: object, request: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const title = titles[status]!
  const body = new TextEncoder().encode(JSON.stringify({ type: 'about:blank', title, status, ...more, instance: `urn:request:${request}` }))
  return {
    status,
    headers: {
      'content-type': 'application/problem+json',
      'content-length': String(body.byteLength),
      'cache-control': 'no-store',
      ...headers,
    },
    body,
  }
}
