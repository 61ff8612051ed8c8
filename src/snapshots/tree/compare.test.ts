import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { snapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { createSnapshot } from '../create/create.ts'
import { compareTrees } from './compare.ts'
import { shownName } from './name.ts'
import { lookUp } from './walk.ts'

let desk: ReturnType<typeof snapshotDesk>

const at = (name: string) => path.join(desk.tree, name)
const create = async () => (await createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder })).record.root

describe('two trees', () => {
  beforeEach(() => (desk = snapshotDesk()))
  afterEach(() => desk.remove())

  test('are compared without reading what they share', async () => {
    for (const name of ['same', 'a', 'gone']) mkdirSync(at(name))
    for (const name of ['same/one', 'a/file', 'a/mode', 'a/time', 'gone/inner', 'kind']) writeFileSync(at(name), name)
    symlinkSync('old', at('link'))
    const before = await create()
    writeFileSync(at('a/file'), 'CHANGED')
    chmodSync(at('a/mode'), 0o600)
    utimesSync(at('a/time'), 5, 5)
    rmSync(at('gone'), { recursive: true })
    rmSync(at('kind'))
    mkdirSync(at('kind'))
    writeFileSync(at('kind/new'), '')
    rmSync(at('link'))
    symlinkSync('new', at('link'))
    const after = await create()
    const same = await lookUp(desk.chunks, after, 'same')
    assert.ok(same.entry.kind === 'directory')
    desk.chunks.all.delete(same.entry.node)
    const lines: string[] = []
    for await (const difference of compareTrees(desk.chunks, await lookUp(desk.chunks, before, ''), await lookUp(desk.chunks, after, ''))) {
      const aspects = difference.kind === 'changed' ? ` ${difference.aspects.filter((aspect) => aspect !== 'time').join(' ')}` : ''
      lines.push(`${difference.kind} ${shownName(difference.path)}${aspects}`.trim())
    }
    assert.deepEqual(lines, [
      'changed',
      'changed a/file content',
      'changed a/mode mode',
      'changed a/time',
      'removed gone',
      'removed gone/inner',
      'changed kind kind mode',
      'added kind/new',
      'changed link target',
    ])
  })
})
