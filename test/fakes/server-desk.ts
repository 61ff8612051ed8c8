import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runCli } from '../../src/cli/program.ts'
import { servedFrom } from '../../src/cli/serve/served.ts'
import { loadConfig } from '../../src/config/index.ts'
import { type Clock, type Progress, systemClock } from '../../src/kit/index.ts'
import { allRoutes, createApp, listen, openapiOf, openServerState, type ServerState } from '../../src/server/index.ts'
import type { AppOptions, Served } from '../../src/server/index.ts'
import { openWire } from '../../src/wire/index.ts'
import { buildWheel } from './distributions.ts'
import { addRuns } from './run-desk.ts'
import { runServer } from './run-server.ts'
import { seededRandom, testSeed } from './seeded-random.ts'
import { fakeTerminal } from './terminal.ts'

/** A project with something of every capability, and a server for it on a free port. */
export interface ServerDesk {
  readonly folder: string
  readonly url: string
  readonly port: number
  readonly state: ServerState
  readonly served: Served
  readonly told: Progress[]
  /** Milliseconds that the server's clock is ahead. */
  readonly time: { ahead: number }
  /** Runs a command in the project; gives its exit status and what it printed. */
  holdfast(line: string): Promise<{ readonly exit: number; readonly out: string; readonly err: string }>
  /** Writes what the next release takes. */
  build(content: string | Uint8Array): void
  get(target: string, headers?: Readonly<Record<string, string>>): Promise<Response>
  post(target: string, body: unknown, headers?: Readonly<Record<string, string>>): Promise<Response>
  /** The header that a new token with these scopes is sent in. */
  token(...scopes: readonly string[]): { readonly authorization: string }
  close(): Promise<void>
}

const configuration = `
[store]
url = "file:./store"
[release.rcclx]
artifact = "out/librcclx-dev.a"
variant_flag = "rocm-version"
variants = { "6.4" = { constraint = "6.4.2" }, "7.0" = { constraint = "7.0" } }
[env.stage]
path = "live"
mode = "filesystem"
copier = "builtin"
[index]
bucket = "file:./wheels"
prefixes = ["v2/gpu", "v3/gpu"]
[index.env.nightly]
bucket = "file:./nightly"
[runs]
root = "runs"
[[job]]
run = "store verify"
every = "1h"
`

export async function serverDesk(scratch: string, options: Partial<AppOptions> = {}): Promise<ServerDesk> {
  const folder = mkdtempSync(path.join(scratch, 'serve-'))
  writeFileSync(path.join(folder, 'holdfast.toml'), configuration)
  for (const inner of ['out', 'live', 'wheels/v2/gpu', 'nightly']) mkdirSync(path.join(folder, inner), { recursive: true })
  const env = { PATH: process.env['PATH'], HOME: path.join(folder, 'home'), USER: 'ann', NO_COLOR: '1' }
  const time = { ahead: 0 }
  const clock: Clock = { ...systemClock, now: () => Date.now() + time.ahead }
  const random = seededRandom(testSeed)
  const told: Progress[] = []
  const report = (event: Progress) => void told.push(event)
  const config = await loadConfig({ cwd: folder, env })
  const wire = await openWire({ config, env, clock, random, report })
  const served = await servedFrom({ wire: async () => wire, host: { env, clock, random, version: '0' }, report })
  const state = openServerState(':memory:', clock)
  const openapi = new TextEncoder().encode(JSON.stringify(openapiOf(allRoutes, () => ({}))))
  const respond = createApp(served, { rate: 0, isTls: false, state, openapi, ...options })
  const server = await listen({ handler: { respond }, port: 0, clock, report, limits: { grace: 0 } })
  const ask = async (target: string, init: RequestInit) => await fetch(`${server.url}${target}`, { redirect: 'manual', ...init })
  const desk: ServerDesk = {
    folder,
    url: server.url,
    port: server.port,
    state,
    served,
    told,
    time,
    async holdfast(line) {
      const terminal = fakeTerminal({ cwd: folder, env, clock })
      const exit = await runCli(line.split(' '), terminal.host)
      return { exit, out: terminal.out(), err: terminal.err() }
    },
    build: (content) => writeFileSync(path.join(folder, 'out/librcclx-dev.a'), content),
    get: (target, headers = {}) => ask(target, { headers }),
    post: (target, body, headers = {}) =>
      ask(target, { method: 'POST', headers: { 'content-type': 'application/json', ...headers }, body: JSON.stringify(body) }),
    token(...scopes) {
      const { secret } = state.tokens.create({ name: 'test', scopes, by: 'ann', expires: undefined })
      return { authorization: `Bearer ${secret}` }
    },
    async close() {
      await server.close()
      state.close()
      await wire.close()
    },
  }
  return desk
}

/** Two releases, an index with a package, a snapshot of a folder and one of the environment, and three runs. */
export async function fillDesk(desk: ServerDesk): Promise<void> {
  const expect = async (line: string) => {
    const { exit, err } = await desk.holdfast(line)
    if (exit !== 0) throw new Error(`holdfast ${line}: exit ${exit}: ${err}`)
  }
  for (const content of ['first', 'second']) {
    desk.build(content)
    await expect('release create rcclx --variant 6.4 --no-build --yes')
  }
  writeFileSync(path.join(desk.folder, 'live/a'), 'clean')
  await expect('env create stage')
  await expect('snapshot create live')
  const wheel = buildWheel({ name: 'torch', version: '2.7.0' })
  writeFileSync(path.join(desk.folder, 'wheels/v2/gpu', wheel.file), wheel.bytes)
  await expect('index publish all')
  const runs = runServer(path.join(desk.folder, 'runs'))
  addRuns(runs, 3)
  runs.publish()
}
