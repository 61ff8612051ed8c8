import { createHash } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { isDeepStrictEqual } from 'node:util'
import { type HttpServer, startHttpServer } from '../http-server.ts'
import type { Place, RunState } from './answers.ts'
import { answerOffences, matchOperation, requestOffences } from './description.ts'
import { type Answer, operate } from './operations.ts'
import type { RunScene } from './scene.ts'
import { startStorage, type Storage } from './storage.ts'
import type { Changes, Trouble } from './trouble.ts'

/** What a token may do. */
export interface Rights {
  readonly actions: 'none' | 'read' | 'write'
  /** Classic tokens have scopes, fine-grained ones have permissions. */
  readonly isClassic?: boolean
}

export interface GitHubOptions {
  /** Oldest first. */
  readonly runs?: readonly RunScene[]
  readonly repo?: string
  readonly workflow?: string
  /** A private repository is not there for who may not read it. */
  readonly isPrivate?: boolean
  /** Beside `github.token`, which may do everything. */
  readonly tokens?: Readonly<Record<string, Rights>>
  /** Milliseconds since 1970, for addresses that expire. */
  readonly now?: () => number
  /** Milliseconds that an address of the storage is good for; a minute. */
  readonly urlLifetime?: number
  /** Programs that take ports of one host for one place need another name of it: `localhost`. */
  readonly storageHostname?: string
  /** How many requests it is good for. */
  readonly urlUses?: number
  /** The run that a dispatch makes. */
  readonly onDispatch?: (inputs: Readonly<Record<string, string>>, ref: string) => RunScene
  /** Whether a dispatch knows of `return_run_details`. Older servers refuse what they do not know, or pass over it. */
  readonly dispatch?: 'answers-with-run' | 'passes-over' | 'refuses'
  readonly tls?: { readonly key: string; readonly cert: string }
}

/** GitHub as far as images need it. Each request and each answer is compared with GitHub's own description. */
export interface GitHubStandIn {
  /** Where the API is; below `/api/v3` too, as of GitHub Enterprise. */
  readonly api: string
  readonly repo: string
  readonly workflow: string
  readonly token: string
  readonly storage: Storage
  /** `GET /path?query 200` of everything that was asked of the API, in order. */
  readonly requests: string[]
  /** How much of the rate limit was used: what was answered with 304 is free. */
  used: number
  /** In the order in which they were made. */
  readonly runs: RunState[]
  add(scene: RunScene): RunState
  /** What goes wrong next. What was not used up is an offence at the end. */
  trouble(...troubles: readonly Trouble[]): void
  /** What was planned and has not happened is given up. */
  forgetTroubles(): void
  /** What was asked or answered against the description, or told to whom it should not be. */
  readonly offences: string[]
  /** Throws where there are offences. */
  close(): Promise<void>
}

export async function startGitHub(options: GitHubOptions = {}): Promise<GitHubStandIn> {
  const { repo = 'rapidsai/velox-testing', workflow = '.github/workflows/presto-build-images.yml', now = Date.now } = options
  const token = 'ghp_StandInTokenThatMayDoEverything00001'
  const planned: { trouble: Trouble; left: number }[] = []
  const offences: string[] = []
  const interfere = interfering(planned)
  const storage = await startStorage({
    hostname: options.storageHostname ?? '127.0.0.1',
    now,
    lifetime: options.urlLifetime ?? 60_000,
    uses: options.urlUses ?? Infinity,
    offend: (what) => void offences.push(what),
    interfere: (request, response, go) => interfere('storage', request, response, go),
  })
  const requests: string[] = []
  const server: HttpServer = await startHttpServer(async (request, response, body) => {
    response.once('finish', () => void requests.push(`${request.method} ${pathOf(request)} ${response.statusCode}`))
    const go = async () => answer(github, context, request, response, await body())
    try {
      if (!(await interfere('api', request, response, go))) await go()
    } catch (error) {
      offences.push(`${request.method} ${request.url}: ${String(error)}`)
      response.destroy()
    }
  }, options.tls)
  const place: Place = { api: server.url, web: server.url, repo, workflow, workflowId: 161_335 }
  const runs: RunState[] = []
  const github: GitHubStandIn = {
    api: server.url,
    repo,
    workflow,
    token,
    storage,
    requests,
    used: 0,
    runs,
    offences,
    add(scene) {
      const number = runs.length + 1
      const id = scene.id ?? 7_000_000_000 + number
      const { later = [], ...rest } = scene
      const run: RunState = { id, number, scene: { createdAt: Date.UTC(2026, 0, 1) + number * 3_600_000, ...rest }, later }
      runs.push(run)
      return run
    },
    trouble: (...troubles) => void planned.push(...troubles.map((trouble) => ({ trouble, left: trouble.times ?? 1 }))),
    forgetTroubles: () => void planned.splice(0),
    async close() {
      await server.close()
      await storage.close()
      const unused = planned
        .filter(({ left }) => left > 0 && left !== Infinity)
        .map(({ trouble }) => `unused trouble: ${trouble.where} ${trouble.match ?? ''}`)
      if (offences.length + unused.length > 0) throw new Error([...offences, ...unused].join('\n'))
    },
  }
  const context = { options, place, tokens: new Map(Object.entries({ [token]: { actions: 'write' as const }, ...options.tokens })) }
  for (const scene of options.runs ?? []) github.add(scene)
  return github
}

