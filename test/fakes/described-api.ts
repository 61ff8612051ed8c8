import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: object
}

export interface Schema {
  readonly type?: string
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: { readonly content: { readonly 'application/json': { readonly schema: Schema } } }
  readonly 'x-scope'?: string
  readonly responses: { readonly '200': { readonly content: { readonly 'application/json': { readonly schema: object } } } }
}

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Problem: object } }
}

const openapi = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as Described

/** What the server's own document says can be asked. */
export const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
)
/** Those that a project without images answers, once and for all. */
export const reads = operations.filter(
  ({ method, operationId }) => method === 'GET' && !['followEvents', 'crossReferenceImages', 'measureImages'].includes(operationId),
)
export const writes = operations.filter(({ method }) => method === 'POST')

export const ajv = new Ajv2020({ strict: false })
;(formats as unknown as (to: Ajv2020) => void)(ajv)
const isProblem = ajv.compile(openapi.components.schemas.Problem)

/** What the desk has, by the names of parameters. */
const examples: Readonly<Record<string, string>> = {
  product: 'rcclx',
  variant: '6.4',
  release: 'stable',
  environment: 'stage',
  a: 'stable',
  b: 'last-stable',
  prefix: 'v2/gpu',
  name: 'torch',
  snapshot: 'latest',
  execution: '1',
}
const ownExamples: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  compareIndexes: { environment: 'default', a: 'v2/gpu', b: 'v2/gpu@1' },
  compareSnapshots: { a: 'latest', b: 'latest' },
  getIndexEnvironment: { environment: 'default' },
  listPackages: { environment: 'default' },
  getPackage: { environment: 'default' },
  listGenerations: { environment: 'default' },
}

/** Where an operation is asked, with what the desk has unless told. */
export function targetOf(
  { path, operationId, parameters = [] }: (typeof operations)[number],
  other: Readonly<Record<string, string | undefined>> = {},
): string {
  const value = (name: string) => other[name] ?? ownExamples[operationId]?.[name] ?? examples[name]
  const filled = path.replaceAll(/\{(\w+)\}/g, (_whole, name: string) => encodeURIComponent(value(name) ?? 'x'))
  const query = new URLSearchParams(
    parameters
      .filter((each) => each.in === 'query' && (each.required || other[each.name] !== undefined))
      .map(({ name }): [string, string] => [name, value(name)!]),
  )
  return query.size === 0 ? filled : `${filled}?${query.toString()}`
}

interface Problem {
  readonly status: number
  readonly detail: string
  readonly code?: string
}

/** Of a response that has to be one. */
export async function problemOf(response: Response): Promise<Problem> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const problem = (await response.json()) as Problem
  assert.ok(isProblem(problem), JSON.stringify(isProblem.errors))
  assert.equal(problem.status, response.status)
  return problem
}
