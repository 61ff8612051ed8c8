import assert from 'node:assert/strict'
import { closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { chunkDesk, type ChunkDesk, keepTree, randomBytes } from '../../../test/fakes/chunk-desk.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { bytesOf, collect, type Digest, digestOf, isFault } from '../../kit/index.ts'
import type { ChunkReader } from '../chunk-store.ts'
import type { Placement } from './place.ts'

const random = seededRandom(testSeed)

async function atDesk(work: (desk: ChunkDesk) => Promise<void>): Promise<void> {
  const desk = await chunkDesk()
  try {
    await work(desk)
  } finally {
    await desk.remove()
  }
}

/** Contents in a store, and what a file of all of them in another order is made of. */
async function scene(desk: ChunkDesk, contents: readonly Uint8Array[], workers = 0) {
  await keepTree(await desk.open(), 'tree', contents)
  const chunks = await desk.open({ workers })
  const shuffled = contents.toSorted(() => random() - 0.5)
  const file = path.join(desk.folder, 'file')
  writeFileSync(file, '')
  let offset = 0
  const parts = shuffled.map((bytes) => {
    const part = { id: digestOf(bytes), length: bytes.byteLength, offset }
    offset += bytes.byteLength
    return part
  })
  return { chunks, parts, file, whole: Buffer.concat(shuffled) }
}

async function placeAll(
  chunks: ChunkReader,
  file: string,
  parts: readonly Omit<Placement, 'fd' | 'onlyDifferences'>[],
  onlyDifferences = false,
) {
  const fd = openSync(file, 'r+')
  const failed: { id: Digest; error: unknown }[] = []
  let written = 0
  let done = 0
  try {
    for await (const placed of chunks.place(parts.map((part) => ({ ...part, fd, onlyDifferences })))) {
      done += placed.done.length
      written += placed.written
      failed.push(...placed.failed.map(({ placement: { id }, error }) => ({ id, error })))
    }
    const differing = await chunks.compare(fd, parts)
    return { done, written, failed, differing: differing.map(({ id }) => id) }
  } finally {
    closeSync(fd)
  }
}

const manyContents = (count: number, most: number) =>
  Array.from({ length: count }, () => randomBytes(1 + Math.floor(random() * most), random))

describe('placing chunks', () => {
  it('gives a file its bytes, here or in threads', () =>
    atDesk(async (desk) => {
      for (const workers of [0, 2]) {
        const { chunks, parts, file, whole } = await scene(
          desk,
          [...manyContents(workers === 0 ? 30 : 300, 300_000), Buffer.alloc(100_000, 'text ')],
          workers,
        )
        const { done, written, failed, differing } = await placeAll(chunks, file, [...parts, ...parts.slice(0, 20)])
        await chunks.close()
        assert.deepEqual([failed, differing], [[], []], `seed ${testSeed}`)
        assert.equal(done, parts.length + 20)
        assert.ok(written >= whole.byteLength)
        assert.ok(readFileSync(file).equals(whole), `seed ${testSeed}`)
      }
    }))

  it('writes only the blocks of 4 KiB that differ, where that is asked for', () =>
    atDesk(async (desk) => {
      const { chunks, parts, file, whole } = await scene(desk, manyContents(20, 100_000))
      writeFileSync(file, whole)
      assert.equal((await placeAll(chunks, file, parts, true)).written, 0)
      const places = [0, 5000, Math.floor(whole.byteLength / 2), whole.byteLength - 1]
      const fd = openSync(file, 'r+')
      for (const at of places) writeSync(fd, Buffer.from([whole[at]! ^ 1]), 0, 1, at)
      const before = await chunks.compare(fd, parts)
      closeSync(fd)
      assert.ok(before.length > 0 && before.length <= places.length)
      const { written, differing } = await placeAll(chunks, file, before, true)
      assert.ok(written > 0 && written <= places.length * 4096, String(written))
      assert.deepEqual(differing, [])
      assert.ok(readFileSync(file).equals(whole), `seed ${testSeed}`)
    }))

  it('tells which chunks are damaged, missing or of another length, and places the others', () =>
    atDesk(async (desk) => {
      const { parts, file, whole } = await scene(desk, manyContents(30, 60_000))
      const chunks = await desk.open()
      const [bad, wrong] = [parts[3]!, parts[7]!]
      const { pack, blockOffset, offset } = chunks.locate(bad.id)!
      const key = `packs/${pack.slice(7, 9)}/${pack.slice(7)}`
      const bytes = await collect(await desk.store.get(key), 1 << 30)
      bytes[blockOffset + offset]! ^= 1
      await desk.store.delete(key)
      await desk.store.put(key, bytesOf(bytes))
      const missing = { id: digestOf('nowhere'), length: 10, offset: whole.byteLength }
      const asked = parts.map((part) => (part === wrong ? { ...part, length: part.length - 1 } : part))
      const { done, failed } = await placeAll(chunks, file, [...asked, missing])
      assert.deepEqual(
        new Map(failed.map(({ id, error }) => [id, isFault(error) && error.code])),
        new Map([
          [missing.id, 'not-found'],
          [wrong.id, 'corrupt'],
          [bad.id, 'corrupt'],
        ]),
        `seed ${testSeed}`,
      )
      assert.equal(done, parts.length - 2)
      const placed = readFileSync(file)
      for (const { offset: at, length } of parts.filter((part) => part !== bad && part !== wrong)) {
        assert.ok(placed.subarray(at, at + length).equals(whole.subarray(at, at + length)), `seed ${testSeed}`)
      }
    }))

  it('tells what the disk refuses', () =>
    atDesk(async (desk) => {
      const { chunks, parts, file } = await scene(desk, manyContents(5, 60_000))
      const fd = openSync(file, 'r')
      const failed = []
      for await (const placed of chunks.place(parts.map((part) => ({ ...part, fd, onlyDifferences: false })))) failed.push(...placed.failed)
      closeSync(fd)
      assert.deepEqual(
        failed.map(({ error }) => (error as NodeJS.ErrnoException).code),
        parts.map(() => 'EBADF'),
      )
    }))
})
