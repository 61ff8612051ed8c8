import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import fc from 'fast-check'
import { type Digest, digestOf, isFault } from '../kit/index.ts'
import { archiveTime, dropArchives, enter, promoteTo, rollBackTo, type Rotation } from './rotate.ts'
import type { ReleaseSummary, VariantState } from './state.ts'

const start = Date.parse('2025-01-07T14:30:00Z')
const idOf = (name: string): Digest => digestOf(name)
const summary: ReleaseSummary = { variantLabel: 'ROCm version', created: '', by: '', sources: {}, content: idOf(''), size: 1, fileCount: 1 }
const make = (name: string) => ({ id: idOf(name), summary })

function released(...names: string[]): VariantState {
  return names.reduce<VariantState | undefined>(
    (state, name, at) => enter(state, 'stable', make(name), start + at * 60_000).state,
    undefined,
  )!
}

const names = new Map([...'abcdefgh'].map((name) => [idOf(name), name]))
const channelsOf = (state: VariantState) =>
  Object.fromEntries(Object.entries(state.channels).map(([channel, id]) => [channel, names.get(id)]))
const archivesOf = (state: VariantState) => state.archives.map(({ at, release, why }) => `${at} ${names.get(release)} ${why}`)

describe('a release that enters stable', () => {
  it('is stable, and nothing else is there at first', () => {
    assert.deepEqual(channelsOf(released('a')), { stable: 'a' })
    assert.deepEqual(released('a').archives, [])
  })

  it('pushes stable to last-stable, and last-stable into the archive with the time of the push', () => {
    assert.deepEqual(channelsOf(released('a', 'b')), { stable: 'b', 'last-stable': 'a' })
    const three = released('a', 'b', 'c')
    assert.deepEqual(channelsOf(three), { stable: 'c', 'last-stable': 'b' })
    assert.deepEqual(archivesOf(three), ['20250107_143200 a rotated'])
  })

  it('takes the next free second where two are archived in one', () => {
    const state = [...'abcde'].reduce<VariantState | undefined>(
      (before, name) => enter(before, 'stable', make(name), start).state,
      undefined,
    )!
    assert.deepEqual(archivesOf(state), ['20250107_143000 a rotated', '20250107_143001 b rotated', '20250107_143002 c rotated'])
  })

  it('does not take the time of an archive that was pruned', () => {
    const pruned = dropArchives(released('a', 'b', 'c'), () => true, start).state
    const next = enter(pruned, 'stable', make('d'), start + 2 * 60_000).state
    assert.deepEqual(archivesOf(next), ['20250107_143201 b rotated'])
  })
})

describe('a rollback', () => {
  it('undoes the last release: the failed one is archived, the newest good archive is last-stable again', () => {
    const { state } = rollBackTo(released('a', 'b', 'c'), undefined, start + 600_000)
    assert.deepEqual(channelsOf(state), { stable: 'b', 'last-stable': 'a' })
    assert.deepEqual(archivesOf(state), ['20250107_143200 a rotated', '20250107_144000 c rolled-back'])
  })

  it('twice goes back twice', () => {
    const once = rollBackTo(released('a', 'b', 'c'), undefined, start + 600_000).state
    assert.deepEqual(channelsOf(rollBackTo(once, undefined, start + 660_000).state), { stable: 'a' })
  })

  it('to an archived release leaves last-stable alone', () => {
    const { state } = rollBackTo(released('a', 'b', 'c'), idOf('a'), start + 600_000)
    assert.deepEqual(channelsOf(state), { stable: 'a', 'last-stable': 'b' })
  })

  it('then a new release archives each release once', () => {
    const back = rollBackTo(released('a', 'b', 'c'), undefined, start + 600_000).state
    const next = enter(back, 'stable', make('d'), start + 660_000).state
    assert.deepEqual(channelsOf(next), { stable: 'd', 'last-stable': 'b' })
    assert.deepEqual(archivesOf(next), ['20250107_143200 a rotated', '20250107_144000 c rolled-back'])
  })

  it('without a release to go back to says so and is no silent success', () => {
    assert.throws(
      () => rollBackTo(released('a'), undefined, start),
      (error) => isFault(error, 'not-found'),
    )
    assert.throws(
      () => rollBackTo(released('a', 'b'), idOf('b'), start),
      (error) => isFault(error, 'nothing-to-do'),
    )
  })
})

