import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { copyingMode } from '../../test/fakes/copying-mode.ts'
import { cleanupSnapshots, createSnapshot, listSnapshots, restoreSnapshot } from './index.ts'

const scratch = scratchDirectory()
const day = 86_400_000

/** An environment with the snapshots s1 to s4, a day apart, oldest first, looked at on the day of the last. */
async function fourSnapshots(inUse?: string) {
  const clock = manualClock()
  const mode = copyingMode({ inUse: async (_place, name) => name === inUse })
  const desk = environmentDesk(scratch, { clock, modes: { filesystem: mode } })
  const context = desk.context({ autoCleanup: false, snapshotName: 's2' })
  for (const snapshot of ['s1', 's2', 's3', 's4']) {
    await clock.advance(day)
    await createSnapshot(context, { snapshot })
  }
  return { clock, desk, context, left: async () => (await listSnapshots(context)).snapshots.map(({ name }) => name) }
}

describe('a clean-up', () => {
  test('leaves the newest, and the one that the environment goes back to', async () => {
    const { context, left, desk } = await fourSnapshots()
    const { removed, spared } = await cleanupSnapshots(context, { keep: { count: 1 } })
    assert.deepEqual([removed, spared.map(({ name }) => name)], [['s1', 's3'], ['s2']])
    assert.deepEqual(await left(), ['s4', 's2'])
    assert.ok(desk.names().includes('old_snapshots_cleaned'))
  })

  test('goes by age', async () => {
    const { context, left } = await fourSnapshots()
    await cleanupSnapshots(context, { keep: { age: 1.5 * day } })
    assert.deepEqual(await left(), ['s4', 's3', 's2'])
  })

  test('goes by last use: what was restored lately stays', async () => {
    const { context, left, clock } = await fourSnapshots()
    await clock.advance(3 * day)
    await restoreSnapshot(context, { snapshot: 's1' })
    await cleanupSnapshots(context, { keep: { unused: 2 * day } })
    assert.deepEqual(await left(), ['s2', 's1'])
  })

  test('never removes what the live directory stands on', async () => {
    const { context, left } = await fourSnapshots('s1')
    const { spared } = await cleanupSnapshots(context, { keep: { count: 1 } })
    assert.deepEqual(spared.map(({ why }) => why).toSorted(), [
      'it is what the environment goes back to',
      'the live directory stands on it',
    ])
    assert.deepEqual(await left(), ['s4', 's2', 's1'])
  })

  test('only says what would go where that is asked for, and without rules removes nothing', async () => {
    const { context, left } = await fourSnapshots()
    assert.deepEqual((await cleanupSnapshots(context, { keep: { count: 2 }, dryRun: true })).removed, ['s1'])
    assert.deepEqual((await cleanupSnapshots(context, { keep: {} })).removed, [])
    assert.equal((await left()).length, 4)
  })

  test('follows each create where that is configured, and leaves what was just made', async () => {
    const { desk } = await fourSnapshots()
    const context = desk.context({ keep: { count: 2 }, snapshotName: 's4' })
    const { cleaned } = await createSnapshot(context, { snapshot: 's5' })
    assert.deepEqual(cleaned, ['s1', 's2', 's3'])
  })
})
