import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Command } from 'commander'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { imagesSettings } from '../../config/index.ts'
import { loadConfig } from '../../config/load.ts'
import { buildProgram, runCli } from '../program.ts'

const words = ['images']
const program = await buildProgram(fakeTerminal().host, { colour: false, words }, async () => undefined)
const images = program.commands.find((command) => command.name() === 'images')!

/** What the original's program has: its scripts run here as they are. `--verbose` and `--yes` every command has. */
const github = '--repo --workflow --branch --limit --gh-token'
const gitlab = '--gitlab-host --gitlab-project --gitlab-token'
const login = '--registry --registry-username --registry-password --registry-project'
const listed: Readonly<Record<string, string>> = {
  'gh-list': `${github} --include-failed`,
  'gitlab-list': gitlab,
  xref: `${github} ${gitlab} --list-extra`,
  download: `${github} --output-dir --force`,
  prepare: '--downloads-dir --clean',
  push: `${gitlab} ${login} --downloads-dir --skip-login --force --yes --verbose --retag-as-latest`,
  clean: `${github} --downloads-dir --yes`,
  daemon: `${github} ${gitlab} ${login} --downloads-dir --interval --once --skip-login --force-push --retag-as-latest --verbose`,
  retag: `--registry --gitlab-host --gitlab-token --registry-username --registry-password --registry-project`,
}

/** What was there before, and what came with it. */
const others = ['sync', 'build', 'copy', 'inspect', 'tags', 'delete', 'diff', 'index']

describe('the commands on images', () => {
  test('are the original’s nine, and ours', () => {
    const names = new Set(images.commands.map((command) => command.name()))
    for (const name of [...Object.keys(listed), ...others]) assert.ok(names.has(name), name)
  })

  for (const [name, options] of Object.entries(listed)) {
    test(`${name} takes every option of the original`, () => {
      const command = images.commands.find((each) => each.name() === name)!
      const known = new Set([...optionsOf(command), ...optionsOf(program)])
      for (const option of options.split(' ')) assert.ok(known.has(option), `${name} ${option}`)
    })
  }

  test('that take a secret take it from standard input too', () => {
    for (const command of images.commands) {
      const known = optionsOf(command)
      if (known.includes('--gh-token')) assert.ok(known.includes('--gh-token-stdin'), command.name())
      if (known.includes('--gitlab-token')) assert.ok(known.includes('--gitlab-token-stdin'), command.name())
      if (known.includes('--registry-password')) assert.ok(known.includes('--password-stdin'), command.name())
    }
  })
})

describe('without any configuration', () => {
  test('the defaults are the original’s', async () => {
    const config = await loadConfig({ cwd: '/nowhere', env: {} })
    const settings = await imagesSettings(config)
    const { repo, workflow, branch, limit, gitlabHost, gitlabProject, registry, registryProject, interval, downloadsDir, moving } = settings
    assert.deepEqual(
      { repo, workflow, branch, limit, gitlabHost, gitlabProject, registry, registryProject, interval, downloadsDir, moving },
      {
        repo: 'rapidsai/velox-testing',
        workflow: '.github/workflows/presto-build-images.yml',
        branch: undefined,
        limit: 20,
        gitlabHost: 'gitlab-master.nvidia.com',
        gitlabProject: 'hercules/veloxtesting',
        registry: 'gitlab-master.nvidia.com:5005',
        registryProject: 'hercules/veloxtesting',
        interval: 900_000,
        downloadsDir: '/nowhere/downloads',
        moving: ['latest'],
      },
    )
  })
})

