import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { type GitHubOptions, startGitHub } from '../../../test/fakes/github/github.ts'
import { refusal, storageRefusal } from '../../../test/fakes/github/trouble.ts'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { runCli } from '../program.ts'

const scratch = scratchDirectory()
const tag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'
const sha = '92865fbce0d2a056af5334a0afecc1f36853b657'
const now = Date.UTC(2026, 0, 3)

async function desk(t: TestContext, options: GitHubOptions = {}, toml = '') {
  const github = await startGitHub(options)
  t.after(() => github.close())
  const cwd = mkdtempSync(path.join(scratch, 'build-'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), `[images]\ngithub_api = "${github.api}"\n${toml}`)
  const holdfast = async (line: string, more: { env?: Record<string, string>; columns?: number; stdin?: string } = {}) => {
    const env = { PATH: '/nowhere', HOME: cwd, USER: 'ann', NO_COLOR: '1', GH_TOKEN: github.token, ...more.env }
    const terminal = fakeTerminal({ cwd, env, clock: hastyClock(now), ...(more.columns === undefined ? {} : { columns: more.columns }) })
    if (more.stdin !== undefined) (terminal.host.stdin.stream as unknown as { end(text: string): void }).end(more.stdin)
    const exit = await runCli(['images', ...line.split(' ')], terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const json = async (line: string) =>
    JSON.parse((await holdfast(`${line} --json`)).out) as { ok: boolean; result: Record<string, unknown> }
  return { github, holdfast, json }
}

const hour = 3_600_000
const runs = [
  { tag, createdAt: now - 5 * hour },
  { conclusion: 'failure' as const, createdAt: now - 4 * hour },
  { tag: tag.replace('amd64', 'arm64'), branch: 'dev', createdAt: now - 3 * hour },
  { createdAt: now - 2 * hour },
]

describe('holdfast images gh-list', () => {
  test('lists the newest successful runs with their image tags', async (t) => {
    const { holdfast } = await desk(t, { runs })
    const { exit, out } = await holdfast('gh-list')
    assert.equal(exit, 0)
    const lines = out.split('\n')
    assert.match(lines[0]!, /^RUN +AGE +BRANCH +RESULT +PLATFORM +MODE +IMAGE TAG$/)
    assert.match(lines[1]!, /^#4 +2h +main +success +\(no metadata block\)$/)
    assert.match(lines[2]!, /^#3 +3h +dev +success +linux\/arm64 +all_native +presto-.*-linux-arm64$/)
    assert.match(lines[3]!, /^#1 +5h +main +success +linux\/amd64 +all_native +presto-.*-linux-amd64$/)
    assert.match(
      lines[4]!,
      /^the newest 3 successful runs of \.github\/workflows\/presto-build-images\.yml in rapidsai\/velox-testing; 7 requests$/,
    )
  })
  test('asks one question where nothing is new', async (t) => {
    const { holdfast, github } = await desk(t, { runs })
    await holdfast('gh-list')
    const { used } = github
    assert.match((await holdfast('gh-list')).out, /; 1 request\n$/)
    assert.equal(github.used, used)
  })
  test('shows whole blocks where more is to be said', async (t) => {
    const { holdfast } = await desk(t, { runs: runs.slice(0, 1) })
    const { out } = await holdfast('gh-list --verbose')
    assert.match(
      out,
      /^#1 {2}2026-01-02 19:00 UTC {2}main {2}success {2}http:\S+\/actions\/runs\/7000000001\n {2}Presto repository: +prestodb\/presto\n/,
    )
    assert.match(out, /\n {2}Image tag: +presto-92865fbce0d2-velox-65797d572e0a-linux-amd64\n/)
  })
  test('filters by branch, looks at failed runs, and counts', async (t) => {
    const { json, holdfast } = await desk(t, { runs })
    const listed = async (line: string) => ((await json(line)).result['runs'] as { number: number }[]).map(({ number }) => number)
    assert.deepEqual(await listed('gh-list --branch dev'), [3])
    assert.deepEqual(await listed('gh-list --include-failed'), [4, 3, 2, 1])
    assert.deepEqual(await listed('gh-list --limit 2'), [4, 3])
    assert.equal((await holdfast('gh-list --branch nobody')).exit, 3)
    assert.equal((await holdfast('gh-list --limit 0')).exit, 2)
    assert.equal((await holdfast('gh-list --repo a/b')).exit, 4)
    assert.equal((await holdfast('gh-list --workflow other.yml')).exit, 4)
  })
  test('shows for scripts what the block has', async (t) => {
    const { json } = await desk(t, { runs: runs.slice(0, 1) })
    const [run] = (await json('gh-list')).result['runs'] as Record<string, unknown>[]
    assert.equal(run!['tag'], tag)
    assert.equal((run!['metadata'] as Record<string, string>)['Presto ref'], sha)
    assert.equal(run!['created'], '2026-01-02T19:00:00.000Z')
  })
  test('lists the others where one log cannot be read', async (t) => {
    const { holdfast, github } = await desk(t, { runs })
    github.trouble(storageRefusal(403, { match: /logs\/700000000310/, times: 3 }))
    const { exit, out, err } = await holdfast('gh-list')
    assert.equal(exit, 11)
    assert.match(out, /#3 .*\(log not readable\)\n#1 .*presto-/)
    assert.match(err, /the logs of 1 of 3 runs could not be read/)
    assert.equal((await holdfast('gh-list')).exit, 0)
  })
  test('says what is missing without a token, and takes one from everywhere', async (t) => {
    const { holdfast, github } = await desk(t, { runs })
    const bare = await holdfast('gh-list', { env: { GH_TOKEN: '' } })
    assert.equal(bare.exit, 6)
    assert.match(bare.err, /no token for 127\.0\.0\.1:\d+ /)
    assert.match(bare.err, /GitHub wants a token[^]*actions:read/)
    const typed = await holdfast(`gh-list --gh-token ${github.token}`, { env: { GH_TOKEN: '' } })
    assert.equal(typed.exit, 0)
    assert.match(typed.err, /--gh-token.*GH_TOKEN or --gh-token-stdin/)
    assert.doesNotMatch(typed.err + typed.out, new RegExp(github.token))
    assert.equal((await holdfast('gh-list --gh-token-stdin', { env: { GH_TOKEN: '' }, stdin: `${github.token}\n` })).exit, 0)
  })
})

describe('holdfast images build', () => {
  const later = [
    { status: 'queued' as const },
    {
      status: 'in_progress' as const,
      jobs: [{ name: 'build', status: 'in_progress' as const, steps: [{ name: 'Compile', status: 'in_progress' as const }] }],
    },
    { status: 'completed' as const, jobs: undefined as never, tag },
  ]
  test('starts the workflow with every input, follows it and shows its block', async (t) => {
    const asked: unknown[] = []
    const { holdfast } = await desk(t, {
      onDispatch(inputs, ref) {
        asked.push(ref, inputs)
        return { status: 'queued', later }
      },
    })
    const { exit, out, err } = await holdfast(
      `build --ref mattgara/presto-image-build --presto-repository prestodb/presto --presto-commit ${sha} --velox-repository rapidsai/velox --velox-commit main` +
        ' --worker-variant java_worker --worker-bundle-mode all_native --set-velox-backward-compatible false --target-platform linux/amd64 --runner-label linux-amd64-cpu16 --field more=x=y',
    )
    assert.deepEqual(asked, [
      'mattgara/presto-image-build',
      {
        presto_repository: 'prestodb/presto',
        presto_commit: sha,
        velox_repository: 'rapidsai/velox',
        velox_commit: 'main',
        worker_variant: 'java',
        worker_bundle_mode: 'all_native',
        set_velox_backward_compatible: 'false',
        target_platform: 'linux/amd64',
        runner_label: 'linux-amd64-cpu16',
        more: 'x=y',
      },
    ])
    assert.equal(exit, 0, err)
    assert.match(err, /no input that is described here, and sent as it is: more /)
    assert.match(err, /following run #1: [^]*build: in progress, step 1 of 1: Compile[^]*build: success/)
    assert.match(out, /^run #1: success[^]*Image tag: +presto-[^]*\nnext: holdfast images sync presto-/)
  })
  test('ends as the run does', async (t) => {
    for (const [conclusion, exit] of [
      ['success', 0],
      ['failure', 1],
      ['timed_out', 1],
      ['cancelled', 130],
      ['skipped', 3],
    ] as const) {
      const { holdfast } = await desk(t, { onDispatch: () => ({ conclusion }) })
      assert.equal((await holdfast('build --ref main')).exit, exit, conclusion)
    }
  })
  test('can only start it', async (t) => {
    const { holdfast, json, github } = await desk(t, { onDispatch: () => ({ status: 'queued' }) })
    assert.match((await holdfast('build --ref main --no-follow')).out, /^started run #1: http/)
    const { run } = (await json('build --ref main --no-follow')).result as { run: { number: number } }
    assert.equal(run.number, 2)
    assert.equal(github.requests.filter((line) => line.includes('/jobs')).length, 0)
  })
  test('shows what would be sent, and asks nobody', async (t) => {
    const { holdfast, github } = await desk(t)
    const { exit, out } = await holdfast('build --ref main --worker-variant native_gpu --set-velox-backward-compatible --dry-run')
    assert.equal(exit, 0)
    assert.equal(
      out,
      'would start .github/workflows/presto-build-images.yml of rapidsai/velox-testing on main with\n' +
        '  worker_variant: native_gpu\n  set_velox_backward_compatible: true\n' +
        'left to the workflow: presto_repository, presto_commit, velox_repository, velox_commit, worker_bundle_mode, target_platform, runner_label\n',
    )
    assert.deepEqual(github.requests, [])
  })
  test('refuses what the workflow would not take, before anything is started', async (t) => {
    const { holdfast, github } = await desk(t)
    for (const [flags, says] of [
      ['--ref main --presto-commit 92865fb', /short SHA, which may not resolve/],
      ['--ref main --worker-bundle-mode some', /none of its values/],
      ['--ref main --field presto_commit=92865fb', /short SHA/],
      ['--ref main --field presto_commit=main --presto-commit main', /given twice/],
      ['--ref main --field nothing', /not name=value/],
      ['--presto-commit main', /required option '--ref <ref>'/],
    ] as const) {
      const { exit, err } = await holdfast(`build ${flags}`)
      assert.equal(exit, 2, flags)
      assert.match(err, says)
    }
    assert.deepEqual(github.requests, [])
  })
  test('says which right is missing', async (t) => {
    const { holdfast } = await desk(t, { tokens: { 'reader-token-00001': { actions: 'read' } } })
    const { exit, err } = await holdfast('build --ref main', { env: { GH_TOKEN: 'reader-token-00001' } })
    assert.equal(exit, 6)
    assert.match(err, /the token lacks actions:write/)
  })
  test('has flags for the inputs of the workflow that is configured', async (t) => {
    let given: unknown
    const { holdfast } = await desk(
      t,
      {
        onDispatch(inputs) {
          given = inputs
          return {}
        },
      },
      '[images.inputs.cuda_version]\ndescription = "the version"\nkind = "choice"\noptions = ["12", "13"]\n[images.inputs.ref]\ndescription = "taken"\n',
    )
    assert.equal((await holdfast('build --ref main --cuda-version 13 --field ref=x')).exit, 0)
    assert.deepEqual(given, { cuda_version: '13', ref: 'x' })
    assert.equal((await holdfast('build --ref main --presto-commit main')).exit, 2)
  })
  test('keeps flags that mean something to every command, and those of its own, from inputs of that name', async (t) => {
    let given: unknown
    const onDispatch = (inputs: unknown) => {
      given = inputs
      return {}
    }
    const inputs = ['log_level', 'log_format', 'color', 'follow', 'version'].map(
      (name) => `[images.inputs.${name}]\ndescription = "taken"\n`,
    )
    const { holdfast } = await desk(t, { onDispatch }, inputs.join(''))
    const { exit, out, err } = await holdfast('build --ref main --log-level info --field log_level=debug --field follow=no')
    assert.deepEqual([exit, given], [0, { log_level: 'debug', follow: 'no' }], err)
    assert.match(out, /success/)
    assert.equal((await holdfast('build --ref main --follow yes')).exit, 2)
  })
  test('says that the run goes on when it is followed no more', async (t) => {
    const { holdfast, github } = await desk(t, { onDispatch: () => ({ status: 'in_progress' }) })
    github.trouble(refusal(401, 'Bad credentials', {}, { match: /attempts/ }))
    const { exit, err } = await holdfast('build --ref main')
    assert.equal(exit, 6)
    assert.match(err, /does not know the token.*; the run is followed no more, and goes on: http:.*7000000001/)
  })
})
