/** Ends commands of the modes with layers at random moments, by SIGKILL, and lets the next one put things right. */
import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { placeIn } from '../../../test/fakes/environment-place.ts'
import { needsRoot } from '../../../test/fakes/nobody.ts'
import { scratchForMounts } from '../../../test/fakes/scratch-mounts.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { mountsAt, readMounts } from '../../kit/sys/index.ts'
import { createOverlayMode } from '../modes/overlay/overlay.ts'
import { layoutOf } from '../names.ts'
import { keeperOf, readLayers } from './layer.ts'

const rounds = Number(process.env['HOLDFAST_KILL_ROUNDS'] ?? 6)

describe('killed at any moment', { skip: needsRoot, timeout: 600_000 }, () => {
  const scratch = scratchForMounts()
  const mode = createOverlayMode()

  /** Does one thing to the environment, slowly enough to be ended in it, and says when it begins. */
  const child = (home: string, work: string) =>
    spawn(
      process.execPath,
      [
        '--input-type=module',
        '-e',
        `const { createOverlayMode } = await import(${JSON.stringify(import.meta.resolve('../modes/overlay/overlay.ts'))})
         const { placeIn } = await import(${JSON.stringify(import.meta.resolve('../../../test/fakes/environment-place.ts'))})
         const mode = createOverlayMode()
         const place = placeIn(${JSON.stringify(home)})
         process.stdout.write('go')
         ${work}`,
      ],
      { stdio: ['ignore', 'pipe', 'inherit'] },
    )
  const killIn = async (home: string, work: string, milliseconds: number) => {
    const running = child(home, work)
    const ended = once(running, 'exit')
    await once(running.stdout, 'data')
    await Promise.race([passed(milliseconds), ended])
    assert.equal(running.exitCode, null, 'it has not ended by itself')
    running.kill('SIGKILL')
    await ended
  }
  const fill = (live: string) => {
    for (let node = 0; node < 5; node++) {
      mkdirSync(path.join(live, `node${node}`))
      writeFileSync(path.join(live, `node${node}`, 'state'), 'clean')
    }
  }
  /** The same in all of the nodes, or the tree is a mixture. */
  const stateOf = (live: string): string => {
    const names = readdirSync(live).filter((name) => name.startsWith('node'))
    const states = new Set(names.map((name) => readFileSync(path.join(live, name, 'state'), 'utf8')))
    assert.equal(names.length, 5, names.join())
    assert.equal(states.size, 1, [...states].join())
    return [...states][0]!
  }
  const assertSettled = (place: ReturnType<typeof placeIn>, why: string) => {
    assert.ok(mountsAt(place.live).length <= 1, why)
    assert.deepEqual(
      readMounts().filter(({ at }) => at.startsWith(place.snapshotsDir)),
      [],
      why,
    )
    assert.ok(!existsSync(path.join(layoutOf(place.snapshotsDir).home, 'aside')), why)
  }

  test('a restore leaves the old state or the new', async () => {
    const random = seededRandom(testSeed)
    const home = path.join(scratch, 'restore')
    const place = placeIn(home)
    fill(place.live)
    await mode.create(place, 'clean')
    for (let round = 0; round < rounds; round++) {
      const why = `round ${round} of seed ${testSeed}`
      for (const name of readdirSync(place.live)) writeFileSync(path.join(place.live, name, 'state'), 'dirty')
      await killIn(home, `for (;;) await mode.restore(place, 'clean', { kept: {} })`, random() * 60)
      const shown = stateOf(place.live)
      assert.match(shown, /^(clean|dirty)$/, why)
      await mode.recover(place)
      assert.equal(stateOf(place.live), shown, why)
      assertSettled(place, why)
      await mode.restore(place, 'clean', { kept: {} })
      assert.equal(stateOf(place.live), 'clean', why)
      assert.equal(readLayers(place).all.size, 2, why)
    }
  })

  test('a first snapshot, a further one and a detach leave what was there, and no half snapshot', async () => {
    const random = seededRandom(testSeed + 1)
    for (let round = 0; round < rounds; round++) {
      const why = `round ${round} of seed ${testSeed}`
      const home = path.join(scratch, `create ${round}`)
      const place = placeIn(home)
      mkdirSync(place.snapshotsDir)
      fill(place.live)
      const work = `for (let turn = 0; ; turn++) {
        await mode.create(place, 's' + turn)
        if (turn % 4 === 3) await mode.detach(place)
      }`
      await killIn(home, work, random() * 1500)
      assert.equal(stateOf(place.live), 'clean', why)
      // As the next command does it, for the snapshot whose record was not written.
      const last = [...readLayers(place).all.values()]
        .flatMap(({ keeps, tree }) => keeps ?? tree ?? [])
        .toSorted()
        .at(-1)
      if (last !== undefined && random() < 0.5) await mode.delete(place, last)
      await mode.recover(place)
      assert.equal(stateOf(place.live), 'clean', why)
      assertSettled(place, why)
      const kept = [...readLayers(place).all.values()].flatMap(({ keeps }) => keeps ?? [])
      for (const name of kept) {
        await mode.restore(place, name, { kept: {} })
        assert.equal(stateOf(place.live), 'clean', `${name}, ${why}`)
      }
      const named = readdirSync(place.snapshotsDir).filter((name) => name !== '.holdfast')
      assert.ok(
        named.every((name) => keeperOf(readLayers(place), name) !== undefined),
        `${named.join()}, ${why}`,
      )
      for (const name of readdirSync(place.live)) writeFileSync(path.join(place.live, name, 'state'), 'dirty')
      await mode.create(place, 'after')
      await mode.detach(place)
      assert.equal(stateOf(place.live), 'dirty', why)
    }
  })
})

/** About so many milliseconds, counted in turns of the event loop. */
async function passed(milliseconds: number): Promise<void> {
  for (let turn = 0; turn < milliseconds * 150; turn++) await new Promise((resolve) => setImmediate(resolve))
}
