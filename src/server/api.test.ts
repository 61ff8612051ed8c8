import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { after, before, describe, it } from 'node:test'
import { Ajv2020 } from 'ajv/dist/2020.js'
import formats from 'ajv-formats'
import fc from 'fast-check'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { testSeed } from '../../test/fakes/seeded-random.ts'
import { fillDesk, type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'
import { scopes } from './index.ts'

const scratch = scratchDirectory()

interface Parameter {
  readonly name: string
  readonly in: 'path' | 'query'
  readonly required: boolean
  readonly schema: object
}

interface Operation {
  readonly operationId: string
  readonly parameters?: readonly Parameter[]
  readonly requestBody?: object
  readonly 'x-scope'?: string
  readonly responses: { readonly '200': { readonly content: { readonly 'application/json': { readonly schema: object } } } }
}

interface Described {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>
  readonly components: { readonly schemas: { readonly Problem: object } }
}

const openapi = JSON.parse(readFileSync(new URL('../../docs/openapi.json', import.meta.url), 'utf8')) as Described
const operations = Object.entries(openapi.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({ path, method: method.toUpperCase(), ...operation })),
)
const reads = operations.filter(
  ({ method, operationId }) => method === 'GET' && !['followEvents', 'crossReferenceImages', 'measureImages'].includes(operationId),
)
const writes = operations.filter(({ method }) => method === 'POST')

const ajv = new Ajv2020({ strict: false })
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

