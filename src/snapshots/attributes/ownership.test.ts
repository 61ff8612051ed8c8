import assert from 'node:assert/strict'
import { chmodSync, chownSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { asNobody, needsRoot, nobody } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../../kit/index.ts'
import { changeMode } from './ownership.ts'

describe('a mode', () => {
  const directory = scratchDirectory()
  const at = (name: string) => path.join(directory, name)

  test('is not changed through a link', () => {
    writeFileSync(at('target'), '', { mode: 0o600 })
    symlinkSync('target', at('link'))
    assert.throws(
      () => changeMode(at('link'), 0o666),
      (error) => isFault(error, 'precondition'),
    )
    assert.equal(statSync(at('target')).mode & 0o7777, 0o600)
  })

  test('is changed by its owner, who may not even read the file', { skip: needsRoot }, () => {
    writeFileSync(at('closed'), '', { mode: 0 })
    chownSync(at('closed'), nobody, nobody)
    chmodSync(directory, 0o711)
    asNobody(() => changeMode(Buffer.from(at('closed')), 0o4500))
    assert.equal(statSync(at('closed')).mode & 0o7777, 0o4500)
  })
})
