import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { modePlace } from '../../../../test/fakes/mode-place.ts'
import { describeTree, makeRandomTree, mutateTree } from '../../../../test/fakes/random-tree.ts'
import { scratchDirectory } from '../../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { ensureDebianPackages } from '../../../../test/services/install.ts'
import { isFault, type Progress } from '../../../kit/index.ts'
import type { ModeSettings } from '../../mode.ts'
import { createFilesystemMode } from './filesystem.ts'

const mode = createFilesystemMode()
const random = seededRandom(testSeed)

for (const copier of ['rsync', 'builtin'] as const) {
  describe(`filesystem by ${copier}`, async () => {
    const scratch = scratchDirectory()
    const skip = copier === 'rsync' ? await reasonWithout('rsync') : false
    const placeWith = (entries = 80, settings: Partial<ModeSettings> = {}) => {
      const place = modePlace({ copier, ...settings }, scratch)
      makeRandomTree(place.live, random, entries)
      return place
    }

    test('gives back what was kept, again and again, and the snapshot never changes', { skip }, async () => {
      for (let tree = 0; tree < 3; tree++) {
        const place = placeWith()
        await mode.check(place)
        const clean = describeTree(place.live)
        const kept = await mode.create(place, 'clean')
        for (let round = 0; round < 4; round++) {
          mutateTree(place.live, random)
          await mode.restore(place, 'clean', { kept, checksum: round === 3 })
          assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}, tree ${tree}, round ${round}`)
          const base = await mode.open(place, 'clean')
          assert.deepEqual(describeTree(base.path), clean, `seed ${testSeed}, tree ${tree}, round ${round}`)
        }
      }
    })

    test('notices what changed without a trace in size and time, with and without its index', { skip }, async () => {
      const place = placeWith(5)
      const [file, again] = ['file', 'again'].map((name) => path.join(place.live, name)) as [string, string]
      const time = new Date(1e12)
      for (const each of [file, again]) {
        writeFileSync(each, 'clean')
        utimesSync(each, time, time)
      }
      const kept = await mode.create(place, 'clean')
      for (const withIndex of [true, false]) {
        writeFileSync(file, 'dirty')
        renameSync(file, again)
        writeFileSync(file, 'Dirty')
        for (const each of [file, again]) utimesSync(each, time, time)
        if (!withIndex) rmSync(path.join(place.snapshotsDir, 'clean.files'))
        await mode.restore(place, 'clean', { kept })
        assert.deepEqual([readFileSync(file, 'utf8'), readFileSync(again, 'utf8')], ['clean', 'clean'])
      }
    })

    test('notices a change within the second in which the snapshot was made', { skip }, async () => {
      const place = placeWith(0)
      const file = path.join(place.live, 'file')
      writeFileSync(file, 'clean')
      const kept = await mode.create(place, 'clean')
      writeFileSync(file, 'dirty')
      await mode.restore(place, 'clean', { kept })
      assert.equal(readFileSync(file, 'utf8'), 'clean')
    })

    test('tells what it did', { skip }, async () => {
      const place = placeWith(0)
      for (const name of ['gone-a', 'gone-b']) mkdirSync(path.join(place.live, name))
      for (const name of ['changed', 'gone', 'same']) writeFileSync(path.join(place.live, name), name)
      const kept = await mode.create(place, 'clean')
      assert.deepEqual(kept, { stored: 'changedgonesame'.length })
      appendFileSync(path.join(place.live, 'changed'), 'x')
      rmSync(path.join(place.live, 'gone'))
      writeFileSync(path.join(place.live, 'foreign'), 'x')
      for (const name of ['gone-a', 'gone-b']) rmSync(path.join(place.live, name), { recursive: true })
      const { changed, written } = await mode.restore(place, 'clean', { kept })
      assert.deepEqual(changed, { added: 3, changed: 1, removed: 1 })
      assert.ok(written <= 'changedgone'.length)
    })

    test('finishes what another restore to another snapshot has begun', { skip }, async () => {
      const place = placeWith(60)
      const clean = describeTree(place.live)
      const kept = await mode.create(place, 'clean')
      mutateTree(place.live, random)
      const other = describeTree(place.live)
      const keptOther = await mode.create(place, 'other')
      await mode.restore(place, 'clean', { kept })
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
      await mode.restore(place, 'other', { kept: keptOther })
      assert.deepEqual(describeTree(place.live), other, `seed ${testSeed}`)
      // As if it had been killed: of some files the one, of some the other, and what it left itself.
      mutateTree(place.live, random)
      writeFileSync(path.join(place.live, '.file.Xy12Za'), 'half')
      await mode.restore(place, 'clean', { kept })
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}`)
    })

    test('touches nothing where the snapshot is gone', { skip }, async () => {
      const place = placeWith(10)
      const kept = await mode.create(place, 'clean')
      await mode.delete(place, 'clean')
      await mode.delete(place, 'clean')
      const before = describeTree(place.live)
      await assert.rejects(mode.restore(place, 'clean', { kept }), (error) => isFault(error, 'corrupt'))
      assert.deepEqual(describeTree(place.live), before)
    })

    test('says that the live directory changed while it was copied', { skip }, async () => {
      const notes: string[] = []
      const place = placeWith(150)
      const report = (event: Progress) => {
        if (event.kind === 'note') notes.push(event.text)
      }
      setImmediate(() => writeFileSync(path.join(place.live, 'meanwhile'), 'x'))
      await mode.create({ ...place, report }, 'clean')
      assert.match(notes.join(), /changed while it was copied/)
      assert.ok(!existsSync(path.join(place.snapshotsDir, 'clean.files')))
    })
  })
}

describe('filesystem without rsync', () => {
  const scratch = scratchDirectory()
  const without = async (act: () => Promise<unknown>) => {
    const { PATH } = process.env
    process.env['PATH'] = path.join(scratch, 'nothing')
    try {
      await act()
    } finally {
      process.env['PATH'] = PATH
    }
  }

  test('fails fast, in the words of its documentation, and says how to install it', async () => {
    const events: (string | undefined)[] = []
    const report = (event: Progress) => {
      if (event.kind === 'note') events.push(event.event)
    }
    const place = { ...modePlace({ copier: 'rsync' }, scratch), report }
    await without(() =>
      assert.rejects(
        mode.check(place),
        (error) =>
          isFault(error, 'unsupported') &&
          error.message === 'Filesystem mode selected but rsync is not installed.' &&
          error.hint === 'Install rsync: sudo apt install rsync',
      ),
    )
    assert.deepEqual(events, ['rsync_not_found'])
  })

  test('works all the same with the builtin copier', async () => {
    const place = modePlace({ copier: 'builtin' }, scratch)
    mkdirSync(path.join(place.live, 'inner'))
    await without(async () => {
      await mode.check(place)
      const kept = await mode.create(place, 'clean')
      rmSync(path.join(place.live, 'inner'), { recursive: true })
      await mode.restore(place, 'clean', { kept })
    })
    assert.ok(existsSync(path.join(place.live, 'inner')))
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
