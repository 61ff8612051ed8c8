import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import * as v from 'valibot'
import { hastyClock } from '../../test/fakes/hasty-clock.ts'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { bytesOf, type Digest, digestOf, Fault, isFault } from '../kit/index.ts'
import { createMemoryStore, type ObjectStore, readAll } from '../store/index.ts'
import { listRefNames, moveRef, type Next, readRef, type Ref, type RefContext, type RefKind } from './index.ts'

interface Count {
  readonly value: number
}

const counts: RefKind<Count, string> = {
  group: 'counts',
  state: v.object({ value: v.number() }),
  note: v.string(),
  reaches: (state) => [{ kind: 'blob', digest: digestOf(String(state.value)) }],
}

const more = (current: Ref<Count, string> | undefined): Next<Count, string> => {
  const value = (current?.state.value ?? 0) + 1
  return { state: { value }, action: 'add', note: `to ${value}` }
}

function contextOn(wrap: (store: ObjectStore) => ObjectStore = (store) => store): RefContext & { clock: ReturnType<typeof hastyClock> } {
  const clock = hastyClock(Date.parse('2025-01-15T14:30:00Z'))
  return { store: wrap(createMemoryStore({ clock })), clock, random: seededRandom(testSeed), by: 'ann@builder' }
}

describe('a ref', () => {
  it('is created, moved, and carries its history and what it reaches', async () => {
    const context = contextOn()
    await moveRef(context, counts, 'a/b', more, { onLost: 'fail' })
    const moved = await moveRef(context, counts, 'a/b', more, { onLost: 'fail' })
    const found = await readRef(context.store, counts, 'a/b')
    assert.deepEqual(found?.ref, moved.after)
    assert.equal(found?.ref.generation, 2)
    assert.deepEqual(
      found?.ref.history.map(({ generation, note, by }) => ({ generation, note, by })),
      [
        { generation: 1, note: 'to 1', by: 'ann@builder' },
        { generation: 2, note: 'to 2', by: 'ann@builder' },
      ],
    )
    assert.deepEqual(found?.ref.reaches, [{ kind: 'blob', digest: digestOf('2') }] satisfies { kind: 'blob'; digest: Digest }[])
  })

  it('that was never moved is undefined', async () => {
    const { store } = contextOn()
    assert.equal(await readRef(store, counts, 'nothing'), undefined)
    assert.deepEqual(await listRefNames(store, counts, ''), [])
  })

  it('is not written where the plan throws', async () => {
    const context = contextOn()
    const plan = () => {
      throw new Fault('nothing-to-do', 'nothing new')
    }
    await assert.rejects(moveRef(context, counts, 'a', plan, { onLost: 'retry' }), (error) => isFault(error, 'nothing-to-do'))
    assert.equal(await readRef(context.store, counts, 'a'), undefined)
  })

  it('moved by twenty at once counts every move once', async () => {
    const context = contextOn()
    const results = await Promise.all(Array.from({ length: 20 }, () => moveRef(context, counts, 'a', more, { onLost: 'retry' })))
    const found = await readRef(context.store, counts, 'a')
    assert.equal(found?.ref.state.value, 20, `seed ${testSeed}`)
    assert.deepEqual(
      found?.ref.history.map((move) => move.generation),
      Array.from({ length: 20 }, (_, at) => at + 1),
    )
    assert.equal(new Set(results.map((result) => result.after.generation)).size, 20)
  })

  it('tells the one who lost, where that is asked for, and changes nothing for it', async () => {
    const context = contextOn()
    const results = await Promise.allSettled(Array.from({ length: 8 }, () => moveRef(context, counts, 'a', more, { onLost: 'fail' })))
    const won = results.filter((result) => result.status === 'fulfilled').length
    assert.ok(won >= 1)
    for (const result of results) if (result.status === 'rejected') assert.ok(isFault(result.reason, 'precondition'))
    assert.equal((await readRef(context.store, counts, 'a'))?.ref.state.value, won)
  })

  for (const code of ['unavailable', 'precondition'] as const) {
    it(`knows its own move again when the answer was lost (${code})`, async () => {
      let lies = 1
      const context = contextOn((store) => ({
        ...store,
        async put(...args: Parameters<ObjectStore['put']>) {
          const info = await store.put(...args)
          if (lies-- > 0) throw new Fault(code, 'the answer was lost')
          return info
        },
      }))
      const moved = await moveRef(context, counts, 'a', more, { onLost: 'fail' })
      assert.equal(moved.after.state.value, 1)
      assert.equal((await readRef(context.store, counts, 'a'))?.ref.generation, 1)
    })
  }

  it('says that the store is unavailable where the move was not applied', async () => {
    const context = contextOn((store) => ({ ...store, put: () => Promise.reject(new Fault('unavailable', 'no route')) }))
    await assert.rejects(moveRef(context, counts, 'a', more, { onLost: 'retry' }), (error) => isFault(error, 'unavailable'))
  })

  it('never goes back in time, whatever the clock does', async () => {
    const context = contextOn()
    await moveRef(context, counts, 'a', more, { onLost: 'fail' })
    const behind = { ...context, clock: hastyClock(Date.parse('2020-01-01T00:00:00Z')) }
    const moved = await moveRef(behind, counts, 'a', more, { onLost: 'fail' })
    assert.deepEqual(
      moved.after.history.map((move) => move.at),
      ['2025-01-15T14:30:00.000Z', '2025-01-15T14:30:00.000Z'],
    )
  })

  it('forgets the moves that its kind does not keep, never the newest', async () => {
    const context = contextOn()
    const few: RefKind<Count, string> = { ...counts, keepsMove: (_state, { generation }, newer) => generation === 2 || newer < 2 }
    for (let index = 0; index < 6; index++) await moveRef(context, few, 'a', more, { onLost: 'fail' })
    const found = await readRef(context.store, few, 'a')
    assert.equal(found?.ref.generation, 6)
    assert.deepEqual(
      found?.ref.history.map(({ generation }) => generation),
      [2, 5, 6],
    )
  })

  it('of a newer format is refused by name, and a damaged one is corrupt', async () => {
    const { store } = contextOn()
    await store.put('refs/counts/new.json', bytesOf('{"format":"holdfast-ref/9"}'))
    await assert.rejects(
      readRef(store, counts, 'new'),
      (error) => isFault(error, 'unsupported') && error.message.includes('holdfast-ref/9'),
    )
    await store.put('refs/counts/bad.json', bytesOf('{"format":"holdfast-ref/1","name":"bad"}'))
    await assert.rejects(readRef(store, counts, 'bad'), (error) => isFault(error, 'corrupt'))
    await store.put('refs/counts/cut.json', bytesOf('{"format":"hold'))
    await assert.rejects(readRef(store, counts, 'cut'), (error) => isFault(error, 'corrupt'))
  })

  it('with anything in its history that is no move is corrupt, and it is told where', async () => {
    const context = contextOn()
    await moveRef(context, counts, 'a', more, { onLost: 'fail' })
    await moveRef(context, counts, 'a', more, { onLost: 'fail' })
    const { bytes } = await readAll(context.store, 'refs/counts/a.json', { limit: 10_000 })
    const { history, ...rest } = JSON.parse(Buffer.from(bytes).toString()) as { history: [object, object] }
    const wrongs: [unknown, RegExp][] = [
      [undefined, /at history: /],
      [{}, /at history: /],
      [[null], /at history\.0: /],
      [[history[0], 'move'], /at history\.1: /],
      ...Object.entries({ id: 7, generation: '1', at: 'yesterday', by: null, action: [], message: 1, note: {} }).map(
        ([name, value]): [unknown, RegExp] => [[history[0], { ...history[1], [name]: value }], /at history\.1(\.note)?: /],
      ),
      ...['id', 'generation', 'at', 'by', 'action', 'note'].map((name): [unknown, RegExp] => [
        [history[0], { ...history[1], [name]: undefined }],
        /at history\.1(\.note)?: /,
      ]),
    ]
    for (const [wrong, where] of wrongs) {
      await context.store.put('refs/counts/a.json', bytesOf(JSON.stringify({ ...rest, history: wrong })))
      await assert.rejects(readRef(context.store, counts, 'a'), (error) => isFault(error, 'corrupt') && where.test(error.message))
    }
  })

  it('under another name than its own is corrupt', async () => {
    const context = contextOn()
    await moveRef(context, counts, 'a', more, { onLost: 'fail' })
    const bytes = await Array.fromAsync(await context.store.get('refs/counts/a.json'))
    await context.store.put('refs/counts/b.json', bytesOf(Buffer.concat(bytes)))
    await assert.rejects(readRef(context.store, counts, 'b'), (error) => isFault(error, 'corrupt'))
  })

  it('has a name that cannot leave its folder', async () => {
    const context = contextOn()
    for (const name of ['../x', 'a//b', '', 'a/../../b', '/x']) {
      await assert.rejects(
        moveRef(context, counts, name, more, { onLost: 'fail' }),
        (error) => isFault(error, 'invalid') && /not a usable (?:name|key)/.test(error.message),
        name,
      )
    }
    await assert.rejects(readRef(context.store, counts, '../x'), /not a usable name: it has the segment \.\./)
  })
})
