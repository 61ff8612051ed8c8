/**
 * A process that trains: it appends whole lines to the logs of runs, rewrites what says how they are, rotates a log now and then and
 * begins new runs, without minding anybody. Arguments: one JSON of `GrowingJob`. It ends after its last step, or with its standard input.
 */
import { appendFileSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { seededRandom } from '../fakes/seeded-random.ts'

export interface GrowingJob {
  readonly root: string
  readonly seed: number
  readonly steps: number
  /** Milliseconds between two steps. */
  readonly every: number
}

interface Run {
  readonly folder: string
  events: number
  rotation: number
  lines: number
}

const { root, seed, steps, every } = JSON.parse(process.argv[2] ?? '') as GrowingJob
const random = seededRandom(seed)
const runs: Run[] = []
const at = ({ folder }: Run, name: string) => path.join(root, folder, name)

process.stdin.on('end', () => process.exit(0)).resume()
for (let count = 0; count < 6; count++) begin()
process.stdout.write('begun\n')
for (let step = 0; step < steps; step++) {
  take(runs[Math.floor(random() * runs.length)]!, step)
  await pause(every)
}
process.exit(0)

function begin(): void {
  const number = runs.length
  const folder = `${number % 2 === 0 ? 'vision' : 'speech'}/growing/runs/20250101_000000_${String(number).padStart(6, '0')}`
  const run: Run = { folder, events: 0, rotation: 0, lines: 0 }
  mkdirSync(path.join(root, folder), { recursive: true })
  writeFileSync(at(run, 'meta.json'), JSON.stringify({ number }))
  writeStatus(run, 'running')
  log(run)
  addEvents(run)
  runs.push(run)
}

function take(run: Run, step: number): void {
  const chance = random()
  if (chance < 0.03) return begin()
  if (chance < 0.06) return rotate(run)
  if (chance < 0.2) return writeStatus(run, `step ${step}`)
  addEvents(run)
  log(run)
}

/** Each write has whole lines, as those of a line-buffered logger do. */
function addEvents(run: Run): void {
  const count = 1 + Math.floor(random() * 200)
  const lines = Array.from({ length: count }, () => `${JSON.stringify({ event: run.events++, loss: random() })}\n`)
  appendFileSync(at(run, 'events.jsonl'), lines.join(''))
}

function log(run: Run): void {
  const count = 1 + Math.floor(random() * 50)
  appendFileSync(at(run, 'logs.txt'), Array.from({ length: count }, () => logLine(run)).join(''))
}

function logLine(run: Run): string {
  return `${run.rotation}:${run.lines++} of ${run.folder}\n`
}

function rotate(run: Run): void {
  run.rotation++
  run.lines = 0
  writeFileSync(at(run, 'logs.txt'), logLine(run))
}

function writeStatus(run: Run, status: string): void {
  writeFileSync(at(run, '.status.new'), JSON.stringify({ status }))
  renameSync(at(run, '.status.new'), at(run, 'status.json'))
}
