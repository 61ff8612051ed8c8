import { type ChildProcess, spawn } from 'node:child_process'
import { appendFile, mkdir, mkdtemp, readFile, writeFile } from 'node:fs/promises'
import { createConnection } from 'node:net'
import os from 'node:os'
import path from 'node:path'
import { Fault, run, systemClock } from '../../src/kit/index.ts'
import { ensureDebianPackages } from './install.ts'
import { freePort } from './ports.ts'

export interface SshServer {
  readonly host: string
  readonly port: number
  readonly user: string
  /** Settings with which `ssh` finds the user's key and knows the server's: for `ssh -F`. */
  readonly sshConfig: string
  /** The same for another way to the server, such as a proxy's port, or with more lines of settings. */
  configFor(other: { readonly port?: number; readonly lines?: readonly string[] }): Promise<string>
  stop(): Promise<void>
}

export interface SshServerOptions {
  /** What follows `internal-sftp`, such as `-R` (read only) or `-P hardlink` (without it). */
  readonly sftpArguments?: string
  /** More lines of sshd_config. */
  readonly lines?: readonly string[]
  /** Whether it offers SFTP (true). */
  readonly sftp?: boolean
}

const loopback = '127.0.0.1'

/**
 * Starts OpenSSH's own server on a free port of the loopback, with keys of its own, for the account that runs the tests. It ends with this
 * process, however that ends. Throws `unsupported` with the line that would enable it where there is no OpenSSH.
 */
export async function startSshd(options: SshServerOptions = {}): Promise<SshServer> {
  await ensureDebianPackages(['openssh-server', 'openssh-client'])
  // Where root starts it, sshd wants this directory, which Debian makes at boot.
  if (process.getuid?.() === 0) await mkdir('/run/sshd', { recursive: true, mode: 0o755 })
  for (let attempt = 1; ; attempt++) {
    try {
      return await startOn(await freePort(), options)
    } catch (error) {
      // Between finding a free port and taking it, another process may have taken it.
      if (attempt === 3) throw error
    }
  }
}

async function startOn(port: number, options: SshServerOptions): Promise<SshServer> {
  const directory = await mkdtemp(path.join(os.tmpdir(), 'holdfast-sshd-'))
  const at = (name: string) => path.join(directory, name)
  await Promise.all([makeKey(at('host')), makeKey(at('user'))])
  await writeFile(at('authorized'), await readFile(at('user.pub')))
  await writeFile(at('sshd_config'), serverSettings(directory, port, options))
  // The shell ends sshd when its own standard input ends, which is when this process does, and takes the keys away.
  const script = '"$@" & server=$!; read -r _; kill "$server" 2>/dev/null; wait "$server"; rm -rf -- "$keys"'
  const child = spawn('sh', ['-c', script, 'sh', '/usr/sbin/sshd', '-D', '-f', at('sshd_config'), '-E', at('log')], {
    stdio: ['pipe', 'ignore', 'inherit'],
    detached: true,
    env: { ...process.env, keys: directory },
  })
  const stop = async () => {
    child.ref()
    child.stdin.end()
    await ended(child)
  }
  try {
    await reachable(port)
  } catch (error) {
    const log = await readFile(at('log'), 'utf8').catch(() => '')
    await stop()
    throw new Fault('unavailable', `sshd did not start: ${log}`, { cause: error })
  }
  child.unref()
  if ('unref' in child.stdin && typeof child.stdin.unref === 'function') child.stdin.unref()
  let configs = 0
  const configFor: SshServer['configFor'] = async (other) => {
    const file = at(`ssh_config-${++configs}`)
    await writeFile(file, clientSettings(directory, other.lines ?? []))
    const hostKey = (await readFile(at('host.pub'), 'utf8')).trim()
    await appendFile(at('known_hosts'), `[${loopback}]:${other.port ?? port} ${hostKey}\n`)
    return file
  }
  return { host: loopback, port, user: os.userInfo().username, sshConfig: await configFor({}), configFor, stop }
}

function serverSettings(directory: string, port: number, { sftpArguments = '', lines = [], sftp = true }: SshServerOptions): string {
  return [
    ...lines,
    `Port ${port}`,
    `ListenAddress ${loopback}`,
    `HostKey ${directory}/host`,
    `AuthorizedKeysFile ${directory}/authorized`,
    'PidFile none',
    'StrictModes no',
    'UsePAM no',
    'PasswordAuthentication no',
    'KbdInteractiveAuthentication no',
    'PermitRootLogin prohibit-password',
    'MaxStartups 500',
    'UseDNS no',
    ...(sftp ? [`Subsystem sftp internal-sftp ${sftpArguments}`] : []),
    '',
  ].join('\n')
}

function clientSettings(directory: string, lines: readonly string[]): string {
  return [
    ...lines,
    'Host *',
    `  IdentityFile ${directory}/user`,
    '  IdentitiesOnly yes',
    '  IdentityAgent none',
    `  UserKnownHostsFile ${directory}/known_hosts`,
    '  GlobalKnownHostsFile /dev/null',
    '',
  ].join('\n')
}

async function makeKey(file: string): Promise<void> {
  const { status, tail } = await run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-C', 'holdfast-tests', '-f', file])
  if (status !== 0) throw new Fault('unavailable', `ssh-keygen failed: ${tail.join(' ')}`)
}

async function reachable(port: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await new Promise((resolve, reject) => {
        const socket = createConnection({ host: loopback, port })
        socket.once('error', reject)
        socket.once('data', () => {
          socket.destroy()
          resolve()
        })
      })
    } catch (error) {
      // A minute: a busy machine takes its time.
      if (attempt === 1200) throw error
      await systemClock.sleep(50)
    }
  }
}

function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve()
  return new Promise((resolve) => child.once('exit', () => resolve()))
}
