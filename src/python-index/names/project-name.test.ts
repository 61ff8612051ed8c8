import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../../kit/index.ts'
import { isProjectName, normaliseName } from './project-name.ts'

test('names that PEP 503 calls the same have one spelling', () => {
  for (const name of [
    'friendly-bard',
    'Friendly-Bard',
    'FRIENDLY-BARD',
    'friendly.bard',
    'friendly_bard',
    'friendly--bard',
    'FrIeNdLy-._.-bArD',
  ]) {
    assert.equal(normaliseName(name), 'friendly-bard')
  }
})

test('a name begins and ends with a letter or digit, and has only . _ - between', () => {
  for (const name of ['a', '0', 'A.b_c-d']) assert.ok(isProjectName(name), name)
  for (const name of ['', '-a', 'a-', '_a', 'a.', 'a b', 'a/b', '..', '<b>', 'ä', 'a\n', 'x'.repeat(201)]) {
    assert.ok(!isProjectName(name), name)
    assert.throws(
      () => normaliseName(name),
      (error) => isFault(error, 'invalid'),
    )
  }
})
