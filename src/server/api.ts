import { type Answer, type Asked, Fault, isFault } from '../kit/index.ts'
import type { Caller } from './caller.ts'
import { checkBody, checkParams, checkQuery } from './input.ts'
import { type Document, documentOf, respondDocument } from './json.ts'
import { keepDocuments } from './kept-documents.ts'
import type { Refusal } from './problem.ts'
import { createRouter } from './router.ts'
import type { Checked, Route } from './routes/route.ts'
import { allows } from './scopes.ts'
import type { ServedView } from './served.ts'

/** Bytes of a body; documents that are sent here are small. */
const bodyLimit = 1 << 20
const nobody: Caller = { request: '', address: '', token: undefined }

export interface Api {
  /** What is at these segments below /api/v1, and by which route; a refusal where nothing is or may be. Throws Faults. */
  answer(
    asked: Asked,
    segments: readonly string[],
    caller: Caller,
    /** Hears the path of the route that was found, with names in braces. */
    onRoute?: (path: string) => void,
  ): Promise<{ readonly route: Route; readonly answer: Answer } | Refusal>
  /** Begins to find out what will be asked at these segments in a moment. */
  prepare(segments: readonly string[]): void
  /** Answers are made anew. */
  forget(): void
}

export function createApi(routes: readonly Route[], served: ServedView): Api {
  const router = createRouter(routes)
  const kept = keepDocuments(served.clock)

  /** For whoever asks: neither who nor for how long he waits is known to it. */
  const read = async (route: Route, params: Checked, query: Checked): Promise<Document> =>
    await kept.give(`${route.id} ${JSON.stringify([params, query])}`, route.freshFor, () =>
      route.run(served, { params, query, body: undefined, caller: nobody, signal: undefined }),
    )

  return {
    forget: () => kept.forget(),
    prepare(segments) {
      const routed = router.find('GET', segments)
      if (routed.kind !== 'found' || routed.route.freshFor === 0) return
      // Whoever asks then is told what went wrong.
      read(routed.route, {}, {}).catch(() => undefined)
    },
    async answer(asked, segments, caller, onRoute) {
      const routed = router.find(asked.method, segments)
      if (routed.kind === 'none') return { status: 404, detail: 'there is no such operation; see /api/v1/openapi.json' }
      if (routed.kind === 'other-method') {
        const allow = [...new Set(routed.allowed)].join(', ')
        return { status: 405, detail: `this is asked with ${allow}`, headers: { allow } }
      }
      const { route } = routed
      onRoute?.(route.path)
      const refused = refusalFor(route, caller) ?? refusedBody(route, asked)
      if (refused !== undefined) return refused
      const params = checkParams(route, routed.params)
      const query = checkQuery(route, asked.search)
      if (route.method === 'GET' && route.freshFor > 0) {
        const document = await read(route, params, query)
        return { route, answer: respondDocument(asked, document, route.scope === undefined) }
      }
      const sent = route.body === undefined ? undefined : await bodyOf(asked)
      if (sent !== undefined && 'detail' in sent) return sent
      const body = sent && checkBody(route, sent)
      const idempotencyKey = keyOf(asked)
      const value = await route.run(served, { params, query, body, caller, idempotencyKey, signal: asked.signal })
      return { route, answer: respondDocument(asked, documentOf(value), route.method === 'GET' && route.scope === undefined) }
    },
  }
}

/** Whether a token is needed and missing, or allows something else. */
function refusalFor({ scope }: Route, { token }: Caller): Refusal | undefined {
  if (scope === undefined) return undefined
  if (token === undefined) {
    const headers = { 'www-authenticate': `Bearer realm="holdfast", scope="${scope}"` }
    return { status: 401, detail: `this needs a token with the scope ${scope}: holdfast token create`, headers }
  }
  if (allows(token.scopes, scope)) return undefined
  const headers = { 'www-authenticate': `Bearer realm="holdfast", error="insufficient_scope", scope="${scope}"` }
  return { status: 403, detail: `the token ${token.name} does not have the scope ${scope}`, headers }
}

/** A form of another site can send three types without asking first (Fetch, 2.2.2), and JSON is none of them. */
function refusedBody({ body }: Route, { headers }: Asked): Refusal | undefined {
  if (body === undefined) return undefined
  const type = (headers.get('content-type') ?? '').split(';')[0]!.trim().toLowerCase()
  return type === 'application/json' ? undefined : { status: 415, detail: 'the body is application/json' }
}

/** Of the field that a draft of the IETF names: any short text. */
function keyOf({ headers }: Asked): string | undefined {
  const key = headers.get('idempotency-key')?.trim()
  if (key === undefined || (key.length > 0 && key.length <= 200)) return key
  throw new Fault('invalid', 'an Idempotency-Key has 1 to 200 characters')
}

async function bodyOf(asked: Asked): Promise<Uint8Array | Refusal> {
  try {
    return await asked.body(bodyLimit)
  } catch (error) {
    if (isFault(error, 'invalid')) return { status: 413, detail: error.message }
    throw isFault(error) ? error : new Fault('aborted', 'the client went away', { cause: error })
  }
}
