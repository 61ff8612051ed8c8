import { createServer, type Server, type ServerOptions } from 'node:http'
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https'
import type { Socket } from 'node:net'
import { type Clock, errno, Fault, type Report, type Responder, silent } from '../kit/index.ts'
import { carry } from './answer.ts'
import { clientAddress, peerAddress } from './proxies.ts'
import { shareConnections } from './shares.ts'
import { fromWeb, type Handler } from './web.ts'

export interface ListenOptions {
  /** What answers: ours, or a function of the web's standard. */
  readonly handler: Handler | { readonly respond: Responder }
  /** A name or address; `127.0.0.1` where none is given, so that nobody outside of this machine is served by mistake. */
  readonly host?: string | undefined
  /** 0: one that is free. */
  readonly port: number
  readonly clock: Clock
  /** Ends it, as `close` does. */
  readonly signal?: AbortSignal | undefined
  readonly report?: Report | undefined
  readonly limits?: Partial<ServerLimits> | undefined
  /** Without it, what is said can be read on the way. */
  readonly tls?: TlsFiles | undefined
  /** Addresses and networks whose `X-Forwarded-For` is believed. */
  readonly trustedProxies?: readonly string[] | undefined
}

/** A certificate with those that lead to its authority, and its key: PEM. */
export interface TlsFiles {
  readonly cert: string
  readonly key: string
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
  /** Of them, those of one address that is no trusted proxy: 500. */
  readonly connectionsOfOne: number
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
  /** New connections get this certificate. `invalid` where it and its key cannot be used; then the old one stays. */
  renewTls(tls: TlsFiles): void
}

const usualLimits: ServerLimits = {
  headerBytes: 16 << 10,
  headersTime: 10_000,
  requestTime: 30_000,
  idleTime: 120_000,
  keepAliveTime: 5_000,
  connections: 1_000,
  connectionsOfOne: 500,
  grace: 10_000,
}

/** Listens. Throws `busy` where the port is taken, `denied` where it may not be had, `invalid` for a host that is not ours. */
export async function listen(options: ListenOptions): Promise<Listening> {
  const limits = { ...usualLimits, ...options.limits }
  const { report = silent, host = '127.0.0.1' } = options
  const responder = typeof options.handler === 'function' ? fromWeb(options.handler) : options.handler.respond
  const carrying = { report, addressOf: clientAddress(options.trustedProxies ?? []) }
  const server = serverOf(limits, options.tls)
  server.on('request', (incoming, outgoing) => {
    const { socket } = incoming
    busy.add(socket)
    outgoing.once('close', () => {
      busy.delete(socket)
      if (!server.listening) socket.destroySoon()
    })
    carry(responder, incoming, outgoing, carrying)
  })
  const busy = new Set<Socket>()
  const sockets = new Set<Socket>()
  // Of TLS only those that have come to an understanding: the time limit of handshakes ends the others.
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
  })
  server.setTimeout(limits.idleTime)
  server.maxConnections = limits.connections
  shareConnections(server, limits.connectionsOfOne, peerAddress(options.trustedProxies ?? []))
  await started(server, host, options.port)
  const { port } = server.address() as { port: number }
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
  const scheme = options.tls === undefined ? 'http' : 'https'
  const renewTls = (tls: TlsFiles) => usableTls(() => 'setSecureContext' in server && server.setSecureContext({ ...tls }))
  return { url: `${scheme}://${host.includes(':') ? `[${host}]` : host}:${port}`, port, ended, close, renewTls }
}

function serverOf(limits: ServerLimits, tls: TlsFiles | undefined): Server | TlsServer {
  const settings: ServerOptions = {
    maxHeaderSize: limits.headerBytes,
    headersTimeout: limits.headersTime,
    requestTimeout: limits.requestTime,
    connectionsCheckingInterval: Math.min(1_000, limits.headersTime),
    keepAliveTimeout: limits.keepAliveTime,
  }
  if (tls === undefined) return createServer(settings)
  return usableTls(() => createTlsServer({ ...settings, ...tls, minVersion: 'TLSv1.2', handshakeTimeout: limits.headersTime }))
}

function usableTls<T>(use: () => T): T {
  try {
    return use()
  } catch (error) {
    throw new Fault('invalid', 'the certificate and its key cannot be used', {
      cause: error,
      hint: 'give the certificate with its chain and the key that belongs to it, both in PEM',
    })
  }
}

async function started(server: Server | TlsServer, host: string, port: number): Promise<void> {
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