function targetOf(
  { path, operationId, parameters = [] }: (typeof operations)[number],
  other: Readonly<Record<string, string>> = {},
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

async function problemOf(response: Response): Promise<{ readonly status: number; readonly detail: string; readonly code?: string }> {
  assert.equal(response.headers.get('content-type'), 'application/problem+json')
  const problem = (await response.json()) as { status: number; detail: string }
  assert.ok(isProblem(problem), JSON.stringify(isProblem.errors))
  assert.equal(problem.status, response.status)
  return problem
}

describe('the API', () => {
  let desk: ServerDesk
  before(async () => {
    desk = await serverDesk(scratch)
    await fillDesk(desk)
    const queue = await desk.served.jobs!.queue()
    await queue.add([{ key: 'k', words: ['store', 'verify'], source: 'store', priority: 0, splits: false }])
  })
  after(() => desk.close())

  it('says where nothing is configured that could be shown', async () => {
    for (const target of ['/images', '/images/sizes']) assert.equal((await problemOf(await desk.get(`/api/v1${target}`))).status, 404)
  })

  for (const operation of reads) {
    const secret = () => (operation['x-scope'] === undefined ? {} : desk.token(operation['x-scope']))
    it(`answers ${operation.operationId} with what its document says, again with 304, and to HEAD without a body`, async () => {
      const response = await desk.get(targetOf(operation), secret())
      const text = await response.text()
      assert.equal(response.status, 200, text)
      assert.equal(response.headers.get('content-type'), 'application/json')
      const validate = ajv.compile(operation.responses['200'].content['application/json'].schema)
      assert.ok(validate(JSON.parse(text)), `${JSON.stringify(validate.errors)} in ${text}`)
      const etag = response.headers.get('etag')!
      const again = await desk.get(targetOf(operation), { ...secret(), 'if-none-match': etag })
      if (operation['x-scope'] === undefined) assert.deepEqual([again.status, await again.text()], [304, ''])
      const head = await fetch(`${desk.url}${targetOf(operation)}`, { method: 'HEAD', headers: secret() })
      assert.deepEqual([head.status, await head.text()], [200, ''])
    })

    it(`refuses what ${operation.operationId} does not know: parameters, values, methods`, async () => {
      const target = targetOf(operation)
      const strange = await desk.get(`${target}${target.includes('?') ? '&' : '?'}strange=1`, secret())
      assert.equal((await problemOf(strange)).status, 400)
      const wrong = await desk.post(target, {})
      assert.equal((await problemOf(wrong)).status, 405)
      assert.equal(wrong.headers.get('allow'), 'GET, HEAD')
      for (const parameter of operation.parameters ?? []) {
        if (parameter.in !== 'query' || ajv.validate(parameter.schema, '\u0001\u0002 / /')) continue
        const response = await desk.get(targetOf(operation, { [parameter.name]: '\u0001\u0002 / /' }), secret())
        const { status, detail } = await problemOf(response)
        assert.equal(status, 400, parameter.name)
        assert.ok(detail.includes(parameter.name), detail)
      }
    })
  }

  for (const operation of writes) {
    it(`lets nobody do ${operation.operationId} without a token whose scope says so`, async () => {
      const { path } = operation
      const scope = operation['x-scope']!
      const none = await desk.post(path, {})
      assert.equal((await problemOf(none)).status, 401)
      assert.match(none.headers.get('www-authenticate') ?? '', /^Bearer /)
      for (const other of Object.keys(scopes)) {
        const { status } = await problemOf(await desk.post(path, {}, desk.token(other)))
        if (other !== scope) assert.equal(status, 403, `${other} allows ${scope}`)
        else assert.notEqual(status, 403)
      }
      for (const wide of [`${scope.split(':')[0]}:*`, '*']) assert.notEqual((await desk.post(path, {}, desk.token(wide))).status, 403, wide)
    })

    it(`refuses bodies that are none of ${operation.operationId}`, async () => {
      const secret = desk.token('*')
      const url = `${desk.url}${operation.path}`
      const send = async (body: string, type = 'application/json') =>
        await problemOf(await fetch(url, { method: 'POST', headers: { ...secret, 'content-type': type }, body }))
      assert.equal((await send('{}', 'text/plain')).status, 415)
      assert.equal((await send('{}', 'application/x-www-form-urlencoded')).status, 415)
      assert.equal((await send('{')).status, 400)
      assert.equal((await send('[]')).status, 400)
      assert.equal((await send('{"strange":1}')).status, 400)
      assert.equal((await send(`"${'x'.repeat(1 << 20)}"`)).status, 413)
      assert.equal((await problemOf(await desk.get(operation.path))).status, 405)
    })
  }

  it('is not open to pages of other sites, whatever token they have', async () => {
    const secret = desk.token('*')
    const response = await desk.post('/api/v1/actions/release-rollback', {}, { ...secret, 'sec-fetch-site': 'cross-site' })
    assert.equal((await problemOf(response)).status, 403)
    assert.equal((await desk.get('/api/v1/overview', { origin: 'https://evil.example' })).headers.get('access-control-allow-origin'), null)
  })

  it('refuses a token that is not good also where none is needed', async () => {
    for (const authorization of ['Bearer hft_0', 'Basic eDp5', `Bearer hft_${'0'.repeat(12)}_${'a'.repeat(43)}`]) {
      assert.equal((await problemOf(await desk.get('/api/v1/overview', { authorization }))).status, 401)
    }
  })

  it('gives out its own description', async () => {
    const response = await desk.get('/api/v1/openapi.json')
    const { openapi: version } = (await response.json()) as { openapi: string }
    assert.equal(version, '3.1.0')
  })

  it('answers any path and query with what it is or a problem, and never with a fault of its own', async () => {
    const segment = fc.oneof(
      fc.string({ maxLength: 12 }),
      fc.constantFrom('releases', 'rcclx', '6.4', 'stable', 'index', 'default', '..', '%2e', 'diff'),
    )
    const query = fc.dictionary(
      fc.constantFrom('a', 'b', 'prefix', 'name', 'limit', 'after', 'variant', 'x'),
      fc.string({ maxLength: 20 }),
      { maxKeys: 4 },
    )
    const ask = async (segments: readonly string[], given: Readonly<Record<string, string>>) => {
      const target = `/api/v1/${segments.map(encodeURIComponent).join('/')}?${new URLSearchParams(given).toString()}`
      const response = await desk.get(target)
      const text = await response.text()
      // A client takes dots off itself: what is asked for then may be none of the API.
      if (!new URL(target, 'http://localhost').pathname.startsWith('/api/v1/')) return
      assert.ok(response.status < 500, `${target}: ${response.status} ${text}`)
      assert.doesNotThrow(() => JSON.parse(text), target)
    }
    await fc.assert(fc.asyncProperty(fc.array(segment, { maxLength: 4 }), query, ask), { numRuns: 300, seed: testSeed })
  })

  it('goes through a list of any length in pages, each entry once', async () => {
    const seen: string[] = []
    let after: string | undefined
    do {
      const more: string = after === undefined ? '' : `&after=${after}`
      const page = (await (await desk.get(`/api/v1/moves?limit=1${more}`)).json()) as {
        items: { name: string; generation: number }[]
        next?: string
        total: number
      }
      seen.push(...page.items.map(({ name, generation }) => `${name} ${generation}`))
      after = page.next
      assert.ok(page.total >= seen.length)
    } while (after !== undefined)
    const all = (await (await desk.get('/api/v1/moves')).json()) as { items: { name: string; generation: number }[] }
    assert.deepEqual(
      seen,
      all.items.map(({ name, generation }) => `${name} ${generation}`),
    )
    assert.equal((await problemOf(await desk.get('/api/v1/moves?after=YQ'))).status, 400)
  })
})
