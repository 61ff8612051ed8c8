import type * as v from 'valibot'
import type { Route } from './routes/route.ts'
import { scopes } from './scopes.ts'

/** A JSON Schema of what a value is once it was checked. */
type Describe = (schema: v.GenericSchema) => object

/** The OpenAPI 3.1 document of routes. Pure: `npm run generate` keeps it in docs/openapi.json, and the server gives that out. */
export function openapiOf(routes: readonly Route[], describe: Describe): object {
  const paths: Record<string, Record<string, object>> = {}
  for (const route of routes) {
    const path = `/api/v1${route.path}`
    paths[path] = { ...paths[path], [route.method.toLowerCase()]: operationOf(route, describe) }
  }
  paths['/api/v1/events'] = { get: events }
  const tags = [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name }))
  return {
    openapi: '3.1.0',
    info: {
      title: 'Holdfast',
      version: '1',
      description:
        'What a holdfast server tells and does. Members are only added within a version. Errors are problems as RFC 9457 has them, with the code of the fault.',
      license: { name: 'Apache-2.0', identifier: 'Apache-2.0' },
    },
    servers: [{ url: '/' }],
    tags,
    paths,
    components: {
      schemas: { Problem: problem },
      responses: {
        Problem: {
          description: 'It could not be done.',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        },
      },
      securitySchemes: {
        token: {
          type: 'http',
          scheme: 'bearer',
          description: `Made by \`holdfast token create\`. Scopes: ${Object.entries(scopes)
            .map(([scope, meaning]) => `\`${scope}\` (${meaning})`)
            .join(', ')}.`,
        },
      },
    },
  }
}

const events = {
  operationId: 'followEvents',
  tags: ['overview'],
  summary: 'What happens, as it happens: server-sent events `move`, as listMoves has them, and `execution`, as listExecutions has them',
  description: 'With `Last-Event-ID` the moves since then come first, as far as listMoves has them; executions are told from now on.',
  responses: {
    '200': { description: 'It goes on until one side ends it.', content: { 'text/event-stream': { schema: { type: 'string' } } } },
    default: { $ref: '#/components/responses/Problem' },
  },
}

const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance'],
  properties: {
    type: { const: 'about:blank' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    code: { type: 'string', description: 'The code of the fault; absent where HTTP alone refuses.' },
    hint: { type: 'string', description: 'What can be done now.' },
    instance: { type: 'string', description: 'The request, as the log of the server names it.' },
  },
}

function operationOf({ id, tag, summary, scope, params, query, body, response }: Route, describe: Describe): object {
  const parameters = [
    ...Object.entries(params).map(([name, schema]) => ({ name, in: 'path', required: true, ...described(schema, describe) })),
    ...Object.entries(query).map(([name, schema]) => ({
      name,
      in: 'query',
      required: schema.type !== 'optional',
      ...described(schema, describe),
    })),
  ]
  return {
    operationId: id,
    tags: [tag],
    summary,
    ...(parameters.length === 0 ? {} : { parameters }),
    ...(body === undefined ? {} : { requestBody: { required: true, content: { 'application/json': { schema: describe(body) } } } }),
    ...(scope === undefined ? {} : { security: [{ token: [] }], 'x-scope': scope }),
    responses: {
      '200': { description: 'It is so.', content: { 'application/json': { schema: describe(response) } } },
      default: { $ref: '#/components/responses/Problem' },
    },
  }
}

/** A parameter's description stands beside its schema. */
function described(schema: v.GenericSchema, describe: Describe): object {
  const { description, ...rest } = describe(schema) as { description?: string }
  return { ...(description === undefined ? {} : { description }), schema: rest }
}
