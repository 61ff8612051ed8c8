import { AsyncLocalStorage } from 'node:async_hooks'
import { type Attributes, parseTraceparent, type Span, type Tracer } from '../../src/kit/index.ts'

export interface FollowedSpan {
  name: string
  readonly id: string
  /** The id of the one above; undefined for a root. */
  readonly above: string | undefined
  readonly kind: string
  readonly attributes: Record<string, Attributes[string]>
  ended: boolean
  error?: string | undefined
}

/** A tracer that keeps what it is told. */
export function fakeTracer(): Tracer & { readonly spans: FollowedSpan[] } {
  const spans: FollowedSpan[] = []
  const active = new AsyncLocalStorage<Span>()
  return {
    spans,
    current: () => active.getStore(),
    begin(name, { kind = 'internal', attributes = {}, parent, isRoot = false } = {}) {
      const id = String(spans.length + 1).padStart(16, '0')
      const above = parseTraceparent(parent)?.spanId ?? (isRoot ? undefined : active.getStore()?.traceparent.slice(36, 52))
      const kept: FollowedSpan = { name, id, above, kind, attributes: { ...attributes }, ended: false }
      spans.push(kept)
      const span: Span = {
        traceparent: `00-${'1'.repeat(32)}-${id}-01`,
        set: (more) => void (kept.ended || Object.assign(kept.attributes, more)),
        rename: (other) => void (kept.name = other),
        within: (work) => active.run(span, work),
        end(error) {
          if (kept.ended) return
          kept.ended = true
          kept.error = error
        },
      }
      return span
    },
  }
}
