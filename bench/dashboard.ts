/**
 * The dashboard's first view, cold, over a store of many releases: `npm run bench:dashboard`. Each time a server that has just
 * started and has looked at nothing yet, and a browser that has nothing of it: from the address to a page that waits for nothing more.
 *
 *   --releases 10000   over 20 variants of two products
 *   --rounds 7
 *   --store FOLDER     made once, and used again
 *   --package FOLDER   that a package of holdfast was installed into; without one, this checkout is packed and installed
 *   --only Overview,Store
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import { parseArgs } from 'node:util'
import { type Browser, type BrowserServer, chromium } from 'playwright-core'
import { loadConfig } from '../src/config/index.ts'
import { silent, systemClock } from '../src/kit/index.ts'
import { createRelease } from '../src/releases/index.ts'
import { openWire } from '../src/wire/index.ts'
import { settled } from '../test/fakes/dashboard-desk.ts'
import { seededRandom } from '../test/fakes/seeded-random.ts'
import { ensureDebianPackages } from '../test/services/install.ts'
import { packAndInstall, programIn } from './data/installed.ts'

const { values: flags } = parseArgs({
  options: {
    releases: { type: 'string', default: '10000' },
    rounds: { type: 'string', default: '7' },
    store: { type: 'string' },
    package: { type: 'string' },
    only: { type: 'string' },
  },
})
const folder = flags.store ?? mkdtempSync(path.join(os.tmpdir(), 'holdfast-bench-dashboard-'))
const installed = path.join(mkdtempSync(path.join(os.tmpdir(), 'holdfast-installed-')), 'package')
const program = flags.package === undefined ? packAndInstall(installed) : programIn(flags.package)
const env = { PATH: process.env['PATH'], HOME: folder, USER: 'bench' }
const variants = Array.from({ length: 10 }, (_none, at) => `7.${at}`)
const products = ['rcclx', 'hipblas']

/** What the browser takes for any page at all, in the same run. */
const bare = '/healthz'

const views = [
  ['a line of text (the browser alone)', bare],
  ['Overview', '/'],
  ['Releases', '/ui/releases'],
  ['a product', '/ui/releases/rcclx'],
  ['one variant', '/ui/releases/rcclx?variant=7.3'],
  ['a release', '/ui/releases/rcclx/7.3/stable'],
  ['all moves', '/ui/moves'],
  ['Store', '/ui/store'],
] as const

interface Viewed {
  readonly wall: number
  /** Milliseconds of processor of the server. */
  readonly server: number
  /** The same of the browser, all of its processes. */
  readonly browser: number
  readonly requests: number
  /** As they went over the wire. */
  readonly bytes: number
}

let running: BrowserServer | undefined
try {
  await ensureDebianPackages(['chromium'])
  if (!existsSync(path.join(folder, '.holdfast/store'))) await fill()
  running = await chromium.launchServer({ executablePath: '/usr/bin/chromium', args: ['--no-sandbox'] })
  const browser = await chromium.connect(running.wsEndpoint())
  console.log(`${os.cpus().length} processors, load ${os.loadavg()[0]!.toFixed(1)}, Node ${process.version}, Chromium ${browser.version()}`)
  console.log(
    `${flags.releases} releases; medians of ${flags.rounds}\n\n| first view | ms | server's CPU | browser's CPU | requests | KB |\n|---|---|---|---|---|---|`,
  )
  const wanted = flags.only?.split(',')
  for (const [name, target] of views) if (wanted?.includes(name) !== false) console.log(await rowOf(name, target, browser))
} finally {
  await running?.close()
  rmSync(path.dirname(installed), { recursive: true, force: true })
  if (flags.store === undefined) rmSync(folder, { recursive: true, force: true })
}

async function rowOf(name: string, target: string, with_: Browser): Promise<string> {
  const viewed: Viewed[] = []
  for (let round = 0; round < Number(flags.rounds); round++) viewed.push(await view(target, with_))
  const median = (key: keyof Viewed) => viewed.map((each) => each[key]).toSorted((a, b) => a - b)[Math.floor(viewed.length / 2)]!
  return `| ${name} | ${median('wall').toFixed(0)} | ${median('server').toFixed(0)} | ${median('browser').toFixed(0)} | ${median('requests')} | ${(median('bytes') / 1000).toFixed(0)} |`
}

