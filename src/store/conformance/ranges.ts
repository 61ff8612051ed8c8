import { bytesOf, bytesFrom, collect } from '../../kit/index.ts'
import { type ConformanceCase, ensure, ensureEqual, ensureFault, randomBytes, read } from './case.ts'

export const rangeCases: readonly ConformanceCase[] = [
  {
    name: 'ranges at random offsets give exactly those bytes, and the facts of the whole object',
    async run({ store, key, random, scale }) {
      const size = 2_500_000
      const content = randomBytes(random, size)
      const put = await store.put(key('x'), bytesOf(content))
      for (let round = 0; round < (scale === 'full' ? 200 : 25); round++) {
        const start = Math.floor(random() * size)
        const end = start + 1 + Math.floor(random() * (size - start))
        const body = await store.get(key('x'), { range: { start, end }, etag: put.etag })
        ensureEqual([body.length, body.info.size, body.info.etag], [end - start, size, put.etag], `the facts of ${start} to ${end}`)
        const got = await collect(body, size)
        ensure(Buffer.compare(got, content.subarray(start, end)) === 0, `the range ${start} to ${end} gave other bytes`)
      }
    },
  },
  {
    name: 'a range without an end, or with one past the end, goes to the end',
    async run({ store, key }) {
      await store.put(key('x'), bytesOf('0123456789'))
      const tail = async (range: { start: number; end?: number }) => Buffer.from(await read(store, key('x'), { range })).toString()
      ensureEqual(await tail({ start: 7 }), '789', 'no end')
      ensureEqual(await tail({ start: 7, end: 1000 }), '789', 'an end past the end')
      ensureEqual(await tail({ start: 9 }), '9', 'the last byte')
      ensureEqual((await store.get(key('x'), { range: { start: 7, end: 1000 } })).length, 3, 'the length of a range that is cut')
    },
  },
  {
    name: 'a range that starts at or past the end, or that is none, is invalid',
    async run({ store, key }) {
      await store.put(key('x'), bytesOf('0123456789'))
      await store.put(key('empty'), bytesOf(''))
      for (const range of [
        { start: 10 },
        { start: 11, end: 20 },
        { start: -1 },
        { start: 5, end: 5 },
        { start: 5, end: 3 },
        { start: 0.5 },
      ]) {
        await ensureFault('invalid', read(store, key('x'), { range }), JSON.stringify(range))
      }
      await ensureFault('invalid', read(store, key('empty'), { range: { start: 0 } }), 'any range of nothing')
      await ensureFault('not-found', read(store, key('missing'), { range: { start: 0, end: 5 } }), 'a range of what is not there')
    },
  },
  {
    name: 'an object of 6 GiB comes back with its marks in place',
    large: true,
    async run({ store, key }) {
      const [gib, piece] = [2 ** 30, 1 << 20]
      const pieces = (6 * gib) / piece
      const marked = new Uint8Array(piece)
      const stamp = (index: number) => {
        new DataView(marked.buffer).setFloat64(0, index)
        return marked
      }
      const body = bytesFrom(async function* () {
        for (let index = 0; index < pieces; index++) yield stamp(index)
      }, 6 * gib)
      const put = await store.put(key('large'), body)
      ensureEqual(put.size, 6 * gib, 'its size')
      for (const index of [0, 5 * 1024 - 1, 5 * 1024, pieces - 1]) {
        const got = await read(store, key('large'), { range: { start: index * piece, end: (index + 1) * piece } })
        ensure(Buffer.compare(got, stamp(index)) === 0, `piece ${index} is not where it was put`)
      }
      if (store.near === undefined) return
      const copied = await store.near.copyFrom(store.near.address(key('large')), key('copy'), { etag: put.etag, size: put.size })
      ensureEqual(copied.size, put.size, 'the size of its copy')
    },
  },
]
