import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { compareKeys, digestOf, isFault } from '../kit/index.ts'
import { type Change, diffManifests } from './diff.ts'
import type { Entry } from './entry.ts'
import { describePlan, isNothing, planOf, planToJson, summarisePlan } from './plan.ts'
import { manifests } from '../../test/fakes/manifests.ts'

const entry = (path: string, content = '', mode?: number): Entry => ({
  path,
  size: content.length,
  digest: digestOf(content),
  ...(mode === undefined ? {} : { mode }),
})

function apply(changes: Iterable<Change>, before: readonly Entry[]): Entry[] {
  const state = new Map(before.map((item) => [item.path, item]))
  for (const change of changes) {
    if (change.kind === 'remove') assert.ok(state.delete(change.path))
    else if (change.kind !== 'same') {
      assert.equal(state.has(change.path), change.kind === 'change')
      state.set(change.path, change.after)
    }
  }
  return [...state.values()].sort((a, b) => compareKeys(a.path, b.path))
}

describe('the difference of two manifests', () => {
  it('leads from the first to the second', () => {
    fc.assert(fc.property(manifests(), manifests(), (a, b) => assert.deepEqual(apply(diffManifests(a, b), a), b)))
  })

  it('of a manifest with itself is nothing', () => {
    fc.assert(fc.property(manifests(), (a) => assert.ok(isNothing(planOf(diffManifests(a, a), { remove: true })))))
  })

  it('turned round exchanges adding and removing', () => {
    const turned = { add: 'remove', remove: 'add', change: 'change', same: 'same' } as const
    fc.assert(
      fc.property(manifests(), manifests(), (a, b) => {
        const there = [...diffManifests(a, b)].map(({ kind, path }) => ({ kind, path }))
        const back = [...diffManifests(b, a)].map(({ kind, path }) => ({ kind: turned[kind], path }))
        assert.deepEqual(there, back)
      }),
    )
  })

  it('names every path of either side once, in byte order', () => {
    fc.assert(
      fc.property(manifests(), manifests(), (a, b) => {
        const expected = [...new Set([...a, ...b].map(({ path }) => path))].sort(compareKeys)
        assert.deepEqual(
          [...diffManifests(a, b)].map(({ path }) => path),
          expected,
        )
      }),
    )
  })

  it('sees another digest, another size and another mode, also one that only one side knows', () => {
    const kinds = (a: Entry, b: Entry) => [...diffManifests([a], [b])].map(({ kind }) => kind)
    assert.deepEqual(kinds(entry('a', 'x'), entry('a', 'y')), ['change'])
    assert.deepEqual(kinds(entry('a', 'x', 0o644), entry('a', 'x', 0o755)), ['change'])
    assert.deepEqual(kinds(entry('a', 'x', 0o644), entry('a', 'x')), ['change'])
    assert.deepEqual(kinds(entry('a', 'x', 0o644), entry('a', 'x', 0o644)), ['same'])
  })

  it('refuses manifests that are out of order or have a path twice, and says which', () => {
    const words = (expected: RegExp) => (error: unknown) => isFault(error, 'invalid') && expected.test(error.message)
    assert.throws(() => [...diffManifests([entry('b'), entry('a')], [])], words(/first manifest/))
    assert.throws(() => [...diffManifests([], [entry('a'), entry('a')])], words(/second manifest/))
  })

  it('of 100,000 entries is exact', () => {
    const at = (index: number) => `part/${String(index).padStart(6, '0')}`
    const count = 100_000
    const digests = [digestOf('0'), digestOf('1')] as const
    function* side(which: 0 | 1): Generator<Entry> {
      for (let index = 0; index < count; index++) {
        if (index % 10 === 3 + which) continue
        yield { path: at(index), size: 1, digest: digests[index % 10 === 7 ? which : 0] }
      }
    }
    const plan = planOf(diffManifests(side(0), side(1)), { remove: true })
    assert.deepEqual([plan.adds.length, plan.changes.length, plan.removes.length, plan.unchanged], [10_000, 10_000, 10_000, 70_000])
    assert.equal(plan.bytes, 20_000)
    assert.equal(plan.adds[1]!.path, at(13))
    assert.equal(plan.removes[1]!.path, at(14))
  })

  it('lets go of its sides when it is left early', () => {
    let closed = 0
    function* side() {
      try {
        yield entry('a')
        yield entry('b')
      } finally {
        closed++
      }
    }
    for (const change of diffManifests(side(), side())) {
      void change
      break
    }
    assert.equal(closed, 2)
  })
})

describe('a plan', () => {
  const before = [entry('changed', 'x', 0o644), entry('gone', 'xyz'), entry('same')]
  const after = [entry('changed', 'yy', 0o755), entry('new', 'abcd'), entry('same')]

  it('counts what is to be done and the bytes of what is added or changed', () => {
    const plan = planOf(diffManifests(before, after), { remove: true })
    assert.deepEqual(planToJson(plan), {
      add: [after[1]],
      change: [{ before: before[0], after: after[0] }],
      remove: [before[1]],
      unchanged: 1,
      kept: 0,
      bytes: 6,
    })
  })

  it('keeps what is not wanted where removing was not asked for, and counts it', () => {
    const plan = planOf(diffManifests(before, after), { remove: false })
    assert.equal(plan.removes.length, 0)
    assert.equal(plan.kept, 1)
    assert.match(summarisePlan(plan), /1 not wanted but kept/)
  })

  it('is described by one line for each path, in byte order, and a summary', () => {
    const plan = planOf(diffManifests(before, after), { remove: true })
    assert.deepEqual(describePlan(plan), [
      '~ changed  1 B -> 2 B, mode 0644 -> 0755',
      '- gone  3 B',
      '+ new  4 B',
      '1 to add, 1 to change, 1 to remove (6 B); 1 unchanged',
    ])
    assert.deepEqual(describePlan(plan, 1), [
      '~ changed  1 B -> 2 B, mode 0644 -> 0755',
      '... and 2 more',
      '1 to add, 1 to change, 1 to remove (6 B); 1 unchanged',
    ])
  })

  it('says that there is nothing to do', () => {
    const plan = planOf(diffManifests(before, before), { remove: true })
    assert.ok(isNothing(plan))
    assert.deepEqual(describePlan(plan), ['nothing to do: 3 unchanged'])
  })
})
