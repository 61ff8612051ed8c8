import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runCli } from '../../src/cli/program.ts'
import { type Clock, systemClock } from '../../src/kit/index.ts'
import { type SshServer, sshdForTests } from '../services/index.ts'
import { filesBelow } from './run-desk.ts'
import { fakeTerminal } from './terminal.ts'

/** A training server that offers SFTP alone, and a laptop from which its runs are watched by commands. */
export interface RunLab {
  /** The folder of runs on the server. */
  readonly root: string
  readonly sshd: SshServer
  /** The runs as the laptop names them: by the server's own port, or by another way to it. */
  url(port?: number): string
  /** A folder of the laptop. */
  at(name: string): string
  /** A command of the laptop (the server's are the same, on `server/`). Words are parted by single spaces. */
  holdfast(line: string, options?: RunOptions): Promise<Ran>
  /** The same for one that has to succeed; its result. */
  ok(line: string, options?: RunOptions): Promise<Result>
}

export interface RunOptions {
  readonly clock?: Clock
  readonly signal?: AbortSignal
  /** In place of a JSON document, what people see. */
  readonly asText?: boolean
}

export interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
  /** What the document says; empty where a fault stopped the command. */
  readonly result: Result
  readonly fault: { readonly code: string; readonly message: string } | undefined
  readonly cost: Cost
}

export type Result = Readonly<Record<string, unknown>>

/** What went over the connection. */
export interface Cost {
  readonly opened: number
  readonly packets: number
  readonly roundTrips: number
}

interface Document {
  readonly result?: Result
  readonly fault?: Ran['fault']
  readonly stats: { readonly requests: Record<string, number>; readonly roundTrips: number }
}

/** Undefined after the test has been skipped, where there is no sshd. */
export async function runLab(t: { skip(reason: string): void }, scratch: string): Promise<RunLab | undefined> {
  const sshd = await sshdForTests(t)
  if (sshd === undefined) return undefined
  const cwd = mkdtempSync(path.join(scratch, 'lab-'))
  const root = path.join(cwd, 'server')
  mkdirSync(root)
  writeFileSync(path.join(cwd, 'holdfast.toml'), `[store.sftp]\nssh_config = ${JSON.stringify(sshd.sshConfig)}\n`)
  const env = { PATH: process.env['PATH'], HOME: cwd, NO_COLOR: '1' }
  const lab: RunLab = {
    root,
    sshd,
    url: (port = sshd.port) => `sftp://${sshd.user}@${sshd.host}:${port}${root}`,
    at: (name) => path.join(cwd, name),
    async holdfast(line, { clock = systemClock, signal, asText = false } = {}) {
      const terminal = fakeTerminal({ cwd, env, clock, ...(signal === undefined ? {} : { signal }) })
      const exit = await runCli([...line.split(' '), '--stats', ...(asText ? [] : ['--json'])], terminal.host)
      const [out, err] = [terminal.out(), terminal.err()]
      const { result = {}, fault, stats } = asText ? nothing : (JSON.parse(out) as Document)
      return { exit, out, err, result, fault, cost: costOf(stats) }
    },
    async ok(line, options) {
      const { exit, err, result } = await lab.holdfast(line, options)
      assert.equal(exit, 0, `${line}: ${err}`)
      return result
    },
  }
  return lab
}

const nothing: Document = { stats: { requests: {}, roundTrips: 0 } }

function costOf({ requests, roundTrips }: Document['stats']): Cost {
  const packets = Object.values(requests).reduce((sum, count) => sum + count, 0)
  return { opened: requests['OPEN'] ?? 0, packets, roundTrips }
}

/** Whether a folder has the runs of the server, all and no other, byte for byte. */
export function assertMirrored({ root, at }: RunLab, folder: string): void {
  const keysIn = (place: string) => filesBelow(place).filter((key) => !key.startsWith('.'))
  const keys = keysIn(root)
  assert.deepEqual(keysIn(at(folder)), keys)
  for (const key of keys) assert.ok(readFileSync(path.join(at(folder), key)).equals(readFileSync(path.join(root, key))), key)
}
