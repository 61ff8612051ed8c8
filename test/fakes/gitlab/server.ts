import type { IncomingMessage, ServerResponse } from 'node:http'
import { startHttpServer } from '../http-server.ts'
import { type Operation, offencesOfAnswer, offencesOfQuery, operations } from './description.ts'
import { registryShelf, type Shelf, type ShelvedTag, writtenShelf } from './shelf.ts'

export interface FakeGitLabOptions {
  /** `tests/images` unless told. */
  readonly project?: string | undefined
  /** That it wants; none: everybody may read. */
  readonly token?: string | undefined
  /** Tags by repository, below the project: `{ 'x86/app': ['v1'] }`. They may be changed as time goes by. */
  readonly repositories?: Record<string, string[]> | undefined
  /** A registry whose tags it shows, in place of those. */
  readonly registry?: { readonly url: string; readonly authorization?: string | undefined } | undefined
  /** Entries of a page at most, whatever is asked for. */
  readonly largestPage?: number | undefined
  /** What one request to its registry gives it: more tags than these it does not know of. */
  readonly tagLimit?: number | undefined
  /** False: as before GitLab put tags into its list of repositories. */
  readonly listsTags?: boolean | undefined
  /** How it tells of the next page; `none`: a proxy took the headers away. */
  readonly paging?: 'both' | 'link' | 'header' | 'none' | undefined
  /** What it calls itself in links, where a proxy stands before it. */
  readonly ownUrl?: string | undefined
}

/** One answer that is other than right. */
export type Trouble =
  | { readonly kind: 'busy'; readonly retryAfter: number }
  | { readonly kind: 'scope'; readonly scope: string }
  | { readonly kind: 'expired' | 'forbidden' | 'truncated' | 'login-page' | 'broken' | 'silent' }
  /** Something happens while it answers. */
  | { readonly kind: 'then'; readonly act: () => void }

/** GitLab's API of a container registry. Requests and answers that are not as GitLab describes them are offences. */
export interface FakeGitLab {
  readonly url: string
  readonly project: string
  readonly repositories: Record<string, string[]>
  /** `GET /path` of everything that came, in order. */
  readonly requests: string[]
  /** The headers that requests had, for what must not be sent. */
  readonly headers: IncomingMessage['headers'][]
  /** Tests end with none. */
  readonly offences: string[]
  /** The status of every repository. */
  status: string | null
  /** Each of the next answers has one of them. */
  misbehave(...troubles: Trouble[]): void
  close(): Promise<void>
}

interface Answer {
  readonly status: number
  readonly body: unknown
  readonly headers?: Record<string, string>
}

export async function startGitLab(options: FakeGitLabOptions = {}): Promise<FakeGitLab> {
  const { project = 'tests/images', repositories = {}, registry } = options
  const shelf = registry === undefined ? writtenShelf(repositories) : registryShelf(registry, project)
  const ids = new Map<string, number>()
  const troubles: Trouble[] = []
  const offences: string[] = []
  const headers: IncomingMessage['headers'][] = []
  const state = { status: null as string | null }
  const desk: Desk = {
    ...options,
    project,
    shelf,
    state,
    idOf: (path) => ids.get(path) ?? (ids.set(path, ids.size + 1), ids.size),
    pathOf: (id) => [...ids].find(([, each]) => each === id)?.[0],
  }
  const server = await startHttpServer(async (request, response) => {
    headers.push(request.headers)
    const url = new URL(request.url ?? '/', 'http://gitlab.invalid')
    const found = Object.entries(operations).find(([, { path }]) => path.test(url.pathname))
    const trouble = troubles.shift()
    if (trouble?.kind === 'then') trouble.act()
    const wrong = wrongIn(request, url, found?.[1])
    offences.push(...wrong.map((each) => `${request.method} ${request.url}: ${each}`))
    const answer: Answer =
      wrong.length > 0 || found === undefined
        ? { status: 400, body: { error: wrong.join('; ') } }
        : (troubled(trouble) ?? refusalOf(request, url, options.token, project) ?? (await answerTo(desk, found[0], found[1], url)))
    if (found !== undefined && wrong.length === 0 && !isLie(trouble))
      offences.push(...offencesOfAnswer(found[1], answer.status, answer.body).map((each) => `its own answer to ${request.url}: ${each}`))
    send(response, answer, trouble)
  })
  server.unref()
  return {
    url: server.url,
    project,
    repositories,
    requests: server.requests,
    headers,
    offences,
    get status() {
      return state.status
    },
    set status(status) {
      state.status = status
    },
    misbehave: (...more) => void troubles.push(...more),
    close: () => server.close(),
  }
}

