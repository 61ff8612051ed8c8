/**
 * `holdfast serve` beside a bare node:http handler that has the same answers ready, and nginx that has them as files, all in one run:
 * `npm run bench:serve`. Each server has one processor, wrk another one.
 *
 *   --seconds 5      for each measurement
 *   --packages 200   in the index
 *   --releases 100   in the API's list
 *   --large 64       MiB of the large file
 *   --only 304,page,list,release,large
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { formatBytes, run } from '../src/kit/index.ts'
import { buildWheel } from '../test/fakes/distributions.ts'
import { packAndInstall } from './data/installed.ts'
import { startNginx } from '../test/services/nginx.ts'
import { ensureDebianPackages } from '../test/services/install.ts'

const { values: flags } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    packages: { type: 'string', default: '200' },
    releases: { type: 'string', default: '100' },
    large: { type: 'string', default: '64' },
    only: { type: 'string', default: '304,page,list,release,large' },
  },
})
const wanted = new Set(flags.only.split(','))

const folder = mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-serve-'))
const main = packAndInstall(path.join(folder, 'installed'))
const env = { PATH: process.env['PATH'], HOME: folder, USER: 'bench' }
const started: ChildProcess[] = []

interface Place {
  readonly name: string
  readonly url: string
  /** Of the process that answers. */
  readonly pid: number
}

interface Measured {
  /** Microseconds of processor for each request. */
  readonly cpu: number
  readonly rate: number
  readonly bytes: number
  readonly p99: string
}

try {
  await ensureDebianPackages(['wrk', 'nginx'])
  console.log(`${os.cpus().length} processors, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}, ${flags.seconds} s each\n`)
  await fill()
  await bench()
} finally {
  for (const child of started) child.kill()
  rmSync(folder, { recursive: true, force: true })
}

async function fill(): Promise<void> {
  const config = [
    '[release.lib]\nartifact = "out/lib.a"\nvariants = { "1" = { a = "1" } }',
    '[index]\nbucket = "file:./wheels"\nprefixes = ["v2/gpu"]',
    '[serve]\nrate = 0\n',
  ]
  writeFileSync(path.join(folder, 'holdfast.toml'), config.join('\n'))
  for (const inner of ['out', 'wheels/v2/gpu', 'static']) mkdirSync(path.join(folder, inner), { recursive: true })
  for (let at = 0; at < Number(flags.packages); at++) {
    const { file, bytes } = buildWheel({ name: `package-${at}`, version: '1.0' })
    writeFileSync(path.join(folder, 'wheels/v2/gpu', file), bytes)
  }
  await holdfast('index', 'publish', 'all')
  for (let at = 0; at < Number(flags.releases); at++) {
    writeFileSync(path.join(folder, 'out/lib.a'), `release ${at}`)
    await holdfast('release', 'create', 'lib', '--no-build', '--yes', '--quiet')
  }
  writeFileSync(path.join(folder, 'out/lib.a'), Buffer.alloc(Number(flags.large) << 20, 'holdfast '))
  await holdfast('release', 'create', 'lib', '--no-build', '--yes', '--quiet')
}

async function holdfast(...words: string[]): Promise<void> {
  const { status, tail } = await run([process.execPath, main, ...words], { cwd: folder, env })
  if (status !== 0) throw new Error(`holdfast ${words.join(' ')}: ${tail.join('\n')}`)
}

async function bench(): Promise<void> {
  const paths = {
    page: '/index/v2/gpu/package-7/',
    root: '/index/v2/gpu/',
    list: '/api/v1/releases/lib/list?limit=100',
    release: '/releases/lib/1/last-stable/lib.a',
    large: '/releases/lib/1/stable/lib.a',
  }
  const serving = start([main, 'serve', '--port', '0'])
  const ours = { name: 'holdfast', url: `http://127.0.0.1:${await portOf(serving, /127\.0\.0\.1:(\d+)/)}`, pid: serving.pid! }
  const small = [paths.page, paths.root, paths.list, paths.release]
  const ready = await Promise.all(small.map((target) => readyOf(ours, target)))
  writeFileSync(path.join(folder, 'ready.json'), JSON.stringify(ready))
  const plain = start([path.join(import.meta.dirname, 'data/bare-server.ts'), path.join(folder, 'ready.json')])
  const bare = { name: 'node:http', url: `http://127.0.0.1:${await portOf(plain, /^(\d+)$/)}`, pid: plain.pid! }
  for (const [at, each] of ready.entries()) writeFileSync(path.join(folder, 'static', `${at}`), Buffer.from(each.body, 'base64'))
  writeFileSync(path.join(folder, 'static/large'), readFileSync(path.join(folder, 'out/lib.a')))
  const nginx = await startNginx(
    path.join(folder, 'nginx'),
    `access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000; server { listen 80; root ${path.join(folder, 'static')}; }`,
  )
  const master = readFileSync(path.join(folder, 'nginx/pid'), 'utf8').trim()
  const worker = (await run(['pgrep', '-P', master])).stdout.trim()
  await run(['taskset', '-p', '-c', '0', worker])
  const peer = { name: 'nginx', url: nginx.url, pid: Number(worker) }
  try {
    if (wanted.has('304')) await compare('304 of an index page', [ours, bare], paths.page, { peer, file: '/0', held: true })
    if (wanted.has('304')) await compare('304 of a release', [ours, bare], paths.release, { peer, file: '/3', held: true })
    if (wanted.has('page')) await compare('a package’s page', [ours, bare], paths.page, { peer, file: '/0' })
    if (wanted.has('page')) await compare('the root page', [ours, bare], paths.root, { peer, file: '/1' })
    if (wanted.has('list')) await compare('a list of the API', [ours, bare], paths.list, { peer, file: '/2' })
    if (wanted.has('release')) await compare('a small release', [ours, bare], paths.release, { peer, file: '/3' })
    if (wanted.has('large')) await compare('a large release', [ours], paths.large, { peer, file: '/large', connections: 2 })
  } finally {
    await nginx.stop()
  }
}

