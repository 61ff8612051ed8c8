import { readdirSync, readFileSync, readlinkSync, realpathSync } from 'node:fs'
import path from 'node:path'
import { type Clock, errno, Fault } from '../kit/index.ts'

/** A process that stands in a directory or has a file of it open. */
export interface Holder {
  readonly pid: number
  readonly command: string
  readonly how: 'working-directory' | 'root' | 'program' | 'open-file' | 'mapped-file'
  /** Absolute. */
  readonly file: string
  readonly writes: boolean
}

export interface Holders {
  /** By process, 50 at most. */
  readonly holders: readonly Holder[]
  /** There are more. */
  readonly isCut: boolean
  /** Processes of others, which could not be looked into. */
  readonly hidden: number
}

/** How many findings are told. */
const maxHolders = 50
/** Bytes of one process's list of mappings that are read. */
const maxMaps = 8 << 20

/** Who is in a directory now, without the process `self` and what has started it as its launcher. Reads /proc, and costs a few milliseconds for each hundred processes; nothing where there is no /proc. */
export function findHolders(directory: string, self: number, proc = '/proc'): Holders {
  const holders: Holder[] = []
  let hidden = 0
  const launcher = launcherOf(self, proc)
  for (const pid of pidsIn(proc)) {
    if (pid === self || pid === launcher) continue
    const found = lookInto(`${proc}/${pid}`, directory)
    if (found === 'hidden') hidden++
    else if (found !== undefined && found.length > 0) {
      const command = commandOf(`${proc}/${pid}`)
      holders.push(...found.map((each) => ({ pid, command, ...each })))
    }
    if (holders.length > maxHolders) break
  }
  return { holders: holders.slice(0, maxHolders), isCut: holders.length > maxHolders, hidden }
}

/** The process that runs the same program with the same arguments, and only waits for this one to end: where an older Node has started the right one. */
function launcherOf(self: number, proc: string): number | undefined {
  try {
    // proc_pid_stat(5): the name may hold anything, and its last parenthesis ends it; then state and parent.
    const stat = readFileSync(`${proc}/${self}/stat`, 'latin1')
    const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
    const [own, other] = [argumentsOf(`${proc}/${self}`), argumentsOf(`${proc}/${parent}`)]
    const isSame = own.length > 1 && own.length === other.length && own.slice(2).every((word, index) => word === other[index + 2])
    return isSame && realpathSync(own[1]!) === realpathSync(path.resolve(linkAt(`${proc}/${parent}/cwd`) ?? '/', other[1]!))
      ? parent
      : undefined
  } catch (error) {
    const number = errno(error)
    if (number === 'ENOENT' || number === 'ESRCH' || number === 'EACCES' || number === 'EPERM') return undefined
    throw error
  }
}

function argumentsOf(process: string): string[] {
  return readFileSync(`${process}/cmdline`, 'utf8').split('\0').slice(0, -1)
}

/** What to say where somebody is in the way: `busy`, with every process by name. */
export function heldFault(environment: string, { holders, isCut }: Holders, hint: string): Fault {
  const lines = holders.slice(0, 10).map(({ pid, command, how, file }) => `  ${pid} ${command}: ${howText[how]} ${file}`)
  if (isCut || holders.length > 10) lines.push('  and more')
  return new Fault('busy', `${environment} is in use:\n${lines.join('\n')}`, { hint })
}

/** Milliseconds that a process may take to end after it has said that it does. */
const leavingLimit = 1000

/** What a hook has stopped may be ending still, as a server that has removed its pid file: waits until nobody is inside, for a second at most. */
export async function awaitLeaving(directory: string, clock: Clock, signal: AbortSignal | undefined): Promise<void> {
  for (let waited = 0, pause = 10; waited < leavingLimit; waited += pause, pause = Math.min(pause * 2, 200)) {
    if (findHolders(directory, process.pid).holders.length === 0) return
    await clock.sleep(pause, signal)
  }
}

/** Throws `busy` where anybody has a file open for writing in a directory, which is called `environment` then. */
export function assertNobodyWrites(environment: string, directory: string, hint: string): void {
  const found = findHolders(directory, process.pid)
  const writers = found.holders.filter(({ writes }) => writes)
  if (writers.length > 0) throw heldFault(environment, { ...found, holders: writers }, hint)
}

/**
 * Whether any process has mapped a file of a directory so that it is written to without a call: no time of the file tells when.
 * As with `findHolders`, a process that cannot be looked into is not seen.
 */
