import { useEffect, useRef, useState } from 'preact/hooks'
import type { Answers } from './answers.ts'
import { ask, Refused, revision, type Trouble, withQuery } from './client.ts'

export interface Loaded<T> {
  readonly data: T | undefined
  readonly trouble: Trouble | undefined
  again(): void
}

/** Answers that were seen before: shown at once when a page is visited again, while it is asked anew. */
const seen = new Map<string, unknown>()
const mostSeen = 200

/** What the API answers, asked again whenever something has changed. An undefined path asks nothing. */
export function useAnswer<K extends keyof Answers>(operation: K, path: string | undefined, token?: string): Loaded<Answers[K]> {
  const [state, setState] = useState<{ path?: string; data?: Answers[K]; trouble?: Trouble }>({})
  const [tries, setTries] = useState(0)
  const known = revision.value
  useEffect(() => {
    if (path === undefined) return undefined
    const end = new AbortController()
    ask(operation, path, { token, signal: end.signal }).then(
      (data) => {
        remember(path, data)
        return setState({ path, data })
      },
      (error: unknown) => {
        if (!end.signal.aborted) setState((before) => ({ ...(before.path === path ? before : {}), path, trouble: troubleFrom(error) }))
      },
    )
    return () => end.abort()
  }, [operation, path, token, known, tries])
  const isOfThis = state.path === path
  const data =
    isOfThis && state.data !== undefined ? state.data : path === undefined ? undefined : (seen.get(path) as Answers[K] | undefined)
  return { data, trouble: isOfThis ? state.trouble : undefined, again: () => setTries(tries + 1) }
}

interface Listing {
  readonly items: readonly unknown[]
  readonly total: number
  readonly next?: string
}

type Listed = { readonly [K in keyof Answers]: Answers[K] extends Listing ? K : never }[keyof Answers]
type Item<K extends Listed> = Answers[K]['items'][number]

export interface Pages<T> {
  readonly items: readonly T[] | undefined
  readonly total: number
  readonly trouble: Trouble | undefined
  readonly hasMore: boolean
  readonly isLoading: boolean
  more(): void
  again(): void
}

const mostAtOnce = 1000

/** A list of any length, so many at a time. When something has changed, as much of it as is shown is asked again. */
export function usePages<K extends Listed>(
  operation: K,
  path: string | undefined,
  query: Record<string, string | undefined> = {},
): Pages<Item<K>> {
  const key = path === undefined ? undefined : withQuery(path, query)
  const [state, setState] = useState<{
    key?: string
    items: readonly Item<K>[]
    total: number
    next?: string | undefined
    trouble?: Trouble
  }>({
    items: [],
    total: 0,
  })
  const [isLoading, setLoading] = useState(false)
  const [tries, setTries] = useState(0)
  const shown = useRef(0)
  const known = revision.value
  const load = (after: string | undefined, end?: AbortSignal) => {
    if (key === undefined || path === undefined) return
    setLoading(true)
    const limit = after === undefined ? Math.min(mostAtOnce, Math.max(100, state.key === key ? shown.current : 0)) : 200
    ask(operation, withQuery(path, { ...query, limit, after }), { signal: end })
      .then(
        (page) =>
          setState((before) => {
            const items = after === undefined ? page.items : [...before.items, ...page.items]
            shown.current = items.length
            return { key, items, total: page.total, next: page.next }
          }),
        (error: unknown) => {
          if (end?.aborted !== true)
            setState((before) => ({ ...(before.key === key ? before : { items: [], total: 0 }), key, trouble: troubleFrom(error) }))
        },
      )
      .finally(() => setLoading(false))
  }
  useEffect(() => {
    const end = new AbortController()
    load(undefined, end.signal)
    return () => end.abort()
  }, [operation, key, known, tries])
  const isOfThis = state.key === key && key !== undefined
  return {
    items: isOfThis && (state.trouble === undefined || state.items.length > 0) ? state.items : undefined,
    total: state.total,
    trouble: isOfThis ? state.trouble : undefined,
    hasMore: isOfThis && state.next !== undefined,
    isLoading,
    more: () => load(state.next),
    again: () => setTries(tries + 1),
  }
}

export function troubleFrom(error: unknown): Trouble {
  return error instanceof Refused ? error.trouble : { status: 0, detail: error instanceof Error ? error.message : String(error) }
}

function remember(path: string, data: unknown): void {
  seen.delete(path)
  seen.set(path, data)
  for (const oldest of seen.keys()) {
    if (seen.size <= mostSeen) break
    seen.delete(oldest)
  }
}
