import { type Answer, type Digest, digestOf, type HeaderView, hexOf, isHeld } from '../../kit/index.ts'
import type { IndexEnvironment } from '../environment.ts'
import { type Page, projectPages, rootPages } from '../pages/page.ts'
import type { CataloguedProject } from '../records/catalogue.ts'
import { prefixFormat } from '../records/facts.ts'
import type { IndexRef } from '../records/state.ts'
import { chooseType, isBrowser, type PageType } from './accept.ts'
import { respond, respondText } from './answers.ts'
import { createBoundedCache } from './bounded-cache.ts'
import { folderLanding, indexLanding, type Landing } from './landing/landing.ts'
import type { PulledProject } from './pull-through.ts'
import type { ReadThrough } from './read-through.ts'
import type { PageForm } from './route.ts'

/** How a page is asked for. */
export interface PageRequest {
  readonly headers: HeaderView
  /** `?format=`, where it is given. */
  readonly format: string | null
  /** Where the path itself says which form, `index.json`. */
  readonly form?: PageForm | undefined
}

export interface PageAnswers {
  /** Of a whole index: for people in a browser a page that can be searched, which every reader of simple indexes reads as well. */
  root(request: PageRequest, ref: IndexRef, prefix: string): Promise<Answer>
  project(request: PageRequest, prefix: string, entry: CataloguedProject): Promise<Answer>
  /** Of a project that another index has. */
  unpublished(request: PageRequest, prefix: string, project: PulledProject): Answer
  /** Of a folder above indexes: for people alone. */
  folder(request: PageRequest, ref: IndexRef | undefined, folder: string): Answer
}

/** Bytes of pages that are kept in memory. */
const maxPageBytesKept = 32 << 20

/** Pages are those of the bucket, byte for byte. */
export function createPageAnswers(environment: IndexEnvironment, readThrough: ReadThrough): PageAnswers {
  const rendered = createBoundedCache<readonly Page[]>(maxPageBytesKept, (pages) =>
    pages.reduce((sum, { bytes }) => sum + bytes.byteLength, 1),
  )
  /** Of everything that makes a page what it is, beside its record. */
  const renderer = JSON.stringify([prefixFormat, environment.urls])
  const answer = async (request: PageRequest, prefix: string, source: Digest, render: () => Promise<readonly Page[]>) => {
    const type = typeFor(request)
    if (type === undefined) return respondNotAcceptable()
    const etag = etagOf([renderer, prefix, source, type])
    if (isHeld(request.headers, { etag })) return respondHeld(etag, environment)
    const pages = await rendered.get(JSON.stringify([prefix, source]), render)
    return respondPage(pages, type, etag, environment)
  }
  return {
    async root(request, ref, prefix) {
      const state = ref.state.prefixes[prefix]!
      if (typeFor(request) === 'text/html' && request.form === undefined && isBrowser(request.headers.get('accept'))) {
        const { projects } = await readThrough.catalogue(state.catalogue)
        return respondLanding(request, indexLanding(ref, prefix, projects), environment)
      }
      return await answer(request, prefix, state.catalogue, async () => {
        const { projects } = await readThrough.catalogue(state.catalogue)
        return rootPages(prefix, Object.keys(projects))
      })
    },
    project: (request, prefix, entry) =>
      answer(request, prefix, entry.record, async () => projectPages(prefix, (await readThrough.project(entry)).record, environment)),
    unpublished(request, prefix, { record, tellsAll }) {
      const type = typeFor(request, !tellsAll)
      if (type === undefined) return respondNotAcceptable()
      const pages = projectPages(prefix, record, environment)
      const etag = etagOf([type, ...pages.map(({ bytes }) => digestOf(bytes))])
      return isHeld(request.headers, { etag }) ? respondHeld(etag, environment) : respondPage(pages, type, etag, environment)
    },
    folder: (request, ref, folder) => respondLanding(request, folderLanding(ref, folder), environment),
  }
}

function typeFor({ headers, format, form }: PageRequest, isHtmlAlone = false): PageType | undefined {
  if (form === 'json') return isHtmlAlone ? undefined : 'application/vnd.pypi.simple.v1+json'
  return form === 'html' ? 'text/html' : chooseType(headers.get('accept'), format, isHtmlAlone)
}

function respondPage(pages: readonly Page[], type: PageType, etag: string, environment: IndexEnvironment): Answer {
  const isJson = type.endsWith('+json')
  const { bytes } = pages.find(({ contentType }) => contentType.endsWith('+json') === isJson)!
  const headers = {
    'content-type': type === 'text/html' ? 'text/html; charset=utf-8' : type,
    'content-length': String(bytes.byteLength),
    ...(isJson ? {} : { 'content-security-policy': "default-src 'none'; frame-ancestors 'none'" }),
  }
  return respond(200, { ...headers, ...cacheHeaders(etag, environment) }, bytes)
}

function respondLanding({ headers }: PageRequest, { html, policy }: Landing, environment: IndexEnvironment): Answer {
  const bytes = new TextEncoder().encode(html)
  const etag = etagOf([digestOf(bytes)])
  if (isHeld(headers, { etag })) return respondHeld(etag, environment)
  const own = {
    'content-type': 'text/html; charset=utf-8',
    'content-length': String(bytes.byteLength),
    'content-security-policy': policy,
    'referrer-policy': 'no-referrer',
  }
  return respond(200, { ...own, ...cacheHeaders(etag, environment) }, bytes)
}

function respondHeld(etag: string, environment: IndexEnvironment): Answer {
  return respond(304, cacheHeaders(etag, environment), null)
}

function respondNotAcceptable(): Answer {
  const text = 'a page here is application/vnd.pypi.simple.v1+json, application/vnd.pypi.simple.v1+html or text/html'
  return respondText(406, text, { vary: 'Accept' })
}

function cacheHeaders(etag: string, { pageCache }: IndexEnvironment): Record<string, string> {
  return { etag, vary: 'Accept', 'cache-control': pageCache }
}

function etagOf(parts: readonly string[]): string {
  return `"${hexOf(digestOf(JSON.stringify(parts))).slice(0, 32)}"`
}
