import { JsonTraceSerializer, ProtobufTraceSerializer } from '@opentelemetry/otlp-transformer'
import type { ReadableSpan, SpanExporter } from '@opentelemetry/sdk-trace'
import { createHttp, parseHttpUrl } from '../kit/http/index.ts'
import { asFault, redact } from '../kit/index.ts'
import type { TracingSettings } from './settings.ts'
import type { TracingOptions } from './tracing.ts'

export interface Exporter extends SpanExporter {
  /** From now on nothing is tried again. */
  hurry(): void
  /** Once nothing is on its way any more. */
  settled(): Promise<void>
  /** Ends what is on its way, and lets go of connections. */
  close(): void
}

/** Bytes: answers say next to nothing. */
const longestAnswer = 64 << 10

/**
 * Sends batches over our own client, so that proxies, certificates, limits and secrets are those of every other request. It tells nobody but the
 * report, and that once: an SDK that was told would log by itself.
 */
export function createExporter(settings: TracingSettings, { env, clock, random, report, version }: TracingOptions): Exporter {
  const { url, form, headers, timeout } = settings
  const place = redact(parseHttpUrl(url).url.href)
  const http = createHttp({ clock, random, userAgent: `holdfast/${version}`, proxy: env })
  const serializer = form === 'http/json' ? JsonTraceSerializer : ProtobufTraceSerializer
  const type = form === 'http/json' ? 'application/json' : 'application/x-protobuf'
  const stopping = new AbortController()
  const sending = new Set<Promise<void>>()
  let isHurried = false
  let hasTold = false
  const tell = (text: string) => {
    if (hasTold) return
    hasTold = true
    report({ kind: 'note', level: 'warning', event: 'traces_lost', text })
  }

  const send = async (spans: ReadableSpan[]): Promise<void> => {
    try {
      const body = serializer.serializeRequest(spans)
      const signal = AbortSignal.any([stopping.signal, AbortSignal.timeout(timeout)])
      // What arrives twice is one span to whoever keeps it.
      const request = { url, method: 'POST', headers: { ...headers, 'content-type': type }, body, signal, repeatable: !isHurried }
      const { bytes } = await http.read(request, longestAnswer)
      const refused = serializer.deserializeResponse(bytes).partialSuccess
      const count = refused?.rejectedSpans ?? 0
      if (count > 0) tell(`the collector of traces refuses spans: ${refused?.errorMessage || `${count} of ${spans.length}`}`)
    } catch (error) {
      const fault = asFault(error)
      tell(`traces do not arrive: ${fault.code === 'aborted' ? `${place} does not answer in time` : fault.message}`)
    }
  }
  return {
    export(spans, done) {
      const one = send(spans).finally(() => {
        sending.delete(one)
        done({ code: 0 })
      })
      sending.add(one)
    },
    shutdown: async () => undefined,
    hurry: () => void (isHurried = true),
    settled: async () => void (await Promise.all(sending)),
    close() {
      stopping.abort()
      http.close()
    },
  }
}
