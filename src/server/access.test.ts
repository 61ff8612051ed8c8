import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { operations, problemOf, targetOf } from '../../test/fakes/described-api.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fillDesk, type ServerDesk, serverDesk } from '../../test/fakes/server-desk.ts'
import { scopes } from './index.ts'

const scratch = scratchDirectory()
const day = 86_400_000

describe('who may do what', () => {
  let desk: ServerDesk
  let bad: Readonly<Record<string, string>>
  before(async () => {
    desk = await serverDesk(scratch)
    await fillDesk(desk)
    const { tokens } = desk.state
    const made = (expires?: number) => tokens.create({ name: 'test', scopes: ['*'], by: 'ann', expires })
    desk.time.ahead = -2 * day
    const expired = made(Date.now() - day)
    desk.time.ahead = 0
    const revoked = made()
    tokens.revoke(revoked.token.id)
    const good = made()
    bad = {
      expired: `Bearer ${expired.secret}`,
      revoked: `Bearer ${revoked.secret}`,
      'one with another end': `Bearer ${good.secret.slice(0, -1)}${good.secret.endsWith('A') ? 'B' : 'A'}`,
      'one with more behind it': `Bearer ${good.secret}0`,
      'no token of ours': 'Bearer hft_0',
      'one in another scheme': `Basic ${Buffer.from(`x:${good.secret}`).toString('base64')}`,
      'two at once': `Bearer ${good.secret}, Bearer ${good.secret}`,
      empty: 'Bearer',
    }
  })
  after(() => desk.close())

  for (const operation of operations) {
    const { method, operationId } = operation
    const scope = operation['x-scope']
    /** As it answers, before any of its body. */
    const ask = async (headers: Readonly<Record<string, string>>): Promise<Response> => {
      const target = targetOf(operation)
      const stop = new AbortController()
      const init = method === 'POST' ? { body: '{}', headers: { 'content-type': 'application/json', ...headers } } : { headers }
      const response = await fetch(`${desk.url}${target}`, { method, signal: stop.signal, ...init })
      if (response.headers.get('content-type') !== 'text/event-stream') return response
      stop.abort()
      return new Response(null, response)
    }

    it(`${operationId} is ${scope === undefined ? 'open to all' : `for those with ${scope}`}, and for nobody whose token is not good`, async () => {
      for (const [what, authorization] of Object.entries(bad)) {
        const response = await ask({ authorization })
        assert.equal(response.headers.get('www-authenticate'), 'Bearer realm="holdfast", error="invalid_token"', what)
        assert.equal((await problemOf(response)).status, 401, what)
      }
      const none = await ask({})
      if (scope === undefined) assert.ok(isLetIn(none), String(none.status))
      else {
        assert.equal(none.headers.get('www-authenticate'), `Bearer realm="holdfast", scope="${scope}"`)
        assert.equal((await problemOf(none)).status, 401)
      }
      for (const other of Object.keys(scopes)) {
        const response = await ask(desk.token(other))
        if (scope === undefined || other === scope) assert.ok(isLetIn(response), `${other}: ${response.status}`)
        else assert.equal((await problemOf(response)).status, 403, `${other} allows ${scope}`)
      }
      for (const wide of ['*', `${scope?.split(':')[0] ?? 'release'}:*`]) assert.ok(isLetIn(await ask(desk.token(wide))), wide)
      if (scope !== undefined) assert.equal((await ask(desk.token(`${scope.split(':')[0]}x:*`, 'x:*'))).status, 403)
    })
  }

  it('leaves no trace of what was refused in the audit log, and lets no token be seen anywhere', async () => {
    assert.deepEqual(desk.state.audit.read({ limit: 10 }), [])
    const secrets = Object.values(bad).map((each) => each.replace(/^\w+ */, ''))
    const told = JSON.stringify([desk.told, desk.state.tokens.list()])
    for (const secret of secrets) assert.ok(secret.length < 10 || !told.includes(secret))
  })

  it('is not open to pages of other sites, whatever token they have', async () => {
    const secret = desk.token('*')
    const response = await desk.post('/api/v1/actions/release-rollback', {}, { ...secret, 'sec-fetch-site': 'cross-site' })
    assert.equal((await problemOf(response)).status, 403)
    assert.equal((await desk.get('/api/v1/overview', { origin: 'https://evil.example' })).headers.get('access-control-allow-origin'), null)
  })
})

/** Whatever else it answers: that there is no such thing, or that a body is none. */
function isLetIn({ status }: Response): boolean {
  return status !== 401 && status !== 403 && status < 500
}
