import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from '../kit/index.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { confirm } from './prompt.ts'
import { openScreen } from './screen.ts'

test('y and yes are a yes, all else is a no', async () => {
  for (const [answer, expected] of [
    ['y', true],
    ['YES', true],
    ['', false],
    ['n', false],
    ['yep', false],
  ] as const) {
    const terminal = fakeTerminal({ columns: 80 })
    const answered = confirm(terminal.host, openScreen(terminal.host), 'Go on?', false)
    terminal.type(answer)
    assert.equal(await answered, expected, answer)
    assert.equal(terminal.err(), 'Go on? [y/N] ')
  }
})

test('--yes asks nothing', async () => {
  const terminal = fakeTerminal()
  assert.equal(await confirm(terminal.host, openScreen(terminal.host), 'Go on?', true), true)
  assert.equal(terminal.err(), '')
})

test('off a terminal nobody can be asked, and the hint names --yes', async () => {
  const terminal = fakeTerminal()
  await assert.rejects(
    confirm(terminal.host, openScreen(terminal.host), 'Go on?', false),
    (error) => isFault(error, 'invalid') && /--yes/.test(error.hint ?? ''),
  )
})

test('the end of the input is a no', async () => {
  const terminal = fakeTerminal({ columns: 80 })
  const answered = confirm(terminal.host, openScreen(terminal.host), 'Go on?', false)
  terminal.host.stdin.stream.push(null)
  assert.equal(await answered, false)
})

test('Ctrl-C at the question stops, with nothing done', async () => {
  const stop = new AbortController()
  const terminal = fakeTerminal({ columns: 80, signal: stop.signal })
  const answered = confirm(terminal.host, openScreen(terminal.host), 'Go on?', false)
  stop.abort()
  await assert.rejects(answered, (error) => isFault(error, 'aborted'))
})
