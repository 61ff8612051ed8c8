import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { type GitHubStandIn, startGitHub } from './github.ts'
import { tooMany } from './trouble.ts'

/** What the stand-in minds about one request. */
async function offencesOf(path: string, more: RequestInit = {}, github?: GitHubStandIn): Promise<string> {
  const stand = github ?? (await startGitHub({ runs: [{ tag: 'x' }] }))
  const headers = { 'user-agent': 'tests', authorization: `Bearer ${stand.token}` }
  await fetch(`${stand.api}/repos/${stand.repo}${path}`, { headers, ...more })
  const offences = stand.offences.splice(0).join('\n')
  await stand.close()
  return offences
}

describe('the tests’ GitHub', () => {
  test('minds nothing that GitHub would take', async () => {
    assert.equal(await offencesOf('/actions/runs?per_page=5&status=success'), '')
    assert.equal(await offencesOf('/actions/workflows/161335/runs'), '')
    const body = JSON.stringify({ ref: 'main', inputs: { a: 'b' } })
    assert.equal(await offencesOf('/actions/workflows/presto-build-images.yml/dispatches', { method: 'POST', body }), '')
  })
  test('minds what the description does not have', async () => {
    assert.match(await offencesOf('/actions/runs?limit=5'), /has no parameter limit/)
    assert.match(await offencesOf('/actions/runs?per_page=many'), /per_page: .*must be integer/)
    assert.match(await offencesOf('/actions/runs?status=good'), /must be equal to one of the allowed values/)
    assert.match(await offencesOf('/actions/nothing'), /asked for what no stand-in has/)
    assert.match(await offencesOf('/actions/runs/seven'), /run_id: .*must be integer/)
  })
  test('minds a body that GitHub would not take', async () => {
    const post = (body: unknown) =>
      offencesOf('/actions/workflows/presto-build-images.yml/dispatches', { method: 'POST', body: JSON.stringify(body) })
    assert.match(await post({ inputs: {} }), /required property 'ref'/)
    assert.match(await post({ ref: 7 }), /\/ref must be string/)
    const inputs = Object.fromEntries(Array.from({ length: 26 }, (_, at) => [`i${at}`, 'x']))
    assert.match(await post({ ref: 'main', inputs }), /more than 25 properties/)
  })
  test('minds its own answers', async () => {
    const stand = await startGitHub({ runs: [{ conclusion: 'splendid' as never }] })
    assert.match(await offencesOf('/actions/runs/7000000001/jobs', {}, stand), /conclusion must be equal to one of the allowed values/)
  })
  test('minds a trouble that was planned for nobody', async () => {
    const stand = await startGitHub()
    stand.trouble(tooMany(1))
    await assert.rejects(stand.close(), /unused trouble/)
  })
})
