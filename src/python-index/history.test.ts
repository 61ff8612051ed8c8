import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { indexDesk } from '../../test/fakes/index-desk.ts'
import { type Digest, digestOf, isFault } from '../kit/index.ts'
import { moveRef } from '../refs/index.ts'
import { catalogueAt, listGenerations, type Once } from './history.ts'
import { readIndex } from './records/read.ts'
import { type IndexRef, indexRefs, type PrefixState, refNameOfBucket } from './records/state.ts'

const day = 86_400_000

/** Publishes the named prefixes once a day, each with a catalogue of that day, keeping the last two of each; null takes a prefix away. */
async function indexOf(...days: readonly (readonly string[] | { readonly gone: string })[]): Promise<IndexRef> {
  const { context, clock } = indexDesk()
  for (const changed of days) {
    clock.set(clock.now() + day)
    const names = 'gone' in changed ? [] : changed
    await moveRef(
      context,
      indexRefs,
      refNameOfBucket(context.environment.bucket),
      (current) => {
        const generation = (current?.generation ?? 0) + 1
        const prefixes: Record<string, PrefixState> = { ...current?.state.prefixes }
        for (const name of names) {
          const catalogue = catalogueOf(name, generation)
          const kept = [...(prefixes[name]?.kept ?? []), { generation, catalogue }].slice(-2)
          prefixes[name] = { catalogue, projects: 1, files: 1, bytes: 1, refused: 0, kept }
        }
        const note: Record<string, Digest | null> = Object.fromEntries(names.map((name) => [name, catalogueOf(name, generation)]))
        if ('gone' in changed) {
          delete prefixes[changed.gone]
          note[changed.gone] = null
        }
        const state = { bucket: context.environment.bucket, prefixes }
        return { state, action: 'publish', message: `day ${generation}`, note: { prefixes: note } }
      },
      { onLost: 'fail' },
    )
  }
  return (await readIndex(context))!
}

function catalogueOf(prefix: string, generation: number): Digest {
  return digestOf(`${prefix} ${generation}`)
}

function isNotFound(saying: string) {
  return (error: unknown) => {
    assert.ok(isFault(error, 'not-found'), String(error))
    assert.ok(`${error.message}; ${error.hint}`.includes(saying), `${error.message}; ${error.hint}`)
    return true
  }
}

describe('the generations of an index', () => {
  it('are listed oldest first, with who, when, why and which prefixes', async () => {
    const ref = await indexOf(['a', 'b'], ['a'], ['b'])
    const all = listGenerations(ref)
    assert.deepEqual(
      all.map(({ generation, message, by, prefixes }) => [generation, message, by, Object.keys(prefixes)]),
      [
        [1, 'day 1', 'ann@builder', ['a', 'b']],
        [2, 'day 2', 'ann@builder', ['a']],
        [3, 'day 3', 'ann@builder', ['b']],
      ],
    )
    assert.equal(all[0]!.at, '2025-01-08T14:30:00.000Z')
  })

  it('of one prefix are those that changed it, and nothing is told of others', async () => {
    const ref = await indexOf(['a', 'b'], ['a'], ['b'])
    assert.deepEqual(
      listGenerations(ref, 'b').map(({ generation, prefixes }) => [generation, Object.keys(prefixes)]),
      [
        [1, ['b']],
        [3, ['b']],
      ],
    )
  })

  it('tell which can be rolled back to, and which stands now', async () => {
    const ref = await indexOf(['a'], ['a'], ['a'])
    assert.deepEqual(
      listGenerations(ref, 'a').map(({ prefixes }) => prefixes['a']),
      [
        { catalogue: catalogueOf('a', 1), isKept: false, isCurrent: false },
        { catalogue: catalogueOf('a', 2), isKept: true, isCurrent: false },
        { catalogue: catalogueOf('a', 3), isKept: true, isCurrent: true },
      ],
    )
  })

  it('of a prefix that was never published are not found, and it is said which were', async () => {
    const ref = await indexOf(['v2/gfx94X-dcgpu', 'v2-staging/gfx94X-dcgpu'])
    for (const prefix of ['v2/gfx94x', 'constructor'])
      assert.throws(() => listGenerations(ref, prefix), isNotFound('v2-staging/gfx94X-dcgpu, v2/gfx94X-dcgpu'))
  })
})

describe('what a prefix published once', () => {
  const at = (ref: IndexRef, prefix: string, once: Once) => catalogueAt(ref, prefix, once).catalogue
  const time = (text: string): Once => ({ asOf: Date.parse(text) })

  it('is found by the generation that made it, and by later ones that left it as it was', async () => {
    const ref = await indexOf(['a', 'b'], ['b'], ['a'], ['b'])
    assert.equal(at(ref, 'a', { generation: 1 }), catalogueOf('a', 1))
    assert.equal(at(ref, 'a', { generation: 2 }), catalogueOf('a', 1))
    assert.equal(at(ref, 'a', { generation: 4 }), catalogueOf('a', 3))
    assert.deepEqual(catalogueAt(ref, 'a', { generation: 2 }), { generation: 1, catalogue: catalogueOf('a', 1) })
  })

  it('is found by the time, to the very moment', async () => {
    const ref = await indexOf(['a'], ['a'])
    assert.equal(at(ref, 'a', time('2025-01-08T14:30:00Z')), catalogueOf('a', 1))
    assert.equal(at(ref, 'a', time('2025-01-09T14:29:59.999Z')), catalogueOf('a', 1))
    assert.equal(at(ref, 'a', time('2025-01-09T14:30:00Z')), catalogueOf('a', 2))
    assert.equal(at(ref, 'a', time('2035-01-01T00:00:00Z')), catalogueOf('a', 2))
  })

  it('is not found before its first publication, and it is said when that was', async () => {
    const ref = await indexOf(['b'], ['a'])
    assert.throws(() => at(ref, 'a', { generation: 1 }), isNotFound('its first generation is 2, of 2025-01-09T14:30:00.000Z'))
    assert.throws(() => at(ref, 'a', time('2025-01-09T14:29:59Z')), isNotFound('not published yet at 2025-01-09T14:29:59.000Z'))
    assert.throws(() => at(ref, 'a', { generation: 0 }), isNotFound('its first generation is 2'))
  })

  it('is not found where it is not kept any more, and it is said what is', async () => {
    const ref = await indexOf(['a'], ['a'], ['a'], ['a'])
    assert.throws(() => at(ref, 'a', { generation: 2 }), isNotFound('kept are its generations 3, 4'))
    assert.throws(() => at(ref, 'a', time('2025-01-08T15:00:00Z')), isNotFound('in generation 1 (2025-01-08T14:30:00.000Z) is not kept'))
  })

  it('is not found in a generation that is yet to come', async () => {
    const ref = await indexOf(['a'])
    assert.throws(() => at(ref, 'a', { generation: 2 }), isNotFound('there is no generation 2; the last one is 1'))
  })

  it('is not found after the prefix went, and what it was before is not kept', async () => {
    const ref = await indexOf(['a', 'b'], { gone: 'a' })
    assert.throws(() => at(ref, 'a', { generation: 2 }), isNotFound('a was not published in generation 2'))
    assert.throws(() => at(ref, 'a', { generation: 1 }), isNotFound('is not kept any more'))
    assert.equal(at(ref, 'b', { generation: 2 }), catalogueOf('b', 1))
    assert.deepEqual(
      listGenerations(ref, 'a').map(({ prefixes }) => prefixes['a']!.catalogue),
      [catalogueOf('a', 1), null],
    )
  })
})
