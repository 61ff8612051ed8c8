import { asFault } from './fault.ts'

/** Names as OpenTelemetry's semantic conventions have them; ours begin with `holdfast.`. */
export type Attributes = Readonly<Record<string, string | number | boolean | undefined>>

/**
 * `server`: it answers somebody. `client`: it asks somebody, and waits. `consumer`: it works on what somebody else has left for it.
 * `internal`: anything else.
 */
export type SpanKind = 'internal' | 'server' | 'client' | 'consumer'

export interface SpanOptions {
  readonly kind?: SpanKind
  readonly attributes?: Attributes
  /** What it belongs to, elsewhere: a `traceparent` of W3C Trace Context. Without it, the span that it is begun within. */
  readonly parent?: string | undefined
  /** It belongs to nothing that goes on here. */
  readonly isRoot?: boolean
}

/** A piece of work in time. */
export interface Span {
  /** Of W3C Trace Context: for those who are asked within it. */
  readonly traceparent: string
  set(attributes: Attributes): void
  rename(name: string): void
  /** Runs work; spans that it begins are below this one, also later. */
  within<T>(work: () => T): T
  /** `error`: it failed, in one word out of few, such as the code of a fault. The first end counts. */
  end(error?: string): void
}

/** Follows work through time and processes. Costs nothing where there is none: whoever could tell it something looks first. */
export interface Tracer {
  begin(name: string, options?: SpanOptions): Span
  /** The innermost span that is going on here. */
  current(): Span | undefined
}

/** Runs work as a span. What asks somebody within no other span is not followed: it would be a trace of its own, of nothing. */
export async function traced<T>(
  tracer: Tracer | undefined,
  name: string,
  options: SpanOptions,
  work: (span: Span | undefined) => Promise<T>,
): Promise<T> {
  if (tracer === undefined || (options.kind === 'client' && tracer.current() === undefined)) return await work(undefined)
  const span = tracer.begin(name, options)
  try {
    const result = await span.within(() => work(span))
    span.end()
    return result
  } catch (error) {
    span.end(asFault(error).code)
    throw error
  }
}

export interface TraceContext {
  /** 32 hexadecimal digits. */
  readonly traceId: string
  /** 16 of them. */
  readonly spanId: string
  readonly isSampled: boolean
}

/** Undefined for what is none: then a new trace begins (W3C Trace Context, 3.2.2 and 4.3). */
export function parseTraceparent(text: string | null | undefined): TraceContext | undefined {
  const [, version, traceId = '', spanId = '', flags = '', more] =
    /^([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?$/.exec(text ?? '') ?? []
  if (version === undefined || version === 'ff' || (version === '00' && more !== undefined)) return undefined
  if (/^0+$/.test(traceId) || /^0+$/.test(spanId)) return undefined
  return { traceId, spanId, isSampled: (Number.parseInt(flags, 16) & 1) === 1 }
}
