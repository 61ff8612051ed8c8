import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { ensureDebianPackages } from './install.ts'

export interface SmtpOptions {
  readonly security: 'tls' | 'starttls' | 'none'
  /** User and password that it wants. */
  readonly login?: readonly [string, string] | undefined
  /** Mailboxes that it does not have. */
  readonly refused?: readonly string[]
  /** It takes no letter now. */
  readonly busy?: boolean
}

/** A letter as Python's own library reads it. */
export interface Received {
  readonly from: string
  readonly to: readonly string[]
  /** Who logged in. */
  readonly login: string | null
  readonly isTls: boolean
  /** Names in lower case. */
  readonly headers: readonly (readonly [string, string])[]
  readonly parts: number
  readonly type: string
  readonly text: string
  readonly raw: string
}

export interface Smtp {
  readonly port: number
  readonly received: readonly Received[]
  /** When so many have come, all of them. */
  letters(count: number): Promise<readonly Received[]>
  stop(): Promise<void>
}

export interface Certificate {
  readonly cert: string
  readonly key: string
}

/** A certificate of nobody's authority, for this machine. */
export function makeCertificate(folder: string, name = 'smtp'): Certificate {
  const [key, cert] = [path.join(folder, `${name}-key.pem`), path.join(folder, `${name}-cert.pem`)]
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2', '-subj', '/CN=localhost']
  execFileSync('openssl', ['req', ...form, '-addext', 'subjectAltName=DNS:localhost', '-keyout', key, '-out', cert], { stdio: 'ignore' })
  return { key, cert }
}

/** Debian's aiosmtpd on a free port of this machine. It ends with this process. */
export async function startSmtp({ cert, key }: Certificate, options: SmtpOptions): Promise<Smtp> {
  await ensureDebianPackages(['python3-aiosmtpd'])
  const settings = { login: null, refused: [], busy: false, ...options, cert, key }
  const child = spawn('/usr/bin/python3', [path.join(import.meta.dirname, 'smtp_server.py'), JSON.stringify(settings)], {
    stdio: ['pipe', 'pipe', 'ignore'],
  })
  const received: Received[] = []
  const lines = createInterface(child.stdout)
  const [port] = (await once(lines, 'line')) as [string]
  lines.on('line', (line) => received.push(JSON.parse(line) as Received))
  const ended = once(child, 'close')
  return {
    port: Number(port),
    received,
    async letters(count) {
      while (received.length < count) await once(lines, 'line')
      return received
    },
    async stop() {
      child.kill()
      await ended
    },
  }
}
