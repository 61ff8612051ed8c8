import assert from 'node:assert/strict'
import { test } from 'node:test'
import { editsBetween, nearest } from './nearest.ts'

test('edits are insertions, deletions, replacements and swaps of neighbours', () => {
  assert.equal(editsBetween('', 'abc'), 3)
  assert.equal(editsBetween('url', 'url'), 0)
  assert.equal(editsBetween('ulr', 'url'), 1)
  assert.equal(editsBetween('artefact', 'artifact'), 1)
  assert.equal(editsBetween('kitten', 'sitting'), 3)
})

test('the nearest word is found, and none where all are far', () => {
  assert.equal(nearest('Regoin', ['region', 'profile']), 'region')
  assert.equal(nearest('x', ['url', 's3']), undefined)
  assert.equal(nearest('colour', ['region', 'profile']), undefined)
})
