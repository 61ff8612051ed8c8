import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../../kit/index.ts'
import { stepOf, switchTrees } from './rename.ts'

describe('a switch of trees', () => {
  const scratch = scratchDirectory()
  let count = 0
  const tree = (content?: string) => {
    const directory = path.join(scratch, `tree-${count++}`)
    mkdirSync(directory)
    if (content !== undefined) writeFileSync(path.join(directory, 'file'), content)
    return directory
  }
  const read = (directory: string) => readFileSync(path.join(directory, 'file'), 'utf8')

  test('gives the prepared one the live name, and leaves the replaced one aside', async () => {
    const [live, prepared] = [tree('old'), tree('new')]
    const { ino } = statSync(prepared)
    assert.equal(await switchTrees(prepared, live), 'replaced-aside')
    assert.deepEqual([read(live), read(prepared), statSync(live).ino], ['new', 'old', ino])
  })

  test('replaces an empty live directory', async () => {
    const [live, prepared] = [tree(), tree('new')]
    assert.equal(await switchTrees(prepared, live), 'replaced-aside')
    assert.deepEqual([read(live), readdirSync(prepared)], ['new', []])
  })

  test('makes a live directory that is missing, with the directories on the way', async () => {
    const live = path.join(scratch, 'a', 'b', 'live')
    const prepared = tree('new')
    assert.equal(await switchTrees(prepared, live), 'nothing-aside')
    assert.deepEqual([read(live), existsSync(prepared)], ['new', false])
  })

  test('without a prepared tree changes nothing', async () => {
    const live = tree('old')
    await assert.rejects(switchTrees(path.join(scratch, 'none'), live), (error) => isFault(error, 'not-found'))
    assert.equal(read(live), 'old')
  })

  test('with one inside of the other is refused', async () => {
    const live = tree('old')
    const inner = path.join(live, 'inner')
    mkdirSync(inner)
    await assert.rejects(switchTrees(inner, live), (error) => isFault(error, 'unsupported') && error.hint !== undefined)
    assert.equal(read(live), 'old')
  })

  test('leaves nothing beside the live directory', async () => {
    const [live, prepared] = [tree('old'), tree('new')]
    await switchTrees(prepared, live)
    assert.equal(existsSync(stepOf(live)), false)
  })

  test('never follows a link in the place of the live directory', async () => {
    const [target, prepared] = [tree('other'), tree('new')]
    const link = path.join(scratch, 'link')
    symlinkSync(target, link)
    await switchTrees(prepared, link)
    assert.deepEqual([read(target), read(link)], ['other', 'new'])
  })
})
