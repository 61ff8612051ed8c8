import { createServer, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { type Clock, errno, Fault, type Report, silent } from '../kit/index.ts'
import { answer, type Handler } from './answer.ts'

export interface ListenOptions {
  readonly handler: Handler
  /** A name or address; `127.0.0.1` where none is given, so that nobody outside of this machine is served by mistake. */
  readonly host?: string | undefined
  /** 0: one that is free. */
  readonly port: number
  readonly clock: Clock
  /** Ends it, as `close` does. */
  readonly signal?: AbortSignal | undefined
  readonly report?: Report | undefined
  readonly limits?: Partial<ServerLimits> | undefined
}

/** Times are milliseconds. */
export interface ServerLimits {
  /** Of the request's line and headers together: 16 KiB. More is answered with 431. */
  readonly headerBytes: number
  /** In which the headers have to come in: 10 s. */
  readonly headersTime: number
  /** In which the whole request has to come in: 30 s. */
  readonly requestTime: number
  /** In which at least one byte moves either way: 2 min. */
  readonly idleTime: number
  /** That a connection stays open for its next request: 5 s. */
  readonly keepAliveTime: number
  /** At once: 1,000. More are closed as they come. */
  readonly connections: number
  /** That responses under way have once the end is asked for: 10 s. */
  readonly grace: number
}

export interface Listening {
  /** Such as `http://127.0.0.1:8080`. */
  readonly url: string
  readonly port: number
  /** Once the last connection is closed. */
  readonly ended: Promise<void>
  /** Takes no more requests, lets those under way finish within the grace, and cuts the rest. Idempotent. */
  close(): Promise<void>
}

const usualLimits: ServerLimits = {
  headerBytes: 16 << 10,
  headersTime: 10_000,
  requestTime: 30_000,
  idleTime: 120_000,
  keepAliveTime: 5_000,
  connections: 1_000,
  grace: 10_000,
}

/** Listens. Throws `busy` where the port is taken, `denied` where it may not be had, `invalid` for a host that is not ours. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const limits = { ...usualLimits, ...options.limits }
  const { report = silent, host = '127.0.0.1' } = options
  const server = createServer(
    {
      maxHeaderSize: limits.headerBytes,
      headersTimeout: limits.headersTime,
      requestTimeout: limits.requestTime,
      connectionsCheckingInterval: Math.min(1_000, limits.headersTime),
      keepAliveTimeout: limits.keepAliveTime,
    },
    (incoming, outgoing) => {
      const { socket } = incoming
      busy.add(socket)
      outgoing.once('close', () => {
        busy.delete(socket)
        if (!server.listening) socket.destroySoon()
      })
      void answer(options.handler, incoming, outgoing, report)
    },
  )
  const busy = new Set<Socket>()
  const sockets = new Set<Socket>()
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.setTimeout(limits.idleTime)
  server.maxConnections = limits.connections
  await started(server, host, options.port)
  const { promise: ended, resolve } = Promise.withResolvers<void>()
  server.once('close', resolve)
  const close = async () => {
    if (server.listening) {
      server.close()
      for (const socket of sockets) if (!busy.has(socket)) socket.destroy()
      if (!(await isDoneWithin(ended, options.clock, limits.grace))) server.closeAllConnections()
    }
    await ended
  }
  const onAbort = () => void close()
  options.signal?.addEventListener('abort', onAbort, { once: true })
  void ended.then(() => options.signal?.removeEventListener('abort', onAbort))
  if (options.signal?.aborted === true) onAbort()
  const { port } = server.address() as { port: number }
  return { url: `http://${host.includes(':') ? `[${host}]` : host}:${port}`, port, ended, close }
}

async function started(server: Server, host: string, port: number): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  server.once('error', reject)
  server.listen(port, host, resolve)
  try {
    await promise
  } catch (error) {
    throw refused(error, host, port)
  }
  server.off('error', reject)
  // What a running server meets, such as too many open files, concerns single connections.
  server.on('error', () => undefined)
}

function refused(error: unknown, host: string, port: number): Fault {
  const at = `${host}:${port}`
  const number = errno(error)
  if (number === 'EADDRINUSE')
    return new Fault('busy', `something else listens on ${at}`, { cause: error, hint: 'choose another --port, or end what listens there' })
  if (number === 'EACCES')
    return new Fault('denied', `listening on ${at} is not allowed`, { cause: error, hint: 'choose a --port from 1024 up' })
  return new Fault('invalid', `cannot listen on ${at}`, { cause: error, hint: 'choose a --host that this machine has' })
}

async function isDoneWithin(work: Promise<void>, clock: Clock, time: number): Promise<boolean> {
  const stop = new AbortController()
  const sleep = clock.sleep(time, stop.signal).then(
    () => false,
    () => true,
  )
  const isDone = await Promise.race([work.then(() => true), sleep])
  stop.abort()
  return isDone
}
