import { type IncomingMessage, request as ask, type ServerResponse } from 'node:http'
import { pipeline } from 'node:stream/promises'
import { startHttpServer } from '../../test/fakes/http-server.ts'

/** Passes on what it gets and counts it. */
export interface CountingProxy {
  /** `127.0.0.1:PORT` */
  readonly host: string
  /** How many requests came, and how many bytes their bodies had. */
  counts(): { readonly requests: number; readonly sent: number }
  close(): Promise<void>
}

/** In front of a server that builds its links with the `Host` that it was asked by. */
export async function startCountingProxy(target: string): Promise<CountingProxy> {
  let sent = 0
  const server = await startHttpServer(async (request, response) => {
    request.on('data', (piece: Buffer) => void (sent += piece.byteLength))
    await pass(target, request, response).catch(() => void response.destroy())
  })
  return {
    host: new URL(server.url).host,
    counts: () => ({ requests: server.requests.length, sent }),
    close: () => server.close(),
  }
}

async function pass(target: string, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const onward = ask(new URL(request.url ?? '/', `http://${target}`), { method: request.method ?? 'GET', headers: request.headers })
  const answered = new Promise<IncomingMessage>((resolve, reject) => onward.once('response', resolve).once('error', reject))
  const [answer] = await Promise.all([answered, pipeline(request, onward)])
  response.writeHead(answer.statusCode ?? 502, answer.headers)
  await pipeline(answer, response)
}
