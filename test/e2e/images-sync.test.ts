import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { runCli } from '../../src/cli/program.ts'
import { digestOf, systemClock } from '../../src/kit/index.ts'
import { startGitHub } from '../fakes/github/github.ts'
import type { RunScene } from '../fakes/github/scene.ts'
import { startGitLab } from '../fakes/gitlab/server.ts'
import { madeFamilies, runTag } from '../fakes/image-desk.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { fakeTerminal } from '../fakes/terminal.ts'
import { zipBytes } from '../fakes/zip-bytes.ts'
import { imageTools, whyNoImageTools } from '../services/image-tools.ts'
import { registryForTests, type RegistryKind } from '../services/registry.ts'

const scratch = scratchDirectory()
const sh = imageTools(scratch)
const imageTag = 'presto-92865fbce0d2-velox-65797d572e0a'
const newer = 'presto-aaaaaaaaaaaa-velox-bbbbbbbbbbbb-linux-amd64'
let missing: string | undefined

before(async () => {
  missing = await whyNoImageTools()
  if (missing === undefined) await makeTarballs()
})

/** An image for each family, on one layer, as umoci makes and skopeo writes them. */
async function makeTarballs(): Promise<void> {
  const layout = path.join(scratch, 'made')
  await sh('umoci', 'init', '--layout', layout)
  await sh('umoci', 'new', '--image', `${layout}:base`)
  const add = async (image: string, file: string, bytes: Buffer) => {
    const bundle = path.join(scratch, `bundle-${image}`)
    await sh('umoci', 'unpack', '--rootless', '--image', `${layout}:${image}`, bundle)
    writeFileSync(path.join(bundle, 'rootfs', file), bytes)
    await sh('umoci', 'repack', '--image', `${layout}:${image}`, bundle)
  }
  await add('base', 'shared', Buffer.alloc(300_000, 'shared by all'))
  for (const family of madeFamilies) {
    await sh('umoci', 'tag', '--image', `${layout}:base`, family)
    await add(family, family, Buffer.from(family))
    await sh('skopeo', 'copy', `oci:${layout}:${family}`, `docker-archive:${path.join(scratch, `${family}.tar`)}:${family}:built`)
  }
}

function runOf(tag: string): RunScene {
  const members = madeFamilies.map((family) => ({
    name: `${family}-${tag}.tar.gz`,
    content: gzipSync(readFileSync(path.join(scratch, `${family}.tar`)), { level: 1 }),
    isStored: true,
  }))
  const content = zipBytes(members)
  return { tag, artifacts: [{ name: 'presto-images', content, digest: digestOf(content) }] }
}

interface Document {
  readonly ok: boolean
  readonly result: Record<string, unknown>
  readonly fault?: { readonly code: string; readonly message: string }
  readonly stats?: { readonly requests: Record<string, number> }
}

async function desk(t: TestContext, kind: RegistryKind, tags: readonly string[] = [runTag]) {
  if (missing !== undefined) t.skip(missing)
  if (missing !== undefined) return undefined
  const server = await registryForTests(t, kind)
  if (server === undefined) return undefined
  const project = server.newRepository()
  const github = await startGitHub({ runs: tags.map(runOf) })
  const { user, password } = server.login
  const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`
  // To the stand-in the registry's tags are shown by its own files, whoever may read them.
  const gitlab = await startGitLab({
    project,
    token: 'glpat-tests',
    ...(kind === 'token' || kind === 'tls' ? {} : { registry: { url: server.url, authorization } }),
  })
  t.after(async () => {
    await gitlab.close()
    await github.close()
  })
  const cwd = mkdtempSync(path.join(scratch, 'e2e-'))
  const toml = { github_api: github.api, gitlab_host: gitlab.url, gitlab_project: project, registry: server.host, registry_username: user }
  const from = kind === 'token' || kind === 'tls' ? 'tags_from = "registry"\n' : ''
  writeFileSync(
    path.join(cwd, 'holdfast.toml'),
    `[images]\n${from}${Object.entries(toml)
      .map(([key, value]) => `${key} = "${value}"\n`)
      .join('')}`,
  )
  const usual = { PATH: process.env['PATH'], HOME: cwd, USER: 'ann', NO_COLOR: '1', GH_TOKEN: github.token, GITLAB_TOKEN: 'glpat-tests' }
  const holdfast = async (line: string, { env = {}, typed }: { env?: Record<string, string>; typed?: string } = {}) => {
    const terminal = fakeTerminal({ cwd, env: { ...usual, GITLAB_REGISTRY_PASSWORD: password, ...env }, clock: systemClock })
    if (typed !== undefined) (terminal.host.stdin.stream as unknown as { end(text: string): void }).end(typed)
    const exit = await runCli(['images', ...line.split(' ')], terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  return {
    cwd,
    github,
    gitlab,
    password,
    certificate: server.certificate,
    holdfast,
    async json(line: string, more?: Parameters<typeof holdfast>[1]) {
      const { exit, out } = await holdfast(`${line} --json --stats`, more)
      return { exit, ...(JSON.parse(out) as Document) }
    },
    /** What the registry has, seen from outside. */
    async digest(family: string, tag = imageTag) {
      const place = `docker://${server.host}/${project}/x86/${family}:${tag}`
      const creds = kind === 'plain' || kind === 'tls' ? [] : ['--creds', `${user}:${password}`]
      return JSON.parse(await sh('skopeo', 'inspect', '--tls-verify=false', ...creds, place)) as { Digest: string; Layers: string[] }
    },
  }
}

