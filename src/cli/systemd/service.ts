import { Fault, unitWord } from '../../kit/index.ts'

export interface ServiceOptions {
  readonly kind: 'daemon' | 'worker' | 'serve'
  /** The words that start the program, the first one an absolute path. */
  readonly command: readonly string[]
  /** The folder that commands run in, and the configuration. */
  readonly root: string
  readonly config: string
  /** Of a user's own systemd, not of the machine. */
  readonly isUsers: boolean
  /** Who runs it; of the machine's systemd only. */
  readonly user: string
  /** Milliseconds that what runs may go on. */
  readonly grace: number
  /** Where it listens; of the server. */
  readonly port?: number
  /** Folders that it may write to, beside those of its state; of the server, which sees all others as read-only. */
  readonly places?: readonly string[]
  /** What it does mounts or holds mounts, which others have to see. */
  readonly mounts: boolean
}

/** Of the machine's services: variables as `env` and a unit take them. */
export const servicesOwnFolders = 'XDG_STATE_HOME=/var/lib XDG_CACHE_HOME=/var/cache'

/** The unit of a daemon, a worker or the server, with as much of a sandbox as its work allows. Throws `invalid` for names that a unit cannot hold. */
export function serviceUnit(options: ServiceOptions): { readonly name: string; readonly text: string } {
  const { kind, command, root, config, isUsers, user, grace } = options
  if (!isUsers && !/^[A-Za-z0-9_][A-Za-z0-9_.-]*\$?$/.test(user))
    throw new Fault('invalid', `not a user's name: ${JSON.stringify(user)}`, { hint: 'name who runs it: --run-as holdfast' })
  const words = [...command, kind, '--config', config].map(unitWord).join(' ')
  const lines = [
    '[Unit]',
    `Description=holdfast ${kind}`,
    'Wants=network-online.target',
    'After=network-online.target postgresql.service',
    '',
    '[Service]',
    'Type=exec',
    ...(isUsers ? [] : [`User=${user}`]),
    // A path to a folder is taken as it stands, up to the end of the line, but for %.
    `WorkingDirectory=${wholeLine(root)}`,
    '# HOLDFAST_QUEUE_URL, AWS_ACCESS_KEY_ID and the like: a file that only its user can read.',
    `EnvironmentFile=-${isUsers ? '%h/.config/holdfast/environment' : '/etc/holdfast/environment'}`,
    ...(isUsers
      ? []
      : [
          `Environment=${servicesOwnFolders}`,
          'StateDirectory=holdfast',
          'StateDirectoryMode=0750',
          'CacheDirectory=holdfast',
          'CacheDirectoryMode=0750',
        ]),
    `ExecStart=${words}`,
    // /bin/kill is not on every machine; a shell is, and has its own.
    `ExecReload=/bin/sh -c 'kill -HUP "$$MAINPID"'`,
    'Restart=on-failure',
    '# A reload in the very moment of the start, before it listens.',
    'RestartForceExitStatus=SIGHUP',
    'RestartSec=10',
    '# A configuration that is not right does not get right by itself.',
    'RestartPreventExitStatus=2',
    '# SIGTERM to the process alone: it lets its work finish, and ends what that started.',
    'KillMode=mixed',
    `TimeoutStopSec=${Math.ceil(grace / 1000) + 30}`,
    'LimitNOFILE=65536',
    ...sandbox(options),
    '',
    '[Install]',
    `WantedBy=${isUsers ? 'default.target' : 'multi-user.target'}`,
    '',
  ]
  return { name: `holdfast-${kind}.service`, text: lines.join('\n') }
}

function wholeLine(folder: string): string {
  unitWord(folder)
  return folder.replaceAll('%', '%%')
}

function sandbox(options: ServiceOptions): string[] {
  const { kind, isUsers, mounts, user } = options
  const always = [
    'NoNewPrivileges=yes',
    'LockPersonality=yes',
    'RestrictRealtime=yes',
    'RestrictSUIDSGID=yes',
    'SystemCallArchitectures=native',
    'RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK',
  ]
  if (isUsers) return always
  if (mounts) {
    return [
      '# Environments are mounted where others have to see it: no file system of its own, and set-uid entries of snapshots are restored.',
      ...always.filter((line) => !/^(NoNewPrivileges|RestrictSUIDSGID)/.test(line)),
    ]
  }
  return [
    ...always,
    ...(kind === 'serve' ? ofServer(options) : ['ProtectSystem=full']),
    // Root gives snapshots back with their owners; nobody else has a use for a capability.
    ...(user === 'root' ? [] : capabilities(options)),
    'PrivateTmp=yes',
    'PrivateDevices=yes',
    'ProtectClock=yes',
    'ProtectControlGroups=yes',
    'ProtectHostname=yes',
    'ProtectKernelLogs=yes',
    'ProtectKernelModules=yes',
    'ProtectKernelTunables=yes',
  ]
}

/** A server starts no builds: what these would need and it does not, it has not. */
function ofServer({ places = [] }: ServiceOptions): string[] {
  return [
    '# What it may write to: its state, and where actions publish. It holds code that is made as it runs, so no MemoryDenyWriteExecute.',
    'ProtectSystem=strict',
    'ProtectHome=read-only',
    ...places.map((place) => `ReadWritePaths="-${wholeLine(place).replaceAll(/["\\]/g, '\\$&')}"`),
    'ProtectProc=invisible',
    'RestrictNamespaces=yes',
    'RemoveIPC=yes',
    'KeyringMode=private',
    'SystemCallFilter=@system-service',
    'SystemCallErrorNumber=EPERM',
  ]
}

function capabilities({ port }: ServiceOptions): string[] {
  if (port === undefined || port === 0 || port >= 1024) return ['CapabilityBoundingSet=']
  return ['# For a port below 1024.', 'CapabilityBoundingSet=CAP_NET_BIND_SERVICE', 'AmbientCapabilities=CAP_NET_BIND_SERVICE']
}
