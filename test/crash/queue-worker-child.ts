/**
 * A process to be killed: works on a queue until it is ended. Arguments: the queue (a file, or a URL of PostgreSQL), and a folder where each
 * unit leaves a file named by its number and try, with a line when it begins and one when it ends.
 */
import { appendFileSync } from 'node:fs'
import path from 'node:path'
import { openFileQueue, openServerQueue, work } from '../../src/daemon/index.ts'
import { retrying, silent, systemClock } from '../../src/kit/index.ts'

const [place, folder, id] = process.argv.slice(2) as [string, string, string]
const options = { clock: systemClock, random: Math.random }
// The database may be starting, as it is after a kill.
const tries = { ...options, attempts: 100, base: 50, cap: 500 }
const queue = await retrying(tries, () => (place.startsWith('postgres') ? openServerQueue(place, options) : openFileQueue(place, options)))
const stop = new AbortController()
process.on('SIGTERM', () => stop.abort())
process.stdout.write('works\n')
await work({
  queue,
  worker: { id, host: 'here', pid: process.pid, machine: 'this', concurrency: 4 },
  limits: () => ({ narrow: 2 }),
  runner: {
    clock: systemClock,
    async run(words) {
      const file = path.join(folder, words[1]!)
      appendFileSync(file, `begins ${id}\n`)
      // Long enough to be killed in.
      await systemClock.sleep(Math.random() * 8)
      appendFileSync(file, `ends ${id}\n`)
      return { exit: 0, document: { result: { by: id } } }
    },
    split: async (words) => [words],
  },
  clock: systemClock,
  report: silent,
  stop: stop.signal,
  grace: () => 1000,
  care: { isGone: ({ pid }) => !isAlive(pid), keep: 3_600_000 },
})
await queue.close()

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
