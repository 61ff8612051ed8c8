import { Option } from 'commander'
import { Fault } from '../kit/index.ts'
import { renderBox } from './box.ts'
import type { Call } from './command.ts'

export function messageOption(): Option {
  return new Option('--message <text>', 'why; kept in the history')
}

/** Shows the box and asks; without a yes nothing is touched. */
export async function agree(call: Call<object>, title: string, lines: readonly string[]): Promise<void> {
  if (call.options.yes === true) return
  call.screen.say(renderBox(title, lines, call.host.stderr.columns ?? 80, call.host.env))
  if (!(await call.confirm('Go on?'))) throw new Fault('aborted', 'you did not agree: nothing was changed')
}
