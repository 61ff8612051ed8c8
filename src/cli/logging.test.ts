import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fakeTerminal, type FakeTerminalOptions } from '../../test/fakes/terminal.ts'
import { createLog, type LogLevel, systemClock } from '../kit/index.ts'
import type { Access } from '../server/index.ts'
import { runCli } from './program.ts'
import { accessLines } from './serve/access.ts'

const scratch = scratchDirectory()

function desk(config = '') {
  const cwd = mkdtempSync(path.join(scratch, 'logging-'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), `[store]\nurl = "file:./store"\n${config}`)
  mkdirSync(path.join(cwd, 'tree'))
  return async (line: string, env: Record<string, string> = {}, more: FakeTerminalOptions = {}) => {
    const terminal = fakeTerminal({ cwd, env: { HOME: cwd, USER: 'ann', ...env }, clock: systemClock, ...more })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
}

const linesOf = (text: string) =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)

describe('stderr as JSON', () => {
  test('has one object in each line, faults and warnings among them; results stay as they are', async () => {
    const holdfast = desk()
    const { exit, out, err } = await holdfast('snapshot show nothing', { HOLDFAST_LOG_FORMAT: 'json', HOLDFAST_STROE_URL: 'x' })
    assert.equal(exit, 4, err)
    assert.equal(out, '')
    const lines = linesOf(err)
    assert.match(String(lines[0]?.['message']), /HOLDFAST_STROE_URL is set and sets no key/)
    const { time, level, event, code, exit: status } = lines.at(-1)!
    assert.deepEqual([lines[0]?.['level'], level, event, code, status], ['warn', 'error', 'fault', 'not-found', 4])
    assert.match(String(time), /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
  })

  test('is asked for by flag, variable or file, in that order', async () => {
    const holdfast = desk('[log]\nformat = "json"\n')
    const isJson = async (line: string, env?: Record<string, string>) => (await holdfast(line, env)).err.startsWith('{"time"')
    assert.equal(await isJson('snapshot show nothing'), true)
    assert.equal(await isJson('snapshot show nothing', { HOLDFAST_LOG_FORMAT: 'text' }), false)
    assert.equal(await isJson('snapshot show nothing --log-format json', { HOLDFAST_LOG_FORMAT: 'text' }), true)
    assert.equal(await isJson('snapshot show nothing --log-format text'), false)
  })

  test('tells also what is wrong with the line or the file that would have asked for it', async () => {
    const { exit, err } = await desk()('snapshot shwo --log-format json')
    assert.equal(exit, 2)
    assert.match(String(linesOf(err)[0]?.['message']), /unknown command 'shwo'/)
    const wrong = await desk('wrong = 1\n')('snapshot list', { HOLDFAST_LOG_FORMAT: 'json' })
    assert.equal(wrong.exit, 2)
    assert.equal(linesOf(wrong.err)[0]?.['code'], 'invalid')
    assert.equal((await desk('[log]\nformat = "xml"\n')('snapshot list')).exit, 2)
    assert.equal((await desk()('snapshot list --log-level loud')).exit, 2)
  })

  test('leaves a talk with people as it was, unless it is asked for', async () => {
    assert.equal((await desk()('snapshot show nothing')).err.startsWith('error: '), true)
  })
})

describe('stderr of what goes on', () => {
  const jobs = '[[job]]\nname = "keep"\nrun = "snapshot create tree"\nevery = "1h"\n'

  test('has time and level in each line, and colours only where somebody sees them', async () => {
    const { err } = await desk(jobs)('daemon --once')
    for (const line of err.trimEnd().split('\n')) assert.match(line, /^\d{4}-\d\d-\d\dT[\d:.]+Z (info |warn |error) /)
    assert.ok(!err.includes('\u001b'), err)
    const seen = await desk(jobs)('daemon --once', {}, { columns: 80 })
    assert.ok(seen.err.includes('\u001b[2m2'), seen.err)
    assert.ok(!(await desk(jobs)('daemon --once', { NO_COLOR: '1' }, { columns: 80 })).err.includes('\u001b[2m'))
  })

  test('tells from the level on that was asked for', async () => {
    assert.equal((await desk(jobs)('daemon --once --log-level warn')).err, '')
    assert.equal((await desk(jobs)('daemon --once --quiet')).err, '')
    assert.equal((await desk(`${jobs}[log]\nlevel = "error"\n`)('daemon --once')).err, '')
    assert.match(
      (await desk(`${jobs}[log]\nlevel = "error"\n`)('daemon --once', { HOLDFAST_LOG_LEVEL: 'info' })).err,
      /snapshot create tree: done/,
    )
  })

  test('tells in detail where that is asked for', async () => {
    const { err } = await desk(jobs)('daemon --once --log-level debug --log-format json')
    const details = linesOf(err).filter(({ level }) => level === 'debug')
    assert.match(details.map(({ message }) => message).join('\n'), /^configuration: .*holdfast\.toml\nstore: .*\nstate: .*\ncache: /)
  })

  test('leaves the talk of units as text in their logs', async () => {
    const holdfast = desk(jobs.replace('snapshot create tree', 'snapshot show nothing'))
    await holdfast('daemon --once --log-format json')
    assert.match((await holdfast('jobs log 1')).out, /error: /)
  })
})

describe('lines of requests', () => {
  const access: Access = {
    request: 'abc',
    trace: undefined,
    method: 'GET',
    route: 'download',
    target: '/releases/a?token=secret-of-ann',
    status: 200,
    bytes: 7,
    isWhole: true,
    took: 1.23456,
    address: '10.0.0.7',
    token: undefined,
  }
  const toldFrom = (level: LogLevel, each: boolean, ...changes: Partial<Access>[]) => {
    const lines: string[] = []
    const log = createLog({ format: 'json', level, clock: systemClock, write: (line) => void lines.push(line) })
    const tell = accessLines(log, each)
    for (const change of changes) tell({ ...access, ...change })
    return linesOf(lines.join('\n') || '{}')
  }
  const told = (each: boolean, ...changes: Partial<Access>[]) => toldFrom('info', each, ...changes)

  test('say what, by whom, and how long it took, without what queries hold', () => {
    const [{ time: _time, ...line } = {}] = told(true, { token: { id: '4f2a', name: 'ci' } })
    assert.deepEqual(line, {
      level: 'info',
      message: 'GET /releases/a?token=[hidden]',
      event: 'request',
      request_id: 'abc',
      method: 'GET',
      route: 'download',
      path: '/releases/a?token=[hidden]',
      status: 200,
      bytes: 7,
      duration_ms: 1.235,
      client: '10.0.0.7',
      token_id: '4f2a',
      token_name: 'ci',
    })
  })

  test('are those of changes, of failures and of wrong tokens, unless all are asked for', () => {
    const changes: Partial<Access>[] = [
      {},
      { status: 304 },
      { status: 404 },
      { status: 429, method: 'POST' },
      { status: 401 },
      { status: 403, method: 'POST' },
      { status: 200, method: 'POST' },
      { status: 503 },
      { isWhole: false },
    ]
    assert.deepEqual(
      told(false, ...changes).map(({ status, level, broken_off: broken }) => [status, level, broken]),
      [
        [401, 'info', undefined],
        [403, 'info', undefined],
        [200, 'info', undefined],
        [503, 'error', undefined],
        [200, 'info', true],
      ],
    )
    assert.equal(told(true, ...changes).length, changes.length)
    assert.equal(toldFrom('debug', false, ...changes).filter(({ level }) => level === 'debug').length, 4)
  })

  test('are lines whatever was asked', () => {
    const [line] = told(true, { target: '/a\n{"level":"error"}\u001b[2J', method: 'G\r\nET' })
    assert.equal(line?.['level'], 'info')
  })
})
