import assert from 'node:assert/strict'
import { after, describe, test, type TestContext } from 'node:test'
import fc from 'fast-check'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { type FakeGitLab, type FakeGitLabOptions, startGitLab } from '../../../test/fakes/gitlab/server.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { createHttp } from '../../kit/http/index.ts'
import { Fault } from '../../kit/index.ts'
import { findGitLabToken, type GitLab, type GitLabToken, openGitLab } from '../index.ts'

const notes: string[] = []
const http = createHttp({
  clock: hastyClock(0),
  random: () => 0,
  userAgent: 'holdfast/test',
  limits: { idleTime: 200 },
  report: (event) => void (event.kind === 'note' && notes.push(event.text)),
})
after(() => http.close())

const personal: GitLabToken = { value: 'glpat-of-the-tests', header: 'private-token', from: 'GITLAB_TOKEN' }

interface Pair {
  readonly server: FakeGitLab
  readonly gitlab: GitLab
}

/** A server and its client; the test fails where either was not as GitLab describes it. */
async function pair(
  t: TestContext,
  options: FakeGitLabOptions = {},
  token: GitLabToken | undefined = personal,
  more?: { host?: string },
): Promise<Pair> {
  const server = await startGitLab({ token: personal.value, ...options })
  t.after(async () => {
    await server.close()
    assert.deepEqual(server.offences, [])
  })
  return { server, gitlab: openGitLab({ host: more?.host ?? server.url, project: server.project, token: async () => token, http }) }
}

const many = (count: number) => Object.fromEntries(Array.from({ length: count }, (_, at) => [`x86/family-${at}`, [`v${at}`, 'latest']]))
const numbered = (count: number) => Array.from({ length: count }, (_, at) => `t${at}`)

describe('the registry of a GitLab project', () => {
  test('is listed with all its tags in one request', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: { 'x86/app': ['v1', 'v2'], '': ['root'], 'arm/app': [] } })
    const listed = await gitlab.repositories()
    assert.deepEqual(
      listed.map(({ path, tags, isWhole }) => [path, tags, isWhole]),
      [
        ['tests/images/x86/app', ['v1', 'v2'], true],
        ['tests/images', ['root'], true],
        ['tests/images/arm/app', [], true],
      ],
    )
    assert.equal(gitlab.requests(), 1)
    assert.deepEqual(server.requests, ['GET /api/v4/projects/tests%2Fimages/registry/repositories?tags=true&tags_count=true&per_page=100'])
  })

  for (const paging of ['both', 'link', 'header', 'none'] as const)
    test(`is listed to its last page, whichever way the server tells of the next: ${paging}`, async (t) => {
      const { gitlab } = await pair(t, { repositories: many(205), paging })
      const listed = await gitlab.repositories()
      assert.equal(new Set(listed.map(({ path }) => path)).size, 205)
      assert.deepEqual(listed[204]!.tags, ['v204', 'latest'])
      assert.equal(gitlab.requests(), 3)
    })

  test('is listed to its last page where the server gives fewer entries than were asked for', async (t) => {
    const { gitlab } = await pair(t, { repositories: many(7), largestPage: 2 })
    assert.equal((await gitlab.repositories()).length, 7)
  })

  test('is read from the server that was named, though its links name another', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: many(150), paging: 'link', ownUrl: 'https://inner.invalid:8443' })
    assert.equal((await gitlab.repositories()).length, 150)
    assert.equal(server.requests.length, 2)
  })

  test('is read again where a repository went while it was listed, and another moved to a page before', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: many(150) })
    const remove = () => void delete server.repositories['x86/family-0']
    server.misbehave({ kind: 'then', act: () => undefined }, { kind: 'then', act: remove })
    const listed = await gitlab.repositories()
    assert.ok(listed.some(({ path }) => path === 'tests/images/x86/family-100'))
    assert.equal(listed.length, 149)
    assert.equal(gitlab.requests(), 4)
  })

  test('that changes whenever it is listed is not there for now, and never half there', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: many(150) })
    let made = 0
    server.misbehave(
      ...Array.from({ length: 6 }, () => ({ kind: 'then' as const, act: () => void (server.repositories[`x/${made++}`] = []) })),
    )
    await faultOf(gitlab.repositories(), 'unavailable', /change while they are listed/)
  })

  test('says which lists of tags may lack some: those that the server’s own registry cut', async (t) => {
    const { gitlab } = await pair(t, { repositories: { 'x86/cut': numbered(1200), 'x86/whole': numbered(999) }, tagLimit: 1000 })
    const listed = await gitlab.repositories()
    assert.deepEqual(
      listed.map(({ tags, isWhole }) => [tags.length, isWhole]),
      [
        [1000, false],
        [999, true],
      ],
    )
    assert.equal((await gitlab.tag(listed[0]!, 't1100'))?.name, 't1100')
    assert.equal(await gitlab.tag(listed[0]!, 't1200'), undefined)
  })

  test('of a server that lists no tags with the repositories is read with one list for each', async (t) => {
    const { gitlab } = await pair(t, { repositories: { 'x86/app': numbered(250), 'arm/app': ['v1'] }, listsTags: false })
    const listed = await gitlab.repositories()
    assert.deepEqual(
      listed.map(({ tags, isWhole }) => [tags.length, isWhole]),
      [
        [250, true],
        [1, true],
      ],
    )
    assert.equal(gitlab.requests(), 5)
  })

  test('tells of a tag its digest, its time and its size', async (t) => {
    const { gitlab } = await pair(t, { repositories: { 'x86/app': ['v1'] } })
    const [repository] = await gitlab.repositories()
    const tag = await gitlab.tag(repository!, 'v1')
    assert.equal(tag?.createdAt, Date.UTC(2025, 2, 6, 16, 49, 51, 272))
    assert.equal(tag.size, 350_224_384)
    assert.match(tag.digest!, /^sha256:[0-9a-f]{64}$/)
  })

  test('is read below a path of its server too', async () => {
    const server = await startHttpServer((_, response) => void response.writeHead(200, { 'content-type': 'application/json' }).end('[]'))
    const gitlab = openGitLab({ host: `${server.url}/git/`, project: '7', token: async () => undefined, http })
    assert.deepEqual(await gitlab.repositories(), [])
    assert.match(server.requests[0]!, /^GET \/git\/api\/v4\/projects\/7\/registry\/repositories\?/)
    await server.close()
  })
})

