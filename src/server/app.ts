import { type Answer, type Asked, asFault, digestOf, type Fault, isHeld, type Responder, type Tracer } from '../kit/index.ts'
import { indexResponder } from '../python-index/index.ts'
import { type Api, createApi } from './api.ts'
import { authenticate, isOfAnotherSite } from './authenticate.ts'
import type { Dashboard } from './dashboard.ts'
import { type Downloads, createDownloads } from './downloads.ts'
import { createEvents, type Events } from './events.ts'
import { createHot, type Hot } from './hot.ts'
import { segmentsOf } from './input.ts'
import { createMetrics, type Metrics } from './metrics.ts'
import { nameCheck } from './names.ts'
import { isOurs, problemOf, type Refusal, refusalAnswer } from './problem.ts'
import { createRates, type Rates } from './rates.ts'
import { readiness } from './ready.ts'
import { allRoutes } from './routes/index.ts'
import { mountOf } from './routes/python-index.ts'
import type { Served, ServedView } from './served.ts'
import type { ServerState } from './state/open.ts'
import { viewOf } from './view.ts'
import { type Access, type Noted, watch, type Watching } from './watch.ts'

export interface AppOptions {
  /** Host names that it answers to; undefined: all. Numbers and localhost always are. */
  readonly names?: readonly string[] | undefined
  /** Requests a second that an address may make on average; 0: as many as it likes. */
  readonly rate: number
  /** The connection is secret: browsers are told to insist on it. */
  readonly isTls: boolean
  readonly state: ServerState
  /** When it fires, what would go on for ever ends. */
  readonly signal?: AbortSignal | undefined
  /** Bytes of the OpenAPI document. */
  readonly openapi: Uint8Array
  /** The pages for people, at / and below /ui; undefined: none. */
  readonly dashboard?: Dashboard | undefined
  /** Is told of requests that were answered: of `each`, or of all but those that are answered from memory. */
  readonly access?: { readonly each: boolean; tell(access: Access): void } | undefined
  /** Follows each request. */
  readonly tracer?: Tracer | undefined
}

/** Everything at its place. Never rejects: what goes wrong is told to the report under the request's number, and answered as a problem. */
export function createApp(given: Served, options: AppOptions): Responder {
  const served = viewOf(given, options.state, () => {
    app.api.forget()
    app.downloads.forget()
    app.hot.forget()
  })
  const app: App = {
    served,
    options,
    api: createApi(allRoutes, served),
    downloads: createDownloads(served),
    events: createEvents(served, options.signal),
    metrics: createMetrics(served),
    rates: createRates(options.rate, served.clock),
    isReady: readiness(given.store),
    hot: createHot(served.clock),
    isOurName: nameCheck(options.names),
    indexes: mountsOf(served),
    describe: describer(options.openapi),
    fixed: fixedHeaders(options.isTls),
  }
  const watching: Watching = {
    onAccess: options.access?.tell,
    tracer: options.tracer,
    scheme: options.isTls ? 'https' : 'http',
    newRequest: () => requestId(app.served),
  }
  const watchesEach = options.access?.each === true || options.tracer !== undefined
  return (asked) => {
    const began = performance.now()
    app.metrics.begin()
    const refused = refusalOf(app, asked)
    const hot = refused === undefined ? app.hot.find(asked) : undefined
    if (hot === undefined) {
      const noted: Noted = { began, route: 'refused' }
      return watch(watching, asked, noted, () => answerWhole(app, asked, noted, refused))
    }
    app.metrics.end(hot.route, asked.method, hot.answer.status, performance.now() - began)
    return watchesEach ? watch(watching, asked, { began, route: hot.route }, () => hot.answer) : hot.answer
  }
}

interface App {
  readonly served: ServedView
  readonly options: AppOptions
  readonly api: Api
  readonly downloads: Downloads
  readonly events: Events
  readonly metrics: Metrics
  readonly rates: Rates
  readonly isReady: () => Promise<boolean>
  readonly hot: Hot
  readonly isOurName: (host: string | null) => boolean
  readonly indexes: ReadonlyMap<string, Responder>
  /** The API, as OpenAPI has it. */
  readonly describe: (asked: Asked) => Answer | Refusal
  readonly fixed: Readonly<Record<string, string>>
}

