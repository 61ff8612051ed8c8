import { keepSecret } from '../kit/index.ts'

/** What the variables say, as https://opentelemetry.io/docs/specs/otel/configuration/sdk-environment-variables/ has them. */
export interface TracingSettings {
  /** Where batches of spans are sent to. */
  readonly url: string
  readonly form: 'http/protobuf' | 'http/json'
  readonly headers: Readonly<Record<string, string>>
  /** Milliseconds that one batch may take. */
  readonly timeout: number
  readonly sampler: { readonly name: SamplerName; readonly ratio: number }
  /** `service.name` and what else says whose spans these are. */
  readonly resource: Readonly<Record<string, string>>
  /** A `traceparent`: what started this process follows it already. */
  readonly parent: string | undefined
  /** What could not be understood, for people: it counts as not written. */
  readonly notes: readonly string[]
}

const samplers = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const
export type SamplerName = (typeof samplers)[number]

type Env = Readonly<Record<string, string | undefined>>

const base = 'OTEL_EXPORTER_OTLP_'
const usualTimeout = 10_000

/** Undefined where no collector is named, or traces are switched off. An empty variable counts as not set. */
export function tracingSettings(env: Env): TracingSettings | undefined {
  const own = env[`${base}TRACES_ENDPOINT`] || undefined
  const shared = env[`${base}ENDPOINT`] || undefined
  const isOff = env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true' || (env['OTEL_TRACES_EXPORTER'] || 'otlp') !== 'otlp'
  if (isOff || (own === undefined && shared === undefined)) return undefined
  const notes: string[] = []
  const note = (text: string) => void notes.push(text)
  const either = (name: string) => env[`${base}TRACES_${name}`] || env[`${base}${name}`] || undefined
  return {
    url: own ?? `${shared!.replace(/\/+$/, '')}/v1/traces`,
    form: formOf(either('PROTOCOL'), note),
    headers: headersOf(either('HEADERS'), note),
    timeout: timeoutOf(either('TIMEOUT'), note),
    sampler: samplerOf(env, note),
    resource: resourceOf(env, note),
    parent: env['TRACEPARENT'] || undefined,
    notes,
  }
}

type Note = (text: string) => void

function formOf(text: string | undefined, note: Note): TracingSettings['form'] {
  if (text === 'http/json' || text === 'http/protobuf') return text
  if (text !== undefined)
    note(`OTEL_EXPORTER_OTLP_PROTOCOL is ${JSON.stringify(text)}: http/protobuf and http/json are spoken here, and the first is taken`)
  return 'http/protobuf'
}

function headersOf(text: string | undefined, note: Note): Record<string, string> {
  const headers: Record<string, string> = {}
  for (const [name, value] of pairsOf(text, () => note('OTEL_EXPORTER_OTLP_HEADERS has a part that is no name=value'))) {
    keepSecret(value)
    if (/^[\w!#$%&'*+.^`|~-]+$/.test(name) && /^[\t\x20-\x7e]*$/.test(value)) headers[name.toLowerCase()] = value
    else note(`OTEL_EXPORTER_OTLP_HEADERS has a name that is no header, or a value that no header can have`)
  }
  return headers
}

function timeoutOf(text: string | undefined, note: Note): number {
  if (text === undefined) return usualTimeout
  if (/^\d{1,9}$/.test(text) && Number(text) > 0) return Number(text)
  note(`OTEL_EXPORTER_OTLP_TIMEOUT is no number of milliseconds: ${JSON.stringify(text)}`)
  return usualTimeout
}

function samplerOf(env: Env, note: Note): TracingSettings['sampler'] {
  const name = env['OTEL_TRACES_SAMPLER'] || 'parentbased_always_on'
  const known = samplers.find((each) => each === name)
  if (known === undefined) note(`OTEL_TRACES_SAMPLER is ${JSON.stringify(name)}, which is none of ${samplers.join(', ')}`)
  const written = env['OTEL_TRACES_SAMPLER_ARG'] || '1'
  const ratio = Number(written)
  const isRatio = /^[\d.]+$/.test(written) && ratio >= 0 && ratio <= 1
  if (!isRatio) note(`OTEL_TRACES_SAMPLER_ARG is no number from 0 to 1: ${JSON.stringify(written)}`)
  return { name: known ?? 'parentbased_always_on', ratio: isRatio ? ratio : 1 }
}

/** OTEL_SERVICE_NAME wins over the same among OTEL_RESOURCE_ATTRIBUTES. */
function resourceOf(env: Env, note: Note): Record<string, string> {
  const attributes = pairsOf(env['OTEL_RESOURCE_ATTRIBUTES'], () => note('OTEL_RESOURCE_ATTRIBUTES has a part that is no name=value'))
  const name = env['OTEL_SERVICE_NAME'] || undefined
  return { 'service.name': 'holdfast', ...Object.fromEntries(attributes), ...(name === undefined ? {} : { 'service.name': name }) }
}

/** `a=b,c=d` with percent escapes in values, as W3C Baggage writes them. */
function pairsOf(text: string | undefined, onStrange: () => void): [name: string, value: string][] {
  return (text ?? '')
    .split(',')
    .filter((part) => part.trim() !== '')
    .flatMap((part): [string, string][] => {
      const at = part.indexOf('=')
      const name = part.slice(0, Math.max(0, at)).trim()
      const value = decoded(part.slice(at + 1).trim())
      if (name !== '' && value !== undefined) return [[name, value]]
      onStrange()
      return []
    })
}

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text)
  } catch {
    return undefined
  }
}
