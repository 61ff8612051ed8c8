import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import path from 'node:path'
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'

/** What GitHub's own description says about one operation of its API. */
interface Operation {
  readonly parameters?: readonly { readonly name: string; readonly in: string; readonly required?: boolean; readonly schema: object }[]
  readonly requestBody?: { readonly required?: boolean; readonly content: Content }
  readonly responses: Readonly<Record<string, { readonly content?: Content }>>
}
type Content = Readonly<Record<string, { readonly schema: object }>>
type Operations = Readonly<Record<string, Operation>>

const repository = '/repos/{owner}/{repo}'
const wanted = [
  `get ${repository}`,
  `get ${repository}/actions/workflows`,
  `get ${repository}/actions/workflows/{workflow_id}`,
  `get ${repository}/actions/workflows/{workflow_id}/runs`,
  `post ${repository}/actions/workflows/{workflow_id}/dispatches`,
  `get ${repository}/actions/runs`,
  `get ${repository}/actions/runs/{run_id}`,
  `get ${repository}/actions/runs/{run_id}/logs`,
  `get ${repository}/actions/runs/{run_id}/jobs`,
  `get ${repository}/actions/runs/{run_id}/attempts/{attempt_number}/jobs`,
  `get ${repository}/actions/runs/{run_id}/artifacts`,
  `get ${repository}/actions/jobs/{job_id}/logs`,
  `get ${repository}/actions/artifacts/{artifact_id}`,
  `get ${repository}/actions/artifacts/{artifact_id}/{archive_format}`,
  `get ${repository}/check-runs/{check_run_id}/annotations`,
]

export interface Matched {
  /** As the description writes it: `get /repos/{owner}/{repo}/…`. */
  readonly name: string
  readonly parameters: Readonly<Record<string, string>>
}

/** Finds the operation of a request. */
export function matchOperation(method: string, pathname: string): Matched | undefined {
  for (const [name, form] of forms) {
    const match = name.startsWith(`${method.toLowerCase()} `) ? form.exec(pathname) : null
    if (match === null) continue
    const parameters = Object.fromEntries(Object.entries(match.groups ?? {}).map(([key, value]) => [key, decodeURIComponent(value)]))
    return { name, parameters }
  }
  return undefined
}

/** What is wrong with a request, in the eyes of GitHub's description; nothing where it is right. */
export function requestOffences({ name, parameters }: Matched, query: URLSearchParams, body: unknown): string[] {
  const operation = described()[name]!
  const offences: string[] = []
  const known = operation.parameters ?? []
  for (const given of query.keys())
    if (!known.some((one) => one.in === 'query' && one.name === given)) offences.push(`${name} has no parameter ${given}`)
  for (const one of known) {
    const value = one.in === 'path' ? parameters[one.name] : (query.get(one.name) ?? undefined)
    if (value === undefined && one.required === true) offences.push(`${name} lacks ${one.name}`)
    if (value !== undefined) offences.push(...offencesOf(`${name} ${one.name}`, valueSchema(one.schema), { value }, loose))
  }
  const schema = operation.requestBody?.content['application/json']?.schema
  if (schema === undefined && body !== undefined) offences.push(`${name} takes no body`)
  if (schema !== undefined && (body !== undefined || operation.requestBody?.required === true))
    offences.push(...offencesOf(`${name} body`, schema, body))
  return offences
}

/** What is wrong with an answer of the stand-in itself. Refusals are as GitHub writes all of them. */
export function answerOffences({ name }: Matched, status: number, body: unknown): string[] {
  const answer = described()[name]!.responses[String(status)]
  if (status === 304 && body === undefined) return []
  if (answer === undefined && status < 400) return [`${name} is never answered with ${status}`]
  const schema = answer?.content?.['application/json']?.schema ?? (status < 400 ? undefined : refusal)
  if (schema === undefined) return body === undefined ? [] : [`${name} ${status} has no body`]
  return offencesOf(`${name} ${status}`, schema, body)
}

const refusal = {
  type: 'object',
  required: ['message'],
  properties: { message: { type: 'string' }, documentation_url: { type: 'string' } },
}

const forms = wanted.map((name) => {
  const pattern = name
    .slice(name.indexOf(' ') + 1)
    .replaceAll('.', '\\.')
    .replaceAll(/\{(\w+)\}/g, '(?<$1>[^/]+)')
  return [name, new RegExp(`^${pattern}$`)] as const
})

/** Bodies are taken as they are; numbers in an address are text. */
const strict = new Ajv({ strict: false, logger: false })
const loose = new Ajv({ strict: false, coerceTypes: true, logger: false })
for (const ajv of [strict, loose]) addFormats.default(ajv)
const validators = new Map<string, ValidateFunction>()

function offencesOf(what: string, schema: object, value: unknown, ajv = strict): string[] {
  const validate = validators.get(what) ?? ajv.compile(schema)
  validators.set(what, validate)
  if (validate(value)) return []
  return (validate.errors ?? []).map((error) => `${what}: ${error.instancePath} ${error.message}`)
}

/** A workflow is named by number or by text: as text a number is both. */
function valueSchema(schema: object): object {
  return { type: 'object', properties: { value: 'oneOf' in schema ? { anyOf: schema.oneOf } : schema } }
}

let operations: Operations | undefined

function described(): Operations {
  return (operations ??= readOperations())
}

/** The few operations that are needed, kept beside the installed packages: the whole description takes more than a second to read. */
function readOperations(): Operations {
  const require = createRequire(import.meta.url)
  const packed = path.dirname(require.resolve('@octokit/openapi/package.json'))
  const { version } = JSON.parse(readFileSync(path.join(packed, 'package.json'), 'utf8')) as { version: string }
  const kept = path.resolve(packed, '../../.cache/holdfast', `github-${version}-${wanted.length}-1.json`)
  if (existsSync(kept)) return JSON.parse(readFileSync(kept, 'utf8')) as Operations
  const whole = JSON.parse(readFileSync(path.join(packed, 'generated/api.github.com.deref.json'), 'utf8')) as {
    paths: Record<string, Record<string, Operation>>
  }
  const found = Object.fromEntries(
    wanted.map((name) => {
      const [method, address] = name.split(' ')
      return [name, withNulls(whole.paths[address!]![method!]!) as Operation]
    }),
  )
  mkdirSync(path.dirname(kept), { recursive: true })
  writeFileSync(`${kept}.${process.pid}`, JSON.stringify(found))
  renameSync(`${kept}.${process.pid}`, kept)
  return found
}

/** Where the description says both `nullable` and `enum`, it forgets null in the list. */
function withNulls(value: unknown): unknown {
  if (value === null || typeof value !== 'object') return value
  if (Array.isArray(value)) return value.map(withNulls)
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => [key, withNulls(one)])
  const made: Record<string, unknown> = Object.fromEntries(entries)
  const { nullable, enum: options } = made
  return nullable === true && Array.isArray(options) && !options.includes(null)
    ? { ...made, enum: [...(options as unknown[]), null] }
    : made
}
