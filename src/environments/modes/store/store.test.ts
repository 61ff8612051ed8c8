import assert from 'node:assert/strict'
import { appendFileSync, existsSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { modePlace } from '../../../../test/fakes/mode-place.ts'
import { describeTree, makeRandomTree, mutateTree } from '../../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../../test/fakes/seeded-random.ts'
import { packedDesk, snapshotDesk, type SnapshotDesk } from '../../../../test/fakes/snapshot-desk.ts'
import { isFault, type Progress } from '../../../kit/index.ts'
import { realSys } from '../../../kit/sys/index.ts'
import { listSnapshots, pinnedSnapshots } from '../../../snapshots/index.ts'
import { createStoreMode } from './store.ts'

describe('a store', () => {
  const random = seededRandom(testSeed)
  let desk: SnapshotDesk
  let mode: ReturnType<typeof createStoreMode>
  let place: ReturnType<typeof modePlace>
  beforeEach(async () => {
    desk = await packedDesk()
    desk.ahead = 10_000
    mode = createStoreMode({ environment: 'stage', snapshots: async () => desk.context })
    place = modePlace({}, desk.folder)
  })
  afterEach(() => desk.remove())

  test('gives back what was kept, again and again', async () => {
    makeRandomTree(place.live, random, 80)
    await mode.check(place)
    const clean = describeTree(place.live)
    const kept = await mode.create(place, 'clean')
    for (let round = 0; round < 4; round++) {
      mutateTree(place.live, random)
      await mode.restore(place, 'clean', { kept, checksum: round === 3 })
      assert.deepEqual(describeTree(place.live), clean, `seed ${testSeed}, round ${round}`)
    }
    const tree = await mode.open(place, 'clean')
    assert.deepEqual(describeTree(tree.path), clean, `seed ${testSeed}`)
    await tree.close()
    assert.ok(!existsSync(tree.path))
  })

  test('writes little more than what changed in a large file', async () => {
    writeFileSync(path.join(place.live, 'database'), Buffer.from(Array.from({ length: 4 << 20 }, () => Math.floor(random() * 256))))
    const kept = await mode.create(place, 'clean')
    appendFileSync(path.join(place.live, 'database'), 'more')
    const { written } = await mode.restore(place, 'clean', { kept })
    assert.ok(written < 1 << 20, `${written} bytes`)
  })

  test('keeps no sockets, and says so', async () => {
    const notes: string[] = []
    const listening = { ...place, report: (event: Progress) => void (event.kind === 'note' && notes.push(event.text)) }
    realSys.makeSpecial(path.join(place.live, 'socket'), 'socket', 0o600)
    await mode.create(listening, 'clean')
    assert.deepEqual(notes, ['1 socket left out: a store keeps none'])
  })

  test('of which a chunk is damaged or gone is found when it is verified', async () => {
    const memory = snapshotDesk()
    const inMemory = createStoreMode({ environment: 'stage', snapshots: async () => memory.context })
    writeFileSync(path.join(place.live, 'file'), 'x'.repeat(5000))
    const kept = await inMemory.create(place, 'clean')
    await inMemory.verify!(place, 'clean', kept)
    memory.chunks.all.delete([...memory.chunks.all.keys()][0]!)
    await assert.rejects(inMemory.verify!(place, 'clean', kept), (error) => isFault(error, 'corrupt'))
    memory.remove()
  })

  test('keeps them pinned in one line of snapshots, and lets them go with the last name', async () => {
    const kept = await mode.create(place, 'clean')
    writeFileSync(path.join(place.live, 'more'), 'x')
    await mode.create(place, 'other')
    const all = await listSnapshots(desk.context)
    assert.deepEqual(
      all.map(({ name, tags }) => [name, tags]),
      [
        ['env/stage', ['clean']],
        ['env/stage', ['other']],
      ],
    )
    assert.deepEqual(await pinnedSnapshots(desk.context), new Set(all.map(({ id }) => id)))
    await mode.delete(place, 'clean')
    await mode.delete(place, 'clean')
    assert.deepEqual(
      (await listSnapshots(desk.context)).map(({ tags }) => tags),
      [['other']],
    )
    rmSync(path.join(place.live, 'more'))
    await assert.rejects(mode.restore(place, 'clean', { kept }), (error) => isFault(error, 'corrupt'))
    assert.deepEqual(readdirSync(place.live), [])
  })
})
