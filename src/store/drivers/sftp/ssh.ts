import { spawn } from 'node:child_process'
import { Fault } from '../../../kit/index.ts'
import type { Channel } from './session.ts'

export interface SshPlace {
  readonly host: string
  readonly user?: string | undefined
  readonly port?: number | undefined
  /** A file of OpenSSH settings that is read instead of the user's own. */
  readonly sshConfig?: string | undefined
}

/**
 * The system's `ssh` with the SFTP subsystem of a server at its other end: the user's configuration, agent, keys, jump hosts and
 * known hosts count as they do for `ssh` itself. It never asks anything, and takes no host key that is not known already.
 */
export function connectSsh(place: SshPlace, env: Readonly<Record<string, string | undefined>>): Channel {
  const child = spawn('ssh', sshArguments(place), {
    // In a process group of its own: what was begun is tidied up over it after Ctrl-C too. It ends with its standard input.
    detached: true,
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...env },
  })
  let words = ''
  child.stderr.on('data', (piece: Buffer) => (words = (words + piece.toString('utf8')).slice(-8192)))
  const ended = new Promise<Fault>((resolve) => {
    child.once('error', (error) => resolve(notStarted(error)))
    child.once('close', () => resolve(sshFault(words, place)))
  })
  // Where the other side ended it, ssh says why as it goes.
  child.stdout.once('end', () => {
    child.stdin.end()
    const late = setTimeout(() => child.kill('SIGKILL'), 5000)
    child.once('exit', () => clearTimeout(late))
  })
  return { fromServer: child.stdout, toServer: child.stdin, ended, close: () => void child.kill('SIGTERM') }
}

function sshArguments({ host, user, port, sshConfig }: SshPlace): string[] {
  const options = [
    'BatchMode=yes',
    'StrictHostKeyChecking=yes',
    'ForwardAgent=no',
    'ForwardX11=no',
    'ClearAllForwardings=yes',
    'PermitLocalCommand=no',
    'RequestTTY=no',
  ]
  return [
    ...(sshConfig === undefined ? [] : ['-F', sshConfig]),
    ...options.flatMap((option) => ['-o', option]),
    ...(port === undefined ? [] : ['-p', String(port)]),
    ...(user === undefined ? [] : ['-l', user]),
    '-s',
    '--',
    host,
    'sftp',
  ]
}

function notStarted(error: Error): Fault {
  const isMissing = 'code' in error && error.code === 'ENOENT'
  return isMissing
    ? new Fault('unsupported', 'ssh is not installed, and sftp: stores are reached through it', {
        hint: 'sudo apt-get install openssh-client',
        cause: error,
      })
    : new Fault('denied', `ssh cannot be started: ${error.message}`, { cause: error })
}

interface Meaning {
  readonly says: RegExp
  readonly code: ConstructorParameters<typeof Fault>[0]
  readonly means: string
  readonly hint: (place: SshPlace) => string
}

const meanings: readonly Meaning[] = [
  {
    says: /REMOTE HOST IDENTIFICATION HAS CHANGED|host key for .* has changed/i,
    code: 'denied',
    means: 'its host key is not the one that is known: somebody may be in between, or the server was set up anew',
    hint: (place) =>
      `ask whoever runs the server; only if the new key is right: ssh-keygen -R ${hostInFile(place)}, then connect once by hand`,
  },
  {
    says: /Host key verification failed|No \S+ host key is known/i,
    code: 'denied',
    means: 'its host key is not known here',
    hint: (place) => `connect once with \`ssh ${spelled(place)}\` and compare the fingerprint, or add the key that ssh-keyscan shows`,
  },
  {
    says: /Permission denied|Too many authentication failures|no more authentication methods|No supported authentication methods/i,
    code: 'denied',
    means: 'it does not let this account in with the keys that were offered',
    hint: (place) => `\`ssh -o BatchMode=yes ${spelled(place)} true\` has to work: set the key in ~/.ssh/config, or ssh-add it`,
  },
  {
    says: /subsystem request failed/i,
    code: 'unsupported',
    means: 'it offers no SFTP',
    hint: () => 'whoever runs the server enables it: Subsystem sftp internal-sftp',
  },
  {
    says: /Bad configuration option|terminating, \d+ bad configuration|Can't open user config file|Bad owner or permissions/i,
    code: 'invalid',
    means: 'the settings of ssh are not usable',
    hint: () => 'mend the file that is named, or ssh_config in [store.sftp]',
  },
  {
    says: /Name or service not known|nodename nor servname|No address associated|hostname contains invalid/i,
    code: 'invalid',
    means: 'there is no host of that name',
    hint: () => 'check the name, or give it a HostName in ~/.ssh/config',
  },
]

/** Nothing answers there: it is tried again all the same, since a server may be starting. */
const nobody = /Connection refused|Connection timed out|No route to host|Network is unreachable/i

/** Why ssh ended, from what it said on its standard error. */
export function sshFault(words: string, place: SshPlace): Fault {
  const at = `sftp://${spelled(place).replace(/^-p (\d+) (.*)$/, '$2:$1')}`
  const lines = words.split(/[\r\n]+/).map((line) => line.replaceAll(/\p{Cc}/gu, '').trim())
  const last = lines.findLast((line) => line !== '' && !line.startsWith('Connection to ')) ?? lines.findLast((line) => line !== '')
  const cause = last === undefined ? undefined : new Error(`ssh: ${last.slice(0, 300)}`)
  const known = meanings.find(({ says }) => says.test(words))
  if (known !== undefined) return new Fault(known.code, `cannot reach ${at}: ${known.means}`, { at, hint: known.hint(place), cause })
  return new Fault('unavailable', `the connection to ${at} ${last === undefined ? 'was lost' : `failed: ${last.slice(0, 300)}`}`, {
    at,
    hint: nobody.test(words) ? `check that sshd runs there, and at which port: \`ssh ${spelled(place)}\` has to connect` : undefined,
  })
}

/** As it is written after `ssh`. */
function spelled({ host, user, port }: SshPlace): string {
  return `${port === undefined ? '' : `-p ${port} `}${user === undefined ? '' : `${user}@`}${host}`
}

/** As it is written in known_hosts. */
function hostInFile({ host, port }: SshPlace): string {
  return port === undefined ? host : `'[${host}]:${port}'`
}
