import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'

/** What happens to a request instead of what should. */
export type Misdeed =
  /** It is answered here, and the server behind never sees it. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>>; readonly body?: string }
  /** The answer's body ends after so many bytes, with its connection. */
  | { readonly cutAfter: number }
  /** Nothing comes back, ever. */
  | 'stall'
  /** The server behind does it, and its answer is lost. */
  | 'lose-answer'

export interface HttpPeer {
  readonly url: string
  /** `PUT /bucket/key?partNumber=1&…` of everything that came, in order. */
  readonly requests: readonly string[]
  /** The `host` header of everything that came. */
  readonly hosts: readonly string[]
  /** The next `times` (1) requests that match get this. Resolves when the first of them has come. */
  plan(matches: RegExp, misdeed: Misdeed, times?: number): Promise<void>
  /** Ends it; throws where a planned misdeed met no request. */
  close(): Promise<void>
}

interface Planned {
  readonly matches: RegExp
  readonly misdeed: Misdeed
  readonly reached: () => void
  left: number
}

/** An HTTP server that passes requests on to `upstream` unchanged, and does wrong where that is planned. Without `upstream` it is 404 to all. */
export async function startHttpPeer(upstream?: string): Promise<HttpPeer> {
  const plans: Planned[] = []
  const requests: string[] = []
  const hosts: string[] = []
  const sockets = new Set<Socket>()
  const server = createServer((incoming, outgoing) => {
    const line = `${incoming.method} ${incoming.url}`
    requests.push(line)
    hosts.push(incoming.headers.host ?? '')
    const planned = plans.find(({ left, matches }) => left > 0 && matches.test(line))
    if (planned !== undefined) {
      planned.left--
      planned.reached()
    }
    serve(incoming, outgoing, upstream, planned?.misdeed)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    hosts,
    plan(matches, misdeed, times = 1) {
      const { promise, resolve } = Promise.withResolvers<void>()
      plans.push({ matches, misdeed, reached: resolve, left: times })
      return promise
    },
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
      const unused = plans.filter(({ left }) => left > 0)
      if (unused.length > 0) throw new Error(`planned and never met: ${unused.map(({ matches }) => String(matches)).join(', ')}`)
    },
  }
}

function serve(incoming: IncomingMessage, outgoing: ServerResponse, upstream: string | undefined, misdeed: Misdeed | undefined): void {
  if (misdeed === 'stall') return
  if (misdeed !== undefined && typeof misdeed === 'object' && 'status' in misdeed) {
    // The request is read to its end first: a client in the middle of sending would see a broken connection instead.
    incoming.resume().on('end', () => outgoing.writeHead(misdeed.status, misdeed.headers).end(misdeed.body))
    return
  }
  if (upstream === undefined) {
    incoming.resume().on('end', () => outgoing.writeHead(404).end())
    return
  }
  const { hostname, port } = new URL(upstream)
  const passed = request({ hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }, (answer) => {
    if (misdeed === 'lose-answer') {
      answer.resume().on('end', () => incoming.socket.destroy())
      return
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    if (misdeed === undefined) answer.pipe(outgoing)
    else cut(answer, outgoing, misdeed.cutAfter)
  })
  passed.on('error', () => outgoing.destroy())
  outgoing.on('close', () => passed.destroy())
  incoming.pipe(passed)
}

function cut(answer: IncomingMessage, outgoing: ServerResponse, limit: number): void {
  let given = 0
  outgoing.flushHeaders()
  answer.on('data', (piece: Buffer) => {
    const part = piece.subarray(0, limit - given)
    given += part.byteLength
    outgoing.write(part, () => {
      if (given >= limit) outgoing.destroy()
    })
    if (given >= limit) answer.destroy()
  })
}
