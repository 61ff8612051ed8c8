import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFault } from './fault.ts'
import { parseDuration, parseTime } from './units.ts'

test('a duration is numbers with their units, and a time one of them ago or a date', () => {
  assert.equal(parseDuration('1h30m'), 5_400_000)
  assert.equal(parseDuration(' 1.5s '), 1_500)
  assert.equal(parseTime('36h', 200_000_000), 70_400_000)
  assert.equal(parseTime('2025-01-15', 0), Date.UTC(2025, 0, 15))
})

test('what is none is refused in time by its length, and so is a time that no date has', () => {
  const began = process.cpuUsage()
  for (const text of ['', 'soon', '1.s', '1..5s', '1s x', `1s${'1'.repeat(1 << 20)}`, `1s${'1.'.repeat(1 << 20)}`]) {
    assert.throws(
      () => parseDuration(text),
      (error) => isFault(error, 'invalid') && error.message.length < 200,
    )
  }
  assert.ok(process.cpuUsage(began).user < 5_000_000)
  for (const text of ['999999999999999w', '99999999999999d', '0000-99-99'])
    assert.throws(
      () => parseTime(text, 0),
      (error) => isFault(error, 'invalid') && /not a time/.test(error.message),
    )
})
