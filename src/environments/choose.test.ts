import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { copyingMode } from '../../test/fakes/copying-mode.ts'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { Fault } from '../kit/index.ts'
import { createSnapshot, environmentStatus, type Mode, rankModes, type SnapshotMode } from './index.ts'

const scratch = scratchDirectory()
const MiB = 1 << 20
const ranked = (files: readonly number[]) => {
  const bytes = files.reduce((sum, size) => sum + size, 0)
  return rankModes({ entries: files.length, bytes, files }, { copier: 'builtin' }).map(({ mode }) => mode)
}

describe('the ranking of modes', () => {
  test('has the overlay first where files are many and small', () => {
    assert.equal(ranked(Array.from({ length: 20_000 }, () => 10_000))[0], 'overlay')
  })

  test('has what clones first, and the overlay late, where large files are written to: it would copy them up', () => {
    const order = ranked([...Array.from({ length: 4000 }, () => 50_000), ...Array.from({ length: 28 }, () => 100 * MiB)])
    assert.deepEqual(order.slice(0, 2), ['reflink', 'volume'])
    assert.ok(order.indexOf('filesystem') < order.indexOf('overlay'))
  })
})

describe('the mode auto', () => {
  const unsupported = (name: SnapshotMode) =>
    copyingMode({ name, check: () => Promise.reject(new Fault('unsupported', `${name} does not work`)) })
  const modesBut = (works: SnapshotMode): Partial<Record<SnapshotMode, Mode>> =>
    Object.fromEntries(
      (['reflink', 'overlay', 'squashfs', 'volume', 'filesystem', 'store'] as const).map((name) => [
        name,
        name === works ? copyingMode({ name }) : unsupported(name),
      ]),
    )

  test('takes the first that works here, says why, and remembers it', async () => {
    const desk = environmentDesk(scratch, { modes: modesBut('filesystem') })
    const context = desk.context({ mode: 'auto' })
    const { record, why } = await createSnapshot(context)
    assert.equal(record.mode, 'filesystem')
    assert.match(why ?? '', /what differs is written.*not .*overlay does not work/)
    assert.equal((await environmentStatus(context)).mode, 'filesystem')
  })

  test('chooses again, and says so, where what it took works no more', async () => {
    const desk = environmentDesk(scratch, { modes: modesBut('store') })
    await createSnapshot(desk.context({ mode: 'auto' }), { snapshot: 'one' })
    const later = { ...desk.context({ mode: 'auto' }), modes: async (name: SnapshotMode) => modesBut('reflink')[name]! }
    assert.equal((await createSnapshot(later, { snapshot: 'two' })).record.mode, 'reflink')
    assert.match(JSON.stringify(desk.events), /the mode store of stage works no more: store does not work/)
  })

  test('does not take an image where no overlay can lie over it: each restore would unpack all of it', async () => {
    const modes = { ...modesBut('filesystem'), squashfs: copyingMode({ name: 'squashfs' }) }
    const desk = environmentDesk(scratch, { modes })
    assert.equal((await createSnapshot(desk.context({ mode: 'auto' }))).record.mode, 'filesystem')
  })

  test('fails with all reasons where nothing works', async () => {
    const desk = environmentDesk(scratch, { modes: modesBut('disabled') })
    await assert.rejects(createSnapshot(desk.context({ mode: 'auto' })), /no mode can keep stage here: .*volume does not work/)
  })
})

test('a named mode that does not work here stops at once', async () => {
  const missing = new Fault('unsupported', 'Filesystem mode selected but rsync is not installed.')
  const desk = environmentDesk(scratch, { modes: { filesystem: copyingMode({ check: () => Promise.reject(missing) }) } })
  await assert.rejects(createSnapshot(desk.context()), { message: 'Filesystem mode selected but rsync is not installed.' })
})
