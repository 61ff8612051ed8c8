import type { HttpClient } from '../../kit/http/index.ts'
import { type Clock, Fault, type Report, retrying, throwIfAborted } from '../../kit/index.ts'
import { fetchOver } from './fetch.ts'
import { limitHandlers } from './limits.ts'
import { githubFault, type Purpose, refusalIn } from './refusal.ts'
import type { TokenFor } from './token.ts'

export interface ApiOptions {
  /** `https://api.github.com`, or `https://HOST/api/v3`. */
  readonly api: string
  readonly http: HttpClient
  /** Asked when it is first needed, and when it is refused. */
  readonly token: TokenFor
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

export interface Question {
  /** `GET /repos/{owner}/{repo}/actions/runs/{run_id}` */
  readonly route: string
  readonly parameters: Readonly<Record<string, unknown>>
  readonly what: string
  readonly needs?: Purpose['needs'] | undefined
  /** Of the answer that is known: where it still stands, the new one has no data. */
  readonly etag?: string | undefined
  readonly signal?: AbortSignal | undefined
}

export interface Reply {
  /** 304 where the answer that is known still stands. */
  readonly status: number
  /** JSON that nobody has looked at. */
  readonly data: unknown
  readonly etag: string | undefined
  /** What the server's clock said: milliseconds since 1970. */
  readonly date: number | undefined
  readonly at: string
}

/** GitHub's REST API: limits are waited out, what cannot be had is a Fault that says why. */
export interface Api {
  ask(question: Question): Promise<Reply>
  /** Where GitHub sends who asks: an address of another server that is good for a minute. */
  locate(question: Question): Promise<URL>
  /** How many questions it was asked. */
  requests(): number
}

/** Milliseconds: a longer wait than this ends the work, where only Retry-After asks for it. */
const longestRetryAfter = 15 * 60_000

export function openApi(options: ApiOptions): Api {
  let asked = 0
  let client: ReturnType<typeof connect> | undefined
  const ask = async (question: Question, redirect?: 'manual') => {
    asked++
    client ??= connect(options)
    return await askOnce(options, await client, question, redirect)
  }
  return {
    requests: () => asked,
    ask: async (question) => replyOf(await ask(question), question, options),
    async locate(question) {
      const { status, headers } = await ask(question, 'manual')
      const at = atOf(options, question)
      const location = URL.parse(headers['location'] ?? '')
      if (status !== 302 || location === null || !/^https?:$/.test(location.protocol)) {
        throw new Fault('corrupt', `${question.what}: GitHub answered with ${status} and no address where it lies`, { at })
      }
      if (location.protocol === 'http:' && options.api.startsWith('https:')) {
        throw new Fault('denied', `${question.what}: GitHub sends us to ${location.origin}, away from https`, { at })
      }
      return location
    },
  }
}

type Client = Awaited<ReturnType<typeof connect>>
type Answer = Awaited<ReturnType<Client['request']>>

/** Loaded when the first question is asked. */
async function connect({ api, http, token, clock, report }: ApiOptions) {
  const [{ Octokit }, { throttling }] = await Promise.all([import('@octokit/core'), import('@octokit/plugin-throttling')])
  const silent = { debug() {}, info() {}, warn() {}, error() {} }
  const Throttled = Octokit.plugin(throttling)
  return new Throttled({
    baseUrl: api,
    userAgent: 'holdfast',
    log: silent,
    request: { fetch: fetchOver(http, new URL(api).origin, token), log: silent },
    throttle: { ...limitHandlers({ clock, report }), retryAfterBaseValue: 0 },
  })
}

async function askOnce(options: ApiOptions, client: Client, question: Question, redirect?: 'manual'): Promise<Answer> {
  const { clock, random, report } = options
  const { route, parameters, what, etag, needs = 'actions:read' } = question
  const signal = question.signal ?? options.signal
  const headers = { 'x-github-api-version': '2022-11-28', ...(etag === undefined ? {} : { 'if-none-match': etag }) }
  const request = { ...(redirect === undefined ? {} : { redirect }), ...(signal === undefined ? {} : { signal }) }
  const onRetry = ({ message }: Fault, _: number, wait: number) =>
    report({ kind: 'note', level: 'warning', text: `${message}: trying again in ${Math.ceil(wait / 1000)} s`, event: 'github_rate_limit' })
  const result = await retrying(
    { clock, random, attempts: 4, base: 2000, cap: 60_000, onRetry },
    async () => {
      try {
        return { answer: (await client.request(route, { ...parameters, headers, request })) as Answer }
      } catch (error) {
        throwIfAborted(signal)
        const refusal = refusalIn(error)
        if (refusal?.status === 304 && etag !== undefined)
          return { answer: { status: 304, headers: refusal.headers, data: undefined, url: '' } as unknown as Answer }
        const hasToken = (await options.token()) !== undefined
        const fault = githubFault(error, { what, at: atOf(options, question), needs, hasToken, now: clock.now() })
        // Only what asks for patience and is none of the limits that were waited out already.
        const isPlain =
          refusal?.status === 429 && refusal.headers['x-ratelimit-remaining'] !== '0' && !/\bsecondary rate\b/i.test(refusal.words)
        if (isPlain && (fault.retryAfter ?? 0) <= longestRetryAfter) throw fault
        return { fault }
      }
    },
    signal,
  )
  if ('fault' in result) throw result.fault
  return result.answer
}

function replyOf({ status, headers, data }: Answer, question: Question, options: ApiOptions): Reply {
  const date = Date.parse(headers['date'] ?? '')
  return {
    status,
    data: data as unknown,
    etag: headers['etag'],
    date: Number.isNaN(date) ? undefined : date,
    at: atOf(options, question),
  }
}

/** The address, for people. */
function atOf({ api }: ApiOptions, { route, parameters }: Question): string {
  const path = route.slice(route.indexOf(' ') + 1).replaceAll(/\{(\w+)\}/g, (_, key: string) => String(parameters[key]))
  return `${api}${path}`
}
