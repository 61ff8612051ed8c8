import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, it } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'
import { fakeTracer } from '../../test/fakes/tracer.ts'
import type { Access } from './watch.ts'

const scratch = scratchDirectory()
const trace = '4bf92f3577b34da6a3ce929d0e0e4736'

/** What the server tells once the last byte has gone may come a moment after the client has it. */
async function until<T>(find: () => T | undefined): Promise<T> {
  for (;;) {
    const found = find()
    if (found !== undefined) return found
    await setImmediate()
  }
}

describe('a request that was answered', () => {
  const told: Access[] = []
  const tracer = fakeTracer()
  let desk: ServerDesk
  before(async () => {
    desk = await serverDesk(scratch, { access: { each: true, tell: (access) => void told.push(access) }, tracer })
    desk.build('content of a release')
    const { exit, err } = await desk.holdfast('release create rcclx --variant 6.4 --no-build --yes')
    assert.equal(exit, 0, err)
  })
  after(() => desk.close())

  const lastOf = async (ask: () => Promise<Response>) => {
    const count = told.length
    const response = await ask()
    const text = await response.text()
    return { response, text, access: await until(() => told[count]) }
  }

  it('is told with what was asked, by whom, and what was sent', async () => {
    const { access } = await lastOf(() =>
      desk.get('/releases/rcclx/6.4/stable/librcclx-dev.a?as-of=1h', { traceparent: `00-${trace}-00f067aa0ba902b7-01` }),
    )
    const { request, took, trace: known, ...facts } = access
    assert.match(request, /^[0-9a-f]{12}$/)
    assert.ok(took > 0)
    assert.equal(known, '1'.repeat(32))
    assert.deepEqual(facts, {
      method: 'GET',
      route: 'failed',
      target: '/releases/rcclx/6.4/stable/librcclx-dev.a?as-of=1h',
      status: 404,
      bytes: facts.bytes,
      isWhole: true,
      address: '127.0.0.1',
      token: undefined,
    })
    assert.equal((await lastOf(() => desk.get('/releases/rcclx/6.4/stable/librcclx-dev.a'))).access.bytes, 20)
    assert.equal(
      (await lastOf(async () => await fetch(`${desk.url}/releases/rcclx/6.4/stable/librcclx-dev.a`, { method: 'HEAD' }))).access.bytes,
      0,
    )
  })

  it('has the number of its problem, and of the audit log', async () => {
    const { text, access } = await lastOf(() => desk.get('/nothing/here'))
    assert.equal((JSON.parse(text) as { instance: string }).instance, `urn:request:${access.request}`)
    const token = desk.token('job:run')
    const { response, access: action } = await lastOf(() =>
      desk.post('/api/v1/actions/job-run', { job: 'store-verify', dryRun: true }, token),
    )
    assert.equal(response.status, 200)
    assert.deepEqual([action.token?.name, action.method, action.status], ['test', 'POST', 200])
    assert.match(action.token!.id, /^[0-9a-f]+$/)
  })

  it('is told also where it is answered from memory, refused, or a token is not good', async () => {
    const etag = (await lastOf(() => desk.get('/api/v1/releases/rcclx'))).response.headers.get('etag')!
    const held = await lastOf(() => desk.get('/api/v1/releases/rcclx', { 'if-none-match': etag }))
    assert.deepEqual([held.access.status, held.access.bytes], [304, 0])
    const again = await lastOf(() => desk.get('/api/v1/releases/rcclx', { 'if-none-match': etag }))
    assert.deepEqual([again.access.status, again.access.route], [304, held.access.route])
    assert.equal((await lastOf(() => desk.get('/api/v1/audit', { authorization: 'Bearer hft_nonsense' }))).access.status, 401)
  })

  it('is told as broken off where the bytes in the store are wrong', async () => {
    const big = Buffer.alloc(2 << 20, 'a')
    mkdirSync(path.join(desk.folder, 'out'), { recursive: true })
    desk.build(big)
    assert.equal((await desk.holdfast('release create rcclx --variant 7.0 --no-build --yes')).exit, 0)
    const { files } = (await (await desk.get('/releases/rcclx/7.0/stable/')).json()) as { files: { digest: string }[] }
    const hex = files[0]!.digest.slice('sha256:'.length)
    writeFileSync(path.join(desk.folder, 'store/blobs/sha256', hex.slice(0, 2), hex), Buffer.alloc(2 << 20, 'b'))
    const count = told.length
    const response = await desk.get('/releases/rcclx/7.0/stable/librcclx-dev.a')
    await assert.rejects(response.arrayBuffer())
    const access = await until(() => told[count])
    assert.deepEqual([access.status, access.isWhole], [200, false])
    assert.ok(access.bytes < 2 << 20)
  })

  it('is a span of the client’s trace, named by its route', async () => {
    const count = tracer.spans.length
    await lastOf(() =>
      desk.get('/api/v1/releases/rcclx?limit=x', { traceparent: `00-${trace}-00f067aa0ba902b7-01`, 'user-agent': 'probe' }),
    )
    const span = tracer.spans[count]!
    assert.deepEqual(
      [span.name, span.kind, span.above, span.ended, span.error],
      ['GET /api/v1/releases/{product}', 'server', '00f067aa0ba902b7', true, undefined],
    )
    const { 'url.path': at, 'http.route': route, 'http.response.status_code': status, 'user_agent.original': agent } = span.attributes
    assert.deepEqual([at, route, status, agent], ['/api/v1/releases/rcclx', '/api/v1/releases/{product}', 400, 'probe'])
    const strange = tracer.spans.length
    await lastOf(async () => await fetch(`${desk.url}/x`, { method: 'PROPFIND' }))
    assert.equal(tracer.spans[strange]?.name, '_OTHER')
  })
})