describe('from a workflow to a registry, by commands', () => {
  test('in steps, to a registry with passwords: what skopeo finds there is what was built', async (t) => {
    const at = await desk(t, 'htpasswd')
    if (at === undefined) return
    const folder = path.join(at.cwd, 'downloads', runTag)
    assert.equal((await at.holdfast(`download ${runTag}`)).exit, 0)
    assert.match(
      (await at.holdfast(`prepare ${runTag}`)).out,
      /3 tarballs of .* ready to be pushed\n {2}x86\/presto-coordinator:.* <- downloads\//,
    )
    const asked = await at.holdfast(`push ${runTag}`)
    assert.equal(asked.exit, 2)
    assert.match(asked.err, /there is no terminal to ask on\n {2}next: add --yes/)
    const planned = await at.json(`push ${runTag} --dry-run`)
    assert.deepEqual(
      (planned.result['images'] as { state: string }[]).map(({ state }) => state),
      ['planned', 'planned', 'planned'],
    )
    const pushed = await at.holdfast(`push ${runTag} --yes --retag-as-latest --verbose`)
    assert.equal(pushed.exit, 0, pushed.err)
    assert.match(pushed.out, /3 images of .* pushed\n {2}\+ .*presto-coordinator:presto-[^]*latest: sha256:/)
    for (const family of madeFamilies) {
      const { Digest: digest, Layers: layers } = await at.digest(family)
      assert.equal((await at.digest(family, 'latest')).Digest, digest)
      assert.equal(layers.length, 2)
    }
    const again = await at.holdfast(`push ${runTag} --yes`)
    assert.match(again.out, /nothing was pushed; 3 tags there already/)
    const refused = await at.holdfast(`clean ${runTag}`)
    assert.equal(refused.exit, 2)
    assert.ok(existsSync(folder))
    assert.match((await at.holdfast(`clean ${runTag} --yes`)).out, /6 files removed/)
    assert.ok(!existsSync(folder))
    assert.equal((await at.holdfast(`clean ${runTag} --yes`)).exit, 3)
  })

  test('as one stream the same images have the same digests, and a second sync has nothing to do', async (t) => {
    const at = await desk(t, 'htpasswd')
    if (at === undefined) return
    const synced = await at.json(`sync ${runTag}`)
    assert.equal(synced.exit, 0)
    const [first] = synced.result['tags'] as { images: { digest: string; family: string; layers: object }[] }[]
    for (const { family, digest } of first!.images) assert.equal((await at.digest(family)).Digest, digest)
    assert.ok(!existsSync(path.join(at.cwd, 'downloads')), 'no disk')
    const again = await at.holdfast(`sync ${runTag}`)
    assert.equal(again.exit, 3, again.err)
    assert.match(again.err, /the registry has all images of it/)
    assert.match((await at.holdfast('sync --missing')).out, /nothing to do: the registry has all images of 1 run/)
    for (const step of ['download', 'prepare']) await at.holdfast(`${step} ${runTag}`)
    const forced = await at.json(`push ${runTag} --yes --force`)
    assert.deepEqual(
      (forced.result['images'] as { state: string; sentBytes: number }[]).map(({ state, sentBytes }) => [state, sentBytes]),
      [
        ['same', 0],
        ['same', 0],
        ['same', 0],
      ],
    )
  })

  test('to a registry with tokens, with the password from standard input, whatever the tags are listed by', async (t) => {
    const at = await desk(t, 'token')
    if (at === undefined) return
    const env = { GITLAB_REGISTRY_PASSWORD: '', GITLAB_TOKEN: '' }
    const denied = await at.holdfast(`sync ${runTag}`, { env })
    assert.equal(denied.exit, 6, denied.err)
    const synced = await at.holdfast('sync --missing --password-stdin', { env, typed: `${at.password}\n` })
    assert.equal(synced.exit, 0, synced.err)
    assert.equal((await at.digest('presto-coordinator')).Layers.length, 2)
    assert.doesNotMatch(denied.out + denied.err + synced.out + synced.err, new RegExp(at.password))
  })

  test('to a registry with a certificate of its own where --tls-ca names it, and else refused', async (t) => {
    const at = await desk(t, 'tls')
    if (at === undefined) return
    const refused = await at.holdfast(`sync ${runTag}`)
    assert.equal(refused.exit, 6, refused.err)
    assert.match(refused.err, /certificate of the server is not trusted/)
    const certificate = `--tls-ca ${at.certificate}`
    for (const line of [`xref ${certificate}`, `sync ${runTag} ${certificate}`, `daemon --once ${certificate}`]) {
      const { exit, err } = await at.holdfast(line)
      assert.equal(exit, 0, `${line}: ${err}`)
    }
    assert.equal((await at.digest('presto-coordinator')).Layers.length, 2)
    const moved = await at.holdfast(`retag x86/presto-coordinator:${imageTag} x86/presto-coordinator:latest ${certificate}`)
    assert.equal(moved.exit, 0, moved.err)
    assert.equal((await at.holdfast(`sync ${runTag} --tls-ca holdfast.toml`)).exit, 2)
  })

  test('with what docker login left behind and nothing else', async (t) => {
    const at = await desk(t, 'htpasswd')
    if (at === undefined) return
    const wrong = await at.holdfast(`sync ${runTag} --skip-login`)
    assert.equal(wrong.exit, 6, 'nobody has logged in')
    mkdirSync(path.join(at.cwd, '.docker'))
    const host = /registry = "(.*)"/.exec(readFileSync(path.join(at.cwd, 'holdfast.toml'), 'utf8'))![1]!
    const auth = Buffer.from(`tester:${at.password}`).toString('base64')
    writeFileSync(path.join(at.cwd, '.docker/config.json'), JSON.stringify({ auths: { [host]: { auth } } }))
    const right = await at.holdfast(`sync ${runTag} --skip-login`, { env: { GITLAB_REGISTRY_PASSWORD: 'wrong-password' } })
    assert.equal(right.exit, 0, right.err)
  })

  test('a daemon’s lines are documents with --json, and a cycle without news is two requests', async (t) => {
    const at = await desk(t, 'htpasswd', [runTag, newer])
    if (at === undefined) return
    const first = await at.holdfast('daemon --once --downloads-dir downloads --retag-as-latest --json')
    assert.equal(first.exit, 0, first.err)
    const lines = first.out
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    assert.deepEqual(
      lines.map(({ event, tag }) => [event, tag]),
      [
        ['tag', newer],
        ['tag', runTag],
        ['cycle', undefined],
        [undefined, undefined],
      ],
    )
    assert.deepEqual(lines[3]!['result'], { cycles: 1, synced: 2, failed: 0 })
    assert.ok(!existsSync(path.join(at.cwd, 'downloads')))
    const { Digest: digest } = await at.digest('presto-coordinator', 'presto-aaaaaaaaaaaa-velox-bbbbbbbbbbbb')
    assert.equal((await at.digest('presto-coordinator', 'latest')).Digest, digest)
    const quiet = await at.holdfast('daemon --once')
    assert.match(quiet.out, /^\d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC nothing new: 2 runs looked at, 2 requests, .*\n$/)
  })

  test('a daemon ends in good order when it is asked to, and nobody else can read its secrets', async (t) => {
    const at = await desk(t, 'htpasswd')
    if (at === undefined) return
    const env = { PATH: process.env['PATH'], HOME: at.cwd, NO_COLOR: '1', GH_TOKEN: at.github.token, GITLAB_REGISTRY_PASSWORD: at.password }
    const words = ['images', 'daemon', '--interval', '1h', '--gitlab-token', 'glpat-tests']
    const running = spawn(process.execPath, [path.join(import.meta.dirname, '../../bin/holdfast.cjs'), ...words], { cwd: at.cwd, env })
    const texts = { out: '', err: '' }
    const closed = new Promise<number | null>((resolve) => running.once('close', resolve))
    running.stderr.on('data', (piece: Buffer) => (texts.err += piece.toString()))
    await new Promise<void>((resolve) => {
      running.stdout.on('data', (piece: Buffer) => {
        texts.out += piece.toString()
        if (texts.out.includes('next at')) resolve()
      })
      running.once('close', () => resolve())
    })
    assert.match(texts.out, /1 tag brought: 1 run looked at, \d+ requests, .*; next at /, texts.err)
    assert.doesNotMatch(readFileSync(`/proc/${running.pid}/cmdline`, 'utf8'), /glpat/)
    running.kill('SIGTERM')
    assert.equal(await closed, 0, texts.err)
    assert.match(texts.out, /\nended after 1 cycle: 1 tag brought\n$/)
    assert.match(texts.err, /Z warn  a secret on the command line .*\(--gitlab-token\): better use GITLAB_TOKEN or --gitlab-token-stdin/)
  })

  test('a tag that cannot be brought is told, and the others are; the exit status is 11', async (t) => {
    const at = await desk(t, 'htpasswd', [runTag])
    if (at === undefined) return
    at.github.add({ tag: newer, artifacts: [{ name: 'x', content: zipBytes([{ name: 'y', content: Buffer.from('y') }]) }] })
    for (const line of ['sync --missing', 'daemon --once']) {
      const { exit, out, err } = await at.holdfast(line)
      assert.equal(exit, 11, line)
      assert.match(out, /Missing expected tarballs: presto-coordinator-presto-aaaaaaaaaaaa/)
      assert.match(err, new RegExp(`1 of \\d tags failed: ${newer}`))
    }
    assert.equal((await at.digest('presto-coordinator')).Layers.length, 2)
    const only = await at.holdfast(`sync ${newer}`)
    assert.equal(only.exit, 8)
    assert.equal(`${only.out}${only.err}`.match(/Missing expected tarballs/g)?.length, 1, 'told once')
  })
})

