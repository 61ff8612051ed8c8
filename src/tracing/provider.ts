import { AsyncLocalStorage } from 'node:async_hooks'
import { hostname } from 'node:os'
import {
  type Attributes as OtelAttributes,
  ROOT_CONTEXT,
  type Span as OtelSpan,
  SpanKind,
  SpanStatusCode,
  trace,
  type Tracer as OtelTracer,
  TraceFlags,
} from '@opentelemetry/api'
import { resourceFromAttributes } from '@opentelemetry/resources'
import {
  AlwaysOffSampler,
  AlwaysOnSampler,
  BatchSpanProcessor,
  ParentBasedSampler,
  type Sampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from '@opentelemetry/sdk-trace'
import { type Attributes, linkedAbort, parseTraceparent, redact, type Span, type Tracer } from '../kit/index.ts'
import { createExporter } from './exporter.ts'
import type { TracingSettings } from './settings.ts'
import type { Tracing, TracingOptions } from './tracing.ts'

/** Spans that wait to be sent; what comes beyond is dropped. */
const mostWaiting = 2_048
const batch = 512
/** Milliseconds between two batches. */
const sendEvery = 5_000
/** Milliseconds that the end of a command waits for its spans to be taken. */
const flushLimit = 1_000
/** Characters of an attribute. */
const longestValue = 1_000

/** Throws `invalid` for an address that is none. */
export function startTracing(settings: TracingSettings, options: TracingOptions): Tracing {
  const { clock, version } = options
  const exporter = createExporter(settings, options)
  const processor = new BatchSpanProcessor({
    exporter,
    maxQueueSize: mostWaiting,
    maxExportBatchSize: batch,
    scheduledDelayMillis: sendEvery,
    exportTimeoutMillis: settings.timeout + flushLimit,
  })
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resourceOf(settings, version)),
    sampler: samplerOf(settings.sampler),
    spanProcessors: [processor],
    spanLimits: { attributeValueLengthLimit: longestValue },
  })
  return {
    tracer: tracerOver(provider.getTracer('holdfast', version)),
    parent: settings.parent,
    async close() {
      exporter.hurry()
      using link = linkedAbort(undefined)
      const late = clock.sleep(flushLimit, link.controller.signal).catch(() => undefined)
      const flushed = processor.forceFlush().catch(() => undefined)
      await Promise.race([flushed.then(() => exporter.settled()), late])
      link.controller.abort()
      exporter.close()
      await flushed
    },
  }
}

function tracerOver(tracer: OtelTracer): Tracer {
  const active = new AsyncLocalStorage<{ readonly span: Span; readonly otel: OtelSpan }>()
  return {
    current: () => active.getStore()?.span,
    begin(name, { kind = 'internal', attributes, parent, isRoot = false } = {}) {
      const remote = parseTraceparent(parent)
      const above =
        remote !== undefined
          ? trace.wrapSpanContext({
              traceId: remote.traceId,
              spanId: remote.spanId,
              traceFlags: remote.isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE,
              isRemote: true,
            })
          : isRoot
            ? undefined
            : active.getStore()?.otel
      const context = above === undefined ? ROOT_CONTEXT : trace.setSpan(ROOT_CONTEXT, above)
      const otel = tracer.startSpan(redact(name), { kind: kinds[kind], attributes: safe(attributes) }, context)
      const span = spanOver(otel, (work) => active.run({ span, otel }, work))
      return span
    },
  }
}

const kinds = { internal: SpanKind.INTERNAL, server: SpanKind.SERVER, client: SpanKind.CLIENT, consumer: SpanKind.CONSUMER } as const

function spanOver(otel: OtelSpan, within: Span['within']): Span {
  const { traceId, spanId, traceFlags } = otel.spanContext()
  return {
    traceparent: `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`,
    within,
    set: (attributes) => void otel.setAttributes(safe(attributes)),
    rename: (name) => void otel.updateName(redact(name)),
    end(error) {
      if (!otel.isRecording()) return
      if (error !== undefined) {
        otel.setAttribute('error.type', error)
        otel.setStatus({ code: SpanStatusCode.ERROR })
      }
      otel.end()
    },
  }
}

function safe(attributes: Attributes = {}): OtelAttributes {
  return Object.fromEntries(
    Object.entries(attributes).flatMap(([name, value]) =>
      value === undefined ? [] : [[name, typeof value === 'string' ? redact(value) : value]],
    ),
  )
}

function resourceOf({ resource }: TracingSettings, version: string): Record<string, string> {
  const own = { 'service.version': version, 'host.name': hostname(), 'process.pid': String(process.pid) }
  const sdk = { 'telemetry.sdk.name': 'opentelemetry', 'telemetry.sdk.language': 'nodejs' }
  return Object.fromEntries(Object.entries({ ...own, ...resource, ...sdk }).map(([name, value]) => [name, redact(value)]))
}

function samplerOf({ name, ratio }: TracingSettings['sampler']): Sampler {
  const rootOf = {
    always_on: () => new AlwaysOnSampler(),
    always_off: () => new AlwaysOffSampler(),
    traceidratio: () => new TraceIdRatioBasedSampler(ratio),
  }
  const [, root = ''] = /^parentbased_(.*)$/.exec(name) ?? []
  if (root in rootOf) return new ParentBasedSampler({ root: rootOf[root as keyof typeof rootOf]() })
  return rootOf[name as keyof typeof rootOf]()
}
