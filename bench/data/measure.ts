import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'

export interface Cost {
  /** Seconds. */
  readonly wall: number
  /** User and system seconds of the command and its children. */
  readonly cpu: number
  /** Megabytes of the largest process. */
  readonly rss: number
  /** Megabytes that were written to disks: in memory they do not count. */
  readonly written: number
}

/** Runs a shell line as a whole process and tells its cost. Throws with its output where it fails. */
export function measure(line: string, env: NodeJS.ProcessEnv = {}): Cost {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-time-'))
  const report = path.join(folder, 'time')
  try {
    const start = performance.now()
    const { status, stdout, stderr } = spawnSync(
      '/usr/bin/time',
      ['-f', '%U %S %M %O', '-o', report, 'bash', '-o', 'pipefail', '-c', line],
      {
        encoding: 'utf8',
        env: { ...process.env, ...env },
        maxBuffer: 1 << 28,
      },
    )
    const wall = (performance.now() - start) / 1000
    if (status !== 0) throw new Error(`${line} ended with ${status}\n${stdout}${stderr}`)
    return { wall, ...readReport(report) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** The same while this process does other work. Undefined where it takes more than `seconds`: then it is ended, with its children. */
export async function measureWithin(line: string, seconds: number, env: NodeJS.ProcessEnv = {}): Promise<Cost | undefined> {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-time-'))
  const report = path.join(folder, 'time')
  let isLate = false
  let said = ''
  try {
    const start = performance.now()
    const timed = ['-f', '%U %S %M %O', '-o', report, 'bash', '-o', 'pipefail', '-c', line]
    const child = spawn('/usr/bin/time', timed, { env: { ...process.env, ...env }, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
    for (const stream of [child.stdout, child.stderr])
      stream.on('data', (piece: Buffer) => (said = `${said}${piece.toString()}`.slice(-4000)))
    const timer = setTimeout(() => {
      isLate = true
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
    }, seconds * 1000)
    const [status] = (await once(child, 'close')) as [number | null]
    clearTimeout(timer)
    const wall = (performance.now() - start) / 1000
    if (isLate) return undefined
    if (status !== 0) throw new Error(`${line} ended with ${status}\n${said}`)
    return { wall, ...readReport(report) }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

function readReport(report: string): Omit<Cost, 'wall'> {
  const [user = 0, system = 0, kilobytes = 0, blocks = 0] = readFileSync(report, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number)
  return { cpu: user + system, rss: kilobytes / 1000, written: (blocks * 512) / 1e6 }
}

/** Bytes that a folder takes, by its files' sizes. */
export function sizeOf(folder: string): number {
  const { stdout } = spawnSync('du', ['-sb', '--apparent-size', folder], { encoding: 'utf8' })
  return Number(stdout.split('\t')[0])
}
