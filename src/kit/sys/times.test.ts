import assert from 'node:assert/strict'
import { closeSync, lstatSync, mkdirSync, openSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { realSys as sys } from './index.ts'

describe('times', () => {
  const directory = scratchDirectory()
  const file = path.join(directory, 'file')
  writeFileSync(file, '')
  const timesOf = (at: string) => {
    const { atimeNs, mtimeNs } = lstatSync(at, { bigint: true })
    return { accessedNs: atimeNs, modifiedNs: mtimeNs }
  }

  test('are kept to the nanosecond, before 1970 and after 2038', () => {
    const [from, to] = [BigInt(Date.UTC(1902, 0)) * 1_000_000n, BigInt(Date.UTC(2440, 0)) * 1_000_000n]
    const time = fc.bigInt(from, to)
    fc.assert(
      fc.property(time, time, (accessedNs, modifiedNs) => {
        sys.setTimes(file, { accessedNs, modifiedNs })
        assert.deepEqual(timesOf(file), { accessedNs, modifiedNs })
      }),
      {
        numRuns: 300,
        examples: [
          [-1n, 0n],
          [-1_000_000_000n, -999_999_999n],
          [999_999_999n, 1_000_000_000n],
        ],
      },
    )
  })

  test('one that is left out stays', () => {
    sys.setTimes(file, { accessedNs: 1n, modifiedNs: 2n })
    sys.setTimes(file, { modifiedNs: 3n })
    assert.deepEqual(timesOf(file), { accessedNs: 1n, modifiedNs: 3n })
    sys.setTimes(file, { accessedNs: 4n })
    assert.deepEqual(timesOf(file), { accessedNs: 4n, modifiedNs: 3n })
  })

  test("a link's are its own, also where it leads nowhere", () => {
    const link = path.join(directory, 'link')
    symlinkSync('file', link)
    symlinkSync('nowhere', path.join(directory, 'dangling'))
    sys.setTimes(file, { modifiedNs: 7n })
    sys.setTimes(link, { modifiedNs: 8n })
    sys.setTimes(path.join(directory, 'dangling'), { modifiedNs: 9n })
    assert.equal(timesOf(link).modifiedNs, 8n)
    assert.equal(timesOf(path.join(directory, 'dangling')).modifiedNs, 9n)
    assert.equal(statSync(link, { bigint: true }).mtimeNs, 7n)
  })

  test('an open file and a directory have theirs set too', () => {
    const fd = openSync(file, 'r')
    sys.setTimes(fd, { modifiedNs: 11n })
    closeSync(fd)
    assert.equal(timesOf(file).modifiedNs, 11n)
    mkdirSync(path.join(directory, 'sub'))
    sys.setTimes(path.join(directory, 'sub'), { modifiedNs: 12n })
    assert.equal(timesOf(path.join(directory, 'sub')).modifiedNs, 12n)
  })
})
