import type { ServerResponse } from 'node:http'
import * as v from 'valibot'
import { type HttpServer, startHttpServer } from './http-server.ts'

/** A span as it arrived, whichever encoding it came in. */
export interface CollectedSpan {
  readonly traceId: string
  readonly spanId: string
  /** Empty where there is none. */
  readonly parentSpanId: string
  readonly name: string
  readonly kind: 'internal' | 'server' | 'client' | 'consumer' | 'other'
  readonly attributes: Readonly<Record<string, string | number | boolean>>
  readonly isError: boolean
}

export interface TraceCollector {
  readonly url: string
  readonly server: HttpServer
  readonly spans: CollectedSpan[]
  /** Of each request that came, in order. */
  readonly headers: Readonly<Record<string, string | string[] | undefined>>[]
  /** Attributes of the resource of the last one. */
  resource(): Readonly<Record<string, unknown>>
  /** What came, whole: for what must not be in it. */
  text(): string
  close(): Promise<void>
}

/**
 * A collector that takes only what the published encodings allow, and answers 400 to anything else. `misbehave` answers in its place, where it
 * returns true.
 */
export async function startCollector(misbehave: (response: ServerResponse) => boolean = () => false): Promise<TraceCollector> {
  const spans: CollectedSpan[] = []
  const headers: TraceCollector['headers'] = []
  let resource = {}
  let text = ''
  const server = await startHttpServer(async (request, response, body) => {
    const bytes = await body()
    headers.push(request.headers)
    text += bytes.toString('latin1')
    if (misbehave(response)) return
    const isJson = request.headers['content-type'] === 'application/json'
    try {
      if (request.url !== '/v1/traces' || request.method !== 'POST') throw new Error(`${request.method} ${request.url}`)
      const found = isJson ? fromJson(bytes.toString('utf8')) : fromProtobuf(bytes)
      spans.push(...found.spans)
      resource = found.resource
      response.writeHead(200, { 'content-type': request.headers['content-type'] ?? '' }).end(isJson ? '{}' : '')
    } catch (error) {
      response.writeHead(400, { 'content-type': 'text/plain' }).end(String(error))
    }
  })
  return { url: server.url, server, spans, headers, resource: () => resource, text: () => text, close: () => server.close() }
}

interface Found {
  readonly spans: CollectedSpan[]
  readonly resource: Record<string, unknown>
}

/**
 * OTLP 1.x, "JSON Protobuf Encoding": names in lowerCamelCase, ids in hexadecimal, enums as numbers, 64-bit numbers as decimal strings (which JSON's
 * numbers may stand for).
 */
const hex = (digits: number) => v.pipe(v.string(), v.regex(new RegExp(`^[0-9a-f]{${digits}}$`)))
const nanoseconds = v.pipe(v.string(), v.regex(/^[1-9]\d{17,19}$/))
const whole = v.pipe(v.number(), v.integer(), v.minValue(0))
const anyValue = v.union([
  v.strictObject({ stringValue: v.string() }),
  v.strictObject({ boolValue: v.boolean() }),
  v.strictObject({ intValue: v.union([v.pipe(v.number(), v.integer()), v.pipe(v.string(), v.regex(/^-?\d+$/))]) }),
  v.strictObject({ doubleValue: v.number() }),
])
const attributes = v.array(v.strictObject({ key: v.pipe(v.string(), v.nonEmpty()), value: anyValue }))
const context = { traceId: hex(32), spanId: hex(16), traceState: v.optional(v.string()), flags: whole }
const request = v.strictObject({
  resourceSpans: v.array(
    v.strictObject({
      resource: v.strictObject({ attributes, droppedAttributesCount: whole }),
      schemaUrl: v.optional(v.string()),
      scopeSpans: v.array(
        v.strictObject({
          scope: v.strictObject({ name: v.string(), version: v.optional(v.string()) }),
          schemaUrl: v.optional(v.string()),
          spans: v.array(
            v.strictObject({
              ...context,
              parentSpanId: v.optional(hex(16)),
              name: v.pipe(v.string(), v.nonEmpty()),
              kind: v.pipe(whole, v.maxValue(5)),
              startTimeUnixNano: nanoseconds,
              endTimeUnixNano: nanoseconds,
              attributes,
              droppedAttributesCount: whole,
              events: v.array(v.strictObject({ timeUnixNano: nanoseconds, name: v.string(), attributes, droppedAttributesCount: whole })),
              droppedEventsCount: whole,
              links: v.array(v.strictObject({ ...context, attributes, droppedAttributesCount: whole })),
              droppedLinksCount: whole,
              status: v.strictObject({ code: v.pipe(whole, v.maxValue(2)), message: v.optional(v.string()) }),
            }),
          ),
        }),
      ),
    }),
  ),
})

