import { createInterface } from 'node:readline/promises'
import { Fault } from '../kit/index.ts'
import type { Host } from './host.ts'
import type { Screen } from './screen.ts'

/**
 * Asks for a yes on the terminal; anything but y or yes is a no. `yes` answers for the user. Off a terminal nobody can
 * be asked: `invalid`, and the hint names the flag.
 */
export async function confirm(host: Host, screen: Screen, question: string, yes: boolean): Promise<boolean> {
  if (yes) return true
  if (!host.stdin.isTty || !host.stderr.isTty) {
    throw new Fault('invalid', 'this command asks before it goes on, and there is no terminal to ask on', {
      hint: 'add --yes to agree beforehand',
    })
  }
  return await screen.hold(async () => {
    host.stderr.write(`${question} [y/N] `)
    // The terminal stays in line mode, so that Ctrl-C reaches the process as a signal like everywhere else.
    const lines = createInterface({ input: host.stdin.stream, terminal: false })
    let answer: string | undefined
    try {
      answer = await firstLine(lines, host.signal)
      return /^\s*y(es)?\s*$/i.test(answer ?? '')
    } finally {
      // Nobody pressed Enter: what comes next begins on a line of its own.
      if (answer === undefined) host.stderr.write('\n')
      lines.close()
    }
  })
}

async function firstLine(lines: ReturnType<typeof createInterface>, signal: AbortSignal): Promise<string | undefined> {
  return await new Promise((resolve, reject) => {
    const onAbort = () => reject(new Fault('aborted', 'stopped at the question: nothing was done'))
    if (signal.aborted) return onAbort()
    signal.addEventListener('abort', onAbort, { once: true })
    const done = (line?: string) => {
      signal.removeEventListener('abort', onAbort)
      resolve(line)
    }
    lines.once('line', done)
    lines.once('close', () => done())
  })
}
