import assert from 'node:assert/strict'
import { createServer } from 'node:net'
import { after, describe, test } from 'node:test'
import { startCollector, type TraceCollector } from '../../test/fakes/trace-collector.ts'
import { type Clock, keepSecret, type Progress, systemClock, traced } from '../kit/index.ts'
import { openTracing } from './open.ts'

const opened: TraceCollector[] = []
after(async () => {
  for (const collector of opened) await collector.close()
})

async function collectorThat(...how: Parameters<typeof startCollector>): Promise<TraceCollector> {
  const collector = await startCollector(...how)
  opened.push(collector)
  return collector
}

async function tracingTo(url: string, env: Record<string, string> = {}, clock: Clock = systemClock) {
  const told: string[] = []
  const report = (event: Progress) => void (event.kind === 'note' && told.push(event.text))
  const all = { OTEL_EXPORTER_OTLP_ENDPOINT: url, OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json', ...env }
  const tracing = await openTracing({ env: all, clock, random: () => 0, report, version: '9.9.9' })
  assert.ok(tracing)
  return { ...tracing, told }
}

/** The wait of the end is over as soon as it is asked for. */
const impatient: Clock = { now: () => Date.now(), sleep: async () => undefined }

describe('spans', () => {
  test('arrive with their place in the trace, kinds, facts and errors, in either encoding', async () => {
    for (const form of ['http/json', 'http/protobuf']) {
      const collector = await collectorThat()
      const { tracer, close, told } = await tracingTo(collector.url, { OTEL_EXPORTER_OTLP_PROTOCOL: form })
      await traced(tracer, 'outer', { kind: 'server', attributes: { text: 'ü', count: 7, yes: true, no: undefined } }, async (outer) => {
        await traced(tracer, 'inner', { kind: 'client' }, async () => undefined)
        await assert.rejects(traced(tracer, 'broken', {}, async () => await Promise.reject(new Error('x'))))
        outer?.rename('renamed')
      })
      await close()
      assert.deepEqual(told, [])
      const named = (name: string) => collector.spans.find((span) => span.name === name)!
      const [outer, inner, broken] = [named('renamed'), named('inner'), named('broken')]
      assert.equal(collector.spans.length, 3)
      assert.deepEqual([outer.kind, outer.parentSpanId, outer.attributes], ['server', '', { text: 'ü', count: 7, yes: true }])
      assert.deepEqual([inner.kind, inner.parentSpanId, inner.traceId], ['client', outer.spanId, outer.traceId])
      assert.deepEqual([broken.isError, broken.attributes, inner.isError], [true, { 'error.type': 'bug' }, false])
    }
  })

  test('say whose they are, and carry the headers that collectors want', async () => {
    const collector = await collectorThat()
    const { tracer, close } = await tracingTo(collector.url, {
      OTEL_SERVICE_NAME: 'nightly',
      OTEL_RESOURCE_ATTRIBUTES: 'team=build',
      OTEL_EXPORTER_OTLP_HEADERS: 'x-key=secret-of-tenant',
    })
    tracer.begin('one').end()
    await close()
    const { 'service.name': name, 'service.version': version, team, 'telemetry.sdk.language': language } = collector.resource()
    assert.deepEqual([name, version, team, language], ['nightly', '9.9.9', 'build', 'nodejs'])
    assert.equal(collector.headers[0]?.['x-key'], 'secret-of-tenant')
  })

  test('go on with a trace from elsewhere, unless that is none', async () => {
    const collector = await collectorThat()
    const { tracer, close, parent } = await tracingTo(collector.url, { TRACEPARENT: `00-${'a'.repeat(32)}-${'b'.repeat(16)}-01` })
    const span = tracer.begin('one', { parent })
    assert.match(span.traceparent, /^00-a{32}-[0-9a-f]{16}-01$/)
    span.end()
    for (const wrong of ['', '00', `00-${'0'.repeat(32)}-${'b'.repeat(16)}-01`, `ff-${'a'.repeat(32)}-${'b'.repeat(16)}-01`, 'a\r\nb'])
      tracer.begin('other', { parent: wrong }).end()
    await close()
    assert.equal(collector.spans.find(({ name }) => name === 'one')?.parentSpanId, 'b'.repeat(16))
    for (const other of collector.spans.filter(({ name }) => name === 'other')) assert.equal(other.parentSpanId, '')
  })

  test('are those that the sampler takes', async () => {
    const count = async (env: Record<string, string>, parent?: string) => {
      const collector = await collectorThat()
      const { tracer, close } = await tracingTo(collector.url, env)
      tracer.begin('one', { parent }).end()
      await close()
      return collector.spans.length
    }
    const unsampled = `00-${'a'.repeat(32)}-${'b'.repeat(16)}-00`
    assert.equal(await count({ OTEL_TRACES_SAMPLER: 'always_off' }), 0)
    assert.equal(await count({ OTEL_TRACES_SAMPLER: 'traceidratio', OTEL_TRACES_SAMPLER_ARG: '0' }), 0)
    assert.equal(await count({ OTEL_TRACES_SAMPLER: 'parentbased_traceidratio', OTEL_TRACES_SAMPLER_ARG: '1' }), 1)
    assert.equal(await count({}, unsampled), 0)
    assert.equal(await count({ OTEL_TRACES_SAMPLER: 'always_on' }, unsampled), 1)
  })

  test('have no secrets in names and facts, and no fact without an end', async () => {
    keepSecret('hunter22hunter22')
    const collector = await collectorThat()
    const { tracer, close } = await tracingTo(collector.url)
    const span = tracer.begin('ask hunter22hunter22', { attributes: { 'url.full': 'https://ann:pw-of-ann@host/x?X-Amz-Signature=abcdef' } })
    span.set({ long: 'x'.repeat(100_000), again: 'Bearer abcdefgh' })
    span.end()
    await close()
    assert.equal(collector.spans.length, 1)
    assert.doesNotMatch(collector.text(), /hunter22|pw-of-ann|abcdef/)
    assert.ok(collector.text().length < 10_000)
  })
})

describe('a collector that is not there for us', () => {
  const lost = async (url: string, clock?: Clock) => {
    const { tracer, close, told } = await tracingTo(url, {}, clock)
    for (let at = 0; at < 1_500; at++) tracer.begin('one').end()
    await close()
    return told
  }

  test('and refuses connections costs a warning, once', async () => {
    const server = createServer()
    const port = await new Promise<number>((resolve) =>
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port)),
    )
    await new Promise((resolve) => server.close(resolve))
    const told = await lost(`http://127.0.0.1:${port}`)
    assert.equal(told.length, 1)
    assert.match(told[0]!, /^traces do not arrive: /)
  })

  test('and answers 503 is not asked again at the end', async () => {
    const collector = await collectorThat((response) => {
      response.writeHead(503, { 'retry-after': '30' }).end()
      return true
    })
    assert.match((await lost(collector.url)).join(), /^traces do not arrive: .*503/)
    assert.equal(collector.headers.length, 3)
  })

  test('and never answers is waited for only so long', async () => {
    const collector = await collectorThat(() => true)
    assert.match((await lost(collector.url, impatient)).join(), /^traces do not arrive: .* does not answer in time$/)
  })

  test('and refuses spans says how many', async () => {
    const collector = await collectorThat((response) => {
      response.writeHead(200, { 'content-type': 'application/json' }).end('{"partialSuccess":{"rejectedSpans":"2","errorMessage":"quota"}}')
      return true
    })
    assert.deepEqual(await lost(collector.url), ['the collector of traces refuses spans: quota'])
  })

  test('and answers nonsense does no harm', async () => {
    const collector = await collectorThat((response) => {
      response.writeHead(200).end(Buffer.alloc(100, 0xff))
      return true
    })
    assert.deepEqual(await lost(collector.url), [])
  })

  test('and has no address is named, and nothing is followed', async () => {
    const told: string[] = []
    const report = (event: Progress) => void (event.kind === 'note' && told.push(event.text))
    const env = { OTEL_EXPORTER_OTLP_ENDPOINT: 'collector' }
    assert.equal(await openTracing({ env, clock: systemClock, random: () => 0, report, version: '1' }), undefined)
    assert.match(told.join(), /^no traces are sent: not a URL/)
  })
})
