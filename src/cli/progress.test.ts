import assert from 'node:assert/strict'
import { test } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { paintFor } from './colour.ts'
import { progressLine, progressSentence } from './progress-line.ts'
import { showProgress } from './progress.ts'
import { openScreen } from './screen.ts'
import { displayWidth } from './width.ts'

const MiB = 1 << 20
const state = { task: 'upload librcclx-dev.a', bytes: 360 * MiB, totalBytes: 800 * MiB, items: 1, totalItems: 3, rate: 92 * MiB }

test('the line shows bytes, files, rate and ETA', () => {
  assert.equal(progressLine(state, 120), 'upload librcclx-dev.a  [#######.........]   45%  360 MiB/800 MiB  1/3 files  92.0 MiB/s  ETA 5 s')
  assert.equal(progressSentence(state), 'upload librcclx-dev.a: 45%, 360 MiB of 800 MiB, 1 of 3 files, 92.0 MiB/s, ETA 5 s')
})

test('the line leaves out what does not fit: the bar first, the share last', () => {
  for (let width = 1; width < 120; width++) assert.ok(displayWidth(progressLine(state, width)) <= width, `${width}`)
  assert.doesNotMatch(progressLine(state, 79), /#/)
  assert.equal(progressLine(state, 24), 'upload librcclx-d…   45%')
})

function display(columns: number | undefined, mode: 'live' | 'plain' | 'none') {
  const clock = manualClock()
  const terminal = fakeTerminal({ clock, ...(columns === undefined ? {} : { columns }) })
  const screen = openScreen(terminal.host)
  return { clock, terminal, screen, progress: showProgress(screen, { clock, paint: paintFor(false), mode, columns: () => columns ?? 80 }) }
}

test('on a terminal one line is redrawn ten times a second at most, and cleared at the end', async () => {
  const { clock, terminal, progress } = display(80, 'live')
  progress.report({ kind: 'begin', task: 'upload', bytes: 100 })
  for (let step = 0; step < 50; step++) progress.report({ kind: 'advance', task: 'upload', bytes: 1 })
  assert.equal(terminal.err(), '')
  await clock.advance(1000)
  const drawn = terminal
    .err()
    .split('\r\u001b[2K')
    .filter((line) => line !== '')
  assert.ok(drawn.length >= 1 && drawn.length <= 10, `${drawn.length} times`)
  assert.match(drawn[0]!, /^upload .* 50%/)
  progress.report({ kind: 'end', task: 'upload' })
  assert.ok(terminal.err().endsWith('\r\u001b[2K'))
  await progress.stop()
})

test('work that is done at once draws nothing', async () => {
  const { clock, terminal, progress } = display(80, 'live')
  progress.report({ kind: 'begin', task: 'upload', bytes: 100 })
  progress.report({ kind: 'end', task: 'upload' })
  await clock.advance(5000)
  await progress.stop()
  assert.equal(terminal.err(), '')
})

test('off a terminal it writes a whole line every ten seconds', async () => {
  const { clock, terminal, progress } = display(undefined, 'plain')
  progress.report({ kind: 'begin', task: 'upload', bytes: 100 })
  progress.report({ kind: 'advance', task: 'upload', bytes: 30 })
  await clock.advance(10_000)
  progress.report({ kind: 'advance', task: 'upload', bytes: 70 })
  progress.report({ kind: 'end', task: 'upload' })
  await progress.stop()
  assert.equal(terminal.err(), 'upload: 30%, 30 B of 100 B, 3 B/s, ETA 24 s\nupload: 100%, 100 B of 100 B, done\n')
})

test('a remark or a result clears the live line, and it comes back after it', async () => {
  const { clock, terminal, screen, progress } = display(80, 'live')
  progress.report({ kind: 'begin', task: 'upload', bytes: 100 })
  await clock.advance(100)
  progress.report({ kind: 'note', level: 'warning', text: 'slow' })
  screen.result('a result')
  assert.ok(terminal.err().includes('\r\u001b[2Kwarning: slow\nupload'))
  assert.equal(terminal.out(), 'a result\n')
  await progress.stop()
})

test('quiet work still gives its warnings', async () => {
  const { clock, terminal, progress } = display(80, 'none')
  progress.report({ kind: 'begin', task: 'upload', bytes: 100 })
  progress.report({ kind: 'note', level: 'info', text: 'this is for the curious' })
  progress.report({ kind: 'note', level: 'warning', text: 'the disk is slow' })
  await clock.advance(1000)
  await progress.stop()
  assert.equal(terminal.err(), 'warning: the disk is slow\n')
})

test('events are for logs: what went well is said only when more is asked for, what did not always', () => {
  const event = { kind: 'note', level: 'info', event: 'snapshot_created', text: 'made the snapshot a' } as const
  const failed = { ...event, level: 'warning', event: 'snapshot_creation_failed', text: 'the snapshot a was not made' } as const
  const said = (verbose: boolean) => {
    const terminal = fakeTerminal()
    const { report } = showProgress(openScreen(terminal.host), {
      clock: manualClock(),
      paint: paintFor(false),
      mode: 'plain',
      columns: () => 80,
      verbose,
    })
    report(event)
    report(failed)
    return terminal.err()
  }
  assert.equal(said(false), 'warning: the snapshot a was not made\n')
  assert.equal(said(true), 'snapshot_created: made the snapshot a\nwarning: snapshot_creation_failed: the snapshot a was not made\n')
})
