import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'

export interface HttpServer {
  /** Without a slash at its end. */
  readonly url: string
  /** `GET /path` of everything that came, in order. */
  readonly requests: string[]
  /** How many connections were made. */
  readonly connections: number
  /** The process may end while it listens. */
  unref(): void
  close(): Promise<void>
}

export type Handler = (request: IncomingMessage, response: ServerResponse, body: () => Promise<Buffer>) => void | Promise<void>

/** A server on a free port of this machine alone; with `tls` it speaks https. */
export async function startHttpServer(handler: Handler, tls?: { readonly key: string; readonly cert: string }): Promise<HttpServer> {
  const requests: string[] = []
  const sockets = new Set<Socket>()
  let connections = 0
  const listener = (request: IncomingMessage, response: ServerResponse) => {
    requests.push(`${request.method} ${request.url}`)
    void handler(request, response, async () => Buffer.concat(await request.toArray()))
  }
  const server = tls === undefined ? createServer(listener) : createSecureServer(tls, listener)
  server.on('connection', (socket: Socket) => {
    connections++
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    get connections() {
      return connections
    },
    unref: () => void server.unref(),
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}
