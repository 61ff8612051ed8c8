import assert from 'node:assert/strict'
import { test } from 'node:test'
import { nextStep } from './text.ts'

test('the next step is told as it has to be typed, with the folder of this one', () => {
  assert.equal(nextStep('prepare', 'a-linux-amd64', undefined), 'next: holdfast images prepare a-linux-amd64')
  assert.equal(nextStep('push', 'a-linux-amd64', '../d2'), 'next: holdfast images push a-linux-amd64 --downloads-dir ../d2')
  assert.equal(
    nextStep('push', 'a-linux-amd64', "Ann's images"),
    String.raw`next: holdfast images push a-linux-amd64 --downloads-dir 'Ann'\''s images'`,
  )
})
