import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { circleOf, type Job, type JobState, type Schedule } from './job.ts'
import { type Due, dueOf } from './schedule.ts'

const minute = 60_000
const hour = 60 * minute
const noon = Date.UTC(2025, 0, 15, 12)

function jobWith(schedule: Schedule, more: Partial<Job> = {}): Job {
  return { name: 'sync', words: ['store', 'stats'], schedule, jitter: 0, catchUp: 'once', priority: 0, source: 'store', ...more }
}

function stateWith(more: Partial<JobState> = {}): JobState {
  return { name: 'sync', since: noon, fired: 0, open: 0, failures: 0, ...more }
}

function due(job: Job, state: JobState, now: number, others: readonly JobState[] = []): Due | undefined {
  return dueOf(job, state, { now, seed: 'queue', stateOf: (name) => others.find((other) => other.name === name) })
}

describe('every', () => {
  const job = jobWith({ every: 15 * minute })

  test('is due at once the first time, then so much after the last', () => {
    assert.equal(due(job, stateWith(), noon)?.at, noon)
    assert.equal(due(job, stateWith({ due: noon }), noon + minute)?.at, noon + 15 * minute)
  })

  test('makes up once for all that was missed, for the latest slot, and keeps its beat', () => {
    const late = noon + 5 * hour + 7 * minute
    assert.deepEqual(due(job, stateWith({ due: noon }), late), { slot: noon + 5 * hour, at: noon + 5 * hour })
    assert.equal(due(job, stateWith({ due: noon + 5 * hour }), late)?.at, noon + 5 * hour + 15 * minute)
  })

  test('with skip does not make up for what was missed, and is not late for a busy second', () => {
    const skipping = jobWith({ every: 15 * minute }, { catchUp: 'skip' })
    assert.equal(due(skipping, stateWith({ due: noon }), noon + 20 * minute)?.at, noon + 30 * minute)
    assert.equal(due(skipping, stateWith({ due: noon }), noon + 15 * minute + 30_000)?.at, noon + 15 * minute)
  })

  test('is not due while it runs', () => {
    assert.equal(due(job, stateWith({ due: noon, open: 1 }), noon + hour), undefined)
  })

  test('does not wait for a time that a wrong clock has put far ahead', () => {
    const future = stateWith({ since: noon, due: noon + 365 * 24 * hour })
    assert.ok(due(job, future, noon + minute)!.at <= noon + minute)
    assert.ok(due(job, { ...future, since: noon + 365 * 24 * hour }, noon + minute)!.at <= noon + minute)
  })
})

describe('cron', () => {
  test('waits for its first time, and is due at each', () => {
    const job = jobWith({ cron: '0 3 * * *', timezone: 'UTC' })
    const three = Date.UTC(2025, 0, 16, 3)
    assert.equal(due(job, stateWith(), noon)?.at, three)
    assert.equal(due(job, stateWith(), three + 500)?.at, three)
    assert.equal(due(job, stateWith({ due: three }), three + 500)?.at, three + 24 * hour)
    assert.equal(due(job, stateWith({ due: three }), three + 50 * hour)?.at, three + 48 * hour)
  })

  test('goes by its zone, through both changes of daylight saving time', () => {
    const job = jobWith({ cron: '30 2 * * *', timezone: 'Europe/Berlin' })
    const spring = Date.UTC(2025, 2, 29, 12)
    // 2:30 does not exist on the 30th of March: it runs when the clock has jumped, once.
    const first = due(job, stateWith({ since: spring }), spring)!.at
    assert.equal(first, Date.UTC(2025, 2, 30, 1))
    assert.equal(due(job, stateWith({ since: spring, due: first }), first)!.at, Date.UTC(2025, 2, 31, 0, 30))
    const autumn = Date.UTC(2025, 9, 25, 12)
    const once = due(job, stateWith({ since: autumn }), autumn)!.at
    assert.equal(once, Date.UTC(2025, 9, 26, 0, 30))
    assert.equal(due(job, stateWith({ since: autumn, due: once }), once + 90 * minute)!.at, Date.UTC(2025, 9, 27, 1, 30))
  })
})

