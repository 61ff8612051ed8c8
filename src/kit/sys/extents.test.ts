import assert from 'node:assert/strict'
import { closeSync, fstatSync, ftruncateSync, openSync, readFileSync, readSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { isFault } from '../fault.ts'
import { realSys as sys } from './index.ts'

const block = 65_536

describe('extents', () => {
  const directory = scratchDirectory()
  let count = 0
  const opened = (act: (fd: number) => void) => {
    const fd = openSync(path.join(directory, `file-${count++}`), 'w+')
    try {
      act(fd)
    } finally {
      closeSync(fd)
    }
  }

  test('are the ranges with data, and what lies between them is holes', () => {
    opened((fd) => {
      ftruncateSync(fd, 10 * block)
      writeSync(fd, Buffer.alloc(block, 1), 0, block, 2 * block)
      writeSync(fd, Buffer.alloc(2 * block, 1), 0, 2 * block, 5 * block)
      assert.deepEqual(
        [...sys.dataExtents(fd, 10 * block)],
        [
          { offset: 2 * block, length: block },
          { offset: 5 * block, length: 2 * block },
        ],
      )
    })
  })

  test('an empty file and one of a single hole have none; a full one is one', () => {
    opened((fd) => {
      assert.deepEqual([...sys.dataExtents(fd, 0)], [])
      ftruncateSync(fd, 5 * block)
      assert.deepEqual([...sys.dataExtents(fd, 5 * block)], [])
      writeSync(fd, Buffer.alloc(5 * block, 1), 0, 5 * block, 0)
      assert.deepEqual([...sys.dataExtents(fd, 5 * block)], [{ offset: 0, length: 5 * block }])
    })
  })

  test('end at the size asked for, where a file has grown or shrunk since', () => {
    opened((fd) => {
      writeSync(fd, Buffer.alloc(4 * block, 1), 0, 4 * block, 0)
      assert.deepEqual([...sys.dataExtents(fd, block + 1)], [{ offset: 0, length: block + 1 }])
      const walk = sys.dataExtents(fd, 8 * block)
      assert.deepEqual(walk.next().value, { offset: 0, length: 4 * block })
      ftruncateSync(fd, 0)
      assert.ok(walk.next().done)
    })
  })

  test('beyond four gigabytes are found', () => {
    opened((fd) => {
      const far = 5 * 2 ** 40
      writeSync(fd, Buffer.alloc(block, 1), 0, block, far)
      assert.deepEqual([...sys.dataExtents(fd, far + block)], [{ offset: far, length: block }])
    })
  })

  test('a punched hole reads as zeros, gives its space back and leaves the size', () => {
    opened((fd) => {
      writeSync(fd, Buffer.alloc(8 * block, 1), 0, 8 * block, 0)
      const before = fstatSync(fd)
      sys.punchHole(fd, { offset: 2 * block, length: 3 * block })
      const after = fstatSync(fd)
      assert.equal(after.size, before.size)
      assert.ok(after.blocks < before.blocks)
      const middle = Buffer.alloc(3 * block, 9)
      readSync(fd, middle, 0, middle.length, 2 * block)
      assert.ok(middle.every((byte) => byte === 0))
      assert.deepEqual(
        [...sys.dataExtents(fd, 8 * block)],
        [
          { offset: 0, length: 2 * block },
          { offset: 5 * block, length: 3 * block },
        ],
      )
    })
  })

  test('a hole of no length is nothing, and one in a file open for reading is refused', () => {
    opened((fd) => sys.punchHole(fd, { offset: 0, length: 0 }))
    const fd = openSync(path.join(directory, 'file-0'), 'r')
    assert.throws(
      () => sys.punchHole(fd, { offset: 0, length: block }),
      (error) => isFault(error, 'bug'),
    )
    closeSync(fd)
  })
})

describe('a copy inside the kernel', () => {
  const directory = scratchDirectory()
  const at = (name: string) => path.join(directory, name)

  test('puts any range anywhere, and ends with the source', () => {
    const random = seededRandom(testSeed)
    const source = openSync(at('source'), 'w+')
    const bytes = Buffer.from(Array.from({ length: 100_000 }, () => Math.floor(random() * 256)))
    writeSync(source, bytes)
    for (let round = 0; round < 50; round++) {
      const target = openSync(at('target'), 'w+')
      const [from, to, length] = [1.1 * bytes.length, 50_000, 120_000].map((limit) => Math.floor(random() * limit)) as [
        number,
        number,
        number,
      ]
      const copied = sys.copyRange(source, target, { from, to, length })
      const expected = bytes.subarray(from, from + length)
      assert.equal(copied, expected.length, `seed ${testSeed}: from ${from}, length ${length}`)
      if (copied > 0) assert.deepEqual(readFileSync(at('target')).subarray(to), expected)
      closeSync(target)
    }
    closeSync(source)
  })

  test('into a file that is open for reading is refused', () => {
    const [source, target] = [openSync(at('source'), 'r'), openSync(at('target'), 'r')]
    assert.throws(
      () => sys.copyRange(source, target, { from: 0, to: 0, length: 10 }),
      (error) => isFault(error, 'bug'),
    )
    for (const fd of [source, target]) closeSync(fd)
  })
})
