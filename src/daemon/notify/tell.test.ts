import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { Fault, type Progress } from '../../kit/index.ts'
import type { Queue } from '../queue.ts'
import { openFileQueue } from '../queue/open.ts'
import type { Notice } from './notice.ts'
import type { Notifier } from './notifier.ts'
import type { Target } from './target.ts'
import { createTeller } from './tell.ts'

const scratch = scratchDirectory()
const minute = 60_000

/** What a target does with a try: takes it, or throws. */
type Deed = (notice: Notice, signal: AbortSignal) => Promise<void>

const takes: Deed = async () => undefined

/** A queue whose job ends as it is told, and targets that do as they are told. */
async function desk(deeds: Record<string, Deed>, more: Partial<Target> = {}) {
  const clock = manualClock()
  const file = path.join(mkdtempSync(path.join(scratch, 'tell-')), 'daemon.sqlite')
  const queue = await openFileQueue(file, { clock, random: () => 0.5 })
  const told: string[] = []
  const ids: string[] = []
  const notes: string[] = []
  const notifiers = Object.keys(deeds).map((name): Notifier => ({
    target: { name, on: ['failure', 'recovery'], logLines: 5, way: { kind: 'slack', url: { variable: 'SLACK' } }, ...more },
    async send(notice, signal) {
      await deeds[name]!(notice, signal)
      told.push(`${name}: ${notice.kind === 'test' ? 'test' : `${notice.job} ${notice.kind}`}`)
      ids.push(notice.id)
      return undefined
    },
  }))
  const report = (event: Progress) => void (event.kind === 'note' && notes.push(`${event.text} ${JSON.stringify(event.fields)}`))
  const open = (over: Queue = queue) => createTeller({ queue: over, notifiers: () => notifiers, host: 'lab-3', clock, report })
  const teller = open()
  await teller.tellAll()
  const fired = async (job: string, ...exits: number[]) => {
    for (const exit of exits) {
      await clock.advance(1000)
      await queue.introduce([job])
      const expected = (await queue.jobs()).find(({ name }) => name === job)!.fired
      await queue.fire({ job, expected, due: clock.now(), units: [{ key: job, words: [job], source: 'any', priority: 0, splits: false }] })
      const [taken] = await queue.take('w1', 1, {})
      await queue.tell('w1', [{ id: taken!.id, attempt: 1, lines: [{ at: 1, text: `${job} says ${exit}` }] }])
      await queue.end(taken!, { kind: 'exit', exit })
      await queue.tend({ isGone: () => false, lease: 30_000, keep: 30 * 86_400_000 })
    }
  }
  return { clock, queue, teller, open, told, ids, notes, fired, deeds }
}

function refuses(code: 'unavailable' | 'denied' = 'unavailable', retryAfter?: number): Deed {
  return async () => {
    throw new Fault(code, 'it does not want to', { retryAfter })
  }
}

/** Does not answer until it is stopped. */
const hangs: Deed = (_notice, signal) =>
  new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(new Fault('aborted', 'stopped')), { once: true }))

