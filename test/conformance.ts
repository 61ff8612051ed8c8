import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import type { ObjectStore } from '../src/store/index.ts'
import { seededRandom, testSeed } from './fakes/seeded-random.ts'
import { applicableCases, runCase } from '../src/store/conformance/index.ts'

export interface ConformanceTests {
  /** Cases that this store says it cannot do, each with the reason. A skip that is not here fails, and so does one here that ran. */
  readonly expectedSkips?: Readonly<Record<string, string>>
  readonly scale?: 'short' | 'full'
  readonly large?: boolean
  readonly prefix?: string
  /** Cases that run at once. */
  readonly width?: number
  readonly before?: () => Promise<void>
  readonly after?: () => Promise<void>
}

/** Holds a store to the conformance suite, one test for each case. `open` gives a fresh handle on the same data each time. */
export function conformanceTests(name: string, open: () => Promise<ObjectStore>, options: ConformanceTests = {}): void {
  const { expectedSkips = {}, scale = process.env['HOLDFAST_SOAK'] === '1' ? 'full' : 'short', large = false, prefix = '' } = options
  const seed = testSeed
  describe(`${name} keeps the promises of a store`, { concurrency: options.width ?? 4 }, () => {
    if (options.before !== undefined) before(options.before)
    if (options.after !== undefined) after(options.after)
    applicableCases({ large }).forEach((each, index) => {
      test(each.name, async () => {
        const result = await runCase(each, { open, prefix, random: seededRandom(seed + index), scale, large })
        if (result.outcome === 'failed') throw new Error(`failed with HOLDFAST_TEST_SEED=${seed}`, { cause: result.error })
        assert.equal(result.outcome, each.name in expectedSkips ? 'skipped' : 'passed', result.reason ?? 'listed as a skip, but it ran')
      })
    })
    test('every listed skip names a case', () => {
      const names = new Set(applicableCases({ large }).map((each) => each.name))
      assert.deepEqual(
        Object.keys(expectedSkips).filter((skip) => !names.has(skip)),
        [],
      )
    })
  })
}