interface Desk extends FakeGitLabOptions {
  readonly project: string
  readonly shelf: Shelf
  readonly state: { readonly status: string | null }
  idOf(path: string): number
  pathOf(id: number): string | undefined
}

function wrongIn(request: IncomingMessage, url: URL, operation: Operation | undefined): string[] {
  if (operation === undefined) return ['there is no such operation']
  return [
    ...(request.method === 'GET' ? [] : [`${request.method} is not described`]),
    ...(url.searchParams.has('private_token') ? ['a token in the address'] : []),
    ...offencesOfQuery(operation, url.searchParams),
  ]
}

/** Wrong tokens, projects that are not there, and projects that are not shown: 404 hides them. */
function refusalOf(request: IncomingMessage, url: URL, token: string | undefined, project: string): Answer | undefined {
  const { 'private-token': personal, 'job-token': job, authorization } = request.headers
  const given = personal ?? job ?? authorization?.replace(/^Bearer /, '')
  if (token !== undefined && given !== undefined && given !== token) return { status: 401, body: { message: '401 Unauthorized' } }
  const wanted = decodeURIComponent(/^\/api\/v4\/projects\/([^/]+)/.exec(url.pathname)![1]!)
  const isShown = token === undefined || given === token
  return (wanted === project || wanted === '7') && isShown ? undefined : { status: 404, body: { message: '404 Project Not Found' } }
}

async function answerTo(desk: Desk, name: string, { path }: Operation, url: URL): Promise<Answer> {
  const [, , id, tag] = path.exec(url.pathname)!
  if (name === 'repositories') return await repositoriesAnswer(desk, url)
  const repository = desk.pathOf(Number(id))
  if (repository === undefined) return { status: 404, body: { message: '404 Not found' } }
  if (name === 'tags') {
    const tags = await tagsOf(desk, repository)
    return paged(
      desk,
      url,
      tags.map((each) => tagEntry(desk, repository, each)),
    )
  }
  const wanted = decodeURIComponent(tag!)
  const details = await desk.shelf.details(repository, wanted)
  return details === undefined
    ? { status: 404, body: { message: '404 Tag Not Found' } }
    : { status: 200, body: detailsEntry(desk, repository, details) }
}

async function repositoriesAnswer(desk: Desk, url: URL): Promise<Answer> {
  const paths = await desk.shelf.repositories()
  // An entry is made when its page is asked for.
  const answer = paged(desk, url, paths)
  const isWith = (name: string) => desk.listsTags !== false && url.searchParams.get(name) === 'true'
  const body = await Promise.all(
    (answer.body as string[]).map(async (path) => {
      const tags = isWith('tags') || isWith('tags_count') ? await tagsOf(desk, path) : []
      return {
        id: desk.idOf(path),
        name: path,
        path: fullPath(desk, path).toLowerCase(),
        project_id: 7,
        location: location(desk, path),
        created_at: '2025-01-10T13:39:08.229Z',
        cleanup_policy_started_at: null,
        ...(isWith('tags_count') ? { tags_count: tags.length } : {}),
        ...(isWith('tags') ? { tags: tags.map((tag) => tagEntry(desk, path, tag)) } : {}),
        status: desk.state.status,
      }
    }),
  )
  return { ...answer, body }
}