describe('a promotion', () => {
  it('rotates stable and leaves the source channel as it was', () => {
    const staged = enter(released('a', 'b'), 'staging', make('c'), start + 600_000).state
    const { state } = promoteTo(staged, 'staging', 'stable', start + 660_000)
    assert.deepEqual(channelsOf(state), { stable: 'c', 'last-stable': 'b', staging: 'c' })
    assert.deepEqual(archivesOf(state), ['20250107_144100 a rotated'])
  })

  it('of what is there already has nothing to do', () => {
    const staged = enter(undefined, 'staging', make('a'), start).state
    const once = promoteTo(staged, 'staging', 'stable', start).state
    assert.throws(
      () => promoteTo(once, 'staging', 'stable', start),
      (error) => isFault(error, 'nothing-to-do'),
    )
    assert.throws(
      () => promoteTo(once, 'nightly', 'stable', start),
      (error) => isFault(error, 'not-found'),
    )
  })

  it('into staging archives what staging held, unless another channel still holds it', () => {
    const first = enter(undefined, 'staging', make('a'), start).state
    assert.deepEqual(archivesOf(enter(first, 'staging', make('b'), start).state), ['20250107_143000 a replaced'])
    const promoted = promoteTo(first, 'staging', 'stable', start).state
    assert.deepEqual(archivesOf(enter(promoted, 'staging', make('b'), start).state), [])
  })
})

describe('a prune', () => {
  it('drops archives and never a release that a channel holds', () => {
    const state = released('a', 'b', 'c', 'd')
    const after = dropArchives(state, () => true, start).state
    assert.deepEqual(archivesOf(after), [])
    assert.deepEqual(Object.keys(after.releases).sort(), [idOf('c'), idOf('d')].sort())
    const back = rollBackTo(state, undefined, start + 600_000).state
    assert.ok(dropArchives(back, () => true, start).state.releases[back.channels['last-stable']!])
  })
})

describe('any sequence of moves', () => {
  const move = fc.oneof(
    fc.record({
      kind: fc.constant('create' as const),
      name: fc.constantFrom(...'abcdefgh'),
      channel: fc.constantFrom('stable', 'staging'),
    }),
    fc.record({ kind: fc.constant('rollback' as const), name: fc.option(fc.constantFrom(...'abcdefgh'), { nil: undefined }) }),
    fc.record({
      kind: fc.constant('promote' as const),
      from: fc.constantFrom('staging', 'last-stable', 'stable'),
      to: fc.constantFrom('staging', 'stable'),
    }),
  )

  it('loses no release, archives each once at its own time, and points only at what it knows', () => {
    fc.assert(
      fc.property(fc.array(move, { maxLength: 30 }), (moves) => {
        let state: VariantState | undefined
        const made = new Set<Digest>()
        moves.forEach((each, at) => {
          const next = step(state, each, start + at * 500)
          if (next === undefined) return
          if (each.kind === 'create') made.add(idOf(each.name))
          state = next.state
        })
        if (state === undefined) return
        const held = new Set([...Object.values(state.channels), ...state.archives.map((archived) => archived.release)])
        assert.deepEqual(new Set(Object.keys(state.releases)), held)
        for (const id of made) assert.ok(held.has(id), `${names.get(id)} was lost`)
        assert.equal(new Set(state.archives.map((archived) => archived.release)).size, state.archives.length)
        assert.equal(new Set(state.archives.map((archived) => archived.at)).size, state.archives.length)
      }),
    )
  })

  function step(state: VariantState | undefined, each: MoveOf, now: number): Rotation | undefined {
    try {
      if (each.kind === 'create') return enter(state, each.channel, make(each.name), now)
      if (state === undefined) return undefined
      if (each.kind === 'promote') return promoteTo(state, each.from, each.to, now)
      const target = each.name === undefined ? undefined : idOf(each.name)
      if (target !== undefined && state.releases[target] === undefined) return undefined
      return rollBackTo(state, target, now)
    } catch (error) {
      if (isFault(error, 'nothing-to-do') || isFault(error, 'not-found')) return undefined
      throw error
    }
  }
})

type MoveOf =
  | { kind: 'create'; name: string; channel: string }
  | { kind: 'rollback'; name: string | undefined }
  | { kind: 'promote'; from: string; to: string }

describe('an archive time', () => {
  it('is UTC to the second', () => {
    assert.equal(archiveTime(Date.parse('2025-01-08T09:15:00.999+00:00')), '20250108_091500')
  })
})
