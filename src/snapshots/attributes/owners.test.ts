import assert from 'node:assert/strict'
import { lchownSync, lstatSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { capture, owners } from '../../../test/fakes/attributes.ts'
import { needsRoot, nobody } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { Fault } from '../../kit/index.ts'
import { applyAttributes, createShortfall, rememberOwners } from './index.ts'

describe('owners by name', { skip: needsRoot }, () => {
  const directory = scratchDirectory()
  const file = path.join(directory, 'file')
  writeFileSync(file, '')
  const apply = (user: string, group: string, by: typeof owners | undefined) => {
    applyAttributes(file, { ...capture(file), uid: 555, gid: 556, user, group }, { shortfall: createShortfall(), owners: by })
    const { uid, gid } = lstatSync(file)
    return [uid, gid]
  }

  test('are whoever has the name here; a name that nobody has gives way to the number', () => {
    assert.deepEqual(apply('nobody', 'nogroup', owners), [nobody, nobody])
    assert.deepEqual(apply('no such user', 'nogroup', owners), [555, nobody])
    assert.deepEqual(apply('', '', owners), [555, 556])
  })

  test('are not asked for where numbers decide', () => {
    assert.deepEqual(apply('nobody', 'nogroup', undefined), [555, 556])
  })

  test('are captured with the numbers', () => {
    lchownSync(file, nobody, nobody)
    const { user, group } = capture(file)
    assert.deepEqual([user, group], ['nobody', 'nogroup'])
    lchownSync(file, 3_999_999_999, 3_999_999_999)
    assert.deepEqual([capture(file).user, capture(file).group], ['', ''])
  })

  test('are looked up once each, absent and failing ones too', () => {
    const asked: (number | string)[] = []
    const counting = rememberOwners({
      userName: (id) => (asked.push(id), id === 1 ? 'daemon' : undefined),
      groupName: (id) => {
        asked.push(id)
        throw new Fault('unavailable', 'the directory server does not answer')
      },
      userId: (name) => (asked.push(name), undefined),
      groupId: (name) => (asked.push(name), 5),
    })
    for (let round = 0; round < 3; round++) {
      assert.equal(counting.userName(1), 'daemon')
      assert.equal(counting.userName(2), undefined)
      assert.throws(() => counting.groupName(3), /does not answer/)
      assert.equal(counting.userId('x'), undefined)
      assert.equal(counting.groupId('y'), 5)
    }
    assert.deepEqual(asked, [1, 2, 3, 'x', 'y'])
  })
})