describe('a GitLab that is busy or broken', () => {
  test('is waited for as long as it says, and that is told', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: many(1) })
    server.misbehave({ kind: 'busy', retryAfter: 42 })
    notes.length = 0
    assert.equal((await gitlab.repositories()).length, 1)
    assert.match(notes.join('\n'), /429: too many requests.*: trying again in 42.0 s/)
  })

  test('is asked again after half an answer that broke off', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: many(1) })
    server.misbehave({ kind: 'broken' }, { kind: 'silent' })
    assert.equal((await gitlab.repositories()).length, 1)
    assert.equal(server.requests.length, 3)
  })

  test('that ends in the middle of its JSON, or shows a page to log in, is never an empty registry', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: many(3) })
    server.misbehave({ kind: 'truncated' })
    await faultOf(gitlab.repositories(), 'corrupt', /no JSON but application\/json/)
    server.misbehave({ kind: 'login-page' })
    const fault = await faultOf(gitlab.repositories(), 'corrupt', /no JSON but text\/html/)
    assert.match(fault.hint!, /check gitlab_host: a page to log in/)
  })

  test('whatever it says, is a list or a fault that says why', async () => {
    let answer = { body: '', headers: {} as Record<string, string> }
    const server = await startHttpServer((_, response) => void response.writeHead(200, answer.headers).end(answer.body))
    const gitlab = openGitLab({ host: server.url, project: 'a/b', token: async () => undefined, http })
    const entry = fc.record(
      {
        id: fc.oneof(fc.integer(), fc.jsonValue()),
        path: fc.oneof(fc.string(), fc.jsonValue()),
        tags: fc.oneof(fc.array(fc.record({ name: fc.stringMatching(/^[a-z]{1,3}$/) })), fc.jsonValue()),
        tags_count: fc.oneof(fc.nat(), fc.jsonValue()),
        location: fc.jsonValue(),
      },
      { requiredKeys: ['id', 'path', 'tags'] },
    )
    const header = fc.oneof(
      fc.constantFrom('', '2', '0', '-1', '<>; rel=next', '<?page=1>; rel="next"', '<http://[>; rel=next', ' '),
      fc.stringMatching(/^[ -~]{0,30}$/),
    )
    await fc.assert(
      fc.asyncProperty(fc.oneof(fc.array(entry, { maxLength: 3 }), fc.jsonValue()), header, header, async (body, link, next) => {
        answer = { body: JSON.stringify(body), headers: { link, 'x-next-page': next } }
        try {
          for (const each of await gitlab.repositories()) assert.ok(each.tags.every((tag) => /^\w[\w.-]*$/.test(tag)))
        } catch (error) {
          assert.ok(error instanceof Fault && error.code === 'corrupt', String(error))
        }
      }),
      { seed: testSeed, numRuns: 300 },
    )
    await server.close()
  })

  test('that lists the same page for ever is left after the second', async () => {
    const one = JSON.stringify([{ id: 1, path: 'a/b', tags: [{ name: 'v1' }], tags_count: 1 }])
    let page = 1
    const server = await startHttpServer(
      (_, response) => void response.writeHead(200, { 'content-type': 'application/json', 'x-next-page': String(++page) }).end(one),
    )
    const gitlab = openGitLab({ host: server.url, project: 'a/b', token: async () => undefined, http })
    await faultOf(gitlab.repositories(), 'corrupt', /pages without an end/)
    assert.equal(server.requests.length, 2)
    await server.close()
  })

  test('that names tags which are none is refused', async (t) => {
    const { gitlab } = await pair(t, { repositories: { 'x86/app': ['a\u001b[31m'] } })
    await faultOf(gitlab.repositories(), 'corrupt', /lists a tag that is none/)
  })
})

