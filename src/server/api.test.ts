import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import fc from 'fast-check'
import { ajv, problemOf, reads, targetOf, writes } from '../../test/fakes/described-api.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { testSeed } from '../../test/fakes/seeded-random.ts'
import { fillDesk, type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'

const scratch = scratchDirectory()

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

  it('gives out its own description', async () => {
    const response = await desk.get('/api/v1/openapi.json')
    const { openapi: version } = (await response.json()) as { openapi: string }
    assert.equal(version, '3.1.0')
    const again = await desk.get('/api/v1/openapi.json', { 'if-none-match': response.headers.get('etag')! })
    assert.equal(again.status, 304)
    assert.equal((await problemOf(await desk.post('/api/v1/openapi.json', {}))).status, 405)
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
