import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { whatIsWanted, type Wanted } from './conditions.ts'

const version = { etag: '"abc"', modified: Date.UTC(2025, 0, 15, 14, 30, 0, 700) }
const wanted = (headers: Record<string, string>, size = 100): Wanted => whatIsWanted(new Headers(headers), version, size)
const range = (start: number, end: number): Wanted => ({ kind: 'range', start, end })
const whole: Wanted = { kind: 'whole' }
const unsatisfiable: Wanted = { kind: 'unsatisfiable' }
const notModified: Wanted = { kind: 'not-modified' }

describe('a range', () => {
  const cases: [string, Wanted][] = [
    ['bytes=0-0', range(0, 1)],
    ['bytes=10-19', range(10, 20)],
    ['bytes=90-', range(90, 100)],
    ['bytes=90-1000', range(90, 100)],
    ['bytes=-10', range(90, 100)],
    ['bytes=-1000', range(0, 100)],
    ['Bytes = 5-6', range(5, 7)],
    ['bytes=100-', unsatisfiable],
    ['bytes=100-200', unsatisfiable],
    ['bytes=-0', unsatisfiable],
    ['bytes=9-5', whole],
    ['bytes=-', whole],
    ['bytes=0-1,5-6', whole],
    ['bytes=a-b', whole],
    ['lines=1-2', whole],
    ['bytes=0-99999999999999999999999', whole],
  ]
  for (const [text, expected] of cases)
    it(`${text} of 100 bytes is ${JSON.stringify(expected)}`, () => assert.deepEqual(wanted({ range: text }), expected))

  it('of nothing cannot be satisfied', () => {
    for (const text of ['bytes=0-0', 'bytes=0-', 'bytes=-1']) assert.deepEqual(wanted({ range: text }, 0), unsatisfiable)
  })

  it('is given only of the version that it is asked of', () => {
    const of = (condition: string) => wanted({ range: 'bytes=0-9', 'if-range': condition })
    assert.deepEqual(of('"abc"'), range(0, 10))
    assert.deepEqual(of('"other"'), whole)
    assert.deepEqual(of('W/"abc"'), whole)
    assert.deepEqual(of('Wed, 15 Jan 2025 14:30:00 GMT'), range(0, 10))
    assert.deepEqual(of('Wed, 15 Jan 2025 14:30:01 GMT'), whole)
    assert.deepEqual(of('nonsense'), whole)
  })
})

describe('what a client holds', () => {
  const cases: [Record<string, string>, Wanted][] = [
    [{ 'if-none-match': '"abc"' }, notModified],
    [{ 'if-none-match': 'W/"abc"' }, notModified],
    [{ 'if-none-match': '"x", "abc"' }, notModified],
    [{ 'if-none-match': '*' }, notModified],
    [{ 'if-none-match': '"x"' }, whole],
    [{ 'if-none-match': '"x"', 'if-modified-since': 'Wed, 15 Jan 2030 14:30:00 GMT' }, whole],
    [{ 'if-modified-since': 'Wed, 15 Jan 2025 14:30:00 GMT' }, notModified],
    [{ 'if-modified-since': 'Wed, 15 Jan 2025 14:29:59 GMT' }, whole],
    [{ 'if-modified-since': 'soon' }, whole],
    [{ 'if-none-match': '"abc"', range: 'bytes=0-9' }, notModified],
  ]
  for (const [headers, expected] of cases)
    it(`${JSON.stringify(headers)} gives ${expected.kind}`, () => assert.deepEqual(wanted(headers), expected))
})
