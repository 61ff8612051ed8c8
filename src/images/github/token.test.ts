import assert from 'node:assert/strict'
import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import type { Progress } from '../../kit/index.ts'
import { githubToken } from './token.ts'

const folder = scratchDirectory()
const api = 'https://api.github.com'

/** A `gh` that prints a token, and how it was called. */
function clientIn(name: string, script: string): string {
  const bin = path.join(folder, name)
  mkdirSync(bin)
  writeFileSync(path.join(bin, 'gh'), `#!/bin/sh\n${script}\n`)
  chmodSync(path.join(bin, 'gh'), 0o755)
  return bin
}
const signedIn = clientIn('signed-in', 'test "$*" = "auth token --hostname github.com" && echo gho_fromTheClient')
const signedOut = clientIn('signed-out', 'echo "no oauth token" >&2; exit 1')

async function find(env: Record<string, string>, more: { given?: string; api?: string } = {}) {
  const notes: string[] = []
  const report = (event: Progress) => void (event.kind === 'note' && notes.push(event.text))
  const variables = { PATH: '/nowhere', ...env }
  return { token: await githubToken({ api, env: variables, report, ...more })(), notes: notes.join('\n') }
}

describe('the token for GitHub', () => {
  test('is what was given, then GH_TOKEN, then GITHUB_TOKEN, then that of the client', async () => {
    const all = { GH_TOKEN: 'gh', GITHUB_TOKEN: 'github', PATH: signedIn }
    assert.equal((await find(all, { given: 'given\n' })).token, 'given')
    assert.equal((await find(all)).token, 'gh')
    assert.equal((await find({ ...all, GH_TOKEN: '' })).token, 'github')
    assert.equal((await find({ PATH: signedIn })).token, 'gho_fromTheClient')
  })
  test('may be missing, and that is said', async () => {
    for (const PATH of [signedOut, '/nowhere']) {
      const { token, notes } = await find({ PATH })
      assert.equal(token, undefined)
      assert.match(notes, /^no token for api\.github\.com .*only public lists can be read/)
    }
  })
  test('of github.com goes to no other server, unless the environment names that one', async () => {
    const other = { api: 'https://github.example.com/api/v3' }
    const { token, notes } = await find({ GH_TOKEN: 'secret-of-github' }, other)
    assert.equal(token, undefined)
    assert.match(notes, /GH_TOKEN is for github\.com and not sent there/)
    assert.equal((await find({ GH_TOKEN: 'a', GH_HOST: 'github.example.com' }, other)).token, 'a')
    assert.equal((await find({ GITHUB_TOKEN: 'a', GITHUB_API_URL: other.api }, other)).token, 'a')
    assert.equal((await find({ GITHUB_TOKEN: 'a', HOLDFAST_IMAGES_GITHUB_API: `${other.api}/` }, other)).token, 'a')
    assert.equal((await find({ GH_TOKEN: 'a', GH_ENTERPRISE_TOKEN: 'b' }, other)).token, 'b')
    assert.equal((await find({ GH_TOKEN: 'a' }, { api: 'https://api.tenant.ghe.com' })).token, 'a')
    assert.equal((await find({ GH_TOKEN: 'a' }, { api: 'http://127.0.0.1:1234' })).token, 'a')
  })
  test('has no characters that headers cannot have, and is not shown where it has', async () => {
    const fault = await faultOf(find({ GH_TOKEN: 'tok en\u0000withSecret' }), 'invalid', /^GH_TOKEN is no token/)
    assert.doesNotMatch(JSON.stringify(fault), /withSecret/)
  })
  test('is looked for once', async () => {
    const counting = clientIn('counting', `echo x >> ${folder}/calls; echo gho_counted`)
    const token = githubToken({ api, env: { PATH: `${counting}:/usr/bin:/bin` }, report: () => undefined })
    assert.deepEqual(await Promise.all([token(), token()]), ['gho_counted', 'gho_counted'])
    assert.equal(readFileSync(`${folder}/calls`, 'utf8'), 'x\n')
  })
  test('that GitHub refuses is asked of the client again, which may have another by now', async () => {
    const renewing = clientIn('renewing', `echo x >> ${folder}/renewals; echo gho_number$(wc -l < ${folder}/renewals)`)
    const token = githubToken({ api, env: { PATH: `${renewing}:/usr/bin:/bin` }, report: () => undefined })
    assert.equal(await token(), 'gho_number1')
    // Two questions that were refused with the same token.
    assert.deepEqual(await Promise.all([token('gho_number1'), token('gho_number1')]), ['gho_number2', 'gho_number2'])
    assert.equal(await token('gho_number1'), 'gho_number2')
    assert.equal(await token(), 'gho_number2')
    const given = githubToken({ api, env: { GH_TOKEN: 'gh', PATH: renewing }, report: () => undefined })
    assert.equal(await given('gh'), 'gh')
  })
})