describe('after', () => {
  const job = jobWith({ after: 'mirror' }, { name: 'publish' })
  const other = (succeeded?: number): JobState => stateWith({ name: 'mirror', succeeded, ended: noon + hour })

  test('waits until the other has ended well since it was last fired', () => {
    assert.equal(due(job, stateWith(), noon + hour), undefined)
    assert.equal(due(job, stateWith(), noon + hour, [other()]), undefined)
    assert.equal(due(job, stateWith(), noon + hour, [other(noon + minute)])?.at, noon + minute)
    assert.equal(due(job, stateWith({ due: noon + minute }), noon + hour, [other(noon + minute)]), undefined)
    assert.equal(due(job, stateWith({ due: noon + minute }), noon + hour, [other(noon + 2 * minute)])?.slot, noon + 2 * minute)
  })

  test('does not follow what ended before it was there', () => {
    assert.equal(due(job, stateWith({ since: noon }), noon, [other(noon - 1)]), undefined)
  })

  test('in a circle is found', () => {
    const jobs = [jobWith({ after: 'b' }, { name: 'a' }), jobWith({ after: 'c' }, { name: 'b' }), jobWith({ after: 'a' }, { name: 'c' })]
    assert.deepEqual(circleOf(jobs), ['a', 'b', 'c', 'a'])
    assert.deepEqual(circleOf([jobWith({ after: 'sync' })]), ['sync', 'sync'])
    assert.equal(circleOf([jobWith({ every: 1 }, { name: 'b' }), jobs[0]!]), undefined)
    assert.equal(circleOf([jobs[0]!, jobWith({ after: 'b' }, { name: 'b' })])?.length, 2)
  })
})

test('jitter is the same for a firing however often it is asked, differs between firings and queues, and stays within its bound', () => {
  const job = jobWith({ every: hour }, { jitter: 10 * minute })
  const at = (last: number, seed: string) => dueOf(job, stateWith({ due: last }), { now: last, seed, stateOf: () => undefined })!
  const waits = Array.from({ length: 50 }, (_wait, index) => at(noon + index * hour, 'one').at - (noon + (index + 1) * hour))
  assert.ok(waits.every((wait) => wait >= 0 && wait < 10 * minute))
  assert.ok(new Set(waits).size > 40)
  assert.equal(at(noon, 'one').at, at(noon, 'one').at)
  assert.notEqual(at(noon, 'one').at, at(noon, 'two').at)
})

test(`over random days with sleep and long runs, a job is fired for each slot at most once, in time, and never beside itself (seed ${testSeed})`, () => {
  const random = seededRandom(testSeed)
  for (let round = 0; round < 12; round++) {
    const schedule: Schedule =
      random() < 0.5
        ? { every: (1 + Math.floor(random() * 90)) * minute }
        : { cron: `*/${1 + Math.floor(random() * 40)} * * * *`, timezone: random() < 0.5 ? 'UTC' : 'America/New_York' }
    const job = jobWith(schedule, { jitter: random() < 0.5 ? 0 : 30_000, catchUp: random() < 0.5 ? 'once' : 'skip' })
    let last: number | undefined
    let isOpen = false
    let busyUntil = 0
    let awake = noon
    const slots: number[] = []
    for (let now = noon; now < noon + 24 * hour; now += 5000) {
      if (random() < 0.001) {
        now += Math.floor(random() * 8) * hour
        awake = now
      }
      if (now >= busyUntil) isOpen = false
      const next = due(job, stateWith({ due: last, open: isOpen ? 1 : 0 }), now)
      if (next === undefined || next.at > now) continue
      assert.equal(isOpen, false)
      assert.ok(slots.at(-1) === undefined || next.slot > slots.at(-1)!, `slot ${next.slot} twice`)
      assert.ok(next.slot <= now)
      assert.ok(now - Math.max(next.at, busyUntil, awake) <= 10_000, `late, though nothing was in the way`)
      if (job.catchUp === 'skip') assert.ok(now - next.slot <= job.jitter + minute, 'a missed slot was made up for')
      slots.push(next.slot)
      busyUntil = now + Math.floor(random() * random() * 2 * hour)
      last = next.slot
      isOpen = true
      // Nothing happens in between.
      if (random() < 0.9) now = Math.max(now, Math.min(busyUntil, now + 10 * minute) - (now % 1000))
    }
    assert.ok(slots.length > 3)
  }
})
