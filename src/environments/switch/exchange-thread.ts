import path from 'node:path'
import { parentPort, workerData } from 'node:worker_threads'
import { type MountEntry, mountsAt, readMounts, realSys as sys } from '../../kit/sys/index.ts'
import type { ExchangeResult, ExchangeTask } from './exchange.ts'

/** The kernel renames no directory that something is mounted on, as far as the one who asks can see: so nothing is, here. */
function exchange({ one, other }: ExchangeTask): ExchangeResult {
  try {
    sys.leaveSharedMounts()
    for (const directory of [one, other]) uncover(directory)
    sys.exchangeNames(one, other)
    return { done: true }
  } catch (error) {
    const { code = 'bug', message, hint, at } = error as Error & Partial<Exclude<ExchangeResult, { done: true }>>
    return { code, message, hint, at }
  }
}

/** Detaches what is mounted on a directory, also where it is seen through another mount of its file system. */
function uncover(directory: string): void {
  const wanted = identify(path.dirname(directory), directory, readMounts())
  for (;;) {
    const table = readMounts()
    const byId = new Map(table.map((entry) => [entry.id, entry]))
    const on = table.find((entry) => wanted !== undefined && identifyIn(byId.get(entry.parent), entry.at) === wanted)
    if (on === undefined) return
    sys.detachMount(on.at)
  }
}

/** A directory by its file system and its path in that. */
function identify(parent: string, directory: string, table: readonly MountEntry[]): string | undefined {
  for (let place = parent; ; place = path.dirname(place)) {
    const holding = mountsAt(place, table).at(-1)
    if (holding !== undefined || place === '/') return identifyIn(holding, directory)
  }
}

function identifyIn(holding: MountEntry | undefined, directory: string): string | undefined {
  return holding && `${holding.device} ${path.join(holding.root, path.relative(holding.at, directory))}`
}

parentPort!.postMessage(exchange(workerData as ExchangeTask), [])
