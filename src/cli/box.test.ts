import assert from 'node:assert/strict'
import { test } from 'node:test'
import { renderBox } from './box.ts'
import { displayWidth } from './width.ts'

test('a box goes around its longest line', () => {
  assert.equal(
    renderBox('WARNING', ['stable  ->  last-stable', '  new'], 80, { LANG: 'C.UTF-8' }),
    [
      '┌─────────────────────────┐',
      '│ WARNING                 │',
      '│                         │',
      '│ stable  ->  last-stable │',
      '│   new                   │',
      '└─────────────────────────┘',
    ].join('\n'),
  )
})

test('it keeps to plain characters where the locale has no others, and to the width', () => {
  const lines = renderBox('WARNING', ['  the release of last-stable goes to archives/6.4/20250115_143000_librcclx-dev.a'], 40, {}).split(
    '\n',
  )
  assert.equal(lines[0], `+${'-'.repeat(38)}+`)
  for (const line of lines) assert.equal(displayWidth(line), 40)
  assert.match(lines[4]!, /^\| {3}\S/)
})

test('a long value hangs below its beginning, not below its label', () => {
  const lines = renderBox('WARNING', ['build    make rcclx ROCM=6.4.2 and some more words'], 40, {}).split('\n')
  assert.equal(lines[3], '| build    make rcclx ROCM=6.4.2 and |')
  assert.equal(lines[4], '|          some more words           |')
})
