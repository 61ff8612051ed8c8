import { type ChildProcess, spawn } from 'node:child_process'
import { appendFileSync, readdirSync, readFileSync } from 'node:fs'
import path from 'node:path'

/** A begin or end of a unit, as the process said it that held it. */
export interface Told {
  readonly event: 'begin' | 'end'
  readonly by: string
  /** Milliseconds since 1970. */
  readonly at: number
  readonly id: number
  readonly attempt: number
  readonly job: string | undefined
  readonly firing: number | undefined
  readonly state: string
  readonly message: string | undefined
}

export interface Member {
  readonly name: string
  readonly words: readonly string[]
  readonly child: ChildProcess
  readonly began: number
  /** Whether it has said that it works. */
  isUp: boolean
  /** Resident set sizes, a second apart, in bytes. */
  readonly rss: number[]
  /** Open descriptors at the same moments. */
  readonly descriptors: number[]
  /** Its exit status or signal, once it has ended. */
  readonly ended: Promise<number | string>
}

export interface Crew {
  readonly told: Told[]
  /** Those that run. */
  readonly members: Set<Member>
  /** When each process ended. */
  readonly ends: Map<string, number>
  /** What they said besides, the last lines. */
  readonly words: string[]
  /** Exit statuses that nobody should have. */
  readonly wrong: string[]
  start(words: readonly string[]): Member
  /** Notes a line among what they say. */
  say(line: string): void
  /** A sample of the memory of all. */
  sample(): void
  close(): Promise<void>
}

const program = path.resolve(import.meta.dirname, '../../../src/cli/main.ts')

/** Processes of holdfast in a folder, with what they say. */
export function openCrew(folder: string, env: Readonly<Record<string, string>>): Crew {
  const crew: Crew = { told: [], members: new Set(), ends: new Map(), words: [], wrong: [], start, say, sample, close }
  let started = 0
  return crew

  function start(words: readonly string[]): Member {
    const name = `${words[0]} ${++started}`
    // What hangs is asked what it waits for.
    const report = ['--report-on-signal', '--report-signal=SIGUSR2', `--report-directory=${path.dirname(folder)}`]
    const child = spawn(process.execPath, [...report, program, ...words, '--json'], {
      cwd: folder,
      env: { ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const ended = new Promise<number | string>((resolve) => {
      child.once('close', (code, signal) => {
        crew.members.delete(member)
        crew.ends.set(name, Date.now())
        say(`${name}: ended with ${code ?? signal}`)
        if (code !== 0 && signal !== 'SIGKILL') crew.wrong.push(`${name} ended with ${code ?? signal}`)
        resolve(code ?? signal ?? 'lost')
      })
    })
    const member: Member = { name, words, child, began: Date.now(), isUp: false, rss: [], descriptors: [], ended }
    crew.members.add(member)
    byLine(child, 'stdout', (line) => hear(name, line))
    byLine(child, 'stderr', (line) => {
      member.isUp ||= line.includes(', queue ')
      say(`${name}: ${line}`)
    })
    return member
  }

  function hear(by: string, line: string): void {
    const { event, time, unit } = parsed(line)
    if (unit === undefined || (event !== 'begin' && event !== 'end')) return say(`${by}: ${line}`)
    const { id, attempt, job, firing, state, message } = unit
    crew.told.push({ event, by, at: Date.parse(time ?? ''), id, attempt, job, firing, state, message })
    say(`${by}: ${time} ${event} #${id} ${job} ${attempt} ${state} ${message ?? ''}`)
  }

  function say(line: string): void {
    crew.words.push(`${new Date().toISOString().slice(11, 23)} ${line}`)
    if (crew.words.length > 4000) crew.words.splice(0, 2000)
    appendFileSync(path.join(folder, '..', 'said.log'), `${crew.words.at(-1)}\n`)
  }

  function sample(): void {
    for (const { child, rss, descriptors } of crew.members) {
      try {
        rss.push(1024 * Number(/^VmRSS:\s+(\d+) kB/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1]))
        descriptors.push(readdirSync(`/proc/${child.pid}/fd`).length)
      } catch {
        // It has just ended.
      }
    }
  }

  async function close(): Promise<void> {
    for (const { child } of crew.members) child.kill('SIGKILL')
    await Promise.all([...crew.members].map(({ ended }) => ended))
  }
}

interface Line {
  readonly event?: string
  readonly time?: string
  readonly unit?: Omit<Told, 'event' | 'by' | 'at'>
}

function parsed(line: string): Line {
  try {
    return JSON.parse(line) as Line
  } catch {
    return {}
  }
}

function byLine(child: ChildProcess, from: 'stdout' | 'stderr', hear: (line: string) => void): void {
  let rest = ''
  child[from]!.on('data', (piece: Buffer) => {
    const lines = `${rest}${piece.toString('utf8')}`.split('\n')
    rest = lines.pop()!
    for (const line of lines) hear(line)
  })
}

/** Processes that have this variable in their environment, besides those named. */
export function processesWith(variable: string, value: string): { readonly pid: number; readonly command: string }[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const has = readFileSync(`/proc/${name}/environ`, 'utf8').split('\0').includes(`${variable}=${value}`)
        return has ? [{ pid: Number(name), command: readFileSync(`/proc/${name}/cmdline`, 'utf8').replaceAll('\0', ' ') }] : []
      } catch {
        return []
      }
    })
}
