import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { githubDesks } from '../../../test/fakes/github/desk.ts'
import { primaryLimit, refusal, secondaryLimit, tooMany } from '../../../test/fakes/github/trouble.ts'

const { scene, desk } = githubDesks()

describe('rate limits', () => {
  test('of the hour are waited out, and told', async () => {
    const stand = await scene({ runs: [{}] })
    const { github, notes, clock } = desk(stand)
    const before = clock.now()
    stand.trouble(primaryLimit(Date.now() + 600_000))
    assert.equal((await github.runs({ limit: 1 })).length, 1)
    const waited = clock.now() - before
    assert.ok(waited > 300_000 && waited <= 602_000, `${waited} ms`)
    assert.match(notes.join('\n'), /^GitHub’s rate limit is used up: waiting \d+m( \d+s)?, until \d\d:\d\d:\d\d UTC$/)
  })
  test('of too much at once are waited out as long as GitHub says, or a minute', async () => {
    const stand = await scene({ runs: [{}] })
    const { github, notes, clock } = desk(stand)
    const before = clock.now()
    stand.trouble(secondaryLimit(17), secondaryLimit(undefined))
    assert.equal((await github.runs({ limit: 1 })).length, 1)
    assert.equal(clock.now() - before, 77_000)
    assert.match(notes.join('\n'), /secondary rate limit.*17.0 s[^]*secondary rate limit.*1m/)
  })
  test('told with 429 and Retry-After are waited out', async () => {
    const stand = await scene({ runs: [{}] })
    const { github, notes, clock } = desk(stand)
    const before = clock.now()
    stand.trouble(tooMany(33), tooMany(4))
    assert.equal((await github.runs({ limit: 1 })).length, 1)
    assert.equal(clock.now() - before, 37_000)
    assert.match(notes.join('\n'), /trying again in 33 s/)
  })
  test('that do not end are a fault, with the time when they do', async () => {
    const stand = await scene({ runs: [{}] })
    const { github, clock } = desk(stand)
    const before = clock.now()
    stand.trouble(secondaryLimit(60, { times: 4 }))
    const fault = await faultOf(github.runs({ limit: 1 }), 'unavailable', /takes no more requests for now, until 2026-/)
    assert.equal(clock.now() - before, 180_000)
    assert.match(fault.hint ?? '', /run it again then/)
    stand.trouble(tooMany(100_000))
    await faultOf(github.runs({ limit: 1 }), 'unavailable', /takes no more requests/)
    stand.trouble(primaryLimit(Date.now() + 5 * 3_600_000))
    await faultOf(github.runs({ limit: 1 }), 'unavailable', /takes no more requests/)
  })
  test('end at once when the command is stopped', async () => {
    const stand = await scene({ runs: [{}] })
    const stop = new AbortController()
    const report = () => stop.abort()
    const { github } = desk(stand, { signal: stop.signal, report })
    stand.trouble(primaryLimit(Date.now() + 600_000))
    await faultOf(github.runs({ limit: 1 }), 'aborted', /stopped/)
  })
})

describe('rights', () => {
  const rights = {
    'fine-none-000001': { actions: 'none' as const },
    'classic-none-0001': { actions: 'none' as const, isClassic: true },
    'fine-read-0000001': { actions: 'read' as const },
  }
  const tokenOf = (token: string | undefined) => ({ token: () => Promise.resolve(token) })
  test('that a fine-grained token lacks are named', async () => {
    const stand = await scene({ runs: [{}], tokens: rights })
    await faultOf(desk(stand, tokenOf('fine-none-000001')).github.runs({ limit: 1 }), 'denied', /the token lacks actions:read/)
    const { github } = desk(stand, tokenOf('fine-read-0000001'))
    await faultOf(github.dispatch({ ref: 'main', inputs: {} }), 'denied', /starting .* on main: the token lacks actions:write/)
  })
  test('that a classic token lacks are its scopes', async () => {
    const stand = await scene({ runs: [{}], tokens: rights })
    await faultOf(desk(stand, tokenOf('classic-none-0001')).github.runs({ limit: 1 }), 'denied', /the token lacks the scope repo/)
  })
  test('come with a token: without one there are lists alone', async () => {
    const stand = await scene({ runs: [{ tag: 'x', artifacts: [{ content: 'x' }] }] })
    const { github } = desk(stand, tokenOf(undefined))
    const [run] = await github.runs({ limit: 1 })
    const fault = await faultOf(github.metadata(run!), 'denied', /the log of the job "build" of run \d+: GitHub wants a token/)
    assert.match(fault.hint ?? '', /GH_TOKEN.*actions:read/)
    const [artifact] = await github.artifacts(run!)
    await faultOf(github.openArtifact(artifact!), 'denied', /wants a token/)
  })
  test('of a token that GitHub does not know are none', async () => {
    const stand = await scene({ runs: [{}] })
    const fault = await faultOf(
      desk(stand, tokenOf('ghp_SomebodyElsesToken000000000001')).github.runs({ limit: 1 }),
      'denied',
      /does not know the token/,
    )
    assert.doesNotMatch(JSON.stringify(fault), /SomebodyElses/)
  })
  test('of a token that has expired are those of the one that took its place', async () => {
    const stand = await scene({ runs: [{}] })
    const asked: (string | undefined)[] = []
    const token = async (refused?: string) => {
      asked.push(refused)
      return refused === undefined ? 'gho_ExpiredToken0000000000000000000001' : stand.token
    }
    assert.equal((await desk(stand, { token }).github.runs({ limit: 1 })).length, 1)
    assert.deepEqual(asked.slice(0, 2), [undefined, 'gho_ExpiredToken0000000000000000000001'])
  })
  test('that an organisation wants authorised are authorised at an address', async () => {
    const stand = await scene({ runs: [{}] })
    stand.trouble(
      refusal(403, 'Resource protected by organization SAML enforcement.', {
        'x-github-sso': 'required; url=https://github.com/orgs/x/sso',
      }),
    )
    const fault = await faultOf(desk(stand).github.runs({ limit: 1 }), 'denied', /authorised/)
    assert.match(fault.hint ?? '', /https:\/\/github\.com\/orgs\/x\/sso/)
  })
  test('to a private repository are not told from its absence', async () => {
    const stand = await scene({ runs: [{}], isPrivate: true })
    const fault = await faultOf(
      desk(stand, tokenOf(undefined)).github.runs({ limit: 1 }),
      'not-found',
      /does not show it to who has no token/,
    )
    assert.match(fault.hint ?? '', /private repository set GH_TOKEN/)
  })
})