export function isMappedForWriting(directory: string, self = process.pid, proc = '/proc'): boolean {
  const start = ` ${directory}/`
  return pidsIn(proc).some((pid) => {
    if (pid === self) return false
    try {
      const lines = readFileSync(`${proc}/${pid}/maps`, 'utf8').split('\n')
      return lines.some((line) => line.includes(start) && isSharedForWriting(line))
    } catch (error) {
      const number = errno(error)
      if (number === 'EACCES' || number === 'EPERM' || number === 'ENOENT' || number === 'ESRCH') return false
      throw error
    }
  })
}

/** proc_pid_maps(5): address, permissions as rwxp or rwxs, … */
function isSharedForWriting(line: string): boolean {
  return /^\S+ .w.s/.test(line)
}

/** Throws `busy` where anybody is in a directory that is to be exchanged or changed; `hint` says what else can be done than to stop them. */
export function assertNobodyInside(environment: string, directory: string, hint: string): void {
  const found = findHolders(directory, process.pid)
  if (found.holders.length > 0) throw heldFault(environment, found, hint)
}

const howText: Record<Holder['how'], string> = {
  'working-directory': 'works in',
  root: 'has as its root',
  program: 'is',
  'open-file': 'has open',
  'mapped-file': 'has mapped',
}

type Found = Omit<Holder, 'pid' | 'command'>

/** Undefined for a process that has ended meanwhile. */
function lookInto(process: string, directory: string): Found[] | 'hidden' | undefined {
  const below = `${directory}/`
  const isInside = (file: string) => file === directory || file.startsWith(below)
  const found: Found[] = []
  try {
    const single = { cwd: 'working-directory', root: 'root', exe: 'program' } as const
    for (const [link, how] of Object.entries(single)) {
      const file = linkAt(`${process}/${link}`)
      // A kernel thread has no program, and nothing else.
      if (file === undefined && link === 'exe') return found
      if (file !== undefined && isInside(file)) found.push({ how, file, writes: false })
    }
    const files = `${process}/fd`
    for (const fd of readdirSync(files)) {
      const file = linkAt(`${files}/${fd}`)
      if (file?.startsWith('/') !== true || !isInside(file)) continue
      found.push({ how: 'open-file', file, writes: isOpenForWriting(`${process}/fdinfo/${fd}`) })
    }
    found.push(...mappingsIn(`${process}/maps`, below, new Set(found.map(({ file }) => file))))
  } catch (error) {
    const number = errno(error)
    if (number === 'EACCES' || number === 'EPERM') return 'hidden'
    if (number === 'ENOENT' || number === 'ESRCH') return undefined
    throw error
  }
  return found
}

function mappingsIn(file: string, below: string, known: Set<string>): Found[] {
  const text = readFileSync(file, 'utf8').slice(0, maxMaps)
  if (!text.includes(` ${below}`)) return []
  const found: Found[] = []
  for (const line of text.split('\n')) {
    const start = line.indexOf(` ${below}`)
    if (start < 0) continue
    const path = line.slice(start + 1)
    if (known.has(path)) continue
    known.add(path)
    found.push({ how: 'mapped-file', file: path, writes: isSharedForWriting(line) })
  }
  return found
}

/** Undefined where there is none to read any more. */
function linkAt(link: string): string | undefined {
  try {
    return readlinkSync(link)
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

function isOpenForWriting(fdinfo: string): boolean {
  try {
    const flags = /^flags:\s*([0-7]+)/m.exec(readFileSync(fdinfo, 'latin1'))?.[1]
    return flags !== undefined && (Number.parseInt(flags, 8) & 3) !== 0
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw error
  }
}

function pidsIn(proc: string): number[] {
  try {
    return readdirSync(proc)
      .filter((name) => /^\d+$/.test(name))
      .map(Number)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}

/** What it calls itself, with its program where that has another name. Arguments may hold secrets and are not told. */
function commandOf(process: string): string {
  try {
    const name = readFileSync(`${process}/comm`, 'utf8').trim()
    const program = path.basename(linkAt(`${process}/exe`) ?? name)
    // The kernel keeps 15 bytes of it.
    return program.startsWith(name) ? name : `${name} (${program})`
  } catch (error) {
    const number = errno(error)
    if (number === 'ENOENT' || number === 'ESRCH') return '(ended)'
    throw error
  }
}