/** A token that is not good counts as so many requests: guesses come slowly. */
const guessCost = 20

const notRead: Refusal = { status: 405, detail: 'this is asked with GET or HEAD', headers: { allow: 'GET, HEAD' } }

interface Routed {
  /** What metrics call it: one of few. */
  readonly route: string
  readonly answer: Answer | Refusal
}

async function answerWhole(app: App, asked: Asked, noted: Noted, refused: Refusal | undefined): Promise<Answer> {
  const request = () => (noted.request ??= requestId(app.served))
  const { route, answer } =
    refused === undefined ? await answerTo(app, asked, noted, request) : { route: 'refused', answer: refusalAnswer(refused, request()) }
  noted.route = route
  app.metrics.end(route, asked.method, answer.status, performance.now() - noted.began)
  const whole = { ...answer, headers: { ...app.fixed, ...answer.headers } }
  app.hot.keep(asked, route, whole)
  return whole
}

/** What is said before anything is looked at. */
function refusalOf(app: App, asked: Asked): Refusal | undefined {
  if (!app.isOurName(asked.headers.get('host'))) return { status: 421, detail: 'this server has another name' }
  const wait = app.rates.take(asked.address)
  if (wait === 0) return undefined
  const headers = { 'retry-after': String(Math.ceil(wait / 1000)) }
  return { status: 429, detail: 'too many requests from this address', headers }
}

async function answerTo(
  app: App,
  asked: Asked,
  noted: Noted,
  request: () => string,
): Promise<{ readonly route: string; readonly answer: Answer }> {
  try {
    const { route, answer } = await dispatch(app, asked, noted, request)
    return { route, answer: 'detail' in answer ? refusalAnswer(answer, request()) : answer }
  } catch (error) {
    const fault = asFault(error)
    const id = request()
    if (isOurs(fault)) tell(app, asked, fault, id)
    return { route: 'failed', answer: problemOf(fault, id) }
  }
}

async function dispatch(app: App, asked: Asked, noted: Noted, request: () => string): Promise<Routed> {
  const segments = segmentsOf(asked.path)
  if (segments === undefined) return { route: 'refused', answer: { status: 404, detail: 'there is no such path' } }
  const [first = ''] = segments
  const index = app.indexes.get(first)
  if (index !== undefined && segments.length > 1) {
    noted.template = `/${first}/{path}`
    return { route: 'index', answer: await index(asked) }
  }
  if (first === 'api') return await answerApi(app, asked, segments, noted, request())
  const reading = asked.method === 'GET' || asked.method === 'HEAD'
  if (!reading) return { route: 'refused', answer: notRead }
  if (first === 'releases') {
    noted.template = '/releases/{path}'
    return { route: 'download', answer: await app.downloads.answer(asked, segments.slice(1)) }
  }
  const { dashboard } = app.options
  if (dashboard !== undefined && (first === 'ui' || (first === '' && wantsPage(asked)))) {
    // What the first page asks is found out while the browser reads its script.
    if ((segments[1] ?? '') === '') for (const next of ['overview', 'jobs']) app.api.prepare([next])
    return { route: 'dashboard', answer: dashboard.answer(asked, segments.slice(1)) }
  }
  if (segments.length === 1) return { route: first === '' ? 'root' : 'status', answer: await answerPlain(app, first) }
  return { route: 'none', answer: { status: 404, detail: 'there is nothing at this path' } }
}

/** What browsers say of what they want; who reads the root on a terminal gets its text. */
function wantsPage({ headers }: Asked): boolean {
  return (headers.get('accept') ?? '').includes('text/html')
}

