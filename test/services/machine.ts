import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, rmdirSync, statSync } from 'node:fs'
import path from 'node:path'
import { Fault, run, systemClock } from '../../src/kit/index.ts'
import { ensureDebianPackages, isRootOnDebian } from './install.ts'

/** A Debian whose PID 1 is systemd, in namespaces of its own: processes, mounts, network and control groups. */
export interface Machine {
  /** Of its root, seen from here. */
  readonly root: string
  /** Runs a program in it; any exit status but 0 throws. */
  run(...command: readonly string[]): Promise<string>
  /** Waits until a unit has said this in the journal, for a minute at most. */
  hears(unit: string, text: string): Promise<void>
  off(): Promise<void>
}

/** Why none can be booted here; false where it can. */
export async function whyNoMachine(): Promise<string | false> {
  if (!(await isRootOnDebian())) return 'needs root on Debian'
  return controlGroups() === undefined ? 'needs control groups of version 2' : false
}

/** The files of a Debian with systemd, from its mirrors. */
export async function debootstrap(root: string): Promise<void> {
  await ensureDebianPackages(['mmdebstrap', 'util-linux'])
  const { status, tail } = await run(['mmdebstrap', '--quiet', '--variant=minbase', '--include=systemd,dbus', 'bookworm', root])
  if (status !== 0) throw new Fault('unavailable', `mmdebstrap: ${tail.join('\n')}`)
}

const devices = 'null zero full random urandom tty'
/** What a container has to find, says https://systemd.io/CONTAINER_INTERFACE: of the kernel's settings nothing can be written. */
const boot = `set -e
root=$1 source=$2; shift 2
mount --make-rprivate /
mount --bind "$root" "$root"
for each; do mount --bind "$source/$each" "$root/opt/holdfast/$each"; mount -o remount,bind,ro "$root/opt/holdfast/$each"; done
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"; mount -o remount,bind,ro "$root/proc/sys"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t cgroup2 none "$root/sys/fs/cgroup"
mount -t tmpfs -o mode=755 tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs -o mode=755 tmpfs "$root/dev"
for each in ${devices}; do : >"$root/dev/$each"; mount --bind "/dev/$each" "$root/dev/$each"; done
mkdir "$root/dev/pts" "$root/dev/shm"
mount -t devpts -o newinstance,ptmxmode=0666 devpts "$root/dev/pts"; ln -s pts/ptmx "$root/dev/ptmx"
mount -t tmpfs tmpfs "$root/dev/shm"
mkdir -p "$root/outside"; cd "$root"; pivot_root . outside
exec chroot . sh -c 'umount -l /outside; exec env -i container=holdfast PATH=/usr/sbin:/usr/bin:/sbin:/bin /lib/systemd/systemd --unit=multi-user.target'
`

/** Boots it; `source` is a checkout, which it sees in /opt/holdfast. Its clock is ours. */
export async function bootMachine(root: string, source: string): Promise<Machine> {
  const shown = ['bin', 'src', 'web', 'docs', 'node_modules'].filter((name) => existsSync(path.join(source, name)))
  for (const name of shown) mkdirSync(path.join(root, 'opt/holdfast', name), { recursive: true })
  const group = path.join(controlGroups()!, `holdfast-machine-${process.pid}`)
  mkdirSync(group)
  const entered = `echo $$ >"$1/cgroup.procs"; shift; exec unshare --mount --pid --fork --ipc --uts --net --cgroup --kill-child "$@"`
  const child = spawn('sh', ['-c', entered, 'sh', group, 'sh', '-c', boot, 'sh', root, source, ...shown], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text))
  const ended = new Promise<void>((resolve) => child.once('close', () => resolve()))
  const enter = async (...command: readonly string[]) =>
    await run(['nsenter', '--all', '--target', `${initOf(child)}`, '--', 'env', '-i', 'PATH=/usr/sbin:/usr/bin', ...command])
  const off = async () => {
    child.kill('SIGKILL')
    await ended
    await removeGroup(group)
  }
  const machine: Machine = {
    root,
    async run(...command) {
      const { status, stdout, tail } = await enter(...command)
      if (status !== 0) throw new Fault('unavailable', `${command.join(' ')} ended with ${status}: ${tail.join('\n')}`)
      return stdout.trim()
    },
    async hears(unit, text) {
      const line = 'grep --quiet --fixed-strings -- "$2" < <(exec journalctl --follow --lines=all --output=cat --unit="$1")'
      const { status } = await enter('timeout', '60', 'bash', '-c', line, 'bash', unit, text)
      if (status === 0) return
      const { stdout } = await enter('journalctl', '--no-pager', '--output=cat', '--lines=30', `--unit=${unit}`)
      throw new Fault('unavailable', `${unit} did not say ${text}, but:\n${stdout}`)
    },
    off,
  }
  for (let turn = 0; ; turn++) {
    const { status, stdout } = initOf(child) === undefined ? { status: 1, stdout: '' } : await enter('systemctl', 'is-system-running')
    if (status === 0) return machine
    if (turn === 600 || child.exitCode !== null) {
      await off()
      throw new Fault('unavailable', `systemd does not come up: ${stdout}${said}`)
    }
    await systemClock.sleep(100)
  }
}

/** The process that is 1 inside. */
function initOf({ pid }: ChildProcess): string | undefined {
  try {
    return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] || undefined
  } catch {
    return undefined
  }
}

function controlGroups(): string | undefined {
  return ['/sys/fs/cgroup', '/sys/fs/cgroup/unified'].find((folder) => existsSync(path.join(folder, 'cgroup.controllers')))
}

/** The kernel is done with the last process a little after it has ended. */
async function removeGroup(group: string): Promise<void> {
  const { stdout } = await run(['find', group, '-depth', '-type', 'd'])
  for (const folder of stdout.trim().split('\n')) {
    for (let turn = 0; statSync(folder, { throwIfNoEntry: false }) !== undefined; turn++) {
      try {
        rmdirSync(folder)
      } catch (error) {
        if (turn === 100) throw error
        await systemClock.sleep(50)
      }
    }
  }
}
