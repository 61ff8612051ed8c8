import { readFile, rm, writeFile } from 'node:fs/promises'
import { Fault, run } from '../../src/kit/index.ts'

let updated: Promise<void> | undefined

/**
 * Makes sure that Debian packages are installed: installs what is missing where this is root on Debian, and says so.
 * Elsewhere throws `unsupported` with the one line that would do it.
 */
export async function ensureDebianPackages(names: readonly string[]): Promise<void> {
  const missing: string[] = []
  for (const name of names) if (!(await isInstalled(name))) missing.push(name)
  if (missing.length === 0) return
  const line = `apt-get install -y --no-install-recommends ${missing.join(' ')}`
  if (!(await isRootOnDebian())) throw new Fault('unsupported', `not installed: ${missing.join(', ')}`, { hint: `sudo ${line}` })
  say(`installing ${missing.join(' ')}`)
  updated ??= apt('apt-get', '-qq', 'update')
  await updated
  await withoutStarting(() => apt('apt-get', '-qq', 'install', '-y', '--no-install-recommends', ...missing))
}

/** Packages of servers start them for everybody, on ports that others may need; Debian asks this file first (invoke-rc.d(8)). */
async function withoutStarting(work: () => Promise<void>): Promise<void> {
  const policy = '/usr/sbin/policy-rc.d'
  const isOurs = await writeFile(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755, flag: 'wx' }).then(
    () => true,
    () => false,
  )
  try {
    await work()
  } finally {
    if (isOurs) await rm(policy, { force: true })
  }
}

export async function isRootOnDebian(): Promise<boolean> {
  const release = await readFile('/etc/os-release', 'utf8').catch(() => '')
  return process.getuid?.() === 0 && /^ID=debian$/m.test(release)
}

export function say(text: string): void {
  process.stderr.write(`services: ${text}\n`)
}

async function isInstalled(name: string): Promise<boolean> {
  try {
    const { status, stdout } = await run(['dpkg-query', '-W', '-f', '${Status}', name])
    return status === 0 && stdout.includes('ok installed')
  } catch {
    return false
  }
}

async function apt(...command: [string, ...string[]]): Promise<void> {
  const { status, tail } = await run(command, { env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' } })
  if (status !== 0) throw new Fault('unavailable', `${command.join(' ')} failed:\n${tail.join('\n')}`)
}