const kinds = ['other', 'internal', 'server', 'client', 'other', 'consumer'] as const

function fromJson(text: string): Found {
  const { resourceSpans } = v.parse(request, JSON.parse(text))
  const plain = (list: v.InferOutput<typeof attributes>) =>
    Object.fromEntries(list.map(({ key, value }): [string, string | number | boolean] => [key, Object.values(value)[0] as string]))
  return {
    resource: plain(resourceSpans[0]?.resource.attributes ?? []),
    spans: resourceSpans.flatMap(({ scopeSpans }) =>
      scopeSpans.flatMap(({ spans }) =>
        spans.map(({ traceId, spanId, parentSpanId = '', name, kind, attributes: list, status, startTimeUnixNano, endTimeUnixNano }) => {
          if (BigInt(endTimeUnixNano) < BigInt(startTimeUnixNano)) throw new Error(`${name} ended before it began`)
          return { traceId, spanId, parentSpanId, name, kind: kinds[kind]!, attributes: plain(list), isError: status.code === 2 }
        }),
      ),
    ),
  }
}

type Field = readonly [number: number, value: Buffer | bigint]

/** The wire format of protobuf, as far as messages of traces need it. */
function fieldsOf(bytes: Buffer): Field[] {
  const fields: Field[] = []
  let at = 0
  const varint = () => {
    let value = 0n
    for (let shift = 0n; ; shift += 7n) {
      const byte = bytes[at++]
      if (byte === undefined) throw new Error('the message is cut off')
      value |= BigInt(byte & 0x7f) << shift
      if (byte < 0x80) return value
    }
  }
  const take = (length: number) => {
    if (at + length > bytes.length) throw new Error('a field is longer than its message')
    at += length
    return bytes.subarray(at - length, at)
  }
  while (at < bytes.length) {
    const tag = Number(varint())
    const wire = tag & 7
    const value = wire === 0 ? varint() : wire === 2 ? take(Number(varint())) : wire === 1 ? take(8) : wire === 5 ? take(4) : undefined
    if (value === undefined) throw new Error(`wire type ${wire}`)
    fields.push([tag >> 3, value])
  }
  return fields
}

const messages = (fields: readonly Field[], number: number) =>
  fields.flatMap(([each, value]) => (each === number && Buffer.isBuffer(value) ? [value] : []))
const numberAt = (fields: readonly Field[], number: number) => Number(fields.find(([each]) => each === number)?.[1] ?? 0)

/** Numbers of the fields: opentelemetry/proto/{collector/trace/v1/trace_service,trace/v1/trace,resource/v1/resource,common/v1/common}.proto */
function fromProtobuf(bytes: Buffer): Found {
  const resourceSpans = messages(fieldsOf(bytes), 1).map(fieldsOf)
  const resource = resourceSpans.flatMap((fields) => messages(fields, 1).flatMap((message) => attributesIn(fieldsOf(message), 1)))
  const spans = resourceSpans.flatMap((fields) => messages(fields, 2).flatMap((scope) => messages(fieldsOf(scope), 2).map(fieldsOf)))
  return {
    resource: Object.fromEntries(resource),
    spans: spans.map((fields) => {
      const [traceId, spanId, parentSpanId, name] = [1, 2, 4, 5].map((number) => messages(fields, number)[0] ?? Buffer.alloc(0))
      if (traceId!.length !== 16 || spanId!.length !== 8) throw new Error('ids of the wrong length')
      return {
        traceId: traceId!.toString('hex'),
        spanId: spanId!.toString('hex'),
        parentSpanId: parentSpanId!.toString('hex'),
        name: name!.toString('utf8'),
        kind: kinds[numberAt(fields, 6)] ?? 'other',
        attributes: Object.fromEntries(attributesIn(fields, 9)),
        isError: messages(fields, 15).some((status) => numberAt(fieldsOf(status), 3) === 2),
      }
    }),
  }
}

function attributesIn(fields: readonly Field[], number: number): [string, string | number | boolean][] {
  return messages(fields, number).map((message) => {
    const parts = fieldsOf(message)
    const [kind, value] = fieldsOf(messages(parts, 2)[0]!)[0]!
    const plain =
      kind === 1 && Buffer.isBuffer(value) ? value.toString('utf8') : kind === 2 ? value === 1n : kind === 3 ? Number(value) : Number.NaN
    return [messages(parts, 1)[0]!.toString('utf8'), plain]
  })
}
