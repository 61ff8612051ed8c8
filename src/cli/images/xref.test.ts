import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { type GitHubOptions, startGitHub } from '../../../test/fakes/github/github.ts'
import { storageRefusal } from '../../../test/fakes/github/trouble.ts'
import { type FakeGitLabOptions, startGitLab } from '../../../test/fakes/gitlab/server.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { registryForTests } from '../../../test/services/registry.ts'
import { runCli } from '../program.ts'

const scratch = scratchDirectory()
const day = 86_400_000

/** GitHub and GitLab as they stand, and the commands beside them. */
async function desk(t: TestContext, github: GitHubOptions = {}, gitlab: FakeGitLabOptions = {}, toml = '') {
  const builds = await startGitHub(github)
  const server = await startGitLab({ token: 'glpat-tests', ...gitlab })
  t.after(async () => {
    await builds.close()
    await server.close()
    assert.deepEqual(server.offences, [])
  })
  const cwd = mkdtempSync(path.join(scratch, 'xref-'))
  const registry = gitlab.registry === undefined ? 'registry.example.com' : new URL(gitlab.registry.url).host
  writeFileSync(
    path.join(cwd, 'holdfast.toml'),
    `[images]\ngithub_api = "${builds.api}"\ngitlab_host = "${server.url}"\ngitlab_project = "${server.project}"\nregistry = "${registry}"\n${toml}`,
  )
  const holdfast = async (
    line: string,
    { env = {}, stdin = '', columns }: { env?: Record<string, string>; stdin?: string; columns?: number } = {},
  ) => {
    const all = {
      PATH: process.env['PATH'],
      HOME: cwd,
      USER: 'ann',
      NO_COLOR: '1',
      GH_TOKEN: builds.token,
      GITLAB_TOKEN: 'glpat-tests',
      ...env,
    }
    const terminal = fakeTerminal({ cwd, env: all, clock: hastyClock(Date.now()), ...(columns === undefined ? {} : { columns }) })
    if (stdin !== '') (terminal.host.stdin.stream as unknown as { end(text: string): void }).end(stdin)
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  return {
    cwd,
    builds,
    server,
    holdfast,
    json: async (line: string) => JSON.parse((await holdfast(`${line} --json`)).out) as { result: Record<string, never> },
  }
}

const runs = (...tags: string[]) => tags.map((tag, at) => ({ tag, createdAt: Date.now() - (tags.length - at) * day }))
const present = (...tags: string[]) =>
  Object.fromEntries(
    ['presto-coordinator', 'presto-native-worker-cpu', 'presto-native-worker-gpu'].map((family) => [`x86/${family}`, [...tags]]),
  )

describe('images xref', () => {
  test('tells tag by tag what the registry has, then what it lacks by name', async (t) => {
    const { holdfast, server } = await desk(
      t,
      { runs: runs('old-linux-amd64', 'a-linux-amd64', 'b-linux-arm64') },
      { repositories: present('a') },
    )
    server.repositories['x86/presto-coordinator']!.push('latest', 'old')
    const { exit, out } = await holdfast('images xref')
    assert.equal(exit, 0)
    assert.match(
      out,
      /^TAG +RUN +BRANCH +AGE +THERE\nb-linux-arm64 +#3 +\S+ +1d +0 of 3\na-linux-amd64 +#2 .* 3 of 3\nold-linux-amd64 +#1 .* 1 of 3\n/,
    )
    assert.match(out, /\nmissing in the registry:\n {2}\+ arm\/presto-coordinator:b\n(.*\n){2} {2}\+ x86\/presto-native-worker-cpu:old\n/)
    assert.match(
      out,
      /\n5 of 9 images missing\nthe newest 3 successful runs of rapidsai\/velox-testing against GitLab 127.0.0.1:\d+, project tests\/images; \d+ requests\n$/,
    )
    assert.equal((await holdfast('images xref --exit-code')).exit, 1)
  })

  test('costs two requests once the logs are known: one of GitHub and one of GitLab', async (t) => {
    const { json } = await desk(t, { runs: runs('a-linux-amd64', 'b-linux-amd64') }, { repositories: present('a', 'b') })
    await json('images xref')
    const { result } = await json('images xref --list-extra')
    assert.deepEqual([result['missing'], result['extra'], result['requests'], result['runs']], [[], [], 2, 2])
  })

  test('lists what none of the runs has made only when asked, and then it is a difference', async (t) => {
    const { holdfast, server } = await desk(t, { runs: runs('a-linux-amd64') }, { repositories: present('a', 'ancient', 'latest') })
    server.repositories['cache/layers'] = ['v1']
    assert.deepEqual((await holdfast('images xref --exit-code')).exit, 0)
    const listed = await holdfast('images xref --exit-code --list-extra')
    assert.equal(listed.exit, 1)
    assert.match(listed.out, /\nof none of these runs:\n {2}x86\/presto-coordinator:ancient\n/)
    assert.doesNotMatch(listed.out, /latest|cache/)
    assert.match((await holdfast('images xref --everywhere')).out, /\n {2}cache\/layers:v1\n[^]*\n4 tags of none of these runs\n/)
  })

  test('warns of several runs of one tag, and lists runs that bring nothing', async (t) => {
    const { holdfast } = await desk(
      t,
      { runs: [...runs('a-linux-amd64', 'a-linux-amd64'), { createdAt: Date.now() - 1 }] },
      { repositories: present('a') },
    )
    const { out, err } = await holdfast('images xref')
    assert.match(err, /a-linux-amd64: the newest of 2 runs counts, \S+; not \S+/)
    assert.match(out, /\na-linux-amd64 +#2 \+1 /)
    assert.match(out, /\nruns without images:\n {2}\S+: its log has no metadata block\n/)
    assert.match(out, /\nnothing is missing: 3 images present\n/)
  })

  test('is partial where a log could not be read, and tells the rest', async (t) => {
    const { holdfast, builds } = await desk(t, { runs: runs('a-linux-amd64', 'b-linux-amd64') }, { repositories: present('a') })
    builds.trouble(storageRefusal(503, { times: 15, match: /\/logs\/\d+210\.txt/ }))
    const { exit, out, err } = await holdfast('images xref')
    assert.equal(exit, 11, err)
    assert.match(err, /the logs of 1 of 2 runs could not be read:\n {2}\S+: .*503/)
    assert.match(out, /^TAG .*\na-linux-amd64 /)
  })

  test('fits a terminal of 60 columns', async (t) => {
    const tag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'
    const { holdfast } = await desk(t, { runs: runs(tag) }, { repositories: {} })
    const { out } = await holdfast('images xref', { columns: 60 })
    for (const line of out.split('\n').slice(0, 2)) assert.ok(line.length <= 60, line)
  })

  test('asks the registry itself where that is configured, and says so', async (t) => {
    const real = await registryForTests(t, 'plain')
    if (real === undefined) return
    const options = { registry: { url: real.url }, project: real.newRepository() }
    const { holdfast, server } = await desk(t, { runs: runs('a-linux-amd64') }, options, 'tags_from = "registry"')
    const { out, exit } = await holdfast('images xref')
    assert.equal(exit, 0)
    assert.match(out, /3 of 3 images missing\n.* against the registry 127.0.0.1:\d+; /)
    assert.equal(server.requests.length, 0)
    assert.match((await holdfast('images xref --tags-from gitlab')).out, /against GitLab/)
  })

  test('names the scope that is missing, and the server that was not named', async (t) => {
    const { holdfast, server } = await desk(t, { runs: runs('a-linux-amd64') })
    server.misbehave({ kind: 'scope', scope: 'api read_api' })
    const denied = await holdfast('images xref')
    assert.equal(denied.exit, 6)
    assert.match(denied.err, /the token of GITLAB_TOKEN may not read tests\/images .*: it lacks the scope read_api/)
    assert.doesNotMatch(denied.err, /glpat-tests/)
  })
})

test('docs/cli.md names every member of both documents', async (t) => {
  const scene = { runs: [...runs('a-linux-amd64', 'b-linux-amd64', 'wrong'), { createdAt: Date.now() }] }
  const { json } = await desk(t, scene, { repositories: present('a', 'other') })
  const page = readFileSync(new URL('../../../docs/cli.md', import.meta.url), 'utf8')
  for (const line of ['images xref --list-extra', 'images gitlab-list']) {
    const row = page.split('\n').find((each) => each.startsWith(`| \`${line.split(' --')[0]}\` |`))!
    for (const name of membersOf((await json(line)).result)) assert.ok(row.includes(`\`${name}\``), `${name} of ${line}`)
  }
})

function membersOf(value: unknown): Set<string> {
  if (Array.isArray(value)) return new Set(value.flatMap((item) => [...membersOf(item)]))
  if (typeof value !== 'object' || value === null) return new Set()
  return new Set(Object.entries(value).flatMap(([name, inner]) => [name, ...membersOf(inner)]))
}

describe('images gitlab-list', () => {
  const repositories = { 'x86/presto-coordinator': ['v1', 'v2'], 'arm/presto-coordinator': [] }

  test('lists repositories and tags with sizes and ages, and counts its requests', async (t) => {
    const { holdfast } = await desk(t, {}, { repositories })
    const { exit, out } = await holdfast('images gitlab-list')
    assert.equal(exit, 0)
    assert.match(out, /^REPOSITORY +TAG +SIZE +AGE +DIGEST\nx86\/presto-coordinator +v1 +334 MiB +\d+d \d+h +sha256:[0-9a-f]{12}\n/)
    assert.match(out, /\narm\/presto-coordinator: no tags\n2 tags in 2 repositories of tests\/images at 127.0.0.1:\d+; 3 requests\n$/)
  })

  test('leaves room for sizes in a terminal, where a digest tag would take all of it', async (t) => {
    const name = `sha256-${'a'.repeat(64)}`
    const { holdfast } = await desk(t, {}, { repositories: { 'x86/presto-native-worker-cpu': ['v1', name] } })
    const narrow = await holdfast('images gitlab-list', { columns: 80 })
    assert.match(narrow.out, /TAG +SIZE/)
    assert.match(narrow.out, /sha256-aaaaaaaaaaaa… +334 MiB/)
    assert.ok((await holdfast('images gitlab-list')).out.includes(name), 'whole for whoever reads it from a pipe')
    const coloured = await holdfast('images gitlab-list', { columns: 80, env: { NO_COLOR: '', TERM: 'xterm-256color' } })
    assert.ok(coloured.out.startsWith('\u001b[1mREPOSITORY'), coloured.out)
    assert.doesNotMatch(coloured.out, /\\u001b/)
  })

  test('needs one request for names alone', async (t) => {
    const { json } = await desk(t, {}, { repositories })
    const { result } = await json('images gitlab-list --names')
    assert.equal(result['requests'], 1)
    assert.deepEqual(result['repositories'], [
      { repository: 'arm/presto-coordinator', tags: [], isWhole: true },
      { repository: 'x86/presto-coordinator', tags: [{ name: 'v1' }, { name: 'v2' }], isWhole: true },
    ])
  })

  test('shows what a registry really has', async (t) => {
    const real = await registryForTests(t, 'plain')
    if (real === undefined) return
    const { json } = await desk(t, {}, { registry: { url: real.url }, project: real.newRepository() })
    assert.deepEqual((await json('images gitlab-list')).result['repositories'], [])
  })

  test('takes its token from a flag with a warning, or from standard input without', async (t) => {
    const { holdfast } = await desk(t, {}, { repositories })
    const typed = await holdfast('images gitlab-list --names --gitlab-token glpat-tests', { env: { GITLAB_TOKEN: '' } })
    assert.equal(typed.exit, 0)
    assert.match(typed.err, /GITLAB_TOKEN or --gitlab-token-stdin/)
    assert.doesNotMatch(typed.err, /glpat-tests/)
    const piped = await holdfast('images gitlab-list --names --gitlab-token-stdin', { env: { GITLAB_TOKEN: '' }, stdin: 'glpat-tests' })
    assert.deepEqual([piped.exit, piped.err], [0, ''])
    const without = await holdfast('images gitlab-list', { env: { GITLAB_TOKEN: '' } })
    assert.equal(without.exit, 4)
    assert.match(without.err, /a private one needs GITLAB_TOKEN, with the scope read_api/)
  })

  test('sends nothing to the preset’s GitLab for a registry that is another', async () => {
    const cwd = mkdtempSync(path.join(scratch, 'none-'))
    writeFileSync(path.join(cwd, 'holdfast.toml'), '[images]\nregistry = "registry.example.com"\n')
    const terminal = fakeTerminal({ cwd, clock: hastyClock(0), env: { HOME: cwd, GITLAB_TOKEN: 'glpat-tests' } })
    assert.equal(await runCli(['images', 'gitlab-list'], terminal.host), 2)
    assert.match(terminal.err(), /no GitLab server is named for the registry registry.example.com/)
  })
})
