import assert from 'node:assert/strict'
import { mkdirSync, readdirSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { copyingMode } from '../../test/fakes/copying-mode.ts'
import { type EnvironmentDesk, environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { Fault } from '../kit/index.ts'
import { measureRates } from './disk-rates.ts'
import { measureTree } from './entries.ts'
import { createSnapshot, environmentStatus, type Mode, rankModes, type Rates, type SnapshotMode } from './index.ts'
import { resolvePlace } from './places.ts'
import { typicalRates } from './rank.ts'

const scratch = scratchDirectory()
const MiB = 1 << 20
const ranked = (files: readonly number[], rates?: Rates) => {
  const bytes = files.reduce((sum, size) => sum + size, 0)
  return rankModes({ entries: files.length, bytes, files }, { copier: 'builtin' }, rates)
}
const smallFiles = Array.from({ length: 4000 }, () => 10_000)

describe('the ranking of modes', () => {
  test('has the overlay first where files are many and small', () => {
    assert.equal(ranked(Array.from({ length: 20_000 }, () => 10_000))[0]?.mode, 'overlay')
  })

  test('has what clones first, and the overlay late, where large files are written to: it would copy them up', () => {
    const order = ranked([...smallFiles, ...Array.from({ length: 28 }, () => 100 * MiB)]).map(({ mode }) => mode)
    assert.deepEqual(order.slice(0, 2), ['volume', 'reflink'])
    assert.ok(order.indexOf('filesystem') < order.indexOf('overlay'))
  })

  test('never has one first that slows the suite down by a fifth, whatever the sizes and the disk', () => {
    const rates = [10_000, 100_000, 400_000, 2_300_000, 10_000_000].map((writing) => ({ reading: writing * 2, writing }))
    const sizes = [0, 4, 8, 16, 32, 64, 128, 256, 1024, 4096].map((mebibytes) => mebibytes * MiB)
    let overlays = 0
    for (const rate of rates) {
      for (const size of sizes) {
        const [first, ...others] = ranked(size === 0 ? smallFiles : [...smallFiles, size], rate)
        assert.ok(first !== undefined && first.slowdown < 1.2, `${size} ${JSON.stringify(rate)} ${first?.mode} ${first?.slowdown}`)
        // Those that do come after all that do not.
        const slow = others.map(({ slowdown }) => slowdown >= 1.2)
        assert.deepEqual(
          slow,
          slow.toSorted((a, b) => Number(a) - Number(b)),
        )
        if (first.mode === 'overlay') overlays++
      }
    }
    assert.ok(overlays > 0 && overlays < rates.length * sizes.length, String(overlays))
  })

  test('goes by how fast the disk is: a few large files are copied up in no time by a fast one', () => {
    const files = [...smallFiles, 64 * MiB]
    assert.equal(ranked(files, { reading: 4_000_000, writing: 2_300_000 })[0]?.mode, 'overlay')
    assert.notEqual(ranked(files, { reading: 200_000, writing: 100_000 })[0]?.mode, 'overlay')
  })
})

describe('how fast the disk is', () => {
  const rates = async (desk: EnvironmentDesk) => {
    mkdirSync(path.join(desk.snapshotsDir, '.holdfast'), { recursive: true })
    return await measureRates(await resolvePlace(desk.context()), await measureTree(desk.live))
  }

  test('is measured on the largest file, and leaves nothing', async () => {
    const desk = environmentDesk(scratch)
    desk.write('large', 'x'.repeat(9 << 20))
    const { reading, writing } = await rates(desk)
    assert.ok(reading >= writing && writing > 1000 && Number.isFinite(reading), `${reading} ${writing}`)
    assert.deepEqual(readdirSync(path.join(desk.snapshotsDir, '.holdfast')), [])
  })

  test('is taken for usual where there is too little to measure', async () => {
    assert.deepEqual(await rates(environmentDesk(scratch)), typicalRates)
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

  test('passes the overlay over where it would slow suites down, and says why', async () => {
    const desk = environmentDesk(scratch, { modes: { ...modesBut('filesystem'), overlay: copyingMode({ name: 'overlay' }) } })
    truncateSync(path.join(desk.live, 'a'), 2048 * MiB)
    const { record, why } = await createSnapshot(desk.context({ mode: 'auto' }))
    assert.equal(record.mode, 'filesystem')
    assert.match(why ?? '', /not overlay: 2\.0 GiB of large files are copied on their first write \(.*times the suite on a plain directory/)
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