async function view(target: string, with_: Browser): Promise<Viewed> {
  const { url, child } = await startServer()
  const context = await with_.newContext({ viewport: { width: 1280, height: 800 } })
  try {
    const page = await context.newPage()
    const network = await context.newCDPSession(page)
    await network.send('Network.enable')
    let requests = 0
    let bytes = 0
    network.on('Network.requestWillBeSent', () => (requests += 1))
    network.on('Network.loadingFinished', ({ encodedDataLength }) => (bytes += encodedDataLength))
    const before = { server: cpuOf(child.pid!), browser: cpuOfAll(running!.process().pid!) }
    const start = performance.now()
    await page.goto(url + target, { waitUntil: target === bare ? 'load' : 'commit' })
    if (target !== bare) await settled(page)
    const wall = performance.now() - start
    const server = cpuOf(child.pid!) - before.server
    return { wall, server, browser: cpuOfAll(running!.process().pid!) - before.browser, requests, bytes }
  } finally {
    await context.close()
    child.kill()
    await once(child, 'exit')
  }
}

async function startServer(): Promise<{ readonly url: string; readonly child: ChildProcess }> {
  const child = spawn(process.execPath, [program, 'serve', '--port', '0'], { cwd: folder, env, stdio: ['ignore', 'pipe', 'pipe'] })
  const { promise, resolve, reject } = Promise.withResolvers<string>()
  for (const input of [child.stdout, child.stderr])
    createInterface({ input }).on('line', (line) => {
      const url = /http:\/\/127\.0\.0\.1:\d+/.exec(line)?.[0]
      if (url !== undefined) resolve(url)
    })
  child.on('exit', () => reject(new Error('the server did not start')))
  return { url: await promise, child }
}

/** Milliseconds that a process had a processor. */
function cpuOf(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
    .replace(/^.*\) /, '')
    .split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10
}

/** Of a process and all that it started; of those that have ended nothing is known. */
function cpuOfAll(pid: number): number {
  const parents = readdirSync('/proc').flatMap((name) => {
    const parent = /^\d+$/.test(name) ? parentOf(name) : undefined
    return parent === undefined ? [] : [[Number(name), parent] as const]
  })
  const below = (of: number): number =>
    parents.reduce((sum, [child, parent]) => (parent === of ? sum + cpuOf(child) + below(child) : sum), 0)
  return cpuOf(pid) + below(pid)
}

function parentOf(pid: string): number | undefined {
  try {
    return Number(/^PPid:\s*(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
  } catch {
    return undefined
  }
}

/** By the same way as `holdfast release create` goes, six hours between two releases. */
async function fill(): Promise<void> {
  mkdirSync(path.join(folder, 'out'), { recursive: true })
  const table = variants.map((variant) => `"${variant}" = { constraint = "${variant}" }`).join(', ')
  const config = products.map((product) => `[release.${product}]\nartifact = "out/lib.a"\nvariants = { ${table} }`)
  writeFileSync(path.join(folder, 'holdfast.toml'), config.join('\n'))
  const each = Number(flags.releases) / (products.length * variants.length)
  let now = Date.now() - each * 6 * 3_600_000
  const clock = { ...systemClock, now: () => now }
  const loaded = await loadConfig({ cwd: folder, env })
  const wire = await openWire({ config: loaded, env, clock, random: seededRandom(1), report: silent })
  const context = await wire.releases()
  for (let at = 0; at < each; at++) {
    now += 6 * 3_600_000
    for (const product of products) {
      for (const variant of variants) {
        writeFileSync(path.join(folder, 'out/lib.a'), `${product} ${variant} ${at}`)
        await createRelease(context, loaded.release[product]!, variant, { noBuild: true, message: `nightly ${at}` })
      }
    }
    if (at % 50 === 0) console.error(`${at * 20} releases`)
  }
  await wire.close()
}
