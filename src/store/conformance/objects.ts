import { bytesOf, collect, digestOf } from '../../kit/index.ts'
import {
  type ConformanceCase,
  ensure,
  ensureAbsent,
  ensureEqual,
  ensureFault,
  ensureHolds,
  keysOf,
  oneShot,
  randomBytes,
  read,
  text,
} from './case.ts'

const mib = 1 << 20

export const objectCases: readonly ConformanceCase[] = [
  {
    name: 'what was put is there: for head, get and list, and from another handle',
    async run({ store, open, key, random, prefix }) {
      const content = randomBytes(random, 70_000)
      const put = await store.put(key('one'), bytesOf(content))
      const seen = await ensureHolds(await open(), key('one'), content)
      ensureEqual([put.key, put.size, put.etag], [seen.key, seen.size, seen.etag], 'what put answered')
      ensure(Number.isFinite(seen.modified) && seen.modified > 0, `modified is ${seen.modified}`)
      for await (const listed of store.list(prefix)) {
        ensureEqual([listed.key, listed.size, listed.etag], [seen.key, seen.size, seen.etag], 'what list shows')
      }
      ensureEqual(await keysOf(store.list(prefix)), [key('one')], 'the listing')
    },
  },
  {
    name: 'an object of zero bytes is an object',
    async run({ store, key, random }) {
      await store.put(key('empty'), bytesOf(''))
      await ensureHolds(store, key('empty'), text(''))
      await store.put(key('empty-one-shot'), oneShot(text(''), random), { digest: digestOf('') })
      await ensureHolds(store, key('empty-one-shot'), text(''))
    },
  },
  {
    name: 'a put over an object replaces it whole, and the etag changes',
    async run({ store, open, key }) {
      const first = await store.put(key('x'), bytesOf('first content, longer than the next'))
      const second = await store.put(key('x'), bytesOf('second'))
      const third = await store.put(key('x'), bytesOf('third.'))
      ensureEqual(new Set([first.etag, second.etag, third.etag]).size, 3, 'different etags')
      await ensureHolds(await open(), key('x'), text('third.'))
    },
  },
  {
    name: 'a deleted object is gone, and deleting what is not there succeeds',
    async run({ store, open, key }) {
      await store.put(key('deep/er/x'), bytesOf('x'))
      await store.delete(key('deep/er/x'))
      await ensureAbsent(await open(), key('deep/er/x'))
      await store.delete(key('deep/er/x'))
      await store.delete(key('never/was'))
      await store.put(key('deep/er/x'), bytesOf('again'))
      await ensureHolds(store, key('deep/er/x'), text('again'))
    },
  },
  {
    name: 'what is not there is undefined for head and not-found for get',
    async run({ store, key }) {
      await ensureAbsent(store, key('missing'))
      await ensureAbsent(store, key('missing/deeper'))
      await store.put(key('there/x'), bytesOf('x'))
      await ensureAbsent(store, key('there'))
      await ensureAbsent(store, key('there/x2'))
    },
  },
  {
    name: 'a body can be read again from its first byte, also after it was left half way',
    async run({ store, key, random }) {
      const content = randomBytes(random, 3 * mib + 17)
      await store.put(key('x'), bytesOf(content))
      const body = await store.get(key('x'))
      ensure(body.rewindable, 'the body says that it cannot be rewound')
      for await (const piece of body) {
        ensure(piece.byteLength > 0, 'an empty piece')
        break
      }
      const [one, two] = [await collect(body, 4 * mib), await collect(body, 4 * mib)]
      ensure(Buffer.compare(one, content) === 0 && Buffer.compare(two, content) === 0, 'a second reading gave other bytes')
    },
  },
  {
    name: 'a get with an etag gives that version or fails with precondition',
    async run({ store, key }) {
      const old = await store.put(key('x'), bytesOf('old'))
      ensureEqual(await read(store, key('x'), { etag: old.etag }), text('old'), 'the pinned version')
      await store.put(key('x'), bytesOf('new'))
      await ensureFault('precondition', read(store, key('x'), { etag: old.etag }), 'get with a stale etag')
      await ensureFault('not-found', read(store, key('y'), { etag: old.etag }), 'get of a missing key with an etag')
    },
  },
  {
    name: 'objects around the usual part boundaries come back byte for byte, whether or not their length was stated',
    async run({ store, key, random, scale }) {
      const boundaries = scale === 'full' ? [5 * mib, 8 * mib, 16 * mib, 32 * mib] : [5 * mib, 8 * mib]
      for (const size of boundaries.flatMap((boundary) => [boundary - 1, boundary, boundary + 1])) {
        const content = randomBytes(random, size)
        await store.put(key('sized'), bytesOf(content), { digest: digestOf(content) })
        await ensureHolds(store, key('sized'), content)
        await store.put(key('streamed'), oneShot(content, random), { digest: digestOf(content) })
        await ensureHolds(store, key('streamed'), content)
      }
    },
  },
  {
    name: 'content type and cache control are kept',
    needs: ({ metadata }) => metadata,
    async run({ store, key }) {
      const facts = { contentType: 'text/html; charset=utf-8', cacheControl: 'no-cache' }
      await store.put(key('page'), bytesOf('<p>'), facts)
      const head = await store.head(key('page'))
      const { info } = await store.get(key('page'))
      ensureEqual([head?.contentType, head?.cacheControl], Object.values(facts), 'head')
      ensureEqual([info.contentType, info.cacheControl], Object.values(facts), 'get')
      await store.put(key('page'), bytesOf('plain'), { contentType: 'text/plain' })
      const replaced = await store.head(key('page'))
      ensureEqual([replaced?.contentType, replaced?.cacheControl ?? ''], ['text/plain', ''], 'head after another put')
    },
  },
]
