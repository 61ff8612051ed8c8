import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdtemp, readFile, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { promisify } from 'node:util'
import { Fault, isFault, systemClock } from '../../src/kit/index.ts'
import { ensureDebianPackages } from './install.ts'
import { freePort, isReachable } from './ports.ts'
import { startTokenServer, type TokenServer } from './token-server.ts'

/** Whom it lets in: everybody, who has the password, or who has a token of the tests' own token server. `tls` is for everybody, over TLS alone. */
export type RegistryKind = 'plain' | 'htpasswd' | 'token' | 'tls'

export interface RegistryServer {
  /** `127.0.0.1:PORT`. */
  readonly host: string
  readonly url: string
  /** Of `htpasswd` and of `token`. */
  readonly login: { readonly user: string; readonly password: string }
  /** Of `token` alone. */
  readonly tokens: TokenServer | undefined
  /** Of `tls` alone: a file of its own certificate, in PEM. */
  readonly certificate: string | undefined
  /** A repository that nobody else uses. */
  newRepository(): string
  stop(): Promise<void>
}

const login = { user: 'tester', password: 'open sesame, tests' }
const bcrypt = '$2b$04$5lrOnwoTJsQqxoPNNq0rBeGCWPEdgnFby.jVDc/9EqGBps.O.kpEm'

const known = new Map<RegistryKind, Promise<RegistryServer>>()

/** The process's registry of that kind. Throws `unsupported`, with the line that would enable it, where there is none. */
export function findRegistry(kind: RegistryKind): Promise<RegistryServer> {
  const found = known.get(kind) ?? startRegistry(kind)
  known.set(kind, found)
  return found
}

/** The process's registry for one test; undefined after that test has been skipped with the reason. */
export async function registryForTests(t: { skip(reason: string): void }, kind: RegistryKind): Promise<RegistryServer | undefined> {
  try {
    return await findRegistry(kind)
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    t.skip(`${error.message}; ${error.hint}`)
    return undefined
  }
}

/** Debian's docker-registry on a free port of the loopback, with a folder of its own. It ends with this process, however that ends. */
async function startRegistry(kind: RegistryKind): Promise<RegistryServer> {
  await ensureDebianPackages(['docker-registry', 'openssl'])
  const folder = await mkdtemp(path.join(os.tmpdir(), 'holdfast-registry-'))
  const tokens = kind === 'token' ? await startTokenServer(folder, login) : undefined
  const certificate = kind === 'tls' ? await makeCertificate(folder) : undefined
  const port = await freePort()
  await writeFile(path.join(folder, 'htpasswd'), `${login.user}:${bcrypt}\n`)
  await writeFile(path.join(folder, 'config.yml'), settings(kind, folder, port, tokens))
  const child = startEnding(folder)
  const stop = async () => {
    known.delete(kind)
    child.ref()
    const ended = new Promise((resolve) => child.once('exit', resolve))
    child.stdin!.end()
    await ended
    await tokens?.close()
  }
  for (let turn = 0; !(await isReachable(port)); turn++) {
    // A busy machine takes its time; a minute is enough for any.
    if (turn < 3000 && child.exitCode === null) {
      await systemClock.sleep(20)
      continue
    }
    const log = await readFile(path.join(folder, 'log'), 'utf8').catch(() => '')
    await stop()
    throw new Fault('unavailable', `docker-registry did not start: ${log.slice(-2000)}`)
  }
  let repositories = 0
  const host = `127.0.0.1:${port}`
  const url = `${kind === 'tls' ? 'https' : 'http'}://${host}`
  return { host, url, login, tokens, certificate, newRepository: () => `tests/${process.pid}-${++repositories}`, stop }
}

async function makeCertificate(folder: string): Promise<string> {
  const form = ['-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', '-days', '2']
  const subject = ['-subj', '/CN=holdfast-tests', '-addext', 'subjectAltName=IP:127.0.0.1']
  const file = path.join(folder, 'tls-cert.pem')
  await promisify(execFile)('openssl', ['req', ...form, ...subject, '-keyout', path.join(folder, 'tls-key.pem'), '-out', file])
  return file
}

/** The shell ends the registry when its own standard input ends, which is when this process does, and takes its folder away. */
function startEnding(folder: string): ChildProcess {
  const script =
    'cd "$folder"; docker-registry serve config.yml >log 2>&1 & server=$!; read -r _; kill "$server" 2>/dev/null; wait "$server" 2>/dev/null; rm -rf -- "$folder"'
  const child = spawn('sh', ['-c', script], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    env: { PATH: process.env['PATH'], folder, OTEL_TRACES_EXPORTER: 'none' },
  })
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  return child
}

function settings(kind: RegistryKind, folder: string, port: number, tokens: TokenServer | undefined): string {
  return [
    'version: 0.1',
    'log: { level: error, accesslog: { disabled: true } }',
    'storage:',
    `  filesystem: { rootdirectory: ${folder}/data }`,
    '  delete: { enabled: true }',
    'http:',
    `  addr: "127.0.0.1:${port}"`,
    '  secret: of-the-tests',
    ...(kind === 'tls' ? [`  tls: { certificate: ${folder}/tls-cert.pem, key: ${folder}/tls-key.pem }`] : []),
    ...(kind === 'htpasswd' ? [`auth: { htpasswd: { realm: tests, path: ${folder}/htpasswd } }`] : []),
    ...(tokens === undefined
      ? []
      : ['auth:', '  token:', ...Object.entries(tokens.registrySettings).map(([name, value]) => `    ${name}: ${value}`)]),
    '',
  ].join('\n')
}
