import assert from 'node:assert/strict'
import { test } from 'node:test'
import { displayWidth, padTo, printable, printableLine, truncate, wrapText } from './width.ts'

test('ideographs and emoji take two cells, combining marks and colour codes none', () => {
  assert.equal(displayWidth('abc'), 3)
  assert.equal(displayWidth('安装'), 4)
  assert.equal(displayWidth('👍🏽'), 2)
  assert.equal(displayWidth('e\u0301'), 1)
  assert.equal(displayWidth('\u001b[31mred\u001b[39m'), 3)
})

test('a cut text ends in an ellipsis and never splits a character', () => {
  assert.equal(truncate('librcclx-dev.a', 8), 'librccl…')
  assert.equal(truncate('安装包', 4), '安…')
  assert.equal(truncate('short', 5), 'short')
  assert.equal(truncate('short', 0), '')
})

test('padding counts cells', () => {
  assert.equal(padTo('安', 4), '安  ')
  assert.equal(padTo('7', 3, 'right'), '  7')
})

test('wrapped lines fit, and a word longer than a line is broken or kept as asked', () => {
  assert.deepEqual(wrapText('one two three', 7), ['one two', 'three'])
  assert.deepEqual(wrapText('abcdefghij k', 4), ['abcd', 'efgh', 'ij k'])
  assert.deepEqual(wrapText('a abcdefghij k', 4, 'keep'), ['a', 'abcdefghij', 'k'])
})

test('control characters are shown and not obeyed', () => {
  assert.equal(printable('a\u001b[2Jb\u202ec'), 'a\\u001b[2Jb\\u202ec')
  assert.equal(printable('tab\tand\nline'), 'tab\tand\nline')
  assert.equal(printableLine('tab\tand\nline\u0007'), 'tab\\tand\\nline\\u0007')
})
