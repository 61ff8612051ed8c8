import { bytesOf, isFault } from '../../kit/index.ts'
import { openReader } from '../derive.ts'
import { type ConformanceCase, ensure, ensureEqual, ensureFault, randomBytes } from './case.ts'

export const readerCases: readonly ConformanceCase[] = [
  {
    name: 'a reader gives many ranges of one version, also at once, and empty ones',
    async run({ store, open, key, random, scale }) {
      const size = 2_500_000
      const content = randomBytes(random, size)
      const put = await store.put(key('deep/x'), bytesOf(content))
      await store.put(key('empty'), bytesOf(''))
      const reader = await openReader(await open(), key('deep/x'), { etag: put.etag })
      ensureEqual([reader.info.key, reader.info.size, reader.info.etag], [key('deep/x'), size, put.etag], 'its facts')
      const ranges = Array.from({ length: scale === 'full' ? 200 : 25 }, () => {
        const start = Math.floor(random() * (size + 1))
        return { start, end: start + Math.floor(random() * (size + 1 - start)) }
      })
      await Promise.all(
        [...ranges, { start: 0, end: size }, { start: size, end: size }].map(async ({ start, end }) => {
          const got = await reader.read(start, end)
          ensure(Buffer.compare(got, content.subarray(start, end)) === 0, `the range ${start} to ${end} gave other bytes`)
        }),
      )
      await reader.close()
      await reader.close()
      const empty = await openReader(store, key('empty'))
      ensureEqual([empty.info.size, (await empty.read(0, 0)).byteLength], [0, 0], 'an empty object')
      await empty.close()
    },
  },
  {
    name: 'a reader of what is not there is not-found, of another version precondition, and outside of the object invalid',
    async run({ store, key }) {
      const old = await store.put(key('x'), bytesOf('old'))
      await store.put(key('x'), bytesOf('newer'))
      await ensureFault('not-found', openReader(store, key('missing/x')), 'a reader of nothing')
      await ensureFault('not-found', openReader(store, key('missing'), { etag: old.etag }), 'a reader of a version of nothing')
      await ensureFault('precondition', openReader(store, key('x'), { etag: old.etag }), 'a reader of a version that is gone')
      await ensureFault('invalid', openReader(store, '../x'), 'a reader of what is no key')
      const reader = await openReader(store, key('x'))
      for (const [start, end] of [
        [0, 6],
        [6, 6],
        [-1, 2],
        [3, 2],
        [0.5, 2],
        [0, Number.NaN],
      ] as const) {
        await ensureFault('invalid', reader.read(start, end), `from ${start} up to ${end}`)
      }
      await reader.close()
    },
  },
  {
    name: 'a reader whose key is overwritten or deleted gives the old bytes or precondition, never new ones',
    async run({ store, open, key, random }) {
      const [old, fresh] = [randomBytes(random, 400_000), randomBytes(random, 400_000)]
      for (const change of ['overwritten', 'deleted'] as const) {
        await store.put(key('x'), bytesOf(old))
        const reader = await openReader(store, key('x'))
        await reader.read(0, 1000)
        const other = await open()
        await (change === 'overwritten' ? other.put(key('x'), bytesOf(fresh)) : other.delete(key('x')))
        const got = await reader.read(1000, 400_000).catch((error: unknown) => {
          ensure(
            isFault(error, 'precondition') || isFault(error, 'not-found'),
            `${change}: expected old bytes or a fault, got ${String(error)}`,
          )
        })
        if (got !== undefined) ensure(Buffer.compare(got, old.subarray(1000)) === 0, `${change}: it gave other bytes than the version's`)
        await reader.close()
      }
    },
  },
  {
    name: 'the signal of a reader ends its opening and its reads',
    async run({ store, key, random }) {
      await store.put(key('x'), bytesOf(randomBytes(random, 100_000)))
      await ensureFault('aborted', openReader(store, key('x'), { signal: AbortSignal.abort() }), 'an opening')
      const controller = new AbortController()
      const reader = await openReader(store, key('x'), { signal: controller.signal })
      await reader.read(0, 100)
      controller.abort()
      await ensureFault('aborted', reader.read(0, 100), 'a read')
      await reader.close()
    },
  },
]
