import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Misdeed, Weather } from './weather.ts'

export interface StormyPeer {
  readonly url: string
  /** `127.0.0.1:PORT` */
  readonly host: string
  close(): Promise<void>
}

/** What may go wrong with a request: kinds of misdeeds. */
export type Exposed = (line: string) => readonly Misdeed[]

/** An HTTP server that passes requests on to `upstream` unchanged, and does wrong as the weather has it. */
export async function startStormyPeer(upstream: string, weather: Weather, exposed: Exposed): Promise<StormyPeer> {
  const sockets = new Set<Socket>()
  const server = createServer((incoming, outgoing) => {
    const misdeed = weather.next(exposed(`${incoming.method} ${incoming.url}`))
    if (misdeed === undefined || misdeed === 'lose-answer' || misdeed === 'cut' || misdeed === 'flip')
      passOn(incoming, outgoing, upstream, weather, misdeed)
    else refuse(incoming, outgoing, weather, misdeed)
  })
  server.on('connection', (socket: Socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    socket.on('error', () => undefined)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: `http://${host}`,
    host,
    async close() {
      const closed = new Promise((resolve) => server.close(resolve))
      for (const socket of sockets) socket.destroy()
      await closed
    },
  }
}

/** The server behind never sees it. */
function refuse(incoming: IncomingMessage, outgoing: ServerResponse, weather: Weather, misdeed: 'error' | 'busy' | 'reset' | 'hang'): void {
  if (misdeed === 'hang') return weather.onCalm(() => incoming.socket.destroy())
  if (misdeed === 'reset') return void incoming.socket.resetAndDestroy()
  const status = misdeed === 'busy' ? 429 : [500, 502, 503][Math.floor(weather.random() * 3)]!
  const headers = status === 429 || (status === 503 && weather.random() < 0.5) ? { 'retry-after': '1' } : {}
  // The request is read to its end first: a client in the middle of sending would see a broken connection instead.
  incoming.resume().on('end', () => outgoing.writeHead(status, headers).end('not now'))
}

function passOn(
  incoming: IncomingMessage,
  outgoing: ServerResponse,
  upstream: string,
  weather: Weather,
  misdeed: 'lose-answer' | 'cut' | 'flip' | undefined,
): void {
  const { hostname, port } = new URL(upstream)
  const { method, url, headers } = incoming
  const passed = request({ hostname, port, method, path: url, headers }, (answer) => {
    if (misdeed === 'lose-answer') {
      answer.resume().on('end', () => incoming.socket.destroy())
      return
    }
    outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
    if (misdeed === undefined) answer.pipe(outgoing)
    else spoil(answer, outgoing, misdeed, Math.floor(weather.random() * Math.max(1, Number(answer.headers['content-length'] ?? 100))))
  })
  passed.on('error', () => outgoing.destroy())
  outgoing.on('close', () => passed.destroy())
  incoming.pipe(passed)
}

/** The body ends before this byte, or that byte is another. */
function spoil(answer: IncomingMessage, outgoing: ServerResponse, misdeed: 'cut' | 'flip', at: number): void {
  let given = 0
  let isCut = false
  answer.on('data', (piece: Buffer) => {
    const place = at - given
    given += piece.byteLength
    if (place < 0 || place >= piece.byteLength) return void outgoing.write(piece)
    if (misdeed === 'flip') {
      piece[place]! ^= 0x10
      outgoing.write(piece)
      return
    }
    isCut = true
    outgoing.write(piece.subarray(0, place), () => outgoing.destroy())
    answer.destroy()
  })
  answer.on('end', () => {
    if (!isCut) outgoing.end()
  })
}
