import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { snapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { type Digest, isFault } from '../../kit/index.ts'
import { createSnapshot } from '../create/create.ts'
import { forgetSnapshots } from '../keep/forget.ts'
import { pinSnapshot, unpinSnapshot } from '../keep/pin.ts'
import { tagSnapshot } from '../keep/tag.ts'
import { lineNameOf } from './line.ts'
import { chooseSnapshot, findSnapshot, type Listed, listSnapshots, parseSnapshotRef } from './lines.ts'

const listed = (id: string, created: string, name = 'line'): Listed => ({
  id: `sha256:${id.padEnd(64, '0')}`,
  root: `sha256:${'0'.repeat(64)}`,
  created,
  host: 'h',
  by: 'b',
  base: '/',
  paths: ['.'],
  tags: [],
  size: 0,
  files: 0,
  problems: 0,
  name,
})

describe('a snapshot is named', () => {
  const all = [
    listed('abcd1', '2025-01-01T00:00:00Z'),
    listed('abcd2', '2025-01-02T00:00:00Z', 'host/data-1'),
    listed('abff', '2025-01-03T00:00:00Z'),
  ]
  const chosen = (id: string) => chooseSnapshot(all, id).id.slice(7, 12)

  test('by digits of its id while they are its own, by latest, and by its line', () => {
    assert.deepEqual(
      [chosen('abcd1'), chosen('sha256:abcd2'), chosen(all[2]!.id), chosen('latest'), chosen('host/data-1')],
      ['abcd1', 'abcd2', 'abff0', 'abff0', 'abcd2'],
    )
    assert.throws(
      () => chosen('abcd'),
      (error) => isFault(error, 'invalid') && /abcd1000, abcd2000/.test(error.message),
    )
    for (const id of ['abc', 'ffff', 'nothing', ''])
      assert.throws(
        () => chosen(id),
        (error) => isFault(error, 'not-found'),
        id,
      )
    assert.throws(
      () => chooseSnapshot([], 'latest'),
      (error) => isFault(error, 'not-found'),
    )
  })

  test('with a path in it after a colon', () => {
    assert.deepEqual(parseSnapshotRef('latest:a/b:c'), { id: 'latest', path: 'a/b:c' })
    assert.deepEqual(parseSnapshotRef('sha256:abcd:x'), { id: 'sha256:abcd', path: 'x' })
    assert.deepEqual(parseSnapshotRef('abcd'), { id: 'abcd', path: '' })
    assert.deepEqual(parseSnapshotRef('abcd:ü').path, Buffer.from('ü').toString('latin1'))
    for (const text of [':x', '', 'sha256:'])
      assert.throws(
        () => parseSnapshotRef(text),
        (error) => isFault(error, 'invalid'),
        text,
      )
  })

  test('in a line that says whose tree it is', () => {
    assert.match(lineNameOf('builder-3', '/srv/my data', ['.']), /^builder-3\/my-data-[0-9a-f]{8}$/)
    assert.match(lineNameOf('..', '/', ['.']), /^host\/root-[0-9a-f]{8}$/)
    assert.notEqual(lineNameOf('h', '/a/x', ['.']), lineNameOf('h', '/b/x', ['.']))
  })
})

describe('snapshots in a store', () => {
  let desk: ReturnType<typeof snapshotDesk>
  beforeEach(() => (desk = snapshotDesk()))
  afterEach(() => desk.remove())

  const create = async (content: string, options: { name?: string; tags?: string[] } = {}) => {
    writeFileSync(path.join(desk.tree, 'file'), content)
    return (await createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder, ...options })).id
  }
  const ids = async (filter = {}): Promise<Digest[]> => (await listSnapshots(desk.context, filter)).map(({ id }) => id)

  test('are listed from the oldest on, by line, host and tags', async () => {
    const one = await create('1', { name: 'x/one', tags: ['a', 'b'] })
    const two = await create('2', { name: 'x/two', tags: ['a'] })
    const three = await create('3', { name: 'y' })
    assert.deepEqual(await ids(), [one, two, three])
    assert.deepEqual(await ids({ name: 'x/' }), [one, two])
    assert.deepEqual(await ids({ name: 'x/two' }), [two])
    assert.deepEqual(await ids({ name: 'x' }), [])
    assert.deepEqual(await ids({ tags: ['a', 'b'] }), [one])
    assert.deepEqual(await ids({ host: 'elsewhere' }), [])
  })

  test('are forgotten by id or by rule, but not where they are pinned', async () => {
    const made = [await create('1'), await create('2'), await create('3'), await create('4')]
    await pinSnapshot(desk.context, made[0]!)
    const dry = await forgetSnapshots(desk.context, { rules: { last: 1 }, dryRun: true })
    assert.deepEqual(
      dry[0]!.plan.drop.map(({ id }) => id),
      [made[1], made[2]],
    )
    assert.deepEqual(await ids(), made)
    await forgetSnapshots(desk.context, { rules: { last: 1 } })
    assert.deepEqual(await ids(), [made[0], made[3]])
    await assert.rejects(forgetSnapshots(desk.context, { ids: [made[0]!] }), (error) => isFault(error, 'precondition'))
    await unpinSnapshot(desk.context, made[0]!)
    await assert.rejects(unpinSnapshot(desk.context, made[0]!), (error) => isFault(error, 'nothing-to-do'))
    await forgetSnapshots(desk.context, { ids: [made[0]!] })
    assert.deepEqual(await ids(), [made[3]])
    await assert.rejects(forgetSnapshots(desk.context, {}), (error) => isFault(error, 'invalid'))
    await assert.rejects(forgetSnapshots(desk.context, { rules: { tags: [] } }), (error) => isFault(error, 'invalid'))
  })

  test('can be tagged afterwards', async () => {
    const id = await create('1', { tags: ['old'] })
    await tagSnapshot(desk.context, id, { add: ['new'], remove: ['old'] })
    assert.deepEqual((await findSnapshot(desk.context, id)).tags, ['new'])
    await assert.rejects(tagSnapshot(desk.context, id, { add: ['new'] }), (error) => isFault(error, 'nothing-to-do'))
    await assert.rejects(tagSnapshot(desk.context, id, { add: ['two words'] }), (error) => isFault(error, 'invalid'))
  })
})