interface Context {
  readonly options: GitHubOptions
  readonly place: Place
  readonly tokens: ReadonlyMap<string, Rights>
}

/** Whether a planned trouble took the request. */
function interfering(planned: { trouble: Trouble; left: number }[]) {
  return async (where: Trouble['where'], request: IncomingMessage, response: ServerResponse, go: (changes?: Changes) => Promise<void>) => {
    const line = `${request.method} ${request.url}`
    const next = planned.find(({ trouble, left }) => left > 0 && trouble.where === where && (trouble.match?.test(line) ?? true))
    if (next === undefined) return false
    next.left--
    await next.trouble.answer(request, response, go)
    return true
  }
}

function pathOf(request: IncomingMessage): string {
  return (request.url ?? '/').replace(/^\/api\/v3(?=\/)/, '')
}

function answer(github: GitHubStandIn, context: Context, request: IncomingMessage, response: ServerResponse, body: Buffer): void {
  const address = new URL(pathOf(request), context.place.api)
  const matched = matchOperation(request.method ?? 'GET', address.pathname)
  const said = /^(?:token|bearer) (.+)$/i.exec(request.headers.authorization ?? '')?.[1]
  // GitHub's own client looks for pull requests, and bears it that there is none of it here.
  if (matched === undefined && address.pathname === '/api/graphql') {
    send(github, context, request, response, { status: 404, body: { message: 'Not Found' } })
    return
  }
  if (matched === undefined) {
    github.offences.push(`asked for what no stand-in has: ${request.method} ${request.url}`)
    send(github, context, request, response, { status: 404, body: { message: 'Not Found' } })
    return
  }
  const json: unknown = body.byteLength === 0 ? undefined : JSON.parse(body.toString())
  github.offences.push(...requestOffences(matched, address.searchParams, json))
  if (request.headers['user-agent'] === undefined) github.offences.push(`${matched.name} without a user-agent`)
  const rights = said === undefined ? undefined : context.tokens.get(said)
  const made =
    said !== undefined && rights === undefined
      ? { status: 401, body: { message: 'Bad credentials', documentation_url: 'https://docs.github.com/rest' } }
      : operate(github, { ...context, rights }, matched, address.searchParams, json)
  github.offences.push(...answerOffences(matched, made.status, made.body))
  send(github, context, request, response, made)
}

/** Conditional requests and the rate limit, as GitHub has them. */
function send(github: GitHubStandIn, { place }: Context, request: IncomingMessage, response: ServerResponse, made: Answer): void {
  const text = made.body === undefined ? undefined : JSON.stringify(made.body)
  const etag = text === undefined || made.status !== 200 ? undefined : `W/"${createHash('sha256').update(text).digest('hex')}"`
  const isSame = etag !== undefined && isDeepStrictEqual(request.headers['if-none-match'], etag)
  if (!isSame) github.used++
  const headers: Record<string, string> = {
    'x-ratelimit-limit': '5000',
    'x-ratelimit-remaining': String(Math.max(0, 5000 - github.used)),
    'x-ratelimit-used': String(github.used),
    'x-ratelimit-reset': String(Math.ceil(Date.now() / 1000) + 3600),
    'x-ratelimit-resource': 'core',
    'x-github-request-id': `STAND:${github.requests.length}`,
    'cache-control': 'private, max-age=60, s-maxage=60',
    ...(etag === undefined ? {} : { etag }),
    ...made.headers,
  }
  if (made.link !== undefined) headers['link'] = made.link.map(({ rel, url }) => `<${place.api}${url}>; rel="${rel}"`).join(', ')
  if (isSame) response.writeHead(304, headers).end()
  else if (text === undefined) response.writeHead(made.status, headers).end()
  else response.writeHead(made.status, { 'content-type': 'application/json; charset=utf-8', ...headers }).end(text)
}
