import { bytesOf, compareKeys, forEachBounded } from '../../kit/index.ts'
import type { ObjectStore } from '../store.ts'
import { type CaseEnv, type ConformanceCase, ensure, ensureEqual, keysOf } from './case.ts'

async function fill(store: ObjectStore, keys: readonly string[], signal: AbortSignal | undefined): Promise<void> {
  await forEachBounded(keys, 32, async (key) => void (await store.put(key, bytesOf(''))), signal)
}

const sorted = async (infos: Parameters<typeof keysOf>[0]) => (await keysOf(infos)).toSorted(compareKeys)

export const listingCases: readonly ConformanceCase[] = [
  {
    name: 'a long listing is complete, page after page, and goes on after any key',
    async run({ store, open, key, prefix, random, scale, signal }) {
      const count = scale === 'full' ? 10_000 : 1_200
      const keys = Array.from({ length: count }, (_, index) => key(`${index % 7 === 0 ? 'a' : 'b/c'}/${String(index).padStart(5, '0')}`))
      await fill(store, keys, signal)
      const expected = keys.toSorted(compareKeys)
      const listed = await keysOf((await open()).list(prefix))
      ensureEqual(listed.length, count, 'how many keys')
      ensureEqual(store.can.orderedList ? listed : listed.toSorted(compareKeys), expected, 'the keys')
      for (let round = 0; round < 5; round++) {
        const at = Math.floor(random() * count)
        const rest = await sorted(store.list(prefix, { after: expected[at] }))
        ensureEqual(rest, expected.slice(at + 1), `the keys after ${expected[at]}`)
      }
      ensureEqual(await keysOf(store.list(prefix, { after: expected.at(-1) })), [], 'the keys after the last')
    },
  },
  {
    name: 'a listing left early costs nothing more and hurts nothing',
    async run({ store, key, prefix, signal }) {
      await fill(store, ['1', '2', '3'].map(key), signal)
      for await (const info of store.list(prefix)) {
        ensure(info.key.startsWith(prefix), 'a key of another prefix')
        break
      }
      ensureEqual(await sorted(store.list(prefix)), ['1', '2', '3'].map(key), 'a listing afterwards')
    },
  },
  {
    name: 'a prefix is any string: it need not end at a slash, and may match nothing',
    async run({ store, key, signal }) {
      const keys = ['lib-a/1', 'lib-a/2', 'lib-ab', 'lib/1', 'lib.txt', 'li', 'other/lib/1'].map(key)
      await fill(store, keys, signal)
      for (const prefix of [
        'li',
        'lib',
        'lib-',
        'lib-a',
        'lib-a/',
        'lib-a/1',
        'lib/',
        'lib.',
        'o',
        'other/lib',
        'z',
        'lib-a/1/',
        'lib//',
        '../',
        './',
        '.~',
        'lib/../',
      ]) {
        const expected = keys.filter((each) => each.startsWith(key(prefix))).toSorted(compareKeys)
        ensureEqual(await sorted(store.list(key(prefix))), expected, `the keys under ${JSON.stringify(prefix)}`)
      }
    },
  },
  {
    name: 'after is any string, also one that is no key, and also outside of the prefix',
    async run({ store, key, signal }) {
      const keys = ['a/1', 'a/2', 'b', 'b.x', 'c/1/x', 'c/2'].map(key)
      await fill(store, keys, signal)
      for (const after of ['', 'a', 'a/', 'a/1', 'a/1/zzz', 'a/9', 'b', 'b.', 'b0', 'c', 'c/1', 'c/1/', 'c/1/x', 'c/2', 'z']) {
        const expected = keys.filter((each) => compareKeys(each, key(after)) > 0)
        ensureEqual(
          await sorted(store.list(key(''), { after: key(after) })),
          expected.toSorted(compareKeys),
          `after ${JSON.stringify(after)}`,
        )
      }
      ensureEqual(await keysOf(store.list(key('a/'), { after: key('b') })), [], 'after the whole prefix')
      ensureEqual(await sorted(store.list(key('c/'), { after: key('a/1') })), [key('c/1/x'), key('c/2')], 'after a key before the prefix')
    },
  },
  {
    name: 'keys are listed in the order of their UTF-8 bytes, where the store says that its listing is ordered',
    needs: ({ orderedList }) => orderedList,
    async run({ store, prefix, signal, key }: CaseEnv) {
      const names = [
        'a',
        'a-b',
        'a.b',
        'ab',
        'a b',
        'A',
        'Z',
        'b/c',
        'b-c',
        'b.c',
        'b0c',
        'bc/d',
        'é',
        'z',
        '\uff61',
        '\u{10000}',
        '\u{1f600}',
        '~',
        '0',
        '10',
        '9',
      ]
      await fill(store, names.map(key), signal)
      const expected = names.map(key).toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)))
      ensureEqual(await keysOf(store.list(prefix)), expected, 'the order')
    },
  },
]
