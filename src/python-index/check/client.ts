import { type Bytes, bytesOf, hexOf, isKey } from '../../kit/index.ts'
import type { HttpClient } from '../../kit/http/index.ts'
import type { ObjectInfo, ObjectStore } from '../../store/index.ts'

/** Whoever answers as an index does: a server, or a bucket as one would serve it. */
export interface CheckClient {
  /** Any status is an answer; trouble on the way is a fault. */
  ask(request: CheckRequest): Promise<CheckAnswer>
  /** Whether it tells how things are to be kept and read: a folder knows no content types. */
  readonly tellsHeaders: boolean
  /** Whether a URL can be asked for here. */
  serves(url: string): boolean
  /** A URL as people know it. */
  show(url: string): string
}

export interface CheckRequest {
  readonly url: string
  readonly method?: 'GET' | 'HEAD' | undefined
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CheckAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: Readonly<Record<string, string>>
  /** After redirects. */
  readonly url: string
  /** To be read once, or discarded. */
  readonly body: Bytes
  discard(): void
}

/** Statuses that say something about what is served. What says that the server is in trouble is tried again, and a fault in the end. */
const telling = [304, 400, 401, 403, 404, 405, 406, 410, 416, 451]

export function clientOverHttp(http: HttpClient): CheckClient {
  return {
    tellsHeaders: true,
    ask: (request) => http.request({ ...request, accepts: telling }),
    serves: (url) => /^https?:/.test(url),
    show: (url) => url,
  }
}

const scheme = 'bucket:///'

/** Where `clientOverBucket` finds a prefix. */
export function bucketAddress(prefix: string): string {
  return `${scheme}${prefix === '' ? '' : `${prefix.split('/').map(encodeURIComponent).join('/')}/`}`
}

/** What lies in a bucket, as a server shows it that knows nothing but HTTP, and which page a slash stands for. */
export function clientOverBucket(bucket: ObjectStore): CheckClient {
  return {
    tellsHeaders: bucket.can.metadata,
    async ask({ url, method = 'GET', headers = {}, signal }) {
      const key = keyOf(url, headers['accept'] ?? '')
      if (!isKey(key)) return plain(404, url)
      const info = await bucket.head(key, { signal })
      if (info === undefined) return plain(404, url)
      const facts = factsOf(info)
      if (headers['if-none-match'] === facts['etag']) return { ...plain(304, url), headers: facts }
      const range = /^bytes=(\d+)-(\d+)$/.exec(headers['range'] ?? '')
      const [start, end] = range === null ? [0, info.size] : [Number(range[1]), Math.min(Number(range[2]) + 1, info.size)]
      const told = {
        ...facts,
        'content-length': String(end - start),
        ...(range === null ? {} : { 'content-range': `bytes ${start}-${end - 1}/${info.size}` }),
      }
      const status = range === null ? 200 : 206
      if (method === 'HEAD') return { ...plain(status, url), headers: told }
      const body = await bucket.get(key, { signal, etag: info.etag, ...(range === null ? {} : { range: { start, end } }) })
      return { status, url, headers: told, body, discard: () => undefined }
    },
    serves: (url) => url.startsWith(scheme),
    show: (url) => (url.startsWith(scheme) ? `${bucket.name}/${decoded(url.slice(scheme.length))}` : url),
  }
}

function keyOf(url: string, accept: string): string {
  const key = decoded(url.slice(scheme.length).replace(/[?#].*$/s, ''))
  if (key !== '' && !key.endsWith('/')) return key
  return `${key}${accept.includes('+json') ? 'index.json' : 'index.html'}`
}

/** What is not encoded as it should be is no key, and is shown as it is. */
function decoded(text: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    return text
  }
}

function factsOf({ etag, contentType, cacheControl, digest }: ObjectInfo): Record<string, string> {
  return {
    etag: `"${etag.replaceAll('"', '')}"`,
    vary: 'Accept',
    'accept-ranges': 'bytes',
    ...(contentType === undefined ? {} : { 'content-type': contentType }),
    ...(cacheControl === undefined ? {} : { 'cache-control': cacheControl }),
    ...(digest === undefined ? {} : { 'repr-digest': `sha-256=:${Buffer.from(hexOf(digest), 'hex').toString('base64')}:` }),
  }
}

function plain(status: number, url: string): CheckAnswer {
  return { status, url, headers: {}, body: bytesOf(''), discard: () => undefined }
}
