import { type Credential, type HttpClient, type HttpPage, parseHttpUrl } from '../../kit/http/index.ts'
import { Fault, keepSecret } from '../../kit/index.ts'
import { gitlabRefusal } from './refusal.ts'
import type { GitLabToken } from './token.ts'

export interface GitLabOptions {
  /** `host`, `host:port`, or a URL. */
  readonly host: string
  /** Its path or number. */
  readonly project: string
  /** Asked for once, when the first request is made. */
  readonly token: () => Promise<GitLabToken | undefined>
  readonly http: HttpClient
}

export interface JsonPage {
  readonly json: unknown
  readonly url: string
  /** How many items all pages have together, where GitLab says it. */
  readonly total: number | undefined
}

export interface ReadOptions {
  /** What a 404 may say is not there; then the answer is undefined. Any other 404 is a fault. */
  readonly absent?: string
  readonly signal?: AbortSignal | undefined
}

/** Requests to one project of one GitLab. */
export interface GitLabSession {
  readonly host: string
  readonly project: string
  /** `path` is below `/api/v4/`. */
  read(path: string, o?: ReadOptions): Promise<JsonPage | undefined>
  /** All pages of a list, one after the other. */
  pages(path: string, signal?: AbortSignal): AsyncGenerator<JsonPage>
  requests(): number
}

/** About 200,000 tags. */
const maxPageBytes = 64 << 20
const maxPages = 10_000

export function openSession({ host, project, token, http }: GitLabOptions): GitLabSession {
  const root = rootOf(host)
  let known: Promise<GitLabToken | undefined> | undefined
  let count = 0
  const ask = async (path: string, signal: AbortSignal | undefined, absent?: string): Promise<HttpPage | undefined> => {
    const found = await (known ??= token())
    if (found !== undefined) refuseOpenWire(root, host)
    const credentials: Credential[] = []
    if (found !== undefined) {
      keepSecret(found.value)
      credentials.push({ origin: root.origin, headers: { [found.header]: found.value } })
    }
    count++
    const url = new URL(path, root).href
    const page = await http.read(
      { url, headers: { accept: 'application/json' }, credentials, accepts: [401, 403, 404], signal },
      maxPageBytes,
    )
    if (page.status < 300) return page
    const refusal = { host: root.host, project, status: page.status, body: page.bytes, token: found, url }
    if (page.status === 404 && absent !== undefined && isAbsent(page.bytes, absent)) return undefined
    throw gitlabRefusal(refusal)
  }
  return {
    host: root.host,
    project,
    requests: () => count,
    async read(path, { absent, signal } = {}) {
      const page = await ask(path, signal, absent)
      return page === undefined ? undefined : jsonOf(page)
    },
    async *pages(path, signal) {
      const seen = new Set<string>()
      for (let next: string | undefined = path; next !== undefined;) {
        if (seen.has(next) || seen.size === maxPages) throw new Fault('corrupt', `${root.host} lists pages without an end`, { at: next })
        seen.add(next)
        const page: HttpPage = (await ask(next, signal))!
        const json = jsonOf(page)
        yield json
        next = nextPath(next, page, json.json)
      }
    },
  }
}

/** GitLab may lie below a path of its server. Throws `invalid`. */
function rootOf(host: string): URL {
  const { url } = parseHttpUrl(/^https?:\/\//.test(host) ? host : `https://${host}`)
  return new URL(`${url.pathname.replace(/\/+$/, '')}/api/v4/`, url)
}

/** A token goes over TLS, or stays on this machine. */
function refuseOpenWire({ protocol, hostname }: URL, host: string): void {
  if (protocol === 'https:' || /^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return
  throw new Fault('denied', `a token would go to ${host} without TLS`, { hint: 'write gitlab_host with https://, or take the token away' })
}

/**
 * The path of the page that follows. Of a link only the query is taken: behind a proxy, GitLab may name itself otherwise, and the token goes to
 * this server alone. Where a proxy took the headers away, a page that is full has one after it.
 */
function nextPath(path: string, { headers }: HttpPage, items: unknown): string | undefined {
  const linked = /<([^<>]{1,4000})>\s*;\s*rel\s*=\s*"?next\b/.exec(headers['link'] ?? '')?.[1]
  const [bare = '', query] = path.split('?')
  if (linked !== undefined) return `${bare}${URL.parse(linked, 'https://gitlab.invalid')?.search ?? ''}`
  const parameters = new URLSearchParams(query)
  const stated = headers['x-next-page']
  const isFull = Array.isArray(items) && items.length >= Number(parameters.get('per_page'))
  const unsaid = headers['link'] === undefined && isFull ? String(Number(parameters.get('page') ?? 1) + 1) : ''
  const next = stated ?? unsaid
  if (!/^\d{1,9}$/.test(next)) return undefined
  parameters.set('page', next)
  return `${bare}?${parameters.toString()}`
}

function jsonOf({ bytes, url, headers }: HttpPage): JsonPage {
  try {
    const json: unknown = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    const total = headers['x-total']
    return { json, url, total: total !== undefined && /^\d{1,9}$/.test(total) ? Number(total) : undefined }
  } catch (error) {
    const type = headers['content-type'] ?? 'nothing that it names'
    throw new Fault('corrupt', `what came is no JSON but ${type}`, {
      at: url,
      hint: 'check gitlab_host: a page to log in, or a proxy, answers in place of GitLab’s API',
      cause: error,
    })
  }
}

/** `{"message":"404 Tag Not Found"}` */
function isAbsent(bytes: Uint8Array, thing: string): boolean {
  return new RegExp(`404 ${thing} Not Found`, 'i').test(Buffer.from(bytes.subarray(0, 4096)).toString('utf8'))
}
