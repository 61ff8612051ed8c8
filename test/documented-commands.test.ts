import assert from 'node:assert/strict'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { loadConfig } from '../src/config/index.ts'
import { systemClock } from '../src/kit/index.ts'
import { buildProgram, runCli } from '../src/cli/program.ts'
import { buildWheel } from './fakes/distributions.ts'
import { fakeTerminal } from './fakes/terminal.ts'
import { startGitHub } from './fakes/github/github.ts'
import { startGitLab } from './fakes/gitlab/server.ts'
import { runScene, runTag } from './fakes/image-desk.ts'
import { startRegistryPeer } from './fakes/registry-peer.ts'
import { startFakeUpstream } from './fakes/upstream.ts'

const config = `
[store]
url = "file:./store"
[release.rcclx]
artifact = "out/librcclx-dev.a"
variant_flag = "rocm-version"
variants = { "6.4" = { constraint = "6.4.2" } }
metadata = "snapshots"
publish = "file:./tree"
[index]
bucket = "file:./wheels"
prefixes = ["staging", "v2"]
[index.dependencies.other]
projects = ["torch"]
[env.stage]
path = "live"
mode = "filesystem"
copier = "builtin"
[[job]]
run = "store stats"
name = "stats"
every = "1h"
`
const cwd = mkdtempSync(path.join(tmpdir(), 'holdfast-documented-'))
after(() => rmSync(cwd, { recursive: true }))

before(() => {
  writeFileSync(path.join(cwd, 'holdfast.toml'), config)
  mkdirSync(path.join(cwd, 'out'))
  mkdirSync(path.join(cwd, 'live/node-1'), { recursive: true })
})

/** Lines of shell blocks that call holdfast, as words. What stands behind a pipe or in a comment is left out. */
function commandLines(page: string): string[][] {
  const blocks = readFileSync(page, 'utf8').matchAll(/^```sh\n(.*?)^```/gms)
  return (
    [...blocks]
      .flatMap(([, block]) => block!.split('\n'))
      .map((line) => line.replace(/\s#.*$/, '').replace(/\s[|>].*$/, ''))
      .filter((line) => line.startsWith('holdfast '))
      .map((line) => [...line.matchAll(/(?:"[^"]*"|[^\s"])+/g)].slice(1).map(([word]) => word.replaceAll('"', '')))
      // Answered before any command is looked at.
      .filter(([first]) => first !== '--version')
  )
}

describe('every command line in the documentation is one that holdfast takes', () => {
  for (const page of ['README.md', ...globSync('docs/**/*.md')]) {
    for (const words of commandLines(page)) {
      test(`${page}: holdfast ${words.join(' ')}`, async () => {
        let ran = false
        const loaded = await loadConfig({ cwd, env: {} })
        const program = await buildProgram(
          fakeTerminal({ cwd }).host,
          { colour: false, config: loaded, words },
          async () => void (ran = true),
        )
        await program.parseAsync(words, { from: 'user' })
        assert.ok(ran, 'it is a whole command')
      })
    }
  }
})

/** Where packages are mirrored from. */
let upstream: string | undefined
/** Where images come from and go to. */
let servers: Readonly<Record<string, string>> = {}

/** Runs one command with --json. Gives the exit status and the document. */
async function holdfast(words: readonly string[]): Promise<{ exit: number; document: Record<string, unknown> }> {
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', HOLDFAST_INDEX_UPSTREAM: upstream, ...servers }
  // The real time, since doctor compares it with that of the disk.
  const terminal = fakeTerminal({ cwd, env, clock: systemClock })
  // What follows is another program's.
  const end = words.includes('--') ? words.indexOf('--') : words.length
  const exit = await runCli([...words.slice(0, end), '--yes', '--json', ...words.slice(end)], terminal.host)
  // A daemon prints a document a line; its own is the last.
  const text = words.includes('daemon') ? terminal.out().trim().split('\n').at(-1)! : terminal.out()
  return { exit, document: JSON.parse(text) as Record<string, unknown> }
}

