import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { createLog, type LogFormat, type LogOptions } from './log.ts'
import { forgetSecret, keepSecret } from './redact.ts'

const noon = { now: () => Date.UTC(2026, 10, 22, 12, 0, 0, 7) }

function openLog(format: LogFormat, more: Partial<LogOptions> = {}) {
  const lines: string[] = []
  const log = createLog({ format, level: 'info', clock: noon, write: (line) => void lines.push(line), ...more })
  return { log, lines }
}

const only = (lines: readonly string[]): Record<string, unknown> => {
  assert.equal(lines.length, 1)
  return JSON.parse(lines[0]!) as Record<string, unknown>
}

describe('a log', () => {
  test('as JSON has time, level and message first, then the facts', () => {
    const { log, lines } = openLog('json')
    log.with({ job: 'mirror' }).write('warn', 'tried again', { unit: 7, isLate: false, nothing: undefined })
    assert.deepEqual(lines, [
      '{"time":"2026-11-22T12:00:00.007Z","level":"warn","message":"tried again","job":"mirror","unit":7,"isLate":false}',
    ])
  })

  test('as text is for reading, with facts that can be searched for', () => {
    const { log, lines } = openLog('text')
    log.write('info', 'unit done', { unit: 7, job: 'mirror', summary: 'files 3, nothing "new"', gone: undefined })
    log.write('error', 'it broke')
    assert.deepEqual(lines, [
      '2026-11-22T12:00:00.007Z info  unit done unit=7 job=mirror summary="files 3, nothing \\"new\\""',
      '2026-11-22T12:00:00.007Z error it broke',
    ])
  })

  test('leaves out lower levels, and says so to who asks before', () => {
    const { log, lines } = openLog('text', { level: 'warn' })
    for (const level of ['debug', 'info', 'warn', 'error'] as const) log.write(level, level)
    assert.equal(lines.length, 2)
    assert.deepEqual([log.has('info'), log.has('warn')], [false, true])
  })

  test('asks for what belongs to each line at that line', () => {
    let trace = 'a'
    const { log, lines } = openLog('json', { context: () => ({ trace_id: trace }) })
    log.write('info', 'one')
    trace = 'b'
    log.write('info', 'two')
    assert.deepEqual(
      lines.map((line) => (JSON.parse(line) as { trace_id: string }).trace_id),
      ['a', 'b'],
    )
  })

  test('takes no fact for one of its own', () => {
    const { log, lines } = openLog('json')
    log.write('info', 'true', { message: 'forged', level: 'error', time: 'never' })
    assert.deepEqual(only(lines), { time: '2026-11-22T12:00:00.007Z', level: 'info', message: 'true' })
  })

  test('hides secrets in messages and facts, known ones and those of a known form', () => {
    keepSecret('hunter22hunter22')
    try {
      for (const format of ['json', 'text'] as const) {
        const { log, lines } = openLog(format)
        log.write('info', 'asked with hunter22hunter22', {
          url: 'https://ann:pass@host/x?token=abc',
          header: 'Authorization: Bearer abcdefgh',
          path: '/hunter22hunter22',
        })
        assert.doesNotMatch(lines.join(), /hunter22|pass|abc/)
      }
    } finally {
      forgetSecret('hunter22hunter22')
    }
  })

  test('cuts what is too long', () => {
    const { log, lines } = openLog('json')
    log.write('info', 'm'.repeat(20_000), { field: 'f'.repeat(20_000) })
    const { message, field } = only(lines) as { message: string; field: string }
    assert.deepEqual([message.length, field.length], [8_000, 2_000])
  })

  test('is one line, drives no terminal, and as JSON gives back what was said, whatever that is', () => {
    const hostile = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        'a\nb',
        '\r\n',
        '\u001b[2J\u001b]0;title\u0007',
        'x\u2028y',
        '\u202egnp.exe',
        '\u009b31m',
        '\ud800',
        '"} {"level":"error"',
      ),
    )
    fc.assert(
      fc.property(hostile, hostile, (message, value) => {
        for (const format of ['json', 'text'] as const) {
          const { log, lines } = openLog(format)
          log.write('info', message, { value })
          // oxlint-disable-next-line no-control-regex
          assert.doesNotMatch(lines[0]!, /[\u0000-\u001f\u007f-\u009f\u2028\u2029\u202a-\u202e\u2066-\u2069]/)
          if (format === 'json') assert.equal(typeof only(lines)['message'], 'string')
        }
      }),
    )
    const { log, lines } = openLog('json')
    log.write('info', 'a\nb \u001b[31m \u2028', {})
    assert.equal(only(lines)['message'], 'a\nb \u001b[31m \u2028')
  })
})
