import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf } from '../../kit/index.ts'
import type { Listed } from '../record/lines.ts'
import { type KeepRules, planForget } from './rules.ts'

const day = 86_400_000
const now = Date.UTC(2025, 2, 31, 12)

function made(created: string, tags: string[] = []): Listed {
  const id = digestOf(created)
  return { id, root: id, created, host: 'h', by: 'b', base: '/', paths: ['.'], tags, size: 0, files: 0, problems: 0, name: 'n' }
}

/** Two a day, at 6 and 18 o'clock, for the 100 days before now. */
const line = Array.from({ length: 200 }, (_, index) => made(new Date(now - (199 - index) * (day / 2) + 6 * 3_600_000 - day).toISOString()))

function kept(rules: KeepRules, snapshots: readonly Listed[] = line, pinned: readonly Listed[] = []) {
  const plan = planForget(snapshots, rules, { now, pinned: new Set(pinned.map(({ id }) => id)) })
  assert.deepEqual([...plan.keep.map(({ snapshot }) => snapshot), ...plan.drop].length, snapshots.length)
  return plan.keep.map(({ snapshot, because }) => `${snapshot.created.slice(0, 13)} ${because.join(', ')}`)
}

describe('forgetting keeps', () => {
  test('the last ones', () => {
    assert.deepEqual(kept({ last: 2 }), ['2025-03-30T06 last', '2025-03-30T18 last'])
  })

  test('the newest of each day, of each week from Monday, of each month', () => {
    assert.deepEqual(kept({ daily: 2 }), ['2025-03-29T18 daily', '2025-03-30T18 daily'])
    assert.deepEqual(kept({ weekly: 3 }), ['2025-03-16T18 weekly', '2025-03-23T18 weekly', '2025-03-30T18 weekly'])
    assert.deepEqual(kept({ monthly: 3 }), ['2025-01-31T18 monthly', '2025-02-28T18 monthly', '2025-03-30T18 monthly'])
  })

  test('what is younger than an age, has a tag, or is pinned', () => {
    assert.deepEqual(kept({ within: 2 * day }), ['2025-03-29T18 within', '2025-03-30T06 within', '2025-03-30T18 within'])
    const tagged = [made('2020-01-01T00:00:00.000Z', ['gold']), made('2020-01-02T00:00:00.000Z'), made('2020-01-03T00:00:00.000Z')]
    assert.deepEqual(kept({ tags: ['gold'] }, tagged), ['2020-01-01T00 tag gold', '2020-01-03T00 newest'])
    assert.deepEqual(kept({ last: 1 }, tagged, [tagged[1]!]), ['2020-01-02T00 pinned', '2020-01-03T00 last'])
  })

  test('what any of several rules keeps, and says which', () => {
    assert.deepEqual(
      kept({ last: 1, daily: 1, within: day }),
      ['2025-03-30T18 last, within, daily'].map((text) => text.replace('last, within, daily', 'daily, last, within')),
    )
  })

  test('the newest of a line whatever the rules, and all of an empty line', () => {
    assert.deepEqual(kept({ within: 1 }), ['2025-03-30T18 newest'])
    assert.deepEqual(kept({ last: 5 }, []), [])
  })
})
