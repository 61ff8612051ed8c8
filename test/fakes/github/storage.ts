import { createHash, randomBytes } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { startHttpServer } from '../http-server.ts'
import { piecesOf, sizeOf } from './content.ts'
import type { Content } from './scene.ts'
import { type Changes, written } from './trouble.ts'

/** The other origin, where logs and artifacts lie: addresses that hold a signature and are good for a while. */
export interface Storage {
  readonly url: string
  /** `GET /path` with its range, of everything that came, in order. */
  readonly requests: string[]
  /** Bytes of bodies that were sent. */
  sentBytes: number
  /** A new address of that content. */
  sign(name: string, content: Content, type: string): string
  /** All addresses that were given so far are good no more. */
  expireAll(): void
  close(): Promise<void>
}

export interface StorageOptions {
  /** As addresses name this machine. */
  readonly hostname: string
  readonly now: () => number
  /** Milliseconds that an address is good for. */
  readonly lifetime: number
  /** How many requests an address is good for. */
  readonly uses: number
  readonly offend: (what: string) => void
  readonly interfere: (request: IncomingMessage, response: ServerResponse, go: (changes?: Changes) => Promise<void>) => Promise<boolean>
}

interface Signed {
  readonly content: Content
  readonly type: string
  readonly until: number
  uses: number
}

export async function startStorage(options: StorageOptions): Promise<Storage> {
  const signed = new Map<string, Signed>()
  const requests: string[] = []
  const server = await startHttpServer(async (request, response) => {
    const address = new URL(request.url ?? '/', 'http://storage')
    requests.push(`${request.method} ${address.pathname}${request.headers.range === undefined ? '' : ` ${request.headers.range}`}`)
    if (request.headers.authorization !== undefined) {
      options.offend(`the storage was sent a credential: ${request.method} ${address.pathname}`)
      response.writeHead(400).end('<Error><Code>InvalidAuthenticationInfo</Code></Error>')
      return
    }
    const go = async (changes: Changes = {}) => {
      const one = signed.get(`${address.pathname} ${address.searchParams.get('sig')}`)
      if (one === undefined || one.until < options.now() || one.uses === 0) {
        response.writeHead(403, { 'content-type': 'application/xml' }).end('<Error><Code>AuthenticationFailed</Code></Error>')
        return
      }
      one.uses--
      await give(storage, request, response, one, changes)
    }
    if (!(await options.interfere(request, response, go))) await go()
  })
  const url = server.url.replace('127.0.0.1', options.hostname)
  const storage: Storage = {
    url,
    requests,
    sentBytes: 0,
    sign(name, content, type) {
      const sig = randomBytes(16).toString('hex')
      const until = options.now() + options.lifetime
      signed.set(`/${name} ${sig}`, { content, type, until, uses: options.uses })
      return `${url}/${name}?se=${encodeURIComponent(new Date(until).toISOString())}&sp=r&sig=${sig}`
    },
    expireAll: () => signed.clear(),
    close: () => server.close(),
  }
  return storage
}

async function give(storage: Storage, request: IncomingMessage, response: ServerResponse, { content, type }: Signed, changes: Changes) {
  const size = sizeOf(content)
  const headers: Record<string, string> = { 'content-type': type, etag: changes.etag ?? etagOf(content), 'accept-ranges': 'bytes' }
  // As Azure does, a range from the end is not known.
  const [, from, to] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? '') ?? []
  let start = 0
  let end = size ?? Infinity
  if (from === undefined || size === undefined || changes.ignoresRange === true) {
    if (size !== undefined) headers['content-length'] = String(size)
    response.writeHead(200, headers)
  } else {
    start = Number(from)
    end = Math.min(size, to === '' ? size : Number(to) + 1)
    if (start >= size) {
      response.writeHead(416, { 'content-range': `bytes */${size}` }).end()
      return
    }
    headers['content-length'] = String(end - start)
    headers['content-range'] = changes.contentRange ?? `bytes ${start}-${end - 1}/${size}`
    response.writeHead(206, headers)
  }
  if (request.method === 'HEAD') response.end()
  else await send(storage, response, piecesOf(content, start, end), changes)
}

async function send(storage: Storage, response: ServerResponse, pieces: AsyncIterable<Uint8Array>, changes: Changes): Promise<void> {
  let left = changes.cutAfter ?? Infinity
  for await (const piece of pieces) {
    await changes.beforePiece?.()
    const given = piece.subarray(0, Math.min(piece.byteLength, left))
    left -= given.byteLength
    storage.sentBytes += given.byteLength
    if (!(await written(response, changes.flips === true ? given.map((byte) => byte ^ 1) : given))) return
    if (left > 0) continue
    // What was written is to arrive before the connection breaks.
    response.write('', () => response.destroy())
    return
  }
  response.end()
}

const etags = new WeakMap<object, string>()

function etagOf(content: Content): string {
  if (typeof content === 'string') return `"${createHash('sha256').update(content).digest('hex').slice(0, 16)}"`
  const known = etags.get(content) ?? `"${randomBytes(8).toString('hex')}"`
  etags.set(content, known)
  return known
}
