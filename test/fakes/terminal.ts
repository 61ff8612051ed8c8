import { PassThrough } from 'node:stream'
import type { Host, Sink } from '../../src/cli/host.ts'
import { manualClock } from './manual-clock.ts'

export interface FakeTerminal {
  readonly host: Host
  /** What was written to stdout so far. */
  out(): string
  err(): string
  /** Types a line at the keyboard. */
  type(line: string): void
}

export interface FakeTerminalOptions extends Partial<Pick<Host, 'env' | 'cwd' | 'clock' | 'random' | 'signal'>> {
  /** A terminal of that many columns; undefined stands for pipes. */
  readonly columns?: number
}

/** A process to run commands in, without one. */
export function fakeTerminal({
  columns,
  env = {},
  cwd = '/nowhere',
  clock = manualClock(),
  random = () => 0.5,
  signal,
}: FakeTerminalOptions = {}): FakeTerminal {
  const texts = { out: '', err: '' }
  const sink = (name: 'out' | 'err'): Sink => ({
    write: (text) => void (texts[name] += text),
    async writeBytes(bytes) {
      texts[name] += Buffer.from(bytes).toString('utf8')
      return true
    },
    isTty: columns !== undefined,
    columns,
  })
  const keyboard = new PassThrough()
  return {
    host: {
      stdin: { stream: keyboard, isTty: columns !== undefined },
      stdout: sink('out'),
      stderr: sink('err'),
      env,
      cwd,
      clock,
      random,
      signal: signal ?? new AbortController().signal,
      sinceStart: () => 321,
      version: '9.9.9',
    },
    out: () => texts.out,
    err: () => texts.err,
    type: (line) => void keyboard.write(`${line}\n`),
  }
}