describe('what GitLab denies', () => {
  test('names the scope that the token lacks', async (t) => {
    const { gitlab, server } = await pair(t)
    server.misbehave({ kind: 'scope', scope: 'api read_api' })
    const fault = await faultOf(
      gitlab.repositories(),
      'denied',
      /the token of GITLAB_TOKEN may not read tests\/images at 127.0.0.1:\d+: it lacks the scope read_api/,
    )
    assert.match(fault.hint!, /read_registry .* pushing needs write_registry too/)
  })

  test('says that a token has expired, or is wrong', async (t) => {
    const { gitlab, server } = await pair(t)
    server.misbehave({ kind: 'expired' })
    await faultOf(gitlab.repositories(), 'denied', /Token is expired/)
    const wrong = openGitLab({
      host: server.url,
      project: server.project,
      token: async () => ({ ...personal, value: 'glpat-other' }),
      http,
    })
    const fault = await faultOf(wrong.repositories(), 'denied', /refuses who asks with the token of GITLAB_TOKEN \(401 Unauthorized\)/)
    assert.doesNotMatch(JSON.stringify(fault), /glpat-other/)
  })

  test('says that the role is too low, or the registry is off', async (t) => {
    const { gitlab, server } = await pair(t)
    server.misbehave({ kind: 'forbidden' })
    const fault = await faultOf(gitlab.repositories(), 'denied', /does not show the container registry of tests\/images/)
    assert.match(fault.hint!, /Reporter/)
  })

  test('tells a project that is hidden: it may be the name, or the rights', async (t) => {
    const { server } = await pair(t)
    const without = openGitLab({ host: server.url, project: server.project, token: async () => undefined, http })
    const fault = await faultOf(without.repositories(), 'not-found', /has no project tests\/images, or does not show it without a token/)
    assert.match(fault.hint!, /GITLAB_TOKEN/)
    const other = openGitLab({ host: server.url, project: 'tests/else', token: async () => personal, http })
    await faultOf(other.repositories(), 'not-found', /has no project tests\/else, or does not show it with the token of GITLAB_TOKEN/)
  })

  test('does not make a tag absent: only GitLab’s own word for the tag does', async (t) => {
    const { gitlab, server } = await pair(t, { repositories: { 'x86/app': ['v1'] } })
    const [repository] = await gitlab.repositories()
    assert.equal(await gitlab.tag(repository!, 'v2'), undefined)
    await faultOf(gitlab.tag({ ...repository!, id: 999 }, 'v1'), 'not-found', /.*/)
    const without = openGitLab({ host: server.url, project: server.project, token: async () => undefined, http })
    await faultOf(without.tag(repository!, 'v1'), 'not-found', /or does not show it/)
  })
})

describe('the token for GitLab', () => {
  test('goes in the header of its kind', async (t) => {
    for (const [value, header] of [
      ['glpat-1', 'private-token'],
      ['an-old-one', 'private-token'],
      ['glcbt-1', 'job-token'],
      ['gldt-1', 'deploy-token'],
    ] as const)
      assert.equal(findGitLabToken({ env: { GITLAB_TOKEN: `${value}\n` }, host: 'h' })?.header, header)
    const job: GitLabToken = { value: 'job', header: 'job-token', from: 'CI_JOB_TOKEN' }
    const { gitlab, server } = await pair(t, { token: 'job' }, job)
    await gitlab.repositories()
    assert.equal(server.headers[0]!['job-token'], 'job')
    assert.equal(server.headers[0]!['private-token'], undefined)
  })

  test('is what was given, then GITLAB_TOKEN, then that of the CI job where it runs on that server', () => {
    const env = { GITLAB_TOKEN: 'a', CI_JOB_TOKEN: 'b', CI_SERVER_URL: 'https://gitlab.example.com' }
    assert.equal(findGitLabToken({ given: 'c', env, host: 'gitlab.example.com' })?.from, 'the command line')
    assert.equal(findGitLabToken({ env, host: 'gitlab.example.com' })?.from, 'GITLAB_TOKEN')
    assert.equal(findGitLabToken({ env: { ...env, GITLAB_TOKEN: '' }, host: 'https://gitlab.example.com/' })?.from, 'CI_JOB_TOKEN')
    assert.equal(findGitLabToken({ env: { ...env, GITLAB_TOKEN: undefined }, host: 'gitlab.other.example' }), undefined)
  })

  test('does not follow a redirect to another server', async (t) => {
    const { server } = await pair(t, { token: undefined })
    const front = await startHttpServer(({ url }, response) => void response.writeHead(302, { location: `${server.url}${url}` }).end())
    const gitlab = openGitLab({ host: front.url, project: server.project, token: async () => personal, http })
    await gitlab.repositories()
    assert.equal(server.headers[0]!['private-token'], undefined)
    await front.close()
  })

  test('does not leave this machine without TLS', async () => {
    const gitlab = openGitLab({ host: 'http://gitlab.invalid', project: 'a/b', token: async () => personal, http })
    await faultOf(gitlab.repositories(), 'denied', /a token would go to http:\/\/gitlab.invalid without TLS/)
  })
})
