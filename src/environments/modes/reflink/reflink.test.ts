import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { modePlace } from '../../../../test/fakes/mode-place.ts'
import { describeTree, makeRandomTree, mutateTree } from '../../../../test/fakes/random-tree.ts'
import { scratchDirectory } from '../../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { type Mounted, mountImage } from '../../../../test/services/loop-mount.ts'
import { isFault } from '../../../kit/index.ts'
import { isSubvolume, realSys as sys } from '../../../kit/sys/index.ts'
import { createReflinkMode } from './reflink.ts'

const mode = createReflinkMode()
const random = seededRandom(testSeed)

for (const kind of ['xfs', 'btrfs'] as const) {
  describe(`reflink on ${kind}`, async () => {
    const mounted: Mounted = await mountImage(kind)
    const skip = 'reason' in mounted && mounted.reason
    const inside = 'directory' in mounted ? mounted.directory : ''
    const placeWith = (entries = 80) => {
      const place = modePlace({}, inside)
      makeRandomTree(place.live, random, entries)
      return place
    }

    test('gives back what was kept, again and again, and the snapshot never changes', { skip }, async () => {
      const place = placeWith()
      await mode.check(place)
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      for (let round = 0; round < 6; round++) {
        mutateTree(place.live, random)
        await mode.restore(place, 'clean', { kept })
        assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}, round ${round}`)
        const tree = await mode.open(place, 'clean')
        assert.deepEqual(describeTree(tree.path), clean, `seed ${testSeed}, round ${round}`)
      }
    })

    test('keeps several, and forgets one without the others', { skip }, async () => {
      const place = placeWith(10)
      const first = await mode.create(place, 'first')
      const before = describeTree(place.live)
      writeFileSync(path.join(place.live, 'more'), 'x')
      await mode.create(place, 'second')
      await mode.delete(place, 'second')
      await mode.delete(place, 'second')
      await mode.restore(place, 'first', { kept: first })
      assert.deepEqual(describeTree(place.live), before, `seed ${testSeed}`)
      assert.deepEqual(
        readdirSync(place.snapshotsDir).filter((name) => !name.startsWith('.')),
        ['first'],
      )
    })

    test('makes a live directory that is missing', { skip }, async () => {
      const place = placeWith(10)
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      rmSync(place.live, { recursive: true })
      await mode.check(place)
      await mode.restore(place, 'clean', { kept })
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
    })

    test('touches nothing where the snapshot is gone', { skip }, async () => {
      const place = placeWith(10)
      const kept = await mode.create(place, 'clean')
      await mode.delete(place, 'clean')
      const before = describeTree(place.live)
      await assert.rejects(mode.restore(place, 'clean', { kept }), (error) => isFault(error, 'corrupt'))
      assert.deepEqual(describeTree(place.live), before)
    })

    test('cleans up after a command that was killed before or after the exchange', { skip }, async () => {
      const place = placeWith(10)
      const home = path.join(place.snapshotsDir, '.holdfast')
      mkdirSync(path.join(home, 'build-reflink-1'))
      writeFileSync(path.join(home, 'build-reflink-1', 'half'), 'x')
      if (kind === 'btrfs') {
        sys.createSubvolume(path.join(home, 'build-reflink-2'))
        sys.snapshotSubvolume(path.join(home, 'build-reflink-2'), path.join(home, 'build-reflink-3'), { readOnly: true })
      }
      const { notes } = await mode.recover(place)
      assert.equal(notes.length, kind === 'btrfs' ? 3 : 1)
      assert.deepEqual(
        readdirSync(home).filter((name) => name.startsWith('build-')),
        [],
      )
    })

    test('is kept as it was at one moment while somebody writes', { skip }, async () => {
      const place = placeWith(200)
      const pair = ['written-1', 'written-2'].map((name) => path.join(place.live, name))
      let count = 0
      const write = () => pair.forEach((file) => writeFileSync(file, String(count)))
      write()
      // One change to both, in the middle of the first try.
      setImmediate(() => {
        count++
        write()
      })
      await mode.create(place, 'clean')
      const tree = await mode.open(place, 'clean')
      const [first, second] = ['written-1', 'written-2'].map((name) => readFileSync(path.join(tree.path, name), 'utf8'))
      assert.equal(first, second)
    })

    if (kind === 'btrfs') {
      test('a live subvolume is kept and given back as one, unless others lie in it', { skip }, async () => {
        const place = modePlace({}, inside)
        rmSync(place.live, { recursive: true })
        sys.createSubvolume(place.live)
        makeRandomTree(place.live, random)
        const clean = describeTree(place.live)
        const kept = await mode.create(place, 'clean')
        mutateTree(place.live, random)
        await mode.restore(place, 'clean', { kept })
        assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
        assert.ok(isSubvolume(place.live))
        sys.createSubvolume(path.join(place.live, 'inner'))
        writeFileSync(path.join(place.live, 'inner', 'file'), 'x')
        const other = await mode.create(place, 'other')
        await mode.restore(place, 'clean', { kept })
        assert.ok(!existsSync(path.join(place.live, 'inner')))
        await mode.restore(place, 'other', { kept: other })
        assert.equal(readFileSync(path.join(place.live, 'inner', 'file'), 'utf8'), 'x')
      })
    }
  })
}

describe('reflink where files cannot share their bytes', () => {
  test('says so, and what would help', async (t) => {
    const mounted = await mountImage('old-ext4')
    if ('reason' in mounted) return t.skip(mounted.reason)
    const place = modePlace({}, mounted.directory)
    await assert.rejects(
      mode.check(place),
      (error) => isFault(error, 'unsupported') && /^Reflink mode selected but .*ext4/.test(error.message) && error.hint !== undefined,
    )
    assert.deepEqual(readdirSync(place.live), [])
  })

  test('so it does where live directory and snapshots lie apart', async (t) => {
    const mounted = await mountImage('xfs')
    if ('reason' in mounted) return t.skip(mounted.reason)
    const [here, there] = [modePlace({}, scratchDirectory()), modePlace({}, mounted.directory)]
    const place = { ...there, snapshotsDir: here.snapshotsDir }
    await assert.rejects(mode.check(place), (error) => isFault(error, 'unsupported') && /two file systems/.test(error.message))
  })
})
