/**
 * Runs synced over a real sshd beside rsync, rclone, sftp and a walk over all files: `npm run bench:runs`.
 * Trees of 100 and 1,000 runs of fifteen files; a first sync, one with nothing new, one after a tenth of the runs has grown; with round trips of
 * 0, 20 and 100 ms (a proxy that delays; what a round trip really takes is measured). Every command is a whole process, its connection included.
 *
 *   --large          a tree of 10,000 runs alone, without the peers but rsync: times, peak memory
 *   --runs 100,1000  --rtt 0,20,100  --timeout 15 (seconds that a command may take; a peer that took longer is left out of what follows)
 */
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { parseArgs } from 'node:util'
import { formatBytes } from '../src/kit/index.ts'
import { addTraining, growTraining } from '../test/fakes/training.ts'
import { type SshServer, startDelayProxy, startSshd } from '../test/services/index.ts'
import { installedCommand } from './data/installed.ts'
import { type Cost, measureWithin } from './data/measure.ts'

const { values: flags } = parseArgs({
  options: { large: { type: 'boolean' }, runs: { type: 'string' }, rtt: { type: 'string' }, timeout: { type: 'string', default: '15' } },
})
const numbers = (text: string) => text.split(',').map(Number)
const sizes = numbers(flags.runs ?? (flags.large === true ? '10000' : '100,1000'))
const roundTrips = numbers(flags.rtt ?? (flags.large === true ? '20' : '0,20,100'))
const timeout = Number(flags.timeout) * (flags.large === true ? 10 : 1)

const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-runs-'))
const root = path.join(folder, 'server')
const home = path.join(folder, 'home')
const holdfast = `cd ${home} && ${installedCommand()}`
const env = {
  HOME: home,
  XDG_CACHE_HOME: path.join(folder, 'cache'),
  XDG_STATE_HOME: path.join(folder, 'state'),
  RCLONE_CONFIG: '/dev/null',
}

/** How a program brings the folder `root` of the server at `port` to `to`. */
interface Program {
  readonly name: string
  readonly line: (sshd: SshServer, port: number, to: string) => string
  /** Without what the server lists of its runs. */
  readonly withoutList?: boolean
}

const projects = ['vision', 'speech', 'ranking', 'robots']
const all: readonly Program[] = [
  { name: 'holdfast', line: syncLine },
  {
    name: 'rsync -az',
    line: ({ sshConfig, host, user }, port, to) =>
      `rsync -az --exclude /.runicorn -e 'ssh -F ${sshConfig} -p ${port}' ${user}@${host}:${root}/ ${to}/`,
  },
  {
    name: 'rclone sync',
    line: ({ sshConfig, host, user }, port, to) =>
      `rclone sync ':sftp,host=${host},port=${port},user=${user},key_file=${path.dirname(sshConfig)}/user:${root}' ${to} --exclude '/.runicorn/**'`,
  },
  {
    name: 'sftp get -r',
    line: ({ sshConfig, host, user }, port, to) =>
      `mkdir -p ${to} && { ${projects.map((project) => `echo get -r ${root}/${project} ${to}/`).join('; ')}; } | sftp -q -b - -F ${sshConfig} -P ${port} ${user}@${host}`,
  },
  { name: 'holdfast, by a walk', line: syncLine, withoutList: true },
]
const programs = all.filter(({ name }) => flags.large !== true || /^holdfast$|rsync/.test(name))

function syncLine({ host, user }: SshServer, port: number, to: string): string {
  return `${holdfast} runs sync sftp://${user}@${host}:${port}${root} --to ${to} --quiet --json --stats > ${folder}/said.json`
}

const phases = ['first', 'nothing new', 'a tenth grown'] as const
type Phase = (typeof phases)[number]
/** Undefined: it took too long, or was left out after it had. */
type Row = Readonly<Record<Phase, { readonly cost: Cost; readonly bytes: number; readonly said: string } | undefined>>

let step = 100
/** Nothing is removed before the end: ext4 makes files slowly for half a minute after others were deleted. */
let places = 0
const freshPlace = () => path.join(folder, `to-${++places}`)
let place = freshPlace()

