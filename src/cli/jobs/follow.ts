import type { Execution, Queue } from '../../daemon/index.ts'
import type { Call } from '../command.ts'
import { printable } from '../width.ts'
import { progressText } from './text.ts'

const lookEvery = 1000

/** Prints what a unit says and how far it is, until it has ended; gives what it was then. */
export async function followLog({ screen, host, signal }: Call<object>, queue: Queue, begun: Execution): Promise<Execution> {
  let after = 0
  let told = ''
  for (;;) {
    // First the state, then the lines: what ends after this look is heard in the next.
    const now = (await queue.execution(begun.id)) ?? begun
    for (let more = await queue.log(begun.id, after); more.length > 0; more = await queue.log(begun.id, after)) {
      for (const { text } of more) screen.say(printable(text))
      after = more.at(-1)!.id
    }
    if (now.state !== 'waiting' && now.state !== 'running') {
      screen.live(undefined)
      return now
    }
    const progress = now.state === 'waiting' ? 'waiting' : progressText(now.progress)
    if (host.stderr.isTty) screen.live(progress)
    else if (progress !== told && progress !== '') screen.say(progress)
    told = progress
    await host.clock.sleep(lookEvery, signal)
  }
}
