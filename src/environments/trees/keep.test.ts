import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, readFileSync, utimesSync, writeFileSync } from 'node:fs'
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
    const now = { ...clock, now: () => Date.now() }
    utimesSync(path.join(from, 'a'), 1, 1)
    await copyStill({ ...place, clock: now }, `${to}-2`, { from, how: 'copy' })
    assert.deepEqual(waits, [10])
  })
})
