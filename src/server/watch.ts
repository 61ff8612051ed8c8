import { type Answer, type Asked, parseTraceparent, type Sent, type Span, type Tracer } from '../kit/index.ts'
import { methodLabel } from './metrics.ts'

/** A request that has been answered, for a log. */
export interface Access {
  /** The number that a problem's `instance` has, and the audit log. */
  readonly request: string
  /** The trace that it belongs to: ours, or that of the client. */
  readonly trace: string | undefined
  readonly method: string
  /** What metrics call it. */
  readonly route: string
  /** Path and query as they were sent: anything may stand in them. */
  readonly target: string
  readonly status: number
  /** Bytes of the body that were handed over. */
  readonly bytes: number
  /** False: it broke off, or the client went away. */
  readonly isWhole: boolean
  /** Milliseconds until the last byte was handed over. */
  readonly took: number
  readonly address: string
  readonly token: { readonly id: string; readonly name: string } | undefined
}

export interface Watching {
  readonly onAccess: ((access: Access) => void) | undefined
  readonly tracer: Tracer | undefined
  readonly scheme: 'http' | 'https'
  newRequest(): string
}

/** What is found out about a request on the way to its answer. */
export interface Noted {
  /** Milliseconds of the process. */
  readonly began: number
  route: string
  /** The path with names in place of what differs. */
  template?: string | undefined
  request?: string | undefined
  token?: Access['token']
}

/** Gives the answer, and tells of it when all is sent. The hot path does not come here. */
export function watch(watching: Watching, asked: Asked, noted: Noted, respond: () => Answer | Promise<Answer>): Answer | Promise<Answer> {
  const { tracer, onAccess } = watching
  if (tracer === undefined && onAccess === undefined) return respond()
  const span = tracer && begin(tracer, watching, asked)
  const finish = (answer: Answer): Answer => ({
    ...answer,
    onSent(sent) {
      if (span !== undefined) end(span, asked, noted, answer.status, sent)
      onAccess?.(accessOf(watching, asked, noted, { status: answer.status, sent, traceparent: span?.traceparent }))
    },
  })
  const answer = span === undefined ? respond() : span.within(respond)
  return answer instanceof Promise ? answer.then(finish) : finish(answer)
}

interface Ended {
  readonly status: number
  readonly sent: Sent
  readonly traceparent: string | undefined
}

function accessOf({ newRequest }: Watching, asked: Asked, noted: Noted, { status, sent, traceparent }: Ended): Access {
  const { method, target, address, headers } = asked
  const { route, token, began } = noted
  const trace = parseTraceparent(traceparent ?? headers.get('traceparent'))?.traceId
  const took = performance.now() - began
  return { request: (noted.request ??= newRequest()), trace, method, route, target, status, ...sent, took, address, token }
}

/** Semantic conventions of HTTP: https://opentelemetry.io/docs/specs/semconv/http/http-spans/ */
function begin(tracer: Tracer, { scheme }: Watching, { method, path, address, headers }: Asked): Span {
  const attributes = {
    'http.request.method': spanMethod(method),
    'url.path': path,
    'url.scheme': scheme,
    'client.address': address,
    'user_agent.original': headers.get('user-agent') ?? undefined,
  }
  return tracer.begin(spanMethod(method), { kind: 'server', isRoot: true, parent: headers.get('traceparent') ?? undefined, attributes })
}

function end(span: Span, { method }: Asked, { template, request, token }: Noted, status: number, { bytes, isWhole }: Sent): void {
  if (template !== undefined) span.rename(`${spanMethod(method)} ${template}`)
  span.set({
    'http.route': template,
    'http.response.status_code': status,
    'http.response.body.size': bytes,
    'holdfast.request': request,
    'holdfast.token': token?.id,
  })
  span.end(status >= 500 ? String(status) : isWhole ? undefined : 'broken-off')
}

function spanMethod(method: string): string {
  const label = methodLabel(method)
  return label === 'other' ? '_OTHER' : label
}