interface Comparison {
  readonly peer: Place
  readonly file: string
  readonly held?: boolean
  readonly connections?: number
}

async function compare(
  title: string,
  places: readonly Place[],
  target: string,
  { peer, file, held = false, connections = 16 }: Comparison,
): Promise<void> {
  const rows: (Measured & { name: string })[] = []
  for (const place of places) rows.push({ name: place.name, ...(await measure(place, target, held, connections)) })
  rows.push({ name: peer.name, ...(await measure(peer, file, held, connections)) })
  console.log(title)
  const [own] = rows
  for (const { name, rate, bytes, p99, cpu } of rows) {
    const share =
      name === 'holdfast' ? '' : `  holdfast has ${percent(own!.rate, rate)} of it, and ${percent(cpu, own!.cpu)} by processor time`
    console.log(
      `  ${name.padEnd(10)} ${rate.toFixed(rate < 100 ? 1 : 0).padStart(7)}/s  ${formatBytes(bytes).padStart(9)}/s  p99 ${p99.padStart(8)}  ${cpu.toFixed(0).padStart(6)} µs each${share}`,
    )
  }
  console.log('')
}

function percent(one: number, other: number): string {
  return `${Math.round((one / other) * 100)} %`
}

/** Hundredths of a second that a process had a processor. */
function ticksOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return Number(fields[11]) + Number(fields[12])
}

async function measure({ url, pid }: Place, target: string, held: boolean, connections: number): Promise<Measured> {
  const head = await fetch(`${url}${target}`, { method: 'HEAD' })
  const condition = held ? ['-H', `If-None-Match: ${head.headers.get('etag')}`] : []
  if (held) {
    const { status } = await fetch(`${url}${target}`, { headers: { 'if-none-match': head.headers.get('etag') ?? '' } })
    if (status !== 304) throw new Error(`${url}${target}: ${status}, not 304`)
  }
  const wrk = (seconds: string): readonly [string, ...string[]] => [
    'taskset',
    '-c',
    '1',
    'wrk',
    '-t1',
    `-c${connections}`,
    `-d${seconds}s`,
    '--latency',
    '--timeout',
    '60s',
    ...condition,
    `${url}${target}`,
  ]
  await run(wrk('3'))
  const before = ticksOf(pid)
  const { stdout } = await run(wrk(flags.seconds))
  const ticks = ticksOf(pid) - before
  const requests = Number(/(\d+) requests in/.exec(stdout)![1])
  if (/Non-2xx|Socket errors/.test(stdout) && !held) throw new Error(stdout)
  const transfer = /Transfer\/sec:\s+([\d.]+)(\w+)/.exec(stdout)!
  const unit = { B: 1, KB: 1024, MB: 1 << 20, GB: 1 << 30 }[transfer[2]!] ?? 1
  return {
    cpu: (ticks * 10_000) / requests,
    rate: Number(/Requests\/sec:\s+([\d.]+)/.exec(stdout)![1]),
    bytes: Number(transfer[1]) * unit,
    p99: /99%\s+(\S+)/.exec(stdout)![1]!,
  }
}

async function readyOf({ url }: Place, target: string) {
  const response = await fetch(`${url}${target}`, { headers: { 'accept-encoding': 'identity' } })
  if (response.status !== 200) throw new Error(`${target}: ${response.status} ${await response.text()}`)
  const body = Buffer.from(await response.arrayBuffer()).toString('base64')
  const own = new Set(['date', 'connection', 'keep-alive', 'transfer-encoding'])
  return { path: target, body, headers: Object.fromEntries([...response.headers].filter(([name]) => !own.has(name))) }
}

/** A server of ours, on the first processor. */
function start(words: readonly string[]): ChildProcess {
  const child = spawn('taskset', ['-c', '0', process.execPath, ...words], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  started.push(child)
  return child
}

async function portOf(child: ChildProcess, form: RegExp): Promise<string> {
  const lines = [child.stdout!, child.stderr!].map((input) => createInterface({ input }))
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  for (const each of lines) {
    each.on('line', (line) => {
      const port = form.exec(line)?.[1]
      if (port !== undefined) resolve(port)
    })
  }
  void once(child, 'exit').then(() => reject(new Error('it did not start')))
  return await promise
}
