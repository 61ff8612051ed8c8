import assert from 'node:assert/strict'
import { after, test } from 'node:test'
import { testSeed } from '../fakes/seeded-random.ts'
import { runOnce } from './release-run.ts'
import { makeBuilds } from './release-world.ts'

/*
 * Random commands under random faults. A failing run says its seed; HOLDFAST_TEST_SEED=<seed> begins with that run. With one
 * writer it repeats exactly; with several the order of their steps also depends on how fast the disk reads the builds.
 */
const builds = makeBuilds()
after(() => builds.remove())
const isFull = process.env['HOLDFAST_SOAK'] === '1'

for (const [writers, short, full] of [
  [1, 1200, 6000],
  [2, 500, 2500],
  [4, 300, 1500],
] as const) {
  const runs = isFull ? full : short
  test(`in ${runs} runs of random commands by ${writers} writer(s) under random faults nothing is lost, shown wrongly or claimed in vain`, async (t) => {
    let [commands, faults, failed] = [0, 0, 0]
    for (let index = 0; index < runs; index++) {
      const run = await runOnce(testSeed + index, builds, writers)
      commands += run.outcomes.length
      faults += run.faultsMet
      failed += run.outcomes.filter((outcome) => outcome.failed !== undefined).length
    }
    t.diagnostic(`${commands} commands met ${faults} faults; ${failed} of them failed`)
    assert.ok(faults > runs && failed > 0 && failed < commands, 'the runs met faults, and got through some of them')
  })
}
