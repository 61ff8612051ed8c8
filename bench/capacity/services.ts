import { statSync } from 'node:fs'
import { openFileQueue, work } from '../../src/daemon/index.ts'
import { openServerState } from '../../src/server/index.ts'
import { silent, systemClock } from '../../src/kit/index.ts'
import { openYard, printTable } from './yard.ts'

const units = 2000

/** What a daemon and a server remember. */
export async function measureServices(): Promise<void> {
  const yard = openYard('')
  const each = await bytesOfUnit(yard.at('daemon.sqlite'))
  const entry = bytesOfAction(yard.at('server.sqlite'))
  yard.remove()
  printTable(
    'Daemon and server',
    ['what', 'figure'],
    [
      ['bytes in `daemon.sqlite` for a unit that has ended, with a line of log', Math.round(each)],
      ['units a day that make 1 GiB in 30 days', Math.floor((1 << 30) / 30 / each)],
      ['bytes in `server.sqlite` for an action: two entries of the audit log', Math.round(entry)],
    ],
  )
}

async function bytesOfUnit(file: string): Promise<number> {
  const queue = await openFileQueue(file, { clock: systemClock, random: Math.random })
  const size = () => statSync(file).size
  const words = ['images', 'sync', '--missing', '--tag', 'a-tag-of-usual-length-20250107']
  const before = size()
  await queue.add(Array.from({ length: units }, (_, at) => ({ key: `unit ${at}`, words, source: 'images', priority: 0, splits: false })))
  await work({
    queue,
    worker: { id: 'one', host: 'here', pid: process.pid, concurrency: 4 },
    limits: () => ({}),
    runner: {
      clock: systemClock,
      run: async (_words, { say }) => {
        say('pushed 1 image, 3 layers were there')
        return { exit: 0, summary: '1 image' }
      },
      split: async (given) => [given],
    },
    clock: systemClock,
    report: silent,
    stop: new AbortController().signal,
    grace: () => 0,
    care: { isGone: () => false, keep: Number.MAX_SAFE_INTEGER },
    once: true,
  })
  await queue.close()
  return (size() - before) / units
}

function bytesOfAction(file: string): number {
  const write = (count: number) => {
    const state = openServerState(file, systemClock)
    const what = { product: 'rcclx', variant: '6.4', plan: `sha256:${'a'.repeat(64)}` }
    for (let at = 0; at < count; at++) {
      const entry = { request: `r${at}`, action: 'rollBackRelease', by: 'ci (token 4f2a91c07b1e)', from: '10.0.0.7', what }
      for (const kind of ['began', 'done'] as const) state.audit.append({ ...entry, kind })
    }
    state.close()
    return statSync(file).size
  }
  const before = write(100)
  return (write(1000) - before) / 1000
}
