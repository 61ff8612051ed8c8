import type { IncomingMessage, ServerResponse } from 'node:http'
import { digestOf } from '../../src/kit/index.ts'
import { type HttpServer, startHttpServer } from './http-server.ts'

/** What is done instead, once for each time; `pass` does what should be done. */
export type Instead = (
  request: IncomingMessage,
  response: ServerResponse,
  body: () => Promise<Buffer>,
  pass: () => void | Promise<void>,
) => void | Promise<void>

/** A registry in memory that keeps the protocol, until it is told not to. */
export interface RegistryPeer extends Pick<HttpServer, 'url' | 'close' | 'requests'> {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  /** By digest: all repositories are one. */
  readonly blobs: Map<string, Buffer>
  /** By `repository:tag` and `repository@digest`. */
  readonly manifests: Map<string, { bytes: Buffer; type: string }>
  /** Bytes of uploads by their id, with what came of a chunk that broke off. */
  readonly uploads: Map<string, Buffer>
  /** Headers of everything that came, in order. */
  readonly headers: IncomingMessage['headers'][]
  /** Bytes that came in bodies. */
  readonly received: number
  /** The next `times` (1) requests that match `METHOD /path` get this. */
  instead(matches: RegExp, what: Instead, times?: number): void
  /** Referrers by their API; off to begin with. */
  keepsReferrers: boolean
}

export async function startRegistryPeer(): Promise<RegistryPeer> {
  const plans: { matches: RegExp; what: Instead; left: number }[] = []
  const state: State = { blobs: new Map(), manifests: new Map(), uploads: new Map(), received: 0, keepsReferrers: false, opened: 0 }
  const headers: IncomingMessage['headers'][] = []
  const server = await startHttpServer((request, response, body) => {
    headers.push(request.headers)
    const line = `${request.method} ${request.url}`
    const plan = plans.find(({ matches, left }) => left > 0 && matches.test(line))
    const pass = () => answer(state, request, response)
    if (plan === undefined) return pass()
    plan.left--
    return plan.what(request, response, body, pass)
  })
  return {
    url: server.url,
    host: new URL(server.url).host,
    requests: server.requests,
    headers,
    blobs: state.blobs,
    manifests: state.manifests,
    uploads: state.uploads,
    get received() {
      return state.received
    },
    get keepsReferrers() {
      return state.keepsReferrers
    },
    set keepsReferrers(does) {
      state.keepsReferrers = does
    },
    instead: (matches, what, times = 1) => void plans.push({ matches, what, left: times }),
    close: () => server.close(),
  }
}

interface State {
  readonly blobs: Map<string, Buffer>
  readonly manifests: Map<string, { bytes: Buffer; type: string }>
  readonly uploads: Map<string, Buffer>
  received: number
  keepsReferrers: boolean
  opened: number
}

type Route = (state: State, parts: readonly string[], request: IncomingMessage, response: ServerResponse, query: URLSearchParams) => unknown

const routes: readonly (readonly [RegExp, Route])[] = [
  [/^\/v2\/()$/, (_, _parts, _request, response) => response.writeHead(200).end('{}')],
  [/^\/v2\/(.+)\/blobs\/uploads\/([\w-]*)$/, uploadRoute],
  [/^\/v2\/(.+)\/blobs\/(sha256:[0-9a-f]{64})$/, blobRoute],
  [/^\/v2\/(.+)\/manifests\/([^/]+)$/, manifestRoute],
  [/^\/v2\/(.+)\/tags\/list$/, tagRoute],
  [/^\/v2\/(.+)\/referrers\/(.+)$/, referrerRoute],
]

async function answer(state: State, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://x')
  for (const [form, route] of routes) {
    const match = form.exec(pathname)
    if (match === null) continue
    await route(state, match.slice(1), request, response, searchParams)
    return
  }
  response.writeHead(404).end('404 page not found')
}

export function refuse(response: ServerResponse, status: number, code: string, headers: Record<string, string> = {}): void {
  response
    .writeHead(status, { 'content-type': 'application/json', ...headers })
    .end(JSON.stringify({ errors: [{ code, message: `no: ${code}` }] }))
}

