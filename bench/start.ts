/**
 * What it costs to start: whole commands that have next to nothing to do, from the package as its users install it.
 * `node bench/start.ts [FOLDER...]`: each a folder that a package of holdfast was installed into; without one, this checkout
 * is packed and installed. Overlays need root.
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { packAndInstall, programIn } from './data/installed.ts'

const rounds = 20
const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-start-'))
const work = path.join(folder, 'work')
const env = { XDG_CACHE_HOME: path.join(folder, 'cache'), XDG_STATE_HOME: path.join(folder, 'state') }
const loaded = path.join(folder, 'loaded')
const counter = path.join(folder, 'counter.mjs')

const commands = ['--version', '--help', 'env restore', 'runs sync file:exp --to got', 'release list']

const counterCode = `
  import { writeFileSync } from 'node:fs'
  import { registerHooks } from 'node:module'
  let count = 0
  registerHooks({ load(url, context, next) {
    if (url.startsWith('file:')) count += 1
    return next(url, context)
  } })
  process.on('exit', () => writeFileSync(${JSON.stringify(loaded)}, String(count)))
`

try {
  const given = process.argv.slice(2)
  const own = path.join(folder, 'installed')
  const programs = given.length > 0 ? given.map((at) => ({ at, file: programIn(at) })) : [{ at: own, file: packAndInstall(own) }]
  prepare(programs[0]!.file)
  writeFileSync(counter, counterCode)
  console.log(`medians of ${rounds}, warm compile cache\n\n| | of | files of JavaScript | CPU ms | wall ms |\n|---|---|---|---|---|`)
  report(
    'node -e 0',
    '',
    '',
    Array.from({ length: rounds }, () => cost(['-e', '0'])),
  )
  for (const words of commands) {
    // In turn, so that what else the machine does meets all of them.
    const tried = programs.map((program) => ({ ...program, files: filesLoaded(program.file, words), costs: [] as Cost[] }))
    for (let round = 0; round < rounds; round += 1) for (const { file, costs } of tried) costs.push(cost([file, words]))
    for (const { at, files, costs } of tried) report(`holdfast ${words}`, at, String(files), costs)
  }
} finally {
  spawnSync('umount', ['--lazy', `${work}/live`])
  rmSync(folder, { recursive: true, force: true })
}

interface Cost {
  readonly cpu: number
  readonly wall: number
}

/** An environment, a server's runs that are synced already, and a store with nothing released. */
function prepare(holdfast: string): void {
  const run = path.join(work, 'exp/project/first/runs/20260101_000000_abc123')
  mkdirSync(path.join(work, 'live'), { recursive: true })
  mkdirSync(run, { recursive: true })
  writeFileSync(path.join(work, 'live/a'), 'a')
  writeFileSync(path.join(run, 'meta.json'), '{}')
  writeFileSync(
    path.join(work, 'holdfast.toml'),
    '[store]\nurl = "file:./store"\n[env.stage]\npath = "live"\nmode = "overlay"\n[release.lib]\nartifact = "live/a"\nvariants = { a = {} }\n[runs]\nroot = "exp"\n',
  )
  for (const words of ['env create', 'generate-manifest', 'runs sync file:exp --to got', 'release create lib --variant a --no-build --yes'])
    cost([holdfast, words])
}

function filesLoaded(holdfast: string, words: string): number {
  cost(['--import', counter, holdfast, words])
  return Number(readFileSync(loaded, 'utf8'))
}

function cost(words: readonly string[]): Cost {
  const line = `cd ${work}; TIMEFORMAT='%3R %3U %3S'; time ${process.execPath} ${words.join(' ')} >/dev/null 2>said || cat said >&2`
  const { stderr } = spawnSync('bash', ['-c', line], { encoding: 'utf8', env: { ...process.env, ...env } })
  const [wall, user, system] = stderr
    .trim()
    .split(' ')
    .map((seconds) => Number(seconds) * 1000)
  if (wall === undefined || user === undefined || system === undefined || Number.isNaN(wall)) throw new Error(`${line}\n${stderr}`)
  return { wall, cpu: user + system }
}

function report(what: string, at: string, files: string, costs: readonly Cost[]): void {
  const median = (numbers: readonly number[]) => Math.round(numbers.toSorted((a, b) => a - b)[numbers.length >> 1]!)
  console.log(`| ${what} | ${at} | ${files} | ${median(costs.map(({ cpu }) => cpu))} | ${median(costs.map(({ wall }) => wall))} |`)
}
