/** A package index for tests to mirror from: pages in JSON and HTML by `Accept`, real files with ranges and ETags, and lies where they are asked for. */
import { readFileSync } from 'node:fs'
import path from 'node:path'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { digestOf, hexOf } from '../../src/kit/index.ts'
import { parseFileName } from '../../src/python-index/names/file-name.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'

export interface UpstreamDistribution {
  readonly file: string
  readonly bytes: Uint8Array
  /** Its METADATA, which then stands beside it. */
  readonly metadata?: Uint8Array | undefined
}

/** What a page says of a file, beside what follows from its bytes. */
export interface Saying {
  readonly requiresPython?: string | undefined
  /** Empty: without a reason. */
  readonly yanked?: string | undefined
  readonly uploaded?: string | undefined
  /** What stands beside it as `.provenance`. */
  readonly provenance?: string | undefined
  /** Lies: instead of the right ones; `none`: nothing is said. */
  readonly sha256?: string | undefined
  readonly size?: number | 'none' | undefined
  readonly metadataSha256?: string | undefined
  /** The page lists it, and there is no such file. */
  readonly isGone?: boolean | undefined
  /** The file is at another address. */
  readonly movedTo?: string | undefined
}

export interface FakeUpstream extends Pick<HttpServer, 'requests' | 'close'> {
  /** Of its index, with a slash at its end. */
  readonly url: string
  add(distribution: UpstreamDistribution, saying?: Saying): void
  remove(file: string): void
  /** A page of somebody's own making for one project. */
  setPage(project: string, type: string, body: string): void
  setStatus(project: string, status: string, reason?: string): void
  /** How often a path was asked for that ends so. */
  count(end: string): number
}

export interface FakeUpstreamOptions {
  /** `both` unless told. */
  readonly forms?: 'json' | 'html' | 'both'
  /** `user:password` that it wants. */
  readonly login?: string | undefined
}

type Held = Required<Pick<UpstreamDistribution, 'file' | 'bytes'>> & Pick<UpstreamDistribution, 'metadata'> & { readonly saying: Saying }

const json = 'application/vnd.pypi.simple.v1+json'

export async function startFakeUpstream({ forms = 'both', login }: FakeUpstreamOptions = {}): Promise<FakeUpstream> {
  const held = new Map<string, Held>()
  const pages = new Map<string, { type: string; body: string }>()
  const statuses = new Map<string, { status: string; reason?: string | undefined }>()
  const server = await startHttpServer((request, response) => {
    const { pathname } = new URL(request.url ?? '/', 'http://x')
    if (login !== undefined && request.headers.authorization !== `Basic ${Buffer.from(login).toString('base64')}`) {
      response.writeHead(401).end()
      return
    }
    const project = /^\/simple\/([^/]+)\/$/.exec(pathname)?.[1]
    const page = project === undefined ? undefined : (pages.get(project) ?? pageOf(project))
    if (page !== undefined) sendPage(request, response, page)
    else sendFile(request, response, decodeURIComponent(pathname.slice('/files/'.length)), held)
  })
  const pageOf = (project: string) => (request: IncomingMessage) => {
    const files = [...held.values()].filter(({ file }) => nameOf(file) === project)
    if (files.length === 0) return undefined
    const isJson = forms !== 'html' && (forms === 'json' || (request.headers.accept ?? '').includes(json))
    const status = statuses.get(project)
    return isJson
      ? { type: json, body: jsonPage(project, files, status) }
      : { type: 'text/html; charset=utf-8', body: htmlPage(files, status) }
  }
  return {
    url: `${server.url}/simple/`,
    requests: server.requests,
    add: (distribution, saying = {}) => void held.set(distribution.file, { ...distribution, saying }),
    remove: (file) => void held.delete(file),
    setPage: (project, type, body) => void pages.set(project, { type, body }),
    setStatus: (project, status, reason) => void statuses.set(project, { status, reason }),
    count: (end) => server.requests.filter((line) => line.endsWith(end)).length,
    close: () => server.close(),
  }
}

/** The wheels that Debian's packages python3-*-whl bring. */
export function debianWheel(name: string): UpstreamDistribution {
  const folder = '/usr/share/python-wheels'
  return { file: name, bytes: readFileSync(path.join(folder, name)) }
}

function nameOf(file: string): string | undefined {
  const means = parseFileName(file)
  return 'name' in means ? means.name : undefined
}