async function answerApi(app: App, asked: Asked, segments: readonly string[], noted: Noted, request: string): Promise<Routed> {
  if (segments[1] !== 'v1') return { route: 'api', answer: { status: 404, detail: 'the API is at /api/v1' } }
  if (segments.length === 3 && segments[2] === 'openapi.json') return { route: 'openapi', answer: app.describe(asked) }
  if (isOfAnotherSite(asked)) return { route: 'refused', answer: { status: 403, detail: 'a page of another site asks this' } }
  const caller = authenticate(asked, request, app.options.state.tokens)
  if ('detail' in caller) {
    app.rates.take(asked.address, guessCost)
    return { route: 'refused', answer: caller }
  }
  noted.token = caller.token
  if (segments.length === 3 && segments[2] === 'events') return { route: 'events', answer: app.events.answer(asked) }
  const onRoute = (path: string) => void (noted.template = `/api/v1${path}`)
  const found = await app.api.answer(asked, segments.slice(2), caller, onRoute)
  return 'detail' in found ? { route: 'api', answer: found } : { route: found.route.id, answer: found.answer }
}

function describer(document: Uint8Array): App['describe'] {
  const etag = `"${digestOf(document).slice('sha256:'.length, 'sha256:'.length + 32)}"`
  const headers = { etag, 'cache-control': 'no-cache' }
  const whole = { 'content-type': 'application/json', 'content-length': String(document.byteLength), ...headers }
  return ({ method, headers: sent }) => {
    if (method !== 'GET' && method !== 'HEAD') return notRead
    return isHeld(sent, { etag }) ? { status: 304, headers, body: null } : { status: 200, headers: whole, body: document }
  }
}

async function answerPlain(app: App, name: string): Promise<Answer | Refusal> {
  switch (name) {
    case '':
      return textOf(200, rootText)
    case 'healthz':
      return textOf(200, 'alive\n')
    case 'readyz':
      return (await app.isReady()) ? textOf(200, 'ready\n') : textOf(503, 'the store does not answer\n', { 'retry-after': '5' })
    case 'metrics':
      return textOf(200, await app.metrics.text(), { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' })
    default:
      return { status: 404, detail: 'there is nothing at this path' }
  }
}

const rootText = `holdfast

/ui/                    the dashboard
/api/v1/overview        what moved lately, and what needs attention
/api/v1/openapi.json    all that can be asked
/releases/<product>/<variant>/<channel>/<file>
/index/<prefix>/        the Python index, for pip --index-url
/metrics  /healthz  /readyz
`

function textOf(status: number, text: string, headers: Readonly<Record<string, string>> = {}): Answer {
  const body = new TextEncoder().encode(text)
  return {
    status,
    headers: {
      'content-type': 'text/plain; charset=utf-8',
      'content-length': String(body.byteLength),
      'cache-control': 'no-store',
      ...headers,
    },
    body,
  }
}

function mountsOf(served: Served): ReadonlyMap<string, Responder> {
  return new Map(
    served.indexes.map((name): [string, Responder] => {
      const mount = mountOf(name)
      let opened: Promise<Responder> | undefined
      const open = () => (opened ??= served.index(name).then(indexResponder))
      return [mount.slice(1), async (asked) => await (await open())(below(asked, mount))]
    }),
  )
}

/** The same request to what is mounted there. */
function below(asked: Asked, mount: string): Asked {
  const { method, target, search, headers, address } = asked
  const path = asked.path.slice(mount.length)
  return {
    method,
    target,
    path,
    search,
    headers,
    address,
    get signal() {
      return asked.signal
    },
    body: (limit) => asked.body(limit),
  }
}

/** Sent with everything that does not say otherwise: nothing of it is a page that may do anything. */
function fixedHeaders(isTls: boolean): Record<string, string> {
  return {
    'x-content-type-options': 'nosniff',
    'content-security-policy': "default-src 'none'; frame-ancestors 'none'",
    'referrer-policy': 'no-referrer',
    'x-frame-options': 'DENY',
    'cross-origin-resource-policy': 'same-origin',
    ...(isTls ? { 'strict-transport-security': 'max-age=31536000' } : {}),
  }
}

function tell({ served }: App, asked: Asked, fault: Fault, id: string): void {
  // A client that went away is no news.
  if (fault.code === 'aborted') return
  const text = `${asked.method} ${JSON.stringify(asked.path.slice(0, 300))} failed (request ${id}): ${fault.message}`
  const fields = { request_id: id, code: fault.code, at: fault.at }
  served.report({ kind: 'note', level: 'warning', event: 'request_failed', text, fields })
}

function requestId({ random }: Served): string {
  return Math.floor(random() * 2 ** 48)
    .toString(16)
    .padStart(12, '0')
}