async function tagsOf({ shelf, tagLimit = 10_000 }: Desk, repository: string): Promise<string[]> {
  return (await shelf.tags(repository)).slice(0, tagLimit)
}

/** The project's own repository has no name. */
function fullPath({ project }: Desk, repository: string): string {
  return repository === '' ? project : `${project}/${repository}`
}

function location(desk: Desk, repository: string): string {
  const { registry } = desk
  return `${registry === undefined ? 'registry.example.com' : new URL(registry.url).host}/${fullPath(desk, repository)}`
}

function tagEntry(desk: Desk, repository: string, name: string) {
  return { name, path: `${fullPath(desk, repository)}:${name}`, location: `${location(desk, repository)}:${name}` }
}

function detailsEntry(desk: Desk, repository: string, { name, digest, revision, createdAt, size }: ShelvedTag) {
  return {
    ...tagEntry(desk, repository, name),
    revision,
    short_revision: revision.slice(0, 9),
    digest,
    created_at: createdAt,
    total_size: size,
  }
}

/** doc/api/rest/_index.md, "Offset-based pagination". */
function paged({ largestPage = 100, paging = 'both', ownUrl }: Desk, url: URL, items: readonly unknown[]): Answer {
  const page = Number(url.searchParams.get('page') ?? 1)
  const size = Math.min(Number(url.searchParams.get('per_page') ?? 20), largestPage)
  const last = Math.max(1, Math.ceil(items.length / size))
  const next = page < last ? String(page + 1) : ''
  const linked = new URL(url.pathname + url.search, ownUrl ?? 'https://gitlab.invalid')
  linked.searchParams.set('page', next)
  linked.searchParams.set('per_page', String(size))
  const link = next === '' ? {} : { link: `<https://gitlab.invalid/first>; rel="first", <${linked.href}>; rel="next"` }
  return {
    status: 200,
    body: items.slice((page - 1) * size, page * size),
    headers: {
      ...(paging === 'none' || paging === 'link' ? {} : { 'x-next-page': next, 'x-page': String(page), 'x-per-page': String(size) }),
      ...(paging === 'none' ? {} : { 'x-total': String(items.length), 'x-total-pages': String(last) }),
      ...(paging === 'both' || paging === 'link' ? link : {}),
    },
  }
}

/** RFC 6750, 3.1, as lib/api/api_guard.rb has it. */
const bearerErrors = {
  scope: 'The request requires higher privileges than provided by the access token.',
  expired: 'Token is expired. You can either do re-authorization or token refresh.',
}

function troubled(trouble: Trouble | undefined): Answer | undefined {
  if (trouble?.kind === 'busy')
    return { status: 429, body: { message: 'Retry later' }, headers: { 'retry-after': String(trouble.retryAfter) } }
  if (trouble?.kind === 'scope')
    return { status: 403, body: { error: 'insufficient_scope', error_description: bearerErrors.scope, scope: trouble.scope } }
  if (trouble?.kind === 'expired') return { status: 401, body: { error: 'invalid_token', error_description: bearerErrors.expired } }
  if (trouble?.kind === 'forbidden') return { status: 403, body: { message: '403 Forbidden' } }
  return undefined
}

/** What no GitLab means to send: it is not held against the description. */
function isLie(trouble: Trouble | undefined): boolean {
  return trouble !== undefined && ['truncated', 'login-page', 'broken', 'silent'].includes(trouble.kind)
}

function send(response: ServerResponse, { status, body, headers }: Answer, trouble: Trouble | undefined): void {
  const text = JSON.stringify(body)
  const type = { 'content-type': 'application/json', ...headers }
  if (trouble?.kind === 'broken') response.destroy()
  else if (trouble?.kind === 'silent') response.writeHead(status, { ...type, 'content-length': text.length }).flushHeaders()
  else if (trouble?.kind === 'login-page') response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Sign in</html>')
  else if (trouble?.kind === 'truncated') response.writeHead(status, type).end(text.slice(0, Math.floor(text.length / 2)))
  else response.writeHead(status, type).end(text)
}