describe('retag', () => {
  const from = `x86/presto-coordinator:${imageTag}`
  const to = 'x86/presto-coordinator:latest'

  test('of a tag that may move is a GET and a PUT', async (t) => {
    const at = await desk(t, 'htpasswd')
    if (at === undefined) return
    await at.holdfast(`sync ${runTag}`)
    const { exit, result, stats } = await at.json(`retag ${from} ${to}`)
    assert.equal(exit, 0)
    assert.equal((await at.digest('presto-coordinator', 'latest')).Digest, result['digest'])
    const { GET, PUT, HEAD = 0 } = stats!.requests as Record<string, number>
    // A registry of this machine is asked first whether it speaks TLS, and each registry for what it wants to know of who asks.
    assert.deepEqual([PUT, HEAD], [1, 0])
    assert.ok(GET! <= 4, JSON.stringify(stats))
  })

  test('that changes nothing is an error of its own, and so is a tag that is not what was expected, or may not move', async (t) => {
    const at = await desk(t, 'htpasswd', [runTag])
    if (at === undefined) return
    await at.holdfast(`sync ${runTag}`)
    const { Digest: digest } = await at.digest('presto-coordinator')
    assert.equal((await at.holdfast(`retag ${from} x86/presto-coordinator:other`)).exit, 0)
    const same = await at.holdfast(`retag ${from} x86/presto-coordinator:other`)
    assert.equal(same.exit, 3, same.err)
    assert.equal((await at.holdfast(`retag ${from} ${to} --expect ${digest}`)).exit, 5, 'there is no latest yet')
    assert.match((await at.holdfast(`retag ${from} ${to} --dry-run`)).out, /dry run: .*:latest would name sha256:.*; it is not there yet/)
    assert.equal((await at.holdfast(`retag ${from} ${to} --verbose`)).exit, 0)
    assert.equal((await at.holdfast(`retag ${from} ${to} --verbose`)).exit, 3)
    assert.equal((await at.holdfast(`retag x86/presto-coordinator@${digest} ${to} --expect ${digest}`)).exit, 3)
    const elsewhere = await at.holdfast('retag x86/nothing:here x86/nothing:latest')
    assert.equal(elsewhere.exit, 4)
  })
})