function sendPage(
  request: IncomingMessage,
  response: ServerResponse,
  page: { type: string; body: string } | ((request: IncomingMessage) => { type: string; body: string } | undefined),
): void {
  const made = typeof page === 'function' ? page(request) : page
  if (made === undefined) {
    response.writeHead(404, { 'content-type': 'text/plain' }).end('no such project')
    return
  }
  const etag = `"${hexOf(digestOf(made.type + made.body)).slice(0, 20)}"`
  if (request.headers['if-none-match'] === etag) response.writeHead(304, { etag }).end()
  else response.writeHead(200, { 'content-type': made.type, etag, vary: 'accept' }).end(made.body)
}

function sendFile(request: IncomingMessage, response: ServerResponse, name: string, held: ReadonlyMap<string, Held>): void {
  const end = /\.(metadata|provenance)$/.exec(name)
  const file = held.get(end === null ? name : name.slice(0, end.index))
  const companion = end?.[1] === 'metadata' ? file?.metadata : file?.saying.provenance
  const bytes = end === null ? file?.bytes : companion === undefined ? undefined : Buffer.from(companion)
  if (file === undefined || bytes === undefined || file.saying.isGone === true) {
    response.writeHead(404).end()
    return
  }
  if (file.saying.movedTo !== undefined && end === null) {
    response.writeHead(302, { location: file.saying.movedTo }).end()
    return
  }
  const etag = `"${hexOf(digestOf(bytes)).slice(0, 20)}"`
  const ifRange = request.headers['if-range']
  const range = ifRange === undefined || ifRange === etag ? /^bytes=(\d+)-$/.exec(request.headers.range ?? '') : null
  const start = Number(range?.[1] ?? 0)
  const headers = { etag, 'accept-ranges': 'bytes', 'content-length': bytes.byteLength - start }
  if (range === null) response.writeHead(200, headers)
  else response.writeHead(206, { ...headers, 'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` })
  response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start))
}

interface Said {
  readonly name: string
  readonly url: string
  readonly sha256: string | undefined
  readonly metadata: string | undefined
  readonly size: number | undefined
}

function said({ file, bytes, metadata, saying }: Held): Said {
  return {
    name: file,
    url: `../../files/${encodeURIComponent(file)}`,
    sha256: saying.sha256 === 'none' ? undefined : (saying.sha256 ?? hexOf(digestOf(bytes))),
    metadata: metadata === undefined ? undefined : (saying.metadataSha256 ?? hexOf(digestOf(metadata))),
    size: saying.size === 'none' ? undefined : (saying.size ?? bytes.byteLength),
  }
}

function jsonPage(name: string, files: readonly Held[], status: { status: string; reason?: string | undefined } | undefined): string {
  const entries = files.map((held) => {
    const { saying } = held
    const { name: filename, url, sha256, metadata, size } = said(held)
    return {
      filename,
      url,
      hashes: sha256 === undefined ? {} : { sha256 },
      size,
      'requires-python': saying.requiresPython,
      yanked: saying.yanked === '' ? true : (saying.yanked ?? false),
      'upload-time': saying.uploaded,
      'core-metadata': metadata === undefined ? false : { sha256: metadata },
      provenance: saying.provenance === undefined ? null : `../../files/${encodeURIComponent(filename)}.provenance`,
    }
  })
  const versions = [
    ...new Set(files.map(({ file }) => parseFileName(file)).flatMap((means) => ('version' in means ? [means.version] : []))),
  ]
  return JSON.stringify({ meta: { 'api-version': '1.4' }, name, versions, files: entries, 'project-status': status })
}

function htmlPage(files: readonly Held[], status: { status: string; reason?: string | undefined } | undefined): string {
  const links = files.map((held) => {
    const { saying } = held
    const { name, url, sha256, metadata } = said(held)
    const attributes = {
      href: `${url}${sha256 === undefined ? '' : `#sha256=${sha256}`}`,
      'data-requires-python': saying.requiresPython,
      'data-yanked': saying.yanked,
      'data-dist-info-metadata': metadata === undefined ? undefined : `sha256=${metadata}`,
      'data-core-metadata': metadata === undefined ? undefined : `sha256=${metadata}`,
      'data-provenance': saying.provenance === undefined ? undefined : `${url}.provenance`,
    }
    const written = Object.entries(attributes).map(([key, value]) => (value === undefined ? '' : ` ${key}="${escaped(value)}"`))
    return `<a${written.join('')}>${escaped(name)}</a><br/>`
  })
  const meta = { 'pypi:repository-version': '1.4', 'pypi:project-status': status?.status, 'pypi:project-status-reason': status?.reason }
  const metas = Object.entries(meta).map(([name, content]) =>
    content === undefined ? '' : `<meta name="${name}" content="${escaped(content)}">`,
  )
  return `<!DOCTYPE html>\n<html><head>${metas.join('')}</head><body>\n${links.join('\n')}\n</body></html>\n`
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
