import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { modePlace } from '../../../../test/fakes/mode-place.ts'
import { needsRoot } from '../../../../test/fakes/nobody.ts'
import { describeTree, makeRandomTree, mutateTree } from '../../../../test/fakes/random-tree.ts'
import { scratchForMounts } from '../../../../test/fakes/scratch-mounts.ts'
import { scratchDirectory } from '../../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { ensureDebianPackages } from '../../../../test/services/install.ts'
import { isFault, type Progress } from '../../../kit/index.ts'
import { mountsAt, realSys as sys } from '../../../kit/sys/index.ts'
import { layoutOf } from '../../names.ts'
import { createVolumeMode } from './volume.ts'

const mode = createVolumeMode()
const random = seededRandom(testSeed)

for (const [kind, name] of [
  ['btrfs', 'btrfs-progs'],
  ['xfs', 'xfsprogs'],
] as const) {
  describe(`a volume of ${kind}`, async () => {
    const scratch = scratchForMounts()
    const skip = needsRoot || (await reasonWithout(name))
    const placeWith = (entries = 60, size?: number) => {
      const place = modePlace({ volume: { fileSystem: kind, size } }, scratch)
      makeRandomTree(place.live, random, entries)
      return place
    }
    const unmountAll = (place: ReturnType<typeof modePlace>) => {
      for (const at of [place.live, layoutOf(place.snapshotsDir).volume]) while (mountsAt(at).length > 0) sys.detachMount(at)
    }

    test('gives back what was kept, again and again, and the snapshot never changes', { skip }, async () => {
      const place = placeWith()
      await mode.check(place)
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
      for (let round = 0; round < 5; round++) {
        mutateTree(place.live, random)
        await mode.restore(place, 'clean', { kept })
        assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}, round ${round}`)
        const tree = await mode.open(place, 'clean')
        assert.deepEqual(describeTree(tree.path), clean, `seed ${testSeed}, round ${round}`)
      }
      assert.equal(mountsAt(place.live).length, 1)
      assert.deepEqual(
        (await mode.mounts(place)).map(({ at, kind: type }) => [at, type]),
        [
          [layoutOf(place.snapshotsDir).volume, kind],
          [place.live, kind],
        ],
      )
      await mode.detach(place)
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
      assert.deepEqual(await mode.mounts(place), [])
    })

    test('is plain again when it is detached, with its present content, and its snapshots stay', { skip }, async () => {
      const place = placeWith(20)
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      mutateTree(place.live, random)
      const present = describeTree(place.live)
      await mode.detach(place)
      await mode.detach(place)
      assert.deepEqual(describeTree(place.live), present, `seed ${testSeed}`)
      assert.equal(mountsAt(place.live).length, 0)
      await mode.restore(place, 'clean', { kept })
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
      await mode.detach(place)
      await mode.delete(place, 'clean')
      assert.ok(!existsSync(layoutOf(place.snapshotsDir).volumeImage))
    })

    test('waits for a restore after a restart of the machine, and loses nothing where it is detached instead', { skip }, async () => {
      const place = placeWith(20)
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      writeFileSync(path.join(place.live, 'mine'), 'x')
      const present = describeTree(place.live)
      unmountAll(place)
      assert.match((await mode.recover(place)).notes.join(), /not mounted/)
      await assert.rejects(mode.create(place, 'other'), (error) => isFault(error, 'not-found'))
      await mode.detach(place)
      assert.deepEqual(describeTree(place.live), present, `seed ${testSeed}`)
      await mode.restore(place, 'clean', { kept })
      unmountAll(place)
      await mode.restore(place, 'clean', { kept })
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
      await mode.detach(place)
    })

    test('grows where it runs short of space', { skip }, async () => {
      const notes: string[] = []
      const report = (event: Progress) => {
        if (event.kind === 'note') notes.push(event.text)
      }
      const place = { ...placeWith(5, 400 << 20), report }
      writeFileSync(path.join(place.live, 'large'), Buffer.alloc(350 << 20, 1))
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      assert.match(notes.join(), /has grown to/)
      // Half a gibibyte is left then for what btrfs wants for itself while a slow disk is behind.
      writeFileSync(path.join(place.live, 'larger'), Buffer.alloc(560 << 20, 2))
      await mode.create(place, 'full')
      await mode.restore(place, 'clean', { kept })
      assert.deepEqual(describeTree(place.live), clean)
      assert.ok(statSync(layoutOf(place.snapshotsDir).volumeImage).size > 1 << 30)
      await mode.detach(place)
    })

    test('puts right what a killed command left in it', { skip }, async () => {
      const place = placeWith(10)
      const kept = await mode.create(place, 'clean')
      const { volume } = layoutOf(place.snapshotsDir)
      mkdirSync(path.join(volume, 'live-77', 'inner'), { recursive: true })
      mkdirSync(path.join(volume, '.holdfast', 'build-volume-1'))
      if (kind === 'btrfs') sys.snapshotSubvolume(path.join(volume, 'snapshots', 'clean'), path.join(volume, 'live-78'))
      const { notes } = await mode.recover(place)
      assert.match(notes.join(), kind === 'btrfs' ? /removed 3 trees/ : /removed 2 trees/)
      assert.equal(readdirSync(volume).filter((entry) => entry.startsWith('live-')).length, 1)
      await mode.restore(place, 'clean', { kept })
      await mode.detach(place)
    })

    test('that is damaged is named, and the live directory stays', { skip }, async () => {
      const place = placeWith(5)
      const kept = await mode.create(place, 'clean')
      await mode.detach(place)
      const before = describeTree(place.live)
      const { volumeImage } = layoutOf(place.snapshotsDir)
      truncateSync(volumeImage, 1 << 20)
      await assert.rejects(mode.restore(place, 'clean', { kept }), (error) => isFault(error, 'corrupt'))
      writeFileSync(volumeImage, Buffer.alloc(1 << 20))
      await assert.rejects(mode.restore(place, 'clean', { kept }), (error) => isFault(error, 'corrupt') && error.at === volumeImage)
      assert.deepEqual(describeTree(place.live), before)
    })

    test('keeps nothing where the copy cannot be made', { skip }, async () => {
      const place = placeWith(5)
      const signal = AbortSignal.abort()
      await assert.rejects(mode.create({ ...place, signal }, 'clean'))
      await mode.delete(place, 'clean')
      assert.ok(!existsSync(layoutOf(place.snapshotsDir).volumeImage))
      assert.equal(mountsAt(place.live).length, 0)
    })
  })
}

describe('a volume without its tools', () => {
  const scratch = scratchDirectory()

  test('fails fast, and says how to install them', async () => {
    const { PATH } = process.env
    process.env['PATH'] = path.join(scratch, 'nothing')
    try {
      for (const [fileSystem, name] of [
        ['btrfs', 'btrfs-progs'],
        ['xfs', 'xfsprogs'],
      ] as const) {
        await assert.rejects(
          mode.check(modePlace({ volume: { fileSystem } }, scratch)),
          (error) =>
            isFault(error, 'unsupported') &&
            error.message === `Volume mode selected but ${name} is not installed.` &&
            error.hint === `Install ${name}: sudo apt install ${name}`,
        )
      }
    } finally {
      process.env['PATH'] = PATH
    }
  })

  test('that was never made is no trouble to whoever deletes, detaches or recovers', async () => {
    const place = modePlace({}, scratch)
    writeFileSync(path.join(place.live, 'file'), 'x')
    await mode.delete(place, 'clean')
    await mode.detach(place)
    assert.deepEqual([await mode.recover(place), await mode.mounts(place)], [{ notes: [] }, []])
    await assert.rejects(mode.restore(place, 'clean', { kept: {} }), (error) => isFault(error, 'corrupt'))
    assert.equal(readFileSync(path.join(place.live, 'file'), 'utf8'), 'x')
  })
})

async function reasonWithout(name: string): Promise<string | false> {
  try {
    await ensureDebianPackages([name])
    return false
  } catch (error) {
    if (!isFault(error)) throw error
    return `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`
  }
}