/** What docs/cli.md names for each command: members of the result, and of the objects in it. */
function documentedMembers(): Map<string, string[]> {
  const rows = readFileSync('docs/cli.md', 'utf8').matchAll(
    /^\| (`(?:init|doctor|completion|release|store|snapshot|env|runs|index|images|daemon|jobs|systemd|generate-manifest)[^|]*) \| ([^|]*) \|$/gm,
  )
  const members = new Map<string, string[]>()
  for (const [, commands, result] of rows) {
    const names = [...result!.matchAll(/`(\w+)`/g)].map(([, name]) => name!)
    const [first, ...others] = [...commands!.matchAll(/`([^`]+)`/g)].map(([, name]) => name!)
    const group = first!.split(' ').slice(0, -1).join(' ')
    for (const command of [first!, ...others.map((name) => `${group} ${name}`)]) members.set(command, names)
  }
  return members
}

/** The members of a result, and of the objects in its lists: what a row of docs/cli.md may name. */
function membersOf(result: object): { top: string[]; inner: string[] } {
  const inner = Object.values(result)
    .filter(Array.isArray)
    .flatMap((list: unknown[]) => list.flatMap((item) => (typeof item === 'object' && item !== null ? Object.keys(item) : [])))
  return { top: Object.keys(result), inner }
}

/** Objects whose shape a row leaves to the text below the table, or to the record's own format. */
const describedElsewhere = new Set(['steps', 'views', 'files', 'sources', 'findings', 'dropped'])

describe('docs/cli.md names every member of every JSON document', () => {
  const documented = documentedMembers()
  const ran = new Set<string>()
  const variant = ['--rocm-version', '6.4']
  const artifact = (content: string) => writeFileSync(path.join(cwd, 'out/librcclx-dev.a'), content)
  const check = async (...words: string[]) => {
    const { exit, document } = await holdfast(words)
    assert.equal(exit, 0, JSON.stringify(document))
    const { command, ok, result } = document as { command: string; ok: boolean; result: Record<string, unknown> }
    ran.add(command)
    assert.equal(ok, true)
    const names = new Set([...(documented.get(command) ?? []), 'dryRun'])
    const left = Object.fromEntries(Object.entries(result).filter(([name]) => !describedElsewhere.has(name)))
    for (const name of Object.keys(result)) assert.ok(names.has(name), `docs/cli.md does not name ${name} of ${command}`)
    for (const name of membersOf(left).inner) assert.ok(names.has(name), `docs/cli.md does not name ${name} in the lists of ${command}`)
  }

  test('of a release from its first build to its last prune', async () => {
    for (const content of ['one', 'two', 'three']) {
      artifact(content)
      await check('release', 'create', ...variant, '--no-build', '--message', content)
    }
    artifact('four')
    await check('release', 'create', ...variant, '--no-build', '--channel', 'staging')
    await check('release', 'create', ...variant, '--no-build', '--dry-run')
    await check('release', 'promote', ...variant, '--from', 'staging', '--to', 'stable')
    await check('release', 'rollback', ...variant)
    for (const look of ['list', 'status', 'history', 'verify', 'reconcile']) await check('release', look)
    await check('release', 'show', ...variant)
    await check('release', 'diff', 'stable', 'last-stable', ...variant)
    await check('release', 'fetch', ...variant, '--output', 'fetched/')
    await check('release', 'fetch', ...variant, '--output', 'fetched/', '--dry-run')
    await check('release', 'export', '--format', 'json')
    await check('release', 'pin', ...variant)
    await check('release', 'unpin', ...variant)
    await check('release', 'prune', '--keep', '0', '--dry-run')
    await check('release', 'prune', '--keep', '0')
    await check('release', 'prune', '--keep', '0')
    await check('release', 'reconcile', '--dry-run')
  })

  test('of a snapshot from its first tree to its last prune', async () => {
    await check('snapshot', 'create', 'out', '--name', 'one', '--dry-run')
    await check('snapshot', 'create', 'out', '--name', 'one', '--tag', 'x', '--message', 'why')
    artifact('five')
    await check('snapshot', 'create', 'out', '--name', 'one')
    for (const look of ['list', 'stats', 'verify', 'prune']) await check('snapshot', look)
    for (const look of ['show', 'ls']) await check('snapshot', look, 'latest')
    await check('snapshot', 'cat', 'latest:librcclx-dev.a')
    await check('snapshot', 'find', '*.a')
    await check('snapshot', 'diff', 'latest~1', 'latest')
    await check('snapshot', 'restore', 'latest', '--to', 'back', '--dry-run')
    await check('snapshot', 'restore', 'latest', '--to', 'back', '--delete')
    await check('snapshot', 'export', 'latest', '--format', 'tar', '--output', 'one.tar')
    await check('snapshot', 'copy', '--to', 'file:./other', '--dry-run')
    await check('snapshot', 'copy', '--to', 'file:./other')
    await check('snapshot', 'tag', 'latest', '--add', 'y')
    await check('snapshot', 'pin', 'latest')
    await check('snapshot', 'unpin', 'latest')
    await check('snapshot', 'forget', '--keep-last', '1', '--dry-run')
    await check('snapshot', 'forget', '--keep-last', '1')
  })

  test('of runs, listed and synced', async () => {
    const run = path.join(cwd, 'exp/project/name/runs/20250101_120000_abc123')
    mkdirSync(run, { recursive: true })
    writeFileSync(path.join(run, 'meta.json'), '{"status":"running"}')
    await check('runs', 'generate-manifest', '--root', 'exp')
    await check('generate-manifest', '--root', 'exp', '--active')
    await check('runs', 'install-timer', '--root', 'exp', '--print')
    await check('runs', 'sync', 'file:./exp', '--to', 'here')
    await check('runs', 'status', 'file:./exp', '--to', 'here')
    await check('runs', 'ls', '--to', 'here')
    await check('runs', 'pull', '20250101_120000_abc123', '--to', 'here')
    await check('runs', 'verify', '--to', 'here')
  })

  test('of an environment from its first state to its clean-up', async () => {
    const disturb = (content: string) => writeFileSync(path.join(cwd, 'live/node-1/wallet.db'), content)
    disturb('clean')
    await check('env', 'create', '--checksum')
    disturb('dirty')
    for (const look of ['status', 'list', 'show', 'diff', 'verify']) await check('env', look)
    await check('env', 'restore')
    await check('env', 'run', '--suites', 'a,b', '--', 'true')
    await check('env', 'clone', '-n', '2', '--to', 'copies')
    await check('env', 'push')
    await check('env', 'pull', '--snapshot', 'clean_state', '--replace')
    await check('env', 'bench', '--rounds', '1', '--modes', 'filesystem')
    await check('env', 'create', '--snapshot', 'other')
    await check('env', 'cleanup', '--keep', '1', '--dry-run')
    await check('env', 'cleanup', '--keep', '1')
    await check('env', 'stop')
    await check('env', 'delete', 'clean_state')
  })

  test('of an index from its first wheel to its archive', async () => {
    for (const version of ['1.0', '2.0']) {
      const { file, bytes } = buildWheel({ name: 'example', version })
      mkdirSync(path.join(cwd, 'wheels/staging'), { recursive: true })
      writeFileSync(path.join(cwd, 'wheels/staging', file), bytes)
      await check('index', 'publish', 'staging')
      await check('index', 'promote', 'staging', 'v2')
    }
    const server = await startFakeUpstream()
    server.add(buildWheel({ name: 'other', version: '1.0' }))
    upstream = server.url
    await check('index', 'mirror', '--package', 'torch')
    await server.close()
    await check('index', 'yank', 'v2', 'example', '1.0')
    await check('index', 'unyank', 'v2', 'example', '1.0')
    await check('index', 'mark', 'v2', 'example', 'deprecated')
    await check('index', 'rollback', 'v2')
    for (const look of ['status', 'generations', 'reconcile', 'cdn']) await check('index', look)
    await check('index', 'diff', 'v2@2', 'v2')
    await check('index', 'check', 'v2', '--closure')
    await check('index', 'event', 'v2/example-1.0-py3-none-any.whl')
    await check('index', 'archive', 'v2', '--keep', '1')
    await check('index', 'publish', 'all', '--do-not-upload', 'pages')
  })

  test('of images, from a run to a registry, and between places', async (t) => {
    const github = await startGitHub({ runs: [runScene()], onDispatch: () => runScene() })
    const gitlab = await startGitLab({ repositories: { 'x86/presto-coordinator': ['older'] } })
    const registry = await startRegistryPeer()
    t.after(async () => {
      for (const server of [github, gitlab, registry]) await server.close()
    })
    servers = {
      GH_TOKEN: github.token,
      HOLDFAST_IMAGES_GITHUB_API: github.api,
      HOLDFAST_IMAGES_GITLAB_HOST: gitlab.url,
      HOLDFAST_IMAGES_GITLAB_PROJECT: gitlab.project,
      HOLDFAST_IMAGES_REGISTRY: registry.host,
    }
    const [image, tag] = ['x86/presto-coordinator', runTag.replace('-linux-amd64', '')]
    const place = `${registry.host}/${gitlab.project}/${image}`
    for (const look of ['gh-list', 'gitlab-list', 'xref']) await check('images', look)
    await check('images', 'build', '--ref', 'main', '--dry-run')
    await check('images', 'build', '--ref', 'main')
    await check('images', 'sync', '--missing', '--dry-run')
    for (const step of ['download', 'prepare']) await check('images', step, runTag)
    await check('images', 'push', runTag, '--dry-run')
    await check('images', 'push', runTag, '--retag-as-latest')
    await check('images', 'clean', runTag)
    await check('images', 'sync', '--missing')
    await check('images', 'daemon', '--once')
    await check('images', 'retag', `${image}:${tag}`, `${image}:other`, '--dry-run')
    await check('images', 'retag', `${image}:${tag}`, `${image}:other`)
    await check('images', 'copy', `docker://${place}:${tag}`, 'oci:layout:one', '--dry-run')
    await check('images', 'copy', `docker://${place}:${tag}`, 'oci:layout:one')
    await check('images', 'inspect', `docker://${place}:${tag}`)
    await check('images', 'tags', place)
    await check('images', 'diff', `docker://${place}:${tag}`, `docker://${place}:other`)
    await check('images', 'index', 'create', `docker://${place}:joined`, `docker://${place}:${tag}`)
    await check('images', 'delete', `docker://${place}:other`)
  })

  test('of jobs', async () => {
    await check('daemon', '--once')
    await check('jobs', 'run', 'stats')
    await check('daemon', '--once')
    await check('jobs', 'run', 'stats')
    await check('jobs', 'cancel', '3')
    await check('jobs', 'retry', '3')
    await check('jobs', 'list')
    await check('jobs', 'show', '1')
    await check('jobs', 'log', '1')
    await check('systemd', 'print')
    await check('systemd', 'install', '--units-dir', 'units')
  })

  test('of everything else', async () => {
    await check('store', 'prune')
    await check('store', 'verify')
    await check('store', 'stats')
    await check('store', 'copy', '--to', 'file:./second', '--dry-run')
    await check('store', 'copy', '--to', 'file:./second')
    await check('completion', 'bash')
    await check('init', '--force', '--dry-run')
    await check('doctor')
  })

  test('and no command is left out', () => {
    assert.deepEqual([...documented.keys()].toSorted(), [...ran].toSorted())
  })

  test('a fault is a document too, with its code and exit status', async () => {
    const { exit, document } = await holdfast(['release', 'fetch', ...variant, '--archive', '19990101_000000', '--output', 'x'])
    assert.equal(exit, 4)
    assert.deepEqual([document['ok'], document['result']], [false, undefined])
    assert.deepEqual(Object.keys(document['fault'] as object), ['code', 'exit', 'retry', 'message', 'hint'])
  })
})
