import { bytesOf, compareKeys } from '../../kit/index.ts'
import { type ConformanceCase, ensureAbsent, ensureEqual, ensureFault, ensureHolds, keysOf, read, text } from './case.ts'

const odd = [
  'with space',
  ' leading and trailing ',
  'a+b',
  'a b',
  'a%b',
  'a%2Fb',
  'a%20b',
  '%',
  'a#b',
  'a?b',
  'a&b=c',
  'a;b:c,d',
  'a\\b',
  "quote'd",
  '"quoted"',
  '<xml>&amp;',
  '(paren)[bracket]{brace}',
  '$HOME~`!@^*|',
  '...',
  '.hidden',
  '-dash',
  'Ünïcödé',
  'caf\u00e9',
  'cafe\u0301',
  '日本語/キー',
  '😀/🧪',
  '\uff61',
  '\u00a0nbsp',
  'CASE',
  'case',
  'trailing.',
  'nested/deep/er/and/deep/er/still',
]

const broken = [
  '',
  '/absolute',
  'trailing/',
  'double//slash',
  '.',
  '..',
  '../up',
  'a/../b',
  'a/./b',
  'a/..',
  '.~tmp',
  'a/.~gen-b',
  'nul\u0000',
  'line\nbreak',
  'del\u007f',
  'lone\ud800',
  `${'s'.repeat(256)}/x`,
  'long/'.repeat(300) + 'x',
]

/** A key of exactly `size` bytes that begins with the prefix. */
function longKey(prefix: string, size: number, filler: string): string {
  let key = prefix
  while (Buffer.byteLength(key) < size) {
    const room = size - Buffer.byteLength(key)
    const unit = Buffer.byteLength(filler)
    const fits = Math.min(200, room)
    key += filler.repeat(Math.floor(fits / unit)).padEnd(Math.floor(fits / unit) + (fits % unit), 'x')
    if (size - Buffer.byteLength(key) > 1) key += '/'
  }
  return key
}

export const keyCases: readonly ConformanceCase[] = [
  {
    name: 'odd keys are kept apart and come back as they were written',
    async run({ store, open, prefix, key }) {
      const keys = [...odd.map((name) => key(`odd/${name}`)), longKey(key('long/'), 900, 'k'), longKey(key('wide/'), 900, 'é')]
      for (const each of keys) await store.put(each, bytesOf(each))
      const other = await open()
      for (const each of keys) await ensureHolds(other, each, text(each))
      ensureEqual((await keysOf(other.list(prefix))).toSorted(compareKeys), keys.toSorted(compareKeys), 'the listing')
      for (const each of keys)
        ensureEqual((await keysOf(other.list(each))).toSorted(compareKeys), expectedUnder(each, keys), `the listing of ${each}`)
      for (const each of keys) await store.delete(each)
      for (const each of keys) await ensureAbsent(other, each)
    },
  },
  {
    name: 'keys that break the rules are invalid in every verb',
    async run({ store, key }) {
      await store.put(key('source'), bytesOf('x'))
      for (const bad of broken) {
        const what = (verb: string) => `${verb} of ${JSON.stringify(bad.slice(0, 40))}`
        await ensureFault('invalid', store.put(bad, bytesOf('x')), what('put'))
        await ensureFault('invalid', store.put(bad, bytesOf('x'), { if: 'absent' }), what('put if absent'))
        await ensureFault('invalid', store.head(bad), what('head'))
        await ensureFault('invalid', read(store, bad), what('get'))
        await ensureFault('invalid', store.delete(bad), what('delete'))
        if (store.near !== undefined) {
          await ensureFault('invalid', store.near.copyFrom(store.near.address(key('source')), bad), what('copy'))
        }
      }
    },
  },
  {
    name: 'a key and keys below it live side by side',
    needs: ({ nestedKeys }) => nestedKeys,
    async run({ store, key, prefix }) {
      const keys = [key('a'), key('a/b'), key('a/b/c')]
      for (const each of keys) await store.put(each, bytesOf(each))
      for (const each of keys) await ensureHolds(store, each, text(each))
      ensureEqual(await keysOf(store.list(prefix)), keys, 'the listing')
      await store.delete(key('a'))
      await ensureHolds(store, key('a/b'), text(key('a/b')))
    },
  },
  {
    name: 'a key below or above another is refused, and says so',
    needs: ({ nestedKeys }) => !nestedKeys,
    async run({ store, key }) {
      await store.put(key('a/b'), bytesOf('b'))
      await ensureFault('invalid', store.put(key('a'), bytesOf('a')), 'put above a key')
      await ensureFault('invalid', store.put(key('a'), bytesOf('a'), { if: 'absent' }), 'put if absent above a key')
      await ensureFault('invalid', store.put(key('a/b/c'), bytesOf('c')), 'put below a key')
      await ensureFault('invalid', store.put(key('a/b/c/d'), bytesOf('d'), { if: 'absent' }), 'put if absent below a key')
      await ensureAbsent(store, key('a'))
      await ensureAbsent(store, key('a/b/c'))
      await ensureHolds(store, key('a/b'), text('b'))
      await store.delete(key('a'))
      await store.delete(key('a/b/c'))
      await ensureHolds(store, key('a/b'), text('b'))
    },
  },
]

function expectedUnder(prefix: string, keys: readonly string[]): string[] {
  return keys.filter((key) => key.startsWith(prefix)).toSorted(compareKeys)
}
