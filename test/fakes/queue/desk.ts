/** What the cases of queues share: a queue to try, units and workers to give it, and how it is tended. */
import type { Execution, Unit } from '../../../src/daemon/execution.ts'
import type { Queue, Worker } from '../../../src/daemon/queue.ts'
import type { ManualClock } from '../manual-clock.ts'

export interface QueueDesk {
  readonly queue: Queue
  readonly clock: ManualClock
}

/** Makes one case of the suite. */
export type Holds = (title: string, body: (desk: QueueDesk) => Promise<void>) => void

export function unit(key: string, more: Partial<Unit> = {}): Unit {
  return { key, words: ['store', 'stats', key], source: 'store', priority: 0, splits: false, ...more }
}

export function workerCalled(id: string): Worker {
  return { id, host: 'lab-3', pid: 4711, machine: 'boot-1', concurrency: 4 }
}

/** Times in milliseconds. */
export const care = { isGone: () => false, lease: 30_000, keep: 86_400_000 }
export const good = { kind: 'exit', exit: 0 } as const

/** Adds this unit alone, and takes it. */
export async function takeNew(queue: Queue, key: string, worker = 'w1'): Promise<Execution[]> {
  await queue.add([unit(key)])
  return await queue.take(worker, 1, {})
}

export function keysOf(executions: readonly Execution[]): string[] {
  return executions.map(({ key }) => key)
}