describe('targets', () => {
  test('are told once that a job fails and once that it has recovered, in order, with the log', async () => {
    const logs: unknown[] = []
    const at = await desk({ ops: async (notice) => void logs.push(notice.kind === 'failed' && notice.log) })
    await at.fired('sync', 0, 8, 8, 8, 0, 0)
    await at.teller.tellAll()
    assert.deepEqual(at.told, ['ops: sync failed', 'ops: sync recovered'])
    assert.deepEqual(logs, [['sync says 8'], false])
    await at.teller.tellAll()
    assert.equal(at.told.length, 2)
    await at.queue.close()
  })

  test('that are down are in nobody else’s way, and hear all of it once they are back', async () => {
    const at = await desk({ down: refuses(), well: takes })
    await at.fired('sync', 8, 0)
    await at.teller.tellAll()
    assert.deepEqual(at.told, ['well: sync failed', 'well: sync recovered'])
    assert.match(at.notes.join('\n'), /down could not be told that sync failed: it does not want to: trying again in 10\.0 s/)
    at.deeds['down'] = takes
    await at.clock.advance(9_000)
    await at.teller.tellAll()
    assert.equal(at.told.length, 2)
    await at.clock.advance(1_000)
    await at.teller.tellAll()
    assert.deepEqual(at.told.slice(2), ['down: sync failed', 'down: sync recovered'])
    assert.deepEqual(at.ids.slice(2), at.ids.slice(0, 2))
    await at.queue.close()
  })

  test('that hang are in nobody’s way either', async () => {
    const at = await desk({ hangs, well: takes })
    await at.fired('sync', 8)
    for (let look = 0; look < 5; look++) {
      at.teller.look()
      await at.clock.advance(1000)
    }
    assert.deepEqual(at.told, ['well: sync failed'])
    await at.fired('sync', 0)
    at.teller.look()
    await at.clock.advance(1000)
    assert.deepEqual(at.told, ['well: sync failed', 'well: sync recovered'])
    const over = at.teller.end(5000)
    await at.clock.advance(5000)
    await over
    await at.queue.close()
  })

  test('that hang hold the end of a daemon up for so long and no longer; the next one tells them at once', async () => {
    const at = await desk({ ops: hangs })
    await at.fired('sync', 8)
    at.teller.look()
    await at.clock.advance(0)
    let isOver = false
    const over = at.teller.end(5000).then(() => (isOver = true))
    await at.clock.advance(4999)
    assert.equal(isOver, false)
    await at.clock.advance(1)
    await over
    at.deeds['ops'] = takes
    await at.open().tellAll()
    assert.deepEqual(at.told, ['ops: sync failed'])
    assert.equal((await at.queue.targets())[0]?.attempts, 0)
    await at.queue.close()
  })

  test('that fail are tried again later and later, for three days; then the next change is told', async () => {
    const at = await desk({ ops: refuses() })
    await at.fired('sync', 8)
    const begun = at.clock.now()
    const tries: number[] = []
    at.deeds['ops'] = async () => {
      tries.push((at.clock.now() - begun) / 1000)
      throw new Fault('unavailable', 'no answer')
    }
    for (let minutes = 0; minutes < 75 * 60; minutes++) {
      await at.teller.tellAll()
      await at.clock.advance(minute)
    }
    assert.deepEqual(
      tries.slice(0, 8).map((second) => Math.round(second / 60)),
      [0, 1, 2, 4, 9, 23, 64, 124],
    )
    assert.ok(tries.at(-1)! > 70 * 3600 && tries.at(-1)! <= 72 * 3600, `${tries.at(-1)}`)
    assert.match(at.notes.at(-1)!, /given up \{"target":"\w+","job":"sync"\}$/)
    assert.equal((await at.queue.targets())[0]?.givenUp, 1)
    at.deeds['ops'] = takes
    await at.fired('sync', 0)
    await at.teller.tellAll()
    assert.deepEqual(at.told, ['ops: sync recovered'])
    await at.queue.close()
  })

  test('that refuse for good one change get eight tries of it, so that it does not stand in the way of others', async () => {
    const at = await desk({ ops: refuses('denied') })
    await at.fired('sync', 8)
    await at.fired('mirror', 8)
    let tries = 0
    at.deeds['ops'] = async (notice) => {
      if (notice.kind === 'test' || notice.job !== 'sync') return
      tries++
      throw new Fault('denied', 'not this one')
    }
    for (let minutes = 0; minutes < 4 * 60; minutes++) {
      await at.teller.tellAll()
      await at.clock.advance(minute)
    }
    assert.deepEqual([tries, at.told], [8, ['ops: mirror failed']])
    await at.queue.close()
  })

  test('that say when to come again are heard, up to six hours', async () => {
    const at = await desk({ ops: refuses('unavailable', 90_000) })
    await at.fired('sync', 8)
    await at.teller.tellAll()
    assert.equal((await at.queue.targets())[0]?.due, at.clock.now() + 90_000)
    at.deeds['ops'] = refuses('unavailable', 1e12)
    await at.clock.advance(90_000)
    await at.teller.tellAll()
    assert.equal((await at.queue.targets())[0]?.due, at.clock.now() + 6 * 3_600_000)
    await at.queue.close()
  })

  test('are told once by several daemons on one queue', async () => {
    let tries = 0
    const at = await desk({
      ops: async () => {
        tries++
        await at.clock.sleep(500)
      },
    })
    await at.fired('sync', 8, 0)
    const tellers = Array.from({ length: 5 }, () => at.open())
    for (let look = 0; look < 10; look++) {
      for (const teller of tellers) teller.look()
      await at.clock.advance(1000)
    }
    assert.deepEqual([tries, at.told], [2, ['ops: sync failed', 'ops: sync recovered']])
    await at.queue.close()
  })

  test('are told again, by the same id, where the daemon died before it could write it down: twice at worst', async () => {
    const at = await desk({ ops: takes })
    await at.fired('sync', 8)
    const dies = at.open({ ...at.queue, endTelling: () => new Promise(() => undefined) })
    dies.look()
    await at.clock.advance(1000)
    assert.deepEqual(at.told, ['ops: sync failed'])
    await at.teller.tellAll()
    assert.equal(at.told.length, 1)
    await at.clock.advance(2 * minute)
    await at.teller.tellAll()
    await at.clock.advance(5 * minute)
    await at.teller.tellAll()
    assert.deepEqual(at.told, ['ops: sync failed', 'ops: sync failed'])
    assert.equal(at.ids[0], at.ids[1])
    await at.queue.close()
  })

  test('are told once where the queue was away for a moment when it was to be written down', async () => {
    const at = await desk({ ops: takes })
    await at.fired('sync', 8)
    let away = 3
    const over: Queue = {
      ...at.queue,
      async endTelling(...given) {
        if (away-- > 0) throw new Fault('unavailable', 'the database restarts')
        await at.queue.endTelling(...given)
      },
    }
    at.open(over).look()
    await at.clock.advance(10 * minute)
    await at.teller.tellAll()
    assert.deepEqual([at.told, away], [['ops: sync failed'], -1])
    await at.queue.close()
  })

  test('are not told what is older than three days, as after a long rest of the daemon', async () => {
    const at = await desk({ ops: takes })
    await at.fired('sync', 8)
    await at.clock.advance(4 * 86_400_000)
    await at.fired('sync', 0)
    await at.teller.tellAll()
    assert.deepEqual(at.told, ['ops: sync recovered'])
    assert.match(at.notes.join('\n'), /ops was not told that sync failed: it was more than 3d ago/)
    await at.queue.close()
  })
})
