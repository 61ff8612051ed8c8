import { readFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { type Command, Option } from 'commander'
import { asFault, Fault, readSmallFile } from '../kit/index.ts'
import type { TlsFiles } from '../server/index.ts'
import { type Call, type Cli, parsedOption } from './command.ts'
import { accessLines } from './serve/access.ts'
import { printable } from './width.ts'

interface ServeFlags {
  readonly host?: string
  readonly port?: number
}

export function addServeCommand(program: Command, cli: Cli): void {
  cli.add<ServeFlags>(program, {
    name: 'serve',
    goesOn: true,
    summary: 'Serve the dashboard, the API, release downloads, Python indexes and metrics over HTTP, until it is stopped',
    more: 'Anyone who can reach it can read; what changes something needs a token. [serve] in holdfast.toml has the same and more.',
    options: [
      new Option('--host <address>', 'where to listen (default: what [serve] says, which is 127.0.0.1, this machine alone)'),
      parsedOption('--port <number>', 'the port; 0 takes one that is free (default: what [serve] says, which is 8080)', parsePort),
    ],
    examples: [
      ['holdfast serve', 'for this machine, on port 8080'],
      ['holdfast serve --host 0.0.0.0 --port 80', 'for all that can reach it'],
    ],
    run: async (call) => {
      const { host, report, signal, screen, options } = call
      const { serve: settings } = await call.config()
      const { answeredNames, createApp, listen, openDashboard } = await import('../server/index.ts')
      const { servedFrom } = await import('./serve/served.ts')
      const { openState } = await import('./serve/state.ts')
      const served = await servedFrom(call)
      const state = await openState(call)
      const respond = createApp(served, {
        names: answeredNames(options.host ?? settings.host, settings.names),
        rate: settings.rate,
        isTls: settings.tls !== undefined,
        state,
        signal,
        openapi: await readFile(new URL('../../docs/openapi.json', import.meta.url)),
        access: { each: settings.accessLog || call.log.has('debug'), tell: accessLines(call.log, settings.accessLog) },
        tracer: call.tracer,
        dashboard: await openDashboard(fileURLToPath(new URL('../../dist/web/', import.meta.url))),
      })
      const listening = await listen({
        handler: { respond },
        host: options.host ?? settings.host,
        port: options.port ?? settings.port,
        clock: host.clock,
        report,
        signal,
        tls: settings.tls && (await readTls(settings.tls)),
        trustedProxies: settings.trustedProxies,
      })
      const renew = renewal(call, settings.tls, listening.renewTls)
      process.on('SIGHUP', renew)
      try {
        screen.say(printable(`serving ${served.store.name} at ${listening.url}/ (Ctrl-C ends it)`))
        await listening.ended
      } finally {
        process.off('SIGHUP', renew)
        state.close()
      }
      return { result: { url: listening.url }, text: 'ended' }
    },
  })
}

function renewal({ report }: Call<object>, files: TlsFiles | undefined, renewTls: (tls: TlsFiles) => void): () => void {
  const renew = async () => {
    if (files === undefined) return
    try {
      renewTls(await readTls(files))
      report({ kind: 'note', level: 'info', text: `the certificate is that of ${files.cert} now` })
    } catch (error) {
      report({ kind: 'note', level: 'warning', text: `the certificate stays as it was: ${asFault(error).message}` })
    }
  }
  return () => void renew()
}

async function readTls({ cert, key }: TlsFiles): Promise<TlsFiles> {
  return { cert: await readPem(cert), key: await readPem(key) }
}

async function readPem(file: string): Promise<string> {
  const text = await readSmallFile(file)
  if (text !== undefined) return text
  throw new Fault('not-found', 'the file of TLS does not exist', { at: file, hint: 'check tls_cert and tls_key under [serve]' })
}

export function parsePort(text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port < 65_536) return port
  throw new Fault('invalid', `not a port: ${JSON.stringify(text)}`, { hint: 'write a number from 0 to 65535' })
}
