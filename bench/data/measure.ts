import { spawnSync } from 'node:child_process'
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
}

/** Runs a shell line as a whole process and tells its cost. Throws with its output where it fails. */
export function measure(line: string, env: NodeJS.ProcessEnv = {}): Cost {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-time-'))
  const report = path.join(folder, 'time')
  try {
    const start = performance.now()
    const { status, stdout, stderr } = spawnSync('/usr/bin/time', ['-f', '%U %S %M', '-o', report, 'bash', '-o', 'pipefail', '-c', line], {
      encoding: 'utf8',
      env: { ...process.env, ...env },
      maxBuffer: 1 << 28,
    })
    const wall = (performance.now() - start) / 1000
    if (status !== 0) throw new Error(`${line} ended with ${status}\n${stdout}${stderr}`)
    const [user = 0, system = 0, kilobytes = 0] = readFileSync(report, 'utf8').trim().split('\n').at(-1)!.split(' ').map(Number)
    return { wall, cpu: user + system, rss: kilobytes / 1000 }
  } finally {
    rmSync(folder, { recursive: true })
  }
}

/** Bytes that a folder takes, by its files' sizes. */
export function sizeOf(folder: string): number {
  const { stdout } = spawnSync('du', ['-sb', '--apparent-size', folder], { encoding: 'utf8' })
  return Number(stdout.split('\t')[0])
}
