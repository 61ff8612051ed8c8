/** A tree, a store beside it, and the command line there. */
import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { runCli } from '../../src/cli/program.ts'
import { manualClock } from './manual-clock.ts'
import { fakeTerminal } from './terminal.ts'

export interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
}

export interface Keyboard {
  /** Of the terminal; a pipe otherwise. */
  readonly columns?: number
  /** A line. */
  readonly typed?: string
  /** All of its stdin, to the end. */
  readonly stdin?: string
}

export interface ListedSnapshot {
  readonly id: string
  readonly name: string
  readonly tags: string[]
  readonly pinned: boolean
}

/** A folder of its own in `scratch` with `tree/a.txt`, `tree/sub/b.txt` and `tree/link`. */
export function snapshotShell(scratch: string) {
  const cwd = mkdtempSync(path.join(scratch, 'shell-'))
  const clock = manualClock()
  const write = (file: string, text: string | Uint8Array) => {
    const where = path.join(cwd, file)
    mkdirSync(path.dirname(where), { recursive: true })
    writeFileSync(where, text)
  }
  /** One command beside the tree; an hour passes after it. */
  const holdfast = async (line: string | readonly string[], { columns, typed, stdin }: Keyboard = {}): Promise<Ran> => {
    const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1', HOLDFAST_STORE_URL: 'file:./store' }
    const terminal = fakeTerminal({ cwd, env, clock, ...(columns === undefined ? {} : { columns }) })
    if (typed !== undefined) terminal.type(typed)
    if (stdin !== undefined) (terminal.host.stdin.stream as unknown as { end(text: string): void }).end(stdin)
    const exit = await runCli(typeof line === 'string' ? line.split(' ') : line, terminal.host)
    await clock.advance(3_600_000)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const ok = async (line: string, keyboard?: Keyboard) => {
    const { exit, out, err } = await holdfast(line, keyboard)
    assert.equal(exit, 0, `${line}: ${err}`)
    return out
  }
  const result = async <T = Record<string, unknown>>(line: string, expected = 0) => {
    const { exit, out, err } = await holdfast(`${line} --json`)
    assert.equal(exit, expected, err)
    return (JSON.parse(out) as { result: T }).result
  }
  write('tree/a.txt', 'one\n')
  write('tree/sub/b.txt', 'two\n')
  symlinkSync('a.txt', path.join(cwd, 'tree/link'))
  return {
    cwd,
    write,
    read: (file: string) => readFileSync(path.join(cwd, file), 'utf8'),
    holdfast,
    /** What a command that ends well prints. */
    ok,
    /** The result in the JSON of a command. */
    result,
    listed: async (filter = '') => (await result<{ snapshots: ListedSnapshot[] }>(`snapshot list${filter}`)).snapshots,
  }
}
