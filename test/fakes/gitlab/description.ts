/**
 * What GitLab publishes of the operations that are used here, in our own words: from doc/api/openapi/openapi_v2.yaml of gitlabhq/gitlabhq
 * (operations getApiV4ProjectsIdRegistryRepositories, …RepositoryIdTags and …TagsTagName). Two things are taken from elsewhere in it, as noted.
 */
import { Ajv, type ValidateFunction } from 'ajv'
import addFormats from 'ajv-formats'

const integer = { type: 'integer', minimum: -2147483648, maximum: 2147483647 }
const boolean = { type: 'boolean' }
const text = { type: 'string' }
const time = { type: ['string', 'null'], format: 'date-time' }

const tag = { name: text, path: text, location: text }

const repository = {
  id: integer,
  name: text,
  path: text,
  project_id: integer,
  location: text,
  created_at: time,
  cleanup_policy_started_at: time,
  tags_count: integer,
  // The description calls it one tag; doc/api/container_registry.md shows the list that the server sends.
  tags: { type: 'array', items: { type: 'object', properties: tag, required: Object.keys(tag), additionalProperties: false } },
  delete_api_path: text,
  size: integer,
  status: { type: ['string', 'null'] },
}

const tagDetails = {
  ...tag,
  revision: { type: ['string', 'null'] },
  short_revision: { type: ['string', 'null'] },
  digest: { type: ['string', 'null'] },
  created_at: time,
  // The description says int32; images of more than 2 GiB are sent as they are.
  total_size: { type: ['integer', 'null'], minimum: 0 },
}

const paging = { page: { ...integer, minimum: 1 }, per_page: { ...integer, minimum: 1, maximum: 100 } }

/** lib/api/api_guard.rb, and doc/api/rest/authentication.md. */
const refusals = [401, 403, 404, 429]

export interface Operation {
  readonly path: RegExp
  readonly query: Readonly<Record<string, object>>
  /** Of the body that is sent with 200. */
  readonly answer: object
  readonly statuses: readonly number[]
}

const object = (properties: object, required: readonly string[]) => ({ type: 'object', properties, required, additionalProperties: false })
const root = '/api/v4/projects/([^/]+)/registry/repositories'

export const operations = {
  repositories: {
    path: new RegExp(`^${root}$`),
    query: { ...paging, tags: boolean, tags_count: boolean },
    answer: { type: 'array', items: object(repository, ['id', 'name', 'path', 'project_id', 'location', 'created_at', 'status']) },
    statuses: refusals,
  },
  tags: {
    path: new RegExp(`^${root}/(\\d+)/tags$`),
    query: paging,
    answer: { type: 'array', items: object(tag, Object.keys(tag)) },
    statuses: [...refusals, 405],
  },
  tag: {
    path: new RegExp(`^${root}/(\\d+)/tags/([^/]+)$`),
    query: {},
    answer: object(tagDetails, Object.keys(tagDetails)),
    statuses: [...refusals, 400],
  },
} satisfies Record<string, Operation>

/** `{"message":"404 Project Not Found"}`, or what RFC 6750 has. */
const refusal = {
  type: 'object',
  properties: { message: text, error: text, error_description: text, scope: text },
  additionalProperties: false,
  minProperties: 1,
}

const ajv = new Ajv({ strict: true, allowUnionTypes: true, allErrors: true })
addFormats.default(ajv)
const compiled = new Map<object, ValidateFunction>()

/** What is wrong with the query of a request; nothing where it is as described. */
export function offencesOfQuery({ query }: Operation, given: URLSearchParams): string[] {
  return [...given].flatMap(([name, value]) => {
    const schema = Object.hasOwn(query, name) ? query[name] : undefined
    if (schema === undefined) return [`there is no parameter ${name}`]
    const parsed: unknown = /^-?\d{1,12}$/.test(value) ? Number(value) : value === 'true' ? true : value === 'false' ? false : value
    return offencesOf(schema, parsed).map((each) => `${name}: ${each}`)
  })
}

/** The same of an answer. */
export function offencesOfAnswer({ answer, statuses }: Operation, status: number, body: unknown): string[] {
  if (status === 200) return offencesOf(answer, body)
  return [...(statuses.includes(status) ? [] : [`it never answers with ${status}`]), ...offencesOf(refusal, body)]
}

function offencesOf(schema: object, value: unknown): string[] {
  const validate = compiled.get(schema) ?? ajv.compile(schema)
  compiled.set(schema, validate)
  return validate(value) ? [] : (validate.errors ?? []).map(({ instancePath, message }) => `${instancePath || '(whole)'} ${message}`)
}
