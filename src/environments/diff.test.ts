import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { realSys } from '../kit/sys/index.ts'
import { createSnapshot, diffSnapshots } from './index.ts'

const scratch = scratchDirectory()

describe('a difference', () => {
  test('is told with its path, its bytes and in what it is one', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    for (const name of ['gone', 'same', 'longer', 'mode']) desk.write(name, '0123456789')
    await createSnapshot(context)
    rmSync(path.join(desk.live, 'gone'))
    desk.write('longer', '0123456789abc')
    chmodSync(path.join(desk.live, 'mode'), 0o600)
    mkdirSync(path.join(desk.live, 'new'))
    desk.write('new/file', 'abcd')
    const { differences, counts, bytes } = await diffSnapshots(context, { from: 'clean_state', to: 'live' })
    const told = differences.map(
      ({ change, path: name, before, after, aspects }) => `${change} ${name} ${before} ${after} ${aspects.join(',')}`,
    )
    assert.deepEqual(told, [
      'changed . 0 0 time',
      'removed gone 10 0 ',
      'changed longer 10 13 size,time',
      'changed mode 10 10 mode',
      'added new 0 0 ',
      'added new/file 0 4 ',
    ])
    assert.deepEqual(
      [counts, bytes],
      [
        { added: 2, changed: 3, removed: 1 },
        { added: 4, changed: 13, removed: 10 },
      ],
    )
  })

  test('in bytes that size and time do not show is found with checksums', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    const { atime, mtime } = statSync(path.join(desk.live, 'a'))
    desk.write('a', 'CLEAN')
    utimesSync(path.join(desk.live, 'a'), atime, mtime)
    realSys.setTimes(path.join(desk.live, 'a'), {
      modifiedNs: statSync(path.join(desk.snapshotsDir, 'clean_state/a'), { bigint: true }).mtimeNs,
    })
    assert.deepEqual((await diffSnapshots(context, { from: 'clean_state' })).differences, [])
    const { differences } = await diffSnapshots(context, { from: 'clean_state', checksum: true })
    assert.deepEqual(
      differences.map(({ aspects }) => aspects),
      [['content']],
    )
  })

  test('is found between two snapshots', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context, { snapshot: 'one' })
    desk.write('a', 'other')
    await createSnapshot(context, { snapshot: 'two' })
    const { differences } = await diffSnapshots(context, { from: 'one', to: 'two' })
    assert.deepEqual(
      differences.map(({ path: name }) => name),
      ['a'],
    )
    await assert.rejects(diffSnapshots(context, { from: 'one', to: 'three' }), /no snapshot three/)
  })

  test('of a nanosecond is one', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    realSys.setTimes(path.join(desk.live, 'a'), { modifiedNs: 1_000_000_000_000_000_001n })
    await createSnapshot(context)
    realSys.setTimes(path.join(desk.live, 'a'), { modifiedNs: 1_000_000_000_000_000_002n })
    const { differences } = await diffSnapshots(context, { from: 'clean_state' })
    assert.deepEqual(
      differences.map(({ path: name, aspects }) => [name, aspects]),
      [['a', ['time']]],
    )
  })
})
