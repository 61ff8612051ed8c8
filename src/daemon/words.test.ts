import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { lineOf, wordsOf } from './words.ts'

test('a line is parted as a shell would part it', () => {
  assert.deepEqual(wordsOf('images sync --missing'), ['images', 'sync', '--missing'])
  assert.deepEqual(wordsOf(`  snapshot create "a b" 'c "d"' e\\ f --name="x y"  `), [
    'snapshot',
    'create',
    'a b',
    'c "d"',
    'e f',
    '--name=x y',
  ])
  assert.deepEqual(wordsOf('holdfast store stats'), ['store', 'stats'])
  assert.deepEqual(wordsOf(`a "" 'b'"c"`), ['a', '', 'bc'])
})

test('what only a shell can do, and quotes without an end, are refused', () => {
  for (const line of ['a | b', 'a > b', 'a && b', 'a; b', 'a `b`', 'a $(b)']) assert.throws(() => wordsOf(line), /for a shell/, line)
  for (const line of ['a "b', "a 'b", 'a \\']) assert.throws(() => wordsOf(line), /without its end/, line)
  assert.throws(() => wordsOf('  '), /empty/)
  assert.deepEqual(wordsOf(`a ';' "|"`), ['a', ';', '|'])
})

test('words written as a line are the same words again', () => {
  fc.assert(
    fc.property(fc.array(fc.string(), { minLength: 1 }), (words) => {
      fc.pre(words[0] !== 'holdfast')
      assert.deepEqual(wordsOf(lineOf(words)), words)
    }),
  )
})
