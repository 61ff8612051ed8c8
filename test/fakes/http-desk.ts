import { afterEach } from 'node:test'
import { hastyClock } from './hasty-clock.ts'
import { type Handler, type HttpServer, startHttpServer } from './http-server.ts'
import { collect } from '../../src/kit/index.ts'
import { createHttp, type HttpClient, type HttpOptions } from '../../src/kit/http/index.ts'

const open: { close(): unknown }[] = []

/** Is closed after the test. */
export function closeLater(one: { close(): unknown }): void {
  open.push(one)
}

afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

export async function server(handler: Handler, tls?: { key: string; cert: string }): Promise<HttpServer> {
  const started = await startHttpServer(handler, tls)
  closeLater(started)
  return started
}

export function client(options: Partial<HttpOptions> = {}): HttpClient & { notes: string[] } {
  const notes: string[] = []
  const http = createHttp({
    clock: hastyClock(Date.UTC(2026, 0, 1)),
    random: () => 0.5,
    userAgent: 'holdfast/test',
    report: (event) => void (event.kind === 'note' && notes.push(event.text)),
    ...options,
  })
  closeLater(http)
  return { ...http, notes }
}

export const text = async (body: AsyncIterable<Uint8Array>) => Buffer.from(await collect(body, 1 << 24)).toString()