mkdirSync(root)
mkdirSync(home)
try {
  console.log(`${os.cpus().length} processors, load ${os.loadavg()[0]!.toFixed(1)}; commands may take ${timeout} s each\n`)
  for (const size of sizes) await benchSize(size)
} finally {
  rmSync(folder, { recursive: true, force: true })
}

async function benchSize(size: number): Promise<void> {
  renameSync(root, `${root}-before-${size}`)
  mkdirSync(root)
  const runs = addTraining(root, 0, size)
  console.log(
    `## ${size} runs, ${size * 15} files, ${formatBytes(Number(spawnSync('du', ['-sb', root]).stdout.toString().split('\t')[0]))}\n`,
  )
  await benchGenerator(runs)
  const left = new Set<string>()
  for (const wait of roundTrips) await benchDistance(runs, wait, left)
  if (size === sizes[0] && flags.large !== true) await countRequests(runs)
}

async function generate(): Promise<Cost> {
  return (await measureWithin(`${holdfast} generate-manifest --root ${root} --quiet`, 600, env))!
}

async function benchGenerator(runs: readonly string[]): Promise<void> {
  const first = await generate()
  // So that no file is too young to be trusted.
  await new Promise((resolve) => setTimeout(resolve, 2500))
  await generate()
  const unchanged = await generate()
  const started = (await measureWithin(`${holdfast} --version`, 60, env))!
  grow(runs)
  const grown = await generate()
  const told = [first, unchanged, grown].map(costText)
  console.log(`generator, wall s (CPU s, peak MB): first ${told[0]}, unchanged ${told[1]}, a tenth grown ${told[2]}`)
  console.log(`of that, starting the program takes ${started.wall.toFixed(2)} s\n`)
}

/** Every tenth run grows; by how many bytes in all. */
function grow(runs: readonly string[]): number {
  const grown = runs.filter((_, index) => index % 10 === 3)
  step += 10
  return grown.reduce((sum, run) => sum + growTraining(root, run, step), 0)
}

async function benchDistance(runs: readonly string[], wait: number, left: Set<string>): Promise<void> {
  const sshd = await startSshd()
  const proxy = await startDelayProxy(sshd, wait / 2)
  const port = wait === 0 ? sshd.port : proxy.port
  await useConfig(sshd, proxy.port)
  try {
    const ping = await connectionTime(sshd, port)
    console.log(`### Round trips of ${wait} ms (connecting and asking nothing: ${ping.toFixed(2)} s)\n`)
    const table = await runAll(sshd, port, runs, left, () => proxy.bytes.up + proxy.bytes.down)
    printTimes(table)
  } finally {
    await proxy.close()
    await sshd.stop()
    place = freshPlace()
  }
}

async function useConfig(sshd: SshServer, port: number): Promise<void> {
  await sshd.configFor({ port })
  writeFileSync(path.join(home, 'holdfast.toml'), `[store.sftp]\nssh_config = ${JSON.stringify(sshd.sshConfig)}\n`)
}

async function connectionTime({ sshConfig, host, user }: SshServer, port: number): Promise<number> {
  const times: number[] = []
  for (let round = 0; round < 3; round++) {
    const cost = await measureWithin(`sftp -q -b /dev/null -F ${sshConfig} -P ${port} ${user}@${host}`, 60, env)
    times.push(cost!.wall)
  }
  return times.toSorted((a, b) => a - b)[1]!
}

/** Each phase by each program in turn, so that all of them see the same tree. */
async function runAll(sshd: SshServer, port: number, runs: readonly string[], left: Set<string>, bytesNow: () => number) {
  const table = new Map<string, Partial<Record<Phase, Row[Phase]>>>(programs.map(({ name }) => [name, {}]))
  const late = new Set<string>(left)
  for (const phase of phases) {
    if (phase === 'a tenth grown') {
      grow(runs)
      await generate()
    }
    for (const program of programs) {
      if (late.has(program.name)) continue
      const before = bytesNow()
      const cost = await runOne(program, sshd, port)
      process.stderr.write(`${phase}: ${program.name} ${cost === undefined ? `> ${timeout}` : cost.wall.toFixed(2)} s\n`)
      if (cost === undefined) late.add(program.name)
      table.get(program.name)![phase] = cost && { cost, bytes: bytesNow() - before, said: saidBy(program) }
    }
  }
  // Further away it takes no less.
  for (const [name, row] of table) if (row.first === undefined) left.add(name)
  return table
}

