import { bytesOf, isFault } from '../../kit/index.ts'
import type { Condition, ObjectInfo, ObjectStore } from '../store.ts'
import {
  type ConformanceCase,
  type Facts,
  ensure,
  ensureAbsent,
  ensureEqual,
  ensureFault,
  ensureHolds,
  keysOf,
  read,
  text,
} from './case.ts'

const needs = ({ conditionalPut }: Facts) => conditionalPut !== 'no'
const contenders = 32

/** Many puts at once under one condition, from several handles: exactly one succeeds, and it is the one that is there. */
async function race(stores: readonly ObjectStore[], key: string, condition: Condition, round: string): Promise<ObjectInfo> {
  const tries = Array.from({ length: contenders }, async (_, index) => {
    const content = `${round}, contender ${index}`
    try {
      return { content, info: await stores[index % stores.length]!.put(key, bytesOf(content), { if: condition }) }
    } catch (error) {
      if (isFault(error, 'precondition')) return undefined
      throw error
    }
  })
  const winners = (await Promise.all(tries)).filter((won) => won !== undefined)
  ensureEqual(winners.length, 1, `${round}: winners of ${contenders}`)
  const seen = await ensureHolds(stores[0]!, key, text(winners[0]!.content))
  ensureEqual(winners[0]!.info.etag, seen.etag, `${round}: the etag that the winner was given`)
  return seen
}

export const conditionCases: readonly ConformanceCase[] = [
  {
    name: 'a put if absent succeeds once, until the key is deleted',
    needs,
    async run({ store, open, key }) {
      await store.put(key('x'), bytesOf('first'), { if: 'absent' })
      await ensureFault('precondition', (await open()).put(key('x'), bytesOf('second'), { if: 'absent' }), 'a second put if absent')
      await ensureHolds(store, key('x'), text('first'))
      await store.delete(key('x'))
      await store.put(key('x'), bytesOf('third'), { if: 'absent' })
      await ensureHolds(await open(), key('x'), text('third'))
    },
  },
  {
    name: 'a put with an etag succeeds over that version only',
    needs,
    async run({ store, open, key }) {
      const first = await store.put(key('x'), bytesOf('first'), { if: 'absent' })
      const second = await store.put(key('x'), bytesOf('second'), { if: { etag: first.etag } })
      const stale = { if: { etag: first.etag } } as const
      await ensureFault('precondition', store.put(key('x'), bytesOf('late'), stale), 'a put over a version that is gone')
      await ensureFault('precondition', store.put(key('y'), bytesOf('late'), stale), 'a put over what is not there')
      await ensureFault('precondition', store.put(key('x'), bytesOf('late'), { if: 'absent' }), 'a put if absent over a version')
      await ensureHolds(await open(), key('x'), text('second'))
      await ensureAbsent(store, key('y'))
      const third = await (await open()).put(key('x'), bytesOf('third'), { if: { etag: second.etag } })
      ensureEqual(new Set([first.etag, second.etag, third.etag]).size, 3, 'different etags')
      await ensureHolds(store, key('x'), text('third'))
    },
  },
  {
    name: 'a key moved by etag is listed once, can be deleted, created again and put plainly',
    needs,
    async run({ store, open, key, prefix }) {
      const other = await open()
      const keys = ['a', 'name', 'name.x', 'namf'].map(key)
      for (const each of keys) await store.put(each, bytesOf('0'))
      let { etag } = await store.put(key('name'), bytesOf('1'), { if: { etag: (await store.head(key('name')))!.etag } })
      ;({ etag } = await other.put(key('name'), bytesOf('2'), { if: { etag } }))
      ensureEqual(await keysOf(other.list(prefix)), keys, 'the listing')
      await store.delete(key('name'))
      await ensureAbsent(other, key('name'))
      ensureEqual(await keysOf(other.list(prefix)), [keys[0], keys[2], keys[3]], 'the listing without it')
      await ensureFault('precondition', store.put(key('name'), bytesOf('3'), { if: { etag } }), 'a put over a deleted version')
      // Other content: an etag may be a hash of it, as on S3, and then the same content has the same etag again.
      const again = await store.put(key('name'), bytesOf('2, again'), { if: 'absent' })
      ensure(again.etag !== etag, 'the etag of a deleted version came back')
      await ensureFault('precondition', other.put(key('name'), bytesOf('4'), { if: 'absent' }), 'a put if absent over it')
      await store.put(key('name'), bytesOf('plain'))
      await ensureHolds(other, key('name'), text('plain'))
      ensureEqual(await keysOf(other.list(prefix)), keys, 'the listing with it again')
    },
  },
  {
    name: 'of 32 puts at once exactly one wins, round after round, if absent and by etag',
    needs,
    async run({ open, key, scale }) {
      const stores = await Promise.all([open(), open(), open(), open()])
      for (let outer = 0; outer < (scale === 'full' ? 10 : 2); outer++) {
        let seen = await race(stores, key('raced'), 'absent', `round ${outer}`)
        for (let inner = 1; inner <= 3; inner++) seen = await race(stores, key('raced'), { etag: seen.etag }, `round ${outer}.${inner}`)
        await stores[1]!.delete(key('raced'))
      }
    },
  },
  {
    name: 'many writers that each add to what they read lose nothing',
    needs,
    async run({ open, key, scale }) {
      const stores = await Promise.all([open(), open(), open(), open()])
      const each = scale === 'full' ? 25 : 5
      await stores[0]!.put(key('count'), bytesOf('0'), { if: 'absent' })
      const add = async (store: ObjectStore): Promise<void> => {
        const { info } = await store.get(key('count'))
        try {
          const value = Buffer.from(await read(store, key('count'), { etag: info.etag })).toString()
          await store.put(key('count'), bytesOf(String(Number(value) + 1)), { if: { etag: info.etag } })
        } catch (error) {
          ensure(isFault(error, 'precondition'), `expected precondition, got ${String(error)}`)
          await add(store)
        }
      }
      await Promise.all(
        stores.map(async (store) => {
          for (let done = 0; done < each; done++) await add(store)
        }),
      )
      await ensureHolds(stores[0]!, key('count'), text(String(each * stores.length)))
    },
  },
]
