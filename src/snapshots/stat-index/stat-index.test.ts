import assert from 'node:assert/strict'
import { globSync, mkdirSync, readFileSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { makeRandomTree, mutateTree } from '../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { snapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { createSnapshot } from '../create/create.ts'
import { openStatIndex } from './stat-index.ts'

describe('the index of a tree', () => {
  let desk: ReturnType<typeof snapshotDesk>
  beforeEach(() => {
    desk = snapshotDesk()
    desk.ahead = 10_000
  })
  afterEach(() => desk.remove())

  const create = (options = {}) => createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder, name: 'line', ...options })
  const indexFile = () => path.join(desk.folder, 'cache', globSync('stat-index/*', { cwd: path.join(desk.folder, 'cache') })[0]!)

  test('is left as it is where nothing changed, and does not grow without end where much does', async () => {
    const random = seededRandom(testSeed)
    makeRandomTree(desk.tree, random, 100)
    await create()
    const { size, ino } = statSync(indexFile())
    await create()
    assert.equal(statSync(indexFile()).ino, ino)
    for (let round = 0; round < 12; round++) {
      writeFileSync(path.join(desk.tree, 'one'), String(round))
      await create()
    }
    assert.ok(statSync(indexFile()).size < size * 3 + (1 << 17), `seed ${testSeed}`)
  })

  test('may be damaged in any way: what is made with it is right all the same', async () => {
    const random = seededRandom(testSeed)
    mkdirSync(path.join(desk.tree, 'inner'))
    makeRandomTree(desk.tree, random, 30)
    await create()
    for (let round = 0; round < 40; round++) {
      mutateTree(desk.tree, random)
      const file = indexFile()
      const bytes = readFileSync(file)
      if (random() < 0.3) truncateSync(file, Math.floor(random() * bytes.byteLength))
      else {
        for (let flip = 0; flip < 3; flip++) bytes[Math.floor(random() * bytes.byteLength)]! ^= 1 << Math.floor(random() * 8)
        writeFileSync(file, bytes)
      }
      const made = await create()
      const fresh = await create({ name: 'fresh', force: true })
      assert.equal(made.record.root, fresh.record.root, `seed ${testSeed}, round ${round}`)
      await create({ force: true })
    }
  })

  test('that is none is no trouble', () => {
    const file = path.join(desk.folder, 'none')
    assert.equal(openStatIndex(file), undefined)
    writeFileSync(file, '')
    assert.equal(openStatIndex(file), undefined)
    writeFileSync(file, Buffer.alloc(500))
    assert.equal(openStatIndex(file), undefined)
  })
})