describe('command lines of the original’s manual', () => {
  const tag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'
  for (const line of [
    'gh-list --limit 10 --gh-token ghp_aaaaaaaaaaaaaaaaaaaa',
    'gitlab-list --gitlab-token glpat-aaaaaaaaaaaaaaaa',
    'xref --gh-token ghp_aaaaaaaaaaaaaaaaaaaa --gitlab-token glpat-aaaaaaaaaaaaaaaa --list-extra',
    `download ${tag} --output-dir downloads --gh-token ghp_aaaaaaaaaaaaaaaaaaaa`,
    `prepare ${tag} --downloads-dir downloads`,
    `push ${tag} --downloads-dir downloads --gitlab-token glpat-aaaaaaaaaaaaaaaa --registry gitlab-master.nvidia.com:5005 --registry-username ann --retag-as-latest --verbose --yes`,
    `clean ${tag} --downloads-dir downloads --gh-token ghp_aaaaaaaaaaaaaaaaaaaa --yes`,
    'retag x86/presto-coordinator:presto-92865fbce0d2-velox-65797d572e0a x86/presto-coordinator:latest --registry gitlab-master.nvidia.com:5005 --registry-project hercules/veloxtesting --gitlab-token glpat-aaaaaaaaaaaaaaaa --registry-username ann --registry-password secret-of-ann',
    'daemon --downloads-dir downloads --interval 900 --repo rapidsai/velox-testing --workflow .github/workflows/presto-build-images.yml --gitlab-token glpat-aaaaaaaaaaaaaaaa --registry gitlab-master.nvidia.com:5005 --registry-username ann --retag-as-latest --verbose',
    'daemon --downloads-dir downloads --once --interval 900 --gitlab-token glpat-aaaaaaaaaaaaaaaa --gh-token ghp_aaaaaaaaaaaaaaaaaaaa --registry gitlab-master.nvidia.com:5005 --registry-username ann',
  ]) {
    test(`holdfast images ${line.slice(0, 60)}…`, async () => {
      let ran = ''
      const own = await buildProgram(fakeTerminal().host, { colour: false, words }, async (command) => void (ran = command.name()))
      await own.parseAsync(['images', ...line.split(' ')], { from: 'user' })
      assert.equal(ran, line.split(' ')[0])
    })
  }
})

describe('what is wrong on a command line', () => {
  const say = async (line: string, typed?: string) => {
    const terminal = fakeTerminal({ cwd: '/nowhere', env: { PATH: '/usr/bin:/bin' } })
    if (typed !== undefined) (terminal.host.stdin.stream as unknown as { end(text: string): void }).end(typed)
    return { exit: await runCli(['images', ...line.split(' ')], terminal.host), err: terminal.err() }
  }

  test('is said before anybody is asked', async () => {
    for (const [line, says] of Object.entries({
      'xref --limit none': /not a number of runs/,
      'daemon --interval 0': /more than nothing/,
      sync: /which tags\?/,
      'sync --missing presto-1-velox-2-linux-amd64': /either tags or --missing/,
      'sync latest': /not a run’s tag/,
      'download ../../x-linux-amd64': /not a run’s tag/,
      'retag x86/presto-coordinator x86/presto-coordinator:latest': /without a tag/,
      'retag ghcr.io/a/b:1 x86/presto-coordinator:latest': /is not at gitlab-master/,
      'retag x86/a:1 x86/a:2 --expect sha1:abc': /--expect: not a digest/,
      'retag x86/a:1 x86/a:2 --gitlab-token-stdin --password-stdin': /only one secret can come from standard input/,
    })) {
      const { exit, err } = await say(line)
      assert.equal(exit, 2, `${line}: ${err}`)
      assert.match(err, says, line)
    }
  })

  test('says nothing of secrets, and warns of those that were typed', async () => {
    const { err } = await say('retag x86/a:1 ghcr.io/a:2 --gitlab-token glpat-typed-by-somebody --registry-password typed-password')
    assert.doesNotMatch(err, /glpat-typed|typed-password/)
    assert.match(
      err,
      /warning: a secret on the command line can be seen by others .*GITLAB_TOKEN or --gitlab-token-stdin; GITLAB_REGISTRY_PASSWORD or --password-stdin/,
    )
    const unknown = await say('retag x86/a:1 x86/a:2 --registry-password typed-password --nonsense=typed-password')
    assert.doesNotMatch(unknown.err, /typed-password/)
  })

  test('is an empty standard input where a secret is expected', async () => {
    const { exit, err } = await say('retag x86/a:1 x86/a:2 --password-stdin', '')
    assert.equal(exit, 2)
    assert.match(err, /--password-stdin: there is nothing on standard input/)
  })
})

function optionsOf(command: Command): string[] {
  return command.options.flatMap(({ long }) => long ?? [])
}
