import { lstat, readFile, realpath } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, errno, Fault, makeDirectories } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import type { Mode, Place } from './mode.ts'

/** Where the environment lies, checked as far as that can be done without a mode. Throws `invalid` for a live directory that nobody should give back. */
export async function resolvePlace(context: EnvironmentContext): Promise<Place> {
  const live = await realOf(context.live, context)
  const snapshotsDir = await realPlace(context.snapshotsDir)
  const refuse = (why: string, hint: string): never => {
    throw new Fault('invalid', `the live directory of ${context.name} ${why}`, { at: context.live, hint })
  }
  if (path.dirname(live) === live) refuse('is the root of the file system', 'set `path` to the directory that is to be given back')
  if (isWithin(snapshotsDir, live)) refuse('holds the snapshots directory', 'set `snapshots_dir` to a directory outside of it')
  if (isWithin(live, snapshotsDir)) refuse('lies in the snapshots directory', 'set `snapshots_dir` to another directory')
  if (context.configuration !== undefined && isWithin(await realPlace(context.configuration), live)) {
    refuse('holds its own configuration', 'set `path` to a directory beside of it, or below it')
  }
  if (context.root !== undefined) {
    const root = await realPlace(context.root)
    if (!isWithin(live, root) || live === root)
      refuse(`lies outside of ${root}`, 'set `path` to a directory below it, or write the whole path where another place is meant')
  }
  const { clock, random, report, signal } = context
  // What is chosen for people is what is fastest.
  const settings = context.settings.mode === 'auto' ? { ...context.settings, copier: 'builtin' as const } : context.settings
  return { live, snapshotsDir, settings, clock, random, report, signal }
}

/** The live directory with no link on the way. It may be missing; it must not be a link itself, nor a file. */
async function realOf(live: string, { name }: EnvironmentContext): Promise<string> {
  try {
    const stats = await lstat(live)
    if (stats.isSymbolicLink()) {
      throw new Fault('invalid', `the live directory of ${name} is a symbolic link`, { at: live, hint: 'set `path` to what it points to' })
    }
    if (!stats.isDirectory()) throw new Fault('invalid', `the live directory of ${name} is not a directory`, { at: live })
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw diskFault(error, live, 'look at the live directory')
  }
  return await realPlace(live)
}

/** Without links on the way, also where it is yet to be made. */
export async function realPlace(place: string): Promise<string> {
  try {
    return await realpath(place)
  } catch (error) {
    const outer = path.dirname(place)
    if (errno(error) !== 'ENOENT' || outer === place) throw diskFault(error, place, 'find the directory')
    return path.join(await realPlace(outer), path.basename(place))
  }
}

export function isWithin(inner: string, outer: string): boolean {
  return inner === outer || inner.startsWith(outer.endsWith('/') ? outer : `${outer}/`)
}

export async function liveExists(place: Place): Promise<boolean> {
  try {
    await lstat(place.live)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, place.live, 'look at the live directory')
  }
}

/** Makes an empty live directory where somebody took it away. */
export async function ensureLive(place: Place): Promise<void> {
  try {
    await makeDirectories(place.live)
  } catch (error) {
    throw diskFault(error, place.live, 'make the live directory')
  }
}

/** Throws `invalid` where the live directory is a mount point that none of these modes has made. */
export async function assertNotForeignMount(place: Place, environment: string, modes: readonly Mode[]): Promise<void> {
  if (!(await isMountPoint(place.live))) return
  for (const mode of modes) if ((await mode.mounts(place)).some(({ at }) => at === place.live)) return
  throw new Fault('invalid', `the live directory of ${environment} is a mount point that holdfast did not make`, {
    at: place.live,
    hint: 'set `path` to a directory inside of it, or unmount it',
  })
}

async function isMountPoint(directory: string): Promise<boolean> {
  let table: string
  try {
    table = await readFile('/proc/self/mountinfo', 'utf8')
  } catch (error) {
    // Not Linux: there, no mode of ours mounts anything either.
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, '/proc/self/mountinfo', 'see what is mounted')
  }
  // proc_pid_mountinfo(5): the fifth field, with space, tab, newline and backslash in octal.
  const escaped = directory.replaceAll(/[ \t\n\\]/g, (found) => `\\${found.charCodeAt(0).toString(8).padStart(3, '0')}`)
  return table.split('\n').some((line) => line.split(' ', 5)[4] === escaped)
}
