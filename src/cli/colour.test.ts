import assert from 'node:assert/strict'
import { test } from 'node:test'
import { paintFor, wantsColour } from './colour.ts'

const terminal = { write: () => undefined, isTty: true, columns: 80 }
const pipe = { write: () => undefined, isTty: false, columns: undefined }

test('a terminal is coloured and a pipe is not', () => {
  assert.equal(wantsColour(terminal, {}, true), true)
  assert.equal(wantsColour(pipe, {}, true), false)
  assert.equal(wantsColour(terminal, { TERM: 'dumb' }, true), false)
})

test('--no-color is stronger than NO_COLOR, which is stronger than FORCE_COLOR', () => {
  assert.equal(wantsColour(terminal, { FORCE_COLOR: '1' }, false), false)
  assert.equal(wantsColour(terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }, true), false)
  assert.equal(wantsColour(pipe, { FORCE_COLOR: '1' }, true), true)
  assert.equal(wantsColour(terminal, { FORCE_COLOR: '0' }, true), false)
  assert.equal(wantsColour(terminal, { NO_COLOR: '' }, true), true)
})

test('paint that is off gives the text back', () => {
  assert.equal(paintFor(false).red('x'), 'x')
  assert.equal(paintFor(true).red('x'), '\u001b[31mx\u001b[39m')
})