async function uploadRoute(
  state: State,
  [repository, id]: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
) {
  const { uploads, blobs } = state
  const { method } = request
  if (id === '' || id === undefined) {
    const mounted = query.get('mount')
    if (mounted !== null && blobs.has(mounted)) return response.writeHead(201, { location: `/v2/${repository}/blobs/${mounted}` }).end()
    const opened = `upload-${++state.opened}`
    uploads.set(opened, Buffer.alloc(0))
    return response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/${opened}`, range: '0-0' }).end()
  }
  if (!uploads.has(id)) return refuse(response, 404, 'BLOB_UPLOAD_UNKNOWN')
  const where = () => ({ location: `/v2/${repository}/blobs/uploads/${id}`, range: `0-${Math.max(0, uploads.get(id)!.byteLength - 1)}` })
  if (method === 'GET') return response.writeHead(204, where()).end()
  if (method === 'DELETE') {
    uploads.delete(id)
    return response.writeHead(204).end()
  }
  const start = /^(\d+)-\d+$/.exec(request.headers['content-range'] ?? '')?.[1]
  if (start !== undefined && Number(start) !== uploads.get(id)!.byteLength) return refuse(response, 416, 'RANGE_INVALID')
  if (!(await take(state, id, request))) return undefined
  if (method === 'PATCH') return response.writeHead(202, where()).end()
  const whole = uploads.get(id)!
  const digest = digestOf(whole)
  if (query.get('digest') !== digest) return refuse(response, 400, 'DIGEST_INVALID')
  uploads.delete(id)
  blobs.set(digest, whole)
  return response.writeHead(201, { location: `/v2/${repository}/blobs/${digest}`, 'docker-content-digest': digest }).end()
}

/** Keeps each byte as it comes; whether all came. */
async function take(state: State, id: string, request: IncomingMessage): Promise<boolean> {
  const pieces = [state.uploads.get(id)!]
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      state.received += piece.byteLength
      pieces.push(piece)
    }
    return true
  } catch {
    return false
  } finally {
    state.uploads.set(id, Buffer.concat(pieces))
  }
}

function blobRoute({ blobs }: State, [, digest]: readonly string[], request: IncomingMessage, response: ServerResponse) {
  const bytes = blobs.get(digest!)
  if (bytes === undefined) return refuse(response, 404, 'BLOB_UNKNOWN')
  const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
  const part = { 'content-length': bytes.byteLength - start, 'docker-content-digest': digest! }
  if (start === 0) response.writeHead(200, part)
  else response.writeHead(206, { ...part, 'content-range': `bytes ${start}-${bytes.byteLength - 1}/${bytes.byteLength}` })
  return response.end(request.method === 'HEAD' ? undefined : bytes.subarray(start))
}

async function manifestRoute(
  { manifests, keepsReferrers }: State,
  [repository, reference]: readonly string[],
  request: IncomingMessage,
  response: ServerResponse,
) {
  const key = `${repository}${reference!.startsWith('sha256:') ? '@' : ':'}${reference}`
  if (request.method === 'PUT') {
    // Who sends it may be killed meanwhile.
    const pieces = await request.toArray().catch(() => undefined)
    if (pieces === undefined) return undefined
    const bytes = Buffer.concat(pieces)
    const digest = digestOf(bytes)
    const held = { bytes, type: request.headers['content-type'] ?? '' }
    manifests.set(key, held)
    manifests.set(`${repository}@${digest}`, held)
    const subject = /"subject":\{[^}]*"digest":"([^"]+)"/.exec(bytes.toString())?.[1]
    const named = keepsReferrers && subject !== undefined ? { 'oci-subject': subject } : {}
    return response.writeHead(201, { 'docker-content-digest': digest, ...named }).end()
  }
  const held = manifests.get(key)
  if (held === undefined) return refuse(response, 404, 'MANIFEST_UNKNOWN')
  if (request.method === 'DELETE') {
    manifests.delete(key)
    return response.writeHead(202).end()
  }
  const said = { 'content-type': held.type, 'content-length': held.bytes.byteLength, 'docker-content-digest': digestOf(held.bytes) }
  return response.writeHead(200, said).end(request.method === 'HEAD' ? undefined : held.bytes)
}

function tagRoute(
  { manifests }: State,
  [repository]: readonly string[],
  _request: IncomingMessage,
  response: ServerResponse,
  query: URLSearchParams,
) {
  const start = `${repository}:`
  const all = [...manifests.keys()].filter((key) => key.startsWith(start)).map((key) => key.slice(start.length))
  if (all.length === 0) return refuse(response, 404, 'NAME_UNKNOWN')
  const after = query.get('last') ?? ''
  const limit = Number(query.get('n') ?? 1000)
  const rest = all.toSorted().filter((tag) => tag > after)
  const tags = rest.slice(0, limit)
  const link = rest.length > limit ? { link: `</v2/${repository}/tags/list?n=${limit}&last=${tags.at(-1)}>; rel="next"` } : {}
  return response.writeHead(200, { 'content-type': 'application/json', ...link }).end(JSON.stringify({ name: repository, tags }))
}

function referrerRoute(
  { manifests, keepsReferrers }: State,
  [repository, subject]: readonly string[],
  _request: IncomingMessage,
  response: ServerResponse,
) {
  if (!keepsReferrers) return response.writeHead(404).end('404 page not found')
  const found = [...manifests].filter(([key, { bytes }]) => key.startsWith(`${repository}@`) && bytes.includes(`"digest":"${subject}"`))
  const listed = found.flatMap(([, { bytes, type }]) => {
    const { subject: named, artifactType } = JSON.parse(bytes.toString()) as { subject?: { digest: string }; artifactType?: string }
    return named?.digest === subject ? [{ mediaType: type, digest: digestOf(bytes), size: bytes.byteLength, artifactType }] : []
  })
  const type = 'application/vnd.oci.image.index.v1+json'
  return response.writeHead(200, { 'content-type': type }).end(JSON.stringify({ schemaVersion: 2, mediaType: type, manifests: listed }))
}

/** Breaks the connection after so many bytes of a request's body, of which the registry keeps what came. */
export function cutAfter(peer: RegistryPeer, bytes: number): Instead {
  return async (request) => {
    const id = /uploads\/([\w-]+)/.exec(request.url ?? '')![1]!
    const { socket } = request
    const pieces: Buffer[] = []
    let size = 0
    for await (const piece of request as AsyncIterable<Buffer>) {
      pieces.push(piece.subarray(0, bytes - size))
      size += piece.byteLength
      if (size >= bytes) break
    }
    peer.uploads.set(id, Buffer.concat([peer.uploads.get(id)!, ...pieces]))
    socket.destroy()
  }
}

/** Answers so, after the whole request has come. */
export function say(status: number, headers: Record<string, string> = {}, body: string | Buffer = ''): Instead {
  return async (_request, response, whole) => {
    await whole()
    response.writeHead(status, headers).end(body)
  }
}
