import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { modePlace } from '../../../test/fakes/mode-place.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { copyStill } from './keep.ts'

const scratch = scratchDirectory()

describe('a copy of a tree that others write to', () => {
  const scene = () => {
    const place = modePlace({}, scratch)
    writeFileSync(path.join(place.live, 'a'), 'a')
    return { place, from: place.live, to: path.join(place.folder, 'copy') }
  }

  test('is made anew where anything changed meanwhile', async () => {
    const { place, from, to } = scene()
    let made = 0
    const make = (directory: string) => {
      mkdirSync(directory)
      if (++made < 3) appendFileSync(path.join(from, 'a'), String(made))
    }
    await copyStill(place, to, { from, how: 'copy', make })
    assert.deepEqual([made, readFileSync(path.join(to, 'a'), 'utf8')], [3, 'a12'])
  })

  /** Does something when it is looked at for the nth time, as it is before each directory. */
  const signalThat = (nth: number, act: () => void) => {
    const { signal } = new AbortController()
    let looks = 0
    const get = () => {
      if (++looks === nth) act()
      return false
    }
    return { signal: Object.defineProperty(signal, 'aborted', { get }), looks: () => looks }
  }

  test('is made anew where a file goes meanwhile, whenever that is', async () => {
    for (let nth = 1, isOver = false; !isOver; nth++) {
      const { place, from, to } = scene()
      for (const name of ['b', 'd']) {
        mkdirSync(path.join(from, name))
        writeFileSync(path.join(from, name, 'file'), name)
      }
      writeFileSync(path.join(from, 'c'), 'c')
      const { signal, looks } = signalThat(nth, () => ['c', 'd'].forEach((name) => rmSync(path.join(from, name), { recursive: true })))
      await copyStill({ ...place, signal }, to, { from, how: 'copy' })
      isOver = looks() < nth
      assert.deepEqual(readdirSync(to), isOver ? ['a', 'b', 'c', 'd'] : ['a', 'b'], `at look ${nth}`)
    }
  })

  test('says what is missing where the whole tree goes', async () => {
    const { place, from, to } = scene()
    mkdirSync(path.join(from, 'b'))
    const { signal } = signalThat(2, () => rmSync(from, { recursive: true }))
    await assert.rejects(copyStill({ ...place, signal }, to, { from, how: 'copy' }), { code: 'not-found' })
  })

  test('is refused where it never stands still, and the file is named', async () => {
    const { place, from, to } = scene()
    const make = (directory: string) => {
      mkdirSync(directory)
      appendFileSync(path.join(from, 'a'), 'x')
    }
    const how = { from, how: 'copy', make } as const
    await assert.rejects(copyStill(place, to, how), { code: 'busy', message: /changes faster than it can be kept: a did/ })
  })

  test('waits a moment after a change, since the next might get the same time', async () => {
    const { place, from, to } = scene()
    const waits: number[] = []
    const changed = Date.now() + 60_000
    const clock = { ...place.clock, now: () => changed, sleep: async (milliseconds: number) => void waits.push(milliseconds) }
    await copyStill({ ...place, clock }, to, { from, how: 'copy' })
    assert.deepEqual(waits, [], 'nothing changed lately')
    utimesSync(path.join(from, 'a'), 1, 1)
    const { ctimeMs } = statSync(path.join(from, 'a'))
    const now = { ...clock, now: () => ctimeMs + 5 }
    await copyStill({ ...place, clock: now }, `${to}-2`, { from, how: 'copy' })
    assert.deepEqual(waits, [10])
  })
})