async function runOne({ name, line, withoutList }: Program, sshd: SshServer, port: number): Promise<Cost | undefined> {
  const list = path.join(root, '.runicorn')
  if (withoutList === true) renameSync(list, `${list}.away`)
  // Whoever flushes what it wrote does not wait for what others did.
  spawnSync('sync')
  try {
    return await measureWithin(line(sshd, port, path.join(place, name.replaceAll(/\W+/g, '-'))), timeout, env)
  } finally {
    if (withoutList === true) renameSync(`${list}.away`, list)
  }
}

/** What our own command says of itself. */
function saidBy({ name }: Program): string {
  if (!name.startsWith('holdfast')) return ''
  const { result, stats } = JSON.parse(readFileSync(path.join(folder, 'said.json'), 'utf8')) as {
    result: { filesOpened: number }
    stats: { requests: Record<string, number>; roundTrips: number }
  }
  const packets = Object.values(stats.requests).reduce((sum, count) => sum + count, 0)
  return `${result.filesOpened} files opened, ${packets} packets, ${stats.roundTrips} round trips`
}

function printTimes(table: Awaited<ReturnType<typeof runAll>>): void {
  console.log(`| wall s (CPU s, peak MB) | ${phases.join(' | ')} |\n|---|${'---|'.repeat(phases.length)}`)
  for (const [name, row] of table) {
    const isTried = (phase: Phase) => phase in row
    const cell = (phase: Phase) => (row[phase] === undefined ? (isTried(phase) ? `> ${timeout}` : '') : costText(row[phase].cost))
    console.log(`| ${name} | ${phases.map(cell).join(' | ')} |`)
  }
  console.log('')
}

function costText({ wall, cpu, rss }: Cost): string {
  return `${wall.toFixed(2)} (${cpu.toFixed(1)}, ${rss.toFixed(0)})`
}

/** What each program asks of the server's SFTP, counted there: it logs every request. */
async function countRequests(runs: readonly string[]): Promise<void> {
  const log = path.join(folder, 'requests')
  const sshd = await startSshd({ sftp: false, lines: [`Subsystem sftp /usr/lib/openssh/sftp-server -e -l DEBUG3 2>>${log}`] })
  const proxy = await startDelayProxy(sshd, 0)
  await useConfig(sshd, proxy.port)
  try {
    console.log(`### What ${runs.length} runs ask of the server\n`)
    console.log('| files opened, requests, bytes on the wire | first | nothing new | a tenth grown |\n|---|---|---|---|')
    const cells = new Map<string, string[]>()
    for (const phase of phases) {
      if (phase === 'a tenth grown') {
        console.error(`a tenth of the runs grows by ${formatBytes(grow(runs))}`)
        await generate()
      }
      for (const program of programs) {
        writeFileSync(log, '')
        const before = proxy.bytes.up + proxy.bytes.down
        const cost = await runOne(program, sshd, proxy.port)
        const asked = [...readFileSync(log, 'latin1').matchAll(/ request \d+: (?!sent)([a-z]+)/g)].map(([, kind]) => kind!)
        const opened = asked.filter((kind) => kind === 'open').length
        const bytes = formatBytes(proxy.bytes.up + proxy.bytes.down - before)
        const cell = cost === undefined ? `> ${timeout} s` : `${asked.length === 0 ? '' : `${opened}, ${asked.length}, `}${bytes}`
        cells.set(program.name, [...(cells.get(program.name) ?? []), cell])
      }
    }
    for (const [name, row] of cells) console.log(`| ${name} | ${row.join(' | ')} |`)
    console.log('')
  } finally {
    await proxy.close()
    await sshd.stop()
    place = freshPlace()
  }
}
