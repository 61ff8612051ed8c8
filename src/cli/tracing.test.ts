import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { type CollectedSpan, startCollector } from '../../test/fakes/trace-collector.ts'
import { systemClock } from '../kit/index.ts'
import { runCli } from './program.ts'

const scratch = scratchDirectory()
const traceId = '0af7651916cd43dd8448eb211c80319c'
const caller = `00-${traceId}-b7ad6b7169203331-01`

const configuration = `
[store]
url = "file:./store"
[release.lib]
artifact = "out/lib.a"
variants = { one = {} }
[[job]]
name = "keep"
run = "snapshot create out"
every = "1h"
[[job]]
name = "fails"
run = "snapshot create nothing-here"
every = "1h"
`

async function desk(t: TestContext, ...behaviour: Parameters<typeof startCollector>) {
  const collector = await startCollector(...behaviour)
  t.after(() => collector.close())
  const cwd = mkdtempSync(path.join(scratch, 'tracing-'))
  mkdirSync(path.join(cwd, 'out'))
  writeFileSync(path.join(cwd, 'out/lib.a'), 'content')
  writeFileSync(path.join(cwd, 'holdfast.toml'), configuration)
  const tracing = { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json' }
  const open = (env: Record<string, string> = tracing, signal?: AbortSignal) =>
    fakeTerminal({
      cwd,
      env: { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1', ...env },
      clock: systemClock,
      random: Math.random,
      ...(signal === undefined ? {} : { signal }),
    })
  const holdfast = async (line: string, env: Record<string, string> = {}) => {
    const terminal = open({ ...tracing, ...env })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const named = (name: string): CollectedSpan => {
    const found = collector.spans.filter((span) => span.name === name)
    assert.equal(found.length, 1, `${name} among ${collector.spans.map((span) => span.name).join(', ')}`)
    return found[0]!
  }
  return { collector, open, holdfast, named }
}

/** Every span but the first one's parents is below another one of the same trace. */
function assertOneTree(spans: readonly CollectedSpan[], root: CollectedSpan): void {
  const known = new Set(spans.map(({ spanId }) => spanId))
  for (const span of spans) {
    assert.equal(span.traceId, root.traceId, span.name)
    if (span !== root) assert.ok(known.has(span.parentSpanId), `${span.name} hangs in the air`)
  }
}

describe('a command', () => {
  test('is a span with its exit status, and what it asks of the store lies below it', async (t) => {
    const { holdfast, collector, named } = await desk(t)
    const { exit, err } = await holdfast('release create lib --no-build --yes', { TRACEPARENT: caller })
    assert.equal(exit, 0, err)
    const root = named('holdfast release create')
    assert.deepEqual([root.traceId, root.parentSpanId, root.isError], [traceId, 'b7ad6b7169203331', false])
    assert.equal(root.attributes['process.exit.code'], 0)
    assertOneTree(collector.spans, root)
    const puts = collector.spans.filter(({ name }) => name === 'store put')
    assert.ok(puts.some(({ attributes }) => String(attributes['holdfast.store.key']).startsWith('refs/')))
    assert.ok(puts.some(({ attributes }) => attributes['holdfast.store.size'] === 7 && attributes['holdfast.store.operation'] === 'put'))
    for (const { kind } of puts) assert.equal(kind, 'client')
  })

  test('that moves a name is a trace of its own', async (t) => {
    const { holdfast, collector, named } = await desk(t)
    for (const line of ['release create lib --no-build --yes', 'release promote lib --from stable --to canary --yes']) {
      const { exit, err } = await holdfast(line)
      assert.equal(exit, 0, err)
    }
    const root = named('holdfast release promote')
    assert.equal(root.parentSpanId, '')
    assert.notEqual(root.traceId, named('holdfast release create').traceId)
    assertOneTree(
      collector.spans.filter((span) => span.traceId === root.traceId),
      root,
    )
  })

  test('that fails says so, with its status; one that finds nothing to do has not failed', async (t) => {
    const { holdfast, named, collector } = await desk(t)
    assert.equal((await holdfast('release rollback lib --yes')).exit, 4)
    const { isError, attributes } = named('holdfast release rollback')
    assert.deepEqual([isError, attributes['process.exit.code'], attributes['error.type']], [true, 4, '4'])
    assert.equal((await holdfast('release create lib --no-build --yes')).exit, 0)
    const line = 'release promote lib --from stable --to canary --yes'
    assert.equal((await holdfast(line)).exit, 0)
    const { exit, err } = await holdfast(line)
    assert.equal(exit, 3, err)
    const last = collector.spans.findLast(({ name }) => name === 'holdfast release promote')
    assert.deepEqual([last?.isError, last?.attributes['process.exit.code']], [false, 3])
  })

  test('goes on as it would where the collector is away, and says so', async (t) => {
    const { holdfast, collector } = await desk(t)
    await collector.close()
    const { exit, err } = await holdfast('release create lib --no-build --yes')
    assert.equal(exit, 0, err)
    assert.match(err, /warning: traces do not arrive: /)
  })

  test('without a collector is followed by nobody', async (t) => {
    const { open, collector } = await desk(t)
    const terminal = open({})
    assert.equal(await runCli('release create lib --no-build --yes'.split(' '), terminal.host), 0)
    assert.equal(collector.headers.length, 0)
  })
})

test('each unit of a daemon is a trace, with its command below it; lines of the log name it', async (t) => {
  const { holdfast, collector, named } = await desk(t)
  const { exit, err } = await holdfast('daemon --once --log-format json')
  assert.equal(exit, 4, err)
  const [kept, failed] = [named('unit keep'), named('unit fails')]
  assert.notEqual(kept.traceId, failed.traceId)
  assert.deepEqual([kept.kind, kept.parentSpanId, kept.isError, failed.isError], ['consumer', '', false, true])
  assert.deepEqual([failed.attributes['error.type'], failed.attributes['holdfast.unit.exit']], ['not-found', 4])
  assert.deepEqual([kept.attributes['holdfast.job'], kept.attributes['holdfast.unit.try']], ['keep', 1])
  for (const root of [kept, failed]) {
    const below = collector.spans.filter((span) => span.traceId === root.traceId)
    assertOneTree(below, root)
    assert.equal(below.find((span) => span.name === 'holdfast snapshot create')?.parentSpanId, root.spanId)
  }
  assert.ok(!collector.spans.some(({ name }) => name === 'holdfast daemon'))
  const lines = err
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
  for (const line of lines.filter(({ job }) => job === 'keep')) assert.equal(line['trace_id'], kept.traceId)
  const ends = lines.filter(({ event }) => event === 'unit_end')
  assert.deepEqual(ends.map(({ job, exit: status, try: attempt, level }) => [job, status, attempt, level].join(' ')).toSorted(), [
    'fails 4 1 error',
    'keep 0 1 info',
  ])
  for (const { duration_ms: took, worker } of ends) assert.ok(typeof took === 'number' && typeof worker === 'string')
})

test('a request to a server goes on with the client’s trace, down to the store', async (t) => {
  const { open, holdfast, collector } = await desk(t)
  await holdfast('release create lib --no-build --yes')
  collector.spans.splice(0)
  const stop = new AbortController()
  t.after(() => stop.abort())
  const terminal = open(
    { OTEL_EXPORTER_OTLP_ENDPOINT: collector.url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', HOLDFAST_SERVE_ACCESS_LOG: 'true' },
    stop.signal,
  )
  const ended = runCli(['serve', '--port', '0', '--log-format', 'json'], terminal.host)
  while (!terminal.err().includes('serving ')) await setTimeout(10)
  const [url] = /http:\/\/127\.0\.0\.1:\d+/.exec(terminal.err())!
  const ask = async (target: string) => await (await fetch(`${url}${target}`, { headers: { traceparent: caller } })).text()
  assert.match(await ask('/releases/lib/one/stable/lib.a?as-of=1d'), /was empty/)
  assert.equal(await ask('/releases/lib/one/stable/lib.a'), 'content')
  await ask('/api/v1/releases/lib?limit=3')
  stop.abort()
  assert.equal(await ended, 0, terminal.err())
  const requests = collector.spans.filter(({ kind }) => kind === 'server')
  assert.deepEqual(requests.map(({ name, attributes }) => `${name} ${String(attributes['http.response.status_code'])}`).toSorted(), [
    'GET /api/v1/releases/{product} 400',
    'GET /releases/{path} 200',
    'GET /releases/{path} 404',
  ])
  const download = requests.find(({ attributes }) => attributes['http.response.status_code'] === 200)!
  assert.deepEqual(
    [download.traceId, download.parentSpanId, download.attributes['http.response.body.size']],
    [traceId, 'b7ad6b7169203331', 7],
  )
  const blob = collector.spans.find(
    ({ name, attributes }) => name === 'store get' && String(attributes['holdfast.store.key']).startsWith('blobs/'),
  )
  assert.equal(blob?.parentSpanId, download.spanId)
  assert.ok(!collector.text().includes('as-of=1d'))
})
