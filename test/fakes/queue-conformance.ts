/** What every queue keeps, as tests of the one that is given. */
import { describe, test } from 'node:test'
import type { Queue } from '../../src/daemon/queue.ts'
import { type ManualClock, manualClock } from './manual-clock.ts'
import { handsHold } from './queue/by-hand.ts'
import { changesHold } from './queue/changes.ts'
import type { Holds } from './queue/desk.ts'
import { jobsHold } from './queue/jobs.ts'
import { triesHold } from './queue/tries.ts'
import { unitsHold } from './queue/units.ts'
import { workersHold } from './queue/workers.ts'

/** Gives a queue without anything in it that goes by this clock; undefined after the test was skipped with the reason. */
export type OpenQueue = (clock: ManualClock, t: { skip(reason: string): void }) => Promise<Queue | undefined>

export function queueConformance(name: string, open: OpenQueue): void {
  const holds: Holds = (title, body) =>
    void test(title, async (t) => {
      const clock = manualClock()
      const queue = await open(clock, t)
      if (queue === undefined) return
      try {
        await body({ queue, clock })
      } finally {
        await queue.close()
      }
    })
  describe(`${name}: units`, () => unitsHold(holds))
  describe(`${name}: tries`, () => triesHold(holds))
  describe(`${name}: workers`, () => workersHold(holds))
  describe(`${name}: jobs`, () => jobsHold(holds))
  describe(`${name}: by hand`, () => handsHold(holds))
  describe(`${name}: changes of jobs`, () => changesHold(holds))
}
