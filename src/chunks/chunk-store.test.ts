import assert from 'node:assert/strict'
import { appendFileSync, constants, mkdirSync, openSync, closeSync, symlinkSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { type ChunkDesk, chunkDesk, factsOf, keepTree, randomBytes, readAllOf } from '../../test/fakes/chunk-desk.ts'
import { seededRandom, testSeed } from '../../test/fakes/seeded-random.ts'
import { bytesOf, type Digest, digestOf, Fault, isFault } from '../kit/index.ts'
import { createFileStore, type ObjectStore, readAll } from '../store/index.ts'
import { chunkListOf, ensureStoreFormat, formatKey, openChunkReader, packChunkRefs } from './index.ts'

async function atDesk(work: (desk: ChunkDesk) => Promise<void>, wrap?: (store: ObjectStore) => ObjectStore): Promise<void> {
  const desk = await chunkDesk(wrap)
  try {
    await work(desk)
  } finally {
    await desk.remove()
  }
}

/** Some that compress, some that do not, some small, some alike. */
function contents(random: () => number): Uint8Array[] {
  return [
    new Uint8Array(0),
    Buffer.from('small'),
    Buffer.from('small'),
    randomBytes(5000, random),
    randomBytes(300_000, random),
    new Uint8Array(500_000).fill(7),
    Buffer.concat([randomBytes(200_000, random), Buffer.from('a tail that repeats '.repeat(5000))]),
  ]
}

describe('a session of writing', () => {
  for (const workers of [0, 2]) {
    it(`stores files so that they are read back, with ${workers} threads`, () =>
      atDesk(async ({ open, file, random }) => {
        const chunks = await open({ workers })
        const writer = await chunks.startWriter({ by: 'ann' })
        const many = [
          ...contents(random),
          ...Array.from({ length: 300 }, (_, index) => Buffer.from(`file ${index}`)),
          randomBytes(6 << 20, random),
        ]
        const added = await Promise.all(
          many.map(async (bytes, index) => {
            const { path, expected } = await file(`f${index}`, bytes)
            return await writer.addFile(index % 2 === 0 ? path : Buffer.from(path), expected)
          }),
        )
        const stats = await writer.finish()
        await writer.publish(async () => undefined)
        assert.equal(
          stats.read,
          many.reduce((sum, { length }) => sum + length, 0),
        )
        assert.ok(stats.stored > 6 << 20 && stats.stored < stats.added, `stored ${stats.stored} of ${stats.added}`)
        const again = await open({ workers })
        for (const [index, { chunks: list, changedWhileRead, stat }] of added.entries()) {
          assert.equal(changedWhileRead, false)
          assert.equal(stat.size, many[index]!.length)
          const ids = Array.from(list, ({ id }) => id)
          assert.ok((await readAllOf(again, ids)).equals(many[index]!), `file ${index}, seed ${testSeed}`)
          assert.ok(ids.every((id) => again.has(id)))
        }
        await Promise.all([chunks.close(), again.close()])
      }))
  }

  it('stores what is known only once, whoever brought it', () =>
    atDesk(async ({ open, file, random }) => {
      const bytes = randomBytes(400_000, random)
      const chunks = await open()
      const { path, expected } = await file('f', bytes)
      const write = async () => {
        const writer = await chunks.startWriter({ by: 'ann' })
        const [one, two] = await Promise.all([writer.addFile(path, expected), writer.addFile(path, expected)])
        assert.deepEqual(one.chunks.packed, two.chunks.packed)
        const stats = await writer.finish()
        assert.ok(writer.has(one.chunks.at(0).id))
        await writer.publish(async () => undefined)
        return stats
      }
      const first = await write()
      assert.equal(first.added, 400_000)
      assert.equal(first.packs, 1)
      assert.deepEqual([(await write()).stored, (await write()).chunks.added], [0, 0])
    }))

  it('gives a small session one pack and one index, with files and nodes together', () =>
    atDesk(async ({ open, file, store }) => {
      const chunks = await open()
      const writer = await chunks.startWriter({ by: 'ann' })
      const { path, expected } = await file('f', 'content')
      await writer.addFile(path, expected)
      await writer.addBytes(Buffer.from('node'), 'node')
      await writer.finish()
      await writer.publish(async () => undefined)
      const keys = (await Array.fromAsync(store.list(''))).map(({ key }) => key.split('/')[0])
      assert.deepEqual(keys, [formatKey, 'index', 'packs'])
    }))

  it('reads a large file in segments, and finds the chunks that one reader would', () =>
    atDesk(async ({ file, random }) => {
      const half = Buffer.from(randomBytes(20 << 20, random))
      // Zeros over a border of segments: there the cuts never fall into step by themselves.
      const { path, expected } = await file('large', Buffer.concat([half, Buffer.alloc(20 << 20), half, Buffer.alloc(17 << 20), half]))
      const listOf = async (workers: number) => {
        const desk = await chunkDesk()
        const chunks = await desk.open({ workers })
        const writer = await chunks.startWriter({ by: 'ann' })
        const { chunks: list } = await writer.addFile(path, expected)
        await writer.abort()
        await desk.remove()
        return Buffer.from(list.packed)
      }
      const alone = await listOf(1)
      assert.ok((await listOf(2)).equals(alone), `seed ${testSeed}`)
      assert.equal(
        Array.from(chunkListOf(alone)).reduce((sum, { length }) => sum + length, 0),
        expected.size,
      )
    }))

  it('reads only the extents of a sparse file', () =>
    atDesk(async ({ open, folder, random }) => {
      const name = path.join(folder, 'sparse')
      const data = randomBytes(100_000, random)
      const fd = openSync(name, constants.O_CREAT | constants.O_WRONLY)
      writeSync(fd, data, 0, 60_000, 0)
      writeSync(fd, data, 60_000, 40_000, 1 << 30)
      closeSync(fd)
      const chunks = await open()
      const writer = await chunks.startWriter({ by: 'ann' })
      const extents = [
        { start: 0, end: 60_000 },
        { start: 1 << 30, end: (1 << 30) + 40_000 },
      ]
      const { chunks: list } = await writer.addFile(name, factsOf(name), { extents })
      await writer.finish()
      assert.ok(
        (
          await readAllOf(
            chunks,
            Array.from(list, ({ id }) => id),
          )
        ).equals(data),
      )
      await writer.abort()
    }))

  it('reports what a file has become since it was looked at, and one that never holds still', () =>
    atDesk(async ({ open, file }) => {
      const chunks = await open()
      const writer = await chunks.startWriter({ by: 'ann' })
      const { path, expected } = await file('f', 'old')
      writeFileSync(path, 'newer')
      const changed = await writer.addFile(path, expected)
      assert.deepEqual([changed.stat, changed.changedWhileRead], [factsOf(path), false])
      await writer.abort()

      const threaded = await open({ workers: 1 })
      const other = await threaded.startWriter({ by: 'ann' })
      const restless = await file('restless', new Uint8Array(24 << 20))
      const fd = openSync(restless.path, constants.O_WRONLY)
      let isRead = false
      const change = () => {
        writeSync(fd, 'x', 0)
        if (isRead) closeSync(fd)
        else setImmediate(change)
      }
      change()
      const found = await other.addFile(restless.path, restless.expected).finally(() => (isRead = true))
      assert.deepEqual([found.changedWhileRead, found.stat.size], [true, 24 << 20])
      await other.abort()
    }))

  it('goes on where single files cannot be read, and says why', () =>
    atDesk(async ({ open, folder, file }) => {
      const chunks = await open()
      const writer = await chunks.startWriter({ by: 'ann' })
      const { path: good, expected } = await file('good', 'content')
      symlinkSync(good, path.join(folder, 'link'))
      mkdirSync(path.join(folder, 'directory'))
      const codes = await Promise.all(
        ['missing', 'link', 'directory'].map((name) =>
          writer.addFile(path.join(folder, name), expected).then(
            () => 'read',
            (error: unknown) => (isFault(error) ? error.code : 'unknown'),
          ),
        ),
      )
      assert.deepEqual(codes, ['not-found', 'invalid', 'invalid'])
      assert.equal((await writer.addFile(good, expected)).chunks.length, 1)
      await writer.finish()
      await writer.abort()
    }))

  it('that is aborted leaves no lease, and what it stored is found by the next one', () =>
    atDesk(async ({ open, store, random }) => {
      const chunks = await open()
      const bytes = randomBytes(3 << 20, random)
      const controller = new AbortController()
      const writer = await chunks.startWriter({ by: 'ann', signal: controller.signal })
      const pieces = Array.from({ length: 12 }, (_, index) => bytes.map((byte) => byte ^ index))
      for (const piece of pieces) await writer.addBytes(piece, 'chunk')
      controller.abort()
      await assert.rejects(writer.addBytes(Buffer.from('more'), 'chunk'), (error) => isFault(error, 'aborted'))
      await assert.rejects(writer.finish(), (error) => isFault(error, 'aborted'))
      await writer.abort()
      await writer.abort()
      assert.deepEqual(await Array.fromAsync(store.list('leases/')), [])
      const next = await chunks.startWriter({ by: 'ann' })
      await next.abort()
    }))

  it('refuses to be misused', () =>
    atDesk(async ({ open }) => {
      const chunks = await open()
      const writer = await chunks.startWriter({ by: 'ann' })
      await assert.rejects(chunks.startWriter({ by: 'bob' }), (error) => isFault(error, 'bug'))
      await assert.rejects(
        writer.publish(async () => undefined),
        (error) => isFault(error, 'bug'),
      )
      await assert.rejects(writer.addBytes(new Uint8Array(0), 'chunk'), (error) => isFault(error, 'invalid'))
      await assert.rejects(writer.addBytes(new Uint8Array((4 << 20) + 1), 'chunk'), (error) => isFault(error, 'invalid'))
      await writer.finish()
      await assert.rejects(writer.addBytes(Buffer.from('late'), 'chunk'), (error) => isFault(error, 'bug'))
      await writer.abort()
    }))

  it('of whose store a put fails, fails as a whole and does not hang', () =>
    atDesk(
      async ({ open, file, random }) => {
        for (const workers of [0, 1]) {
          const chunks = await open({ workers })
          const writer = await chunks.startWriter({ by: 'ann' })
          const { path, expected } = await file('f', randomBytes(20 << 20, random))
          const outcome = await writer
            .addFile(path, expected)
            .then(() => writer.finish())
            .then(
              () => 'stored',
              (error: unknown) => (isFault(error) ? error.code : 'unknown'),
            )
          assert.equal(outcome, 'unavailable')
          await assert.rejects(writer.finish())
          await writer.abort()
        }
      },
      (store) => ({
        ...store,
        put: async (key, ...rest) => {
          if (key.startsWith('packs/')) throw new Fault('unavailable', 'the disk is full')
          return await store.put(key, ...rest)
        },
      }),
    ))
})

describe('reading', () => {
  it('many chunks together takes few requests', () =>
    atDesk(async ({ open, store, random }) => {
      const chunks = await open()
      const pieces = Array.from({ length: 200 }, () => randomBytes(20_000, random))
      const { ids } = await keepTree(chunks, 'a', pieces)
      let gets = 0
      const counting = { ...store, get: (...args: Parameters<ObjectStore['get']>) => (gets++, store.get(...args)) }
      const fresh = await openChunkReader(counting)
      gets = 0
      assert.ok((await readAllOf(fresh, ids)).equals(Buffer.concat(pieces)))
      assert.ok(gets <= 3, `${gets} requests`)
      gets = 0
      const shuffled = ids.toSorted()
      for await (const { id, bytes } of fresh.readMany(shuffled)) assert.equal(digestOf(bytes), id)
      assert.ok(gets <= 3, `${gets} requests for chunks in any order`)
    }))

  it('what others have written since is found, and what nobody has is said to be missing', () =>
    atDesk(async ({ open }) => {
      const [one, two] = [await open(), await open()]
      const { ids } = await keepTree(one, 'a', [Buffer.from('content')])
      assert.equal(two.has(ids[0]!), false)
      assert.equal(Buffer.from(await two.read(ids[0]!)).toString(), 'content')
      assert.ok(two.has(ids[0]!))
      assert.deepEqual(two.locate(ids[0]!)?.length, 7)
      assert.equal(two.locate(digestOf('absent')), undefined)
      await assert.rejects(two.read(digestOf('absent')), (error) => isFault(error, 'not-found'))
    }))

  it('takes another copy where one is damaged, and else says which pack is', () =>
    atDesk(async ({ open, store }) => {
      const bytes = Buffer.from('content '.repeat(100))
      const [one, two] = [await open(), await open()]
      // Neither knows of the other: both store it.
      const writers = [await one.startWriter({ by: 'one' }), await two.startWriter({ by: 'two' })]
      let id: Digest = digestOf('')
      for (const writer of writers) id = await writer.addBytes(bytes, 'chunk')
      for (const writer of writers) {
        await writer.finish()
        await writer.publish(async () => undefined)
      }
      const [first, second] = (await Array.fromAsync(store.list('packs/'))).map(({ key }) => key)
      const flip = async (key: string) => {
        const { bytes: pack } = await readAll(store, key, { limit: 1 << 20 })
        pack[40]! ^= 1
        await store.put(key, bytesOf(pack))
      }
      await flip(first!)
      assert.ok(bytes.equals(await (await open()).read(id)))
      await store.delete(second!)
      await assert.rejects((await open()).read(id), (error) => isFault(error, 'corrupt') && /packs\//.test(error.at ?? ''))
    }))
})

describe('a store of chunks', () => {
  it('is made with its parameters, and keeps them', () =>
    atDesk(async ({ open, store, clock, random }) => {
      const chunks = await open({ parameters: { ...(await open()).parameters, compression: { algorithm: 'zstd', level: 3 } } })
      assert.equal(chunks.parameters.compression.level, 1)
      assert.equal((await ensureStoreFormat(store, { now: clock.now(), random })).format.id, chunks.id)
    }))

  it('gets its parameters where there was a store without them; of eight who fix them one is first', () =>
    atDesk(async ({ open, store, clock, random }) => {
      const { format } = await ensureStoreFormat(store, { now: clock.now(), random })
      const opened = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          open({
            parameters: {
              chunking: { algorithm: 'fastcdc-gear32/1', min: 64 << index, average: 256 << index, max: 1024 << index },
              compression: { algorithm: 'zstd', level: 1 },
            },
          }),
        ),
      )
      assert.deepEqual([...new Set(opened.map(({ id }) => id))], [format.id])
      assert.equal(new Set(opened.map(({ parameters }) => JSON.stringify(parameters))).size, 1)
    }))

  it('that cuts in an unknown way, or is newer, is refused in plain words', () =>
    atDesk(async ({ open, store }) => {
      const { id, parameters } = await open()
      const { bytes } = await readAll(store, formatKey, { limit: 1 << 16 })
      const record = JSON.parse(Buffer.from(bytes).toString()) as Record<string, unknown>
      const wrong = [
        { chunking: { ...parameters.chunking, algorithm: 'rabin' } },
        { chunking: { ...parameters.chunking, average: 10_000 } },
        { chunking: { ...parameters.chunking, max: 100 << 20 } },
        { compression: { algorithm: 'lz4', level: 1 } },
        { format: 'holdfast-store/2' },
      ]
      for (const change of wrong) {
        await store.put(formatKey, bytesOf(JSON.stringify({ ...record, ...change })))
        await assert.rejects(open(), (error) => isFault(error, 'unsupported'), JSON.stringify(change))
        await assert.rejects(openChunkReader(store), (error) => isFault(error, 'unsupported'), JSON.stringify(change))
      }
      assert.equal(id.length, 32)
    }))

  it('is not made by reading from it', () =>
    atDesk(async ({ store }) => {
      const reader = await openChunkReader(store)
      assert.equal(reader.has(digestOf('x')), false)
      assert.deepEqual(await Array.fromAsync(store.list('')), [])
    }))

  it('works on a folder', () =>
    atDesk(async ({ open, folder }) => {
      const store = createFileStore({ root: path.join(folder, 'store') })
      const { ids } = await keepTree(await open({}, store), 'a', [Buffer.from('content')])
      assert.equal(Buffer.from(await (await open({}, store)).read(ids[0]!)).toString(), 'content')
      appendFileSync(path.join(folder, 'store', 'index', 'README'), 'somebody was here')
      assert.ok((await open({}, store)).has(ids[0]!))
    }))
})

describe('a list of chunks', () => {
  it('is packed in 36 bytes each', () => {
    const random = seededRandom(testSeed)
    const refs = Array.from({ length: 100 }, (_, index) => ({ id: digestOf(String(index)), length: Math.floor(random() * 2 ** 32) }))
    const list = chunkListOf(packChunkRefs(refs))
    assert.deepEqual([...list], refs)
    assert.deepEqual([list.length, list.packed.length, list.at(7)], [100, 3600, refs[7]])
    assert.throws(
      () => chunkListOf(new Uint8Array(35)),
      (error) => isFault(error, 'corrupt'),
    )
  })
})
