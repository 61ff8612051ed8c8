import type * as v from 'valibot'
import type { Caller } from '../caller.ts'
import type { Scope } from '../scopes.ts'
import type { ServedView } from '../served.ts'

/** One operation of the API, as a value: from it come the router, the checks of what is given, and the OpenAPI document. */
export interface Route {
  /** Its `operationId`. */
  readonly id: string
  readonly method: 'GET' | 'POST'
  /** Below /api/v1; `{name}` stands for one segment. */
  readonly path: string
  /** The capability. */
  readonly tag: string
  /** A sentence without a full stop. */
  readonly summary: string
  /** What a token must allow; anyone may call it where there is none. */
  readonly scope: Scope | undefined
  readonly params: Entries
  readonly query: Entries
  readonly body: v.GenericSchema | undefined
  readonly response: v.GenericSchema
  /** Milliseconds that an answer is given again to others who ask the same. */
  readonly freshFor: number
  readonly run: (served: ServedView, input: Input<Checked, Checked, unknown>) => Promise<unknown>
}

type Entries = Readonly<Record<string, v.GenericSchema>>
/** What schemas let through. */
export type Checked = Readonly<Record<string, unknown>>

/** What a request gives, checked. */
export interface Input<P, Q, B> {
  readonly params: P
  readonly query: Q
  readonly body: B
  readonly caller: Caller
  /** Of the header `Idempotency-Key`. */
  readonly idempotencyKey?: string | undefined
  /** Fires when the client goes away; never where the answer is for others too. */
  readonly signal: AbortSignal | undefined
}

interface Spec<P extends v.ObjectEntries, Q extends v.ObjectEntries, B extends v.GenericSchema | undefined, R extends v.GenericSchema> {
  readonly id: string
  readonly method?: Route['method']
  readonly path: string
  readonly tag: string
  readonly summary: string
  readonly scope?: Scope
  readonly params?: P
  readonly query?: Q
  readonly body?: B
  readonly response: R
  readonly freshFor?: number
  readonly run: (
    served: ServedView,
    input: Input<
      v.InferOutput<v.StrictObjectSchema<P, undefined>>,
      v.InferOutput<v.StrictObjectSchema<Q, undefined>>,
      B extends v.GenericSchema ? v.InferOutput<NonNullable<B>> : undefined
    >,
  ) => Promise<Given<v.InferOutput<R>>>
}

/** What a handler may give: lists that nobody may change too. */
type Given<T> = T extends readonly (infer U)[] ? readonly Given<U>[] : T extends object ? { readonly [K in keyof T]: Given<T[K]> } : T

// oxlint-disable-next-line typescript/no-empty-object-type
type None = {}

export function route<
  R extends v.GenericSchema,
  P extends v.ObjectEntries = None,
  Q extends v.ObjectEntries = None,
  B extends v.GenericSchema | undefined = undefined,
>(spec: Spec<P, Q, B, R>): Route {
  const { id, method = 'GET', path, tag, summary, scope, params, query, body, response, freshFor = 0 } = spec
  return {
    id,
    method,
    path,
    tag,
    summary,
    scope,
    params: (params ?? {}) as unknown as Entries,
    query: (query ?? {}) as unknown as Entries,
    body,
    response,
    freshFor,
    // The schemas beside it are what makes its input what it says.
    run: spec.run as unknown as Route['run'],
  }
}
