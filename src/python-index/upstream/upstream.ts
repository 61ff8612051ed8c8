import { Fault, isFault } from '../../kit/index.ts'
import { type HttpAnswer, type HttpClient, type HttpPage, parseHttpUrl } from '../../kit/http/index.ts'
import { normaliseName } from '../names/project-name.ts'
import { parseJsonPage } from './json-page.ts'
import { type Login, loginAt } from './netrc.ts'
import { maxPageBytes, type UpstreamProject } from './project.ts'
import { sift } from './sift.ts'

/** Another index, read as installers read it. */
export interface Upstream {
  /** Without credentials; ends with a slash. */
  readonly url: string
  /** Undefined where it has no such project. Asked again, it costs a request of which the answer is empty while nothing changed. */
  project(name: string, options?: Signal): Promise<UpstreamProject | undefined>
  /** Opens one of its files, or what stands beside one. */
  open(url: string, options?: Signal): Promise<HttpAnswer>
  /** The same as a whole, for what is small: past `limit` bytes it throws `corrupt`. */
  read(url: string, limit: number, options?: Signal): Promise<Uint8Array>
}

interface Signal {
  readonly signal?: AbortSignal | undefined
}

const json = 'application/vnd.pypi.simple.v1+json'
const html = ['application/vnd.pypi.simple.v1+html', 'text/html']
const accept = `${json}, ${html[0]};q=0.2, ${html[1]};q=0.01`

/** Pages that are remembered, to ask only whether they changed. */
const maxRemembered = 200

interface Remembered {
  readonly etag: string
  readonly project: UpstreamProject
}

/**
 * An index at an http or https address; a user and password in it are sent to its own origin alone, and win over `logins`, each of which goes to
 * its own machine alone. Throws `invalid` for any other address.
 */
export function openUpstream(http: HttpClient, address: string, logins: readonly Login[] = []): Upstream {
  const { url, credential } = indexAddress(address)
  const credentialsAt = (at: URL) => [credential, loginAt(logins, at)].filter((each) => each !== undefined)
  const remembered = new Map<string, Remembered>()
  return {
    url: url.href,
    async project(name, { signal } = {}) {
      const project = normaliseName(name)
      const known = remembered.get(project)
      const at = new URL(`${project}/`, url)
      const page = await readPage(http, at, {
        headers: { accept, ...(known === undefined ? {} : { 'if-none-match': known.etag }) },
        accepts: known === undefined ? [] : [304],
        credentials: credentialsAt(at),
        signal,
      })
      if (page?.status === 304) return known!.project
      remembered.delete(project)
      if (page === undefined) return undefined
      const parsed = await parsePage(page, project)
      const { etag } = page.headers
      if (etag !== undefined) remember(remembered, project, { etag, project: parsed })
      return parsed
    },
    open: (file, { signal } = {}) => http.request({ url: file, credentials: credentialsAt(new URL(file)), signal }),
    async read(file, limit, { signal } = {}) {
      const request = { url: file, headers: { accept: '*/*' }, credentials: credentialsAt(new URL(file)), signal }
      return (await http.read(request, limit)).bytes
    },
  }
}

function indexAddress(address: string) {
  try {
    const parsed = parseHttpUrl(address)
    const { url } = parsed
    url.search = ''
    url.hash = ''
    if (!url.pathname.endsWith('/')) url.pathname += '/'
    return parsed
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    throw new Fault('invalid', error.message, {
      hint: 'an upstream is the http or https address of a simple index, such as https://pypi.org/simple/',
    })
  }
}

async function readPage(
  http: HttpClient,
  url: URL,
  request: Omit<Parameters<HttpClient['read']>[0], 'url'>,
): Promise<HttpPage | undefined> {
  try {
    return await http.read({ ...request, url: url.href }, maxPageBytes)
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

async function parsePage({ bytes, headers, url }: HttpPage, project: string): Promise<UpstreamProject> {
  const type = (headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase()
  if (type === json) return sift(parseJsonPage(bytes, project, url), project, url, new URL(url))
  if (!html.includes(type)) {
    throw new Fault('corrupt', `the page of ${project} is of the type ${JSON.stringify(type.slice(0, 80))}, which no index has`, {
      at: url,
      hint: `check that the upstream is a simple index`,
    })
  }
  // Its parser is loaded where an upstream speaks no JSON.
  const { parseHtmlPage } = await import('./html-page.ts')
  const { base, ...page } = parseHtmlPage(bytes, project, url)
  return sift(page, project, url, baseOf(base, new URL(url)))
}

function baseOf(said: string | undefined, page: URL): URL {
  if (said === undefined) return page
  try {
    return parseHttpUrl(said, page).url
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    throw new Fault('corrupt', 'the page says that its addresses are relative to something that is no web address', {
      at: page.href,
      cause: error,
    })
  }
}

function remember(remembered: Map<string, Remembered>, project: string, page: Remembered): void {
  remembered.set(project, page)
  if (remembered.size > maxRemembered) remembered.delete(remembered.keys().next().value!)
}
