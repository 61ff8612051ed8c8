import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { manualClock, type ManualClock } from '../../test/fakes/manual-clock.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { runCli } from './program.ts'

const config = `
[store]
url = "file:./store"

[release.rcclx]
artifact = "out/librcclx-dev.a"
build = "mkdir -p out && echo {constraint} >> source && cp source out/librcclx-dev.a"
variant_flag = "rocm-version"
variants = { "6.2" = { constraint = "6.2.1" }, "6.4" = { constraint = "6.4.2" } }
metadata = "snapshots"
publish = "file:./published/tree"
`

const root = mkdtempSync(path.join(tmpdir(), 'holdfast-release-cli-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
let cwd = ''
let clock: ManualClock

beforeEach(() => {
  cwd = path.join(root, String(count++))
  clock = manualClock()
  mkdirSync(cwd)
  writeFileSync(path.join(cwd, 'holdfast.toml'), config)
})

interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** One command in the project's folder; an hour passes after it. `answer` is typed on a terminal of 80 columns. */
async function holdfast(line: string, { columns, answer }: { columns?: number; answer?: string } = {}): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', LANG: 'C.UTF-8', TERM: 'dumb' }
  const width = columns ?? (answer === undefined ? undefined : 80)
  const terminal = fakeTerminal({ cwd, env, clock, ...(width === undefined ? {} : { columns: width }) })
  if (answer !== undefined) terminal.type(answer)
  const exit = await runCli(line.split(' '), terminal.host)
  await clock.advance(3_600_000)
  return { exit, out: terminal.out(), err: terminal.err() }
}

async function result<T = Record<string, unknown>>(line: string): Promise<T> {
  const { exit, out, err } = await holdfast(`${line} --json`)
  assert.equal(exit, 0, err)
  const document = JSON.parse(out) as { ok: boolean; command: string; result: T }
  assert.equal(document.ok, true)
  assert.ok(line.startsWith(document.command), document.command)
  return document.result
}

interface Listed {
  readonly releases: { variant: string; channels: string[]; id: string; archived?: { at: string } }[]
}

async function create(times: number, variant = '6.4'): Promise<void> {
  for (let time = 0; time < times; time++) {
    const { exit, err } = await holdfast(`release create rcclx --rocm-version ${variant} --yes`)
    assert.equal(exit, 0, err)
  }
}

describe('release create', () => {
  test('builds, rotates, publishes, and says each of it', async () => {
    await create(2)
    const { exit, out } = await holdfast('release create rcclx --rocm-version 6.4 --yes')
    assert.equal(exit, 0)
    assert.match(out, /^stable of rcclx 6\.4 is now [0-9a-f]{12} \(18 B\)\n/)
    assert.match(out, /last-stable -> archives\/6\.4\/20250115_163000\n/)
    assert.equal(readFileSync(path.join(cwd, 'published/tree/stable/6.4/librcclx-dev.a'), 'utf8'), '6.4.2\n6.4.2\n6.4.2\n')
    assert.equal(readFileSync(path.join(cwd, 'published/tree/last_stable/6.4/librcclx-dev.a'), 'utf8'), '6.4.2\n6.4.2\n')
    assert.match(
      readFileSync(path.join(cwd, 'snapshots/stable/6.4/metadata.txt'), 'utf8'),
      /^Snapshot created: 2025-01-15 16:30:00 UTC\nROCm version: 6\.4\n/,
    )
  })

  test('says that it made the store', async () => {
    assert.match((await holdfast('release create --rocm-version 6.4 --yes')).out, /made the store/)
  })

  test('shows a box with what will happen and asks; a no changes nothing', async () => {
    const { exit, out, err } = await holdfast('release create rcclx --rocm-version 6.4', { answer: 'n' })
    assert.equal(exit, 130)
    assert.equal(out, '')
    assert.match(err, /│ WARNING: this changes what stable of rcclx 6\.4 is +│/)
    assert.match(err, /│ build +mkdir -p out/)
    assert.match(err, /the new release +-> stable/)
    assert.match(err, /Go on\? \[y\/N\] /)
    assert.match(err, /nothing was changed/)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
    assert.equal(existsSync(path.join(cwd, 'out')), false)
  })

  test('goes on after a yes', async () => {
    const { exit, err } = await holdfast('release create rcclx --rocm-version 6.4', { answer: 'y' })
    assert.equal(exit, 0, err)
  })

  test('off a terminal needs --yes', async () => {
    const { exit, err } = await holdfast('release create rcclx --rocm-version 6.4')
    assert.equal(exit, 2)
    assert.match(err, /next: add --yes/)
  })

  test('--dry-run shows the plan and neither builds nor stores', async () => {
    const { exit, out } = await holdfast('release create rcclx --rocm-version 6.4 --dry-run')
    assert.equal(exit, 0)
    assert.match(out, /the new release +-> stable\n[^]*dry run: nothing was changed\n$/)
    assert.equal(existsSync(path.join(cwd, 'out')), false)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
  })

  test('the same bytes again are exit status 3, with the way to rotate anyway', async () => {
    await create(1)
    const { exit, err } = await holdfast('release create rcclx --rocm-version 6.4 --no-build --yes')
    assert.equal(exit, 3)
    assert.match(err, /nothing new[^]*next: --force to rotate anyway/)
    assert.equal((await holdfast('release create rcclx --rocm-version 6.4 --no-build --force --yes')).exit, 0)
  })

  test('a failing build shows its last lines and touches nothing', async () => {
    writeFileSync(path.join(cwd, 'holdfast.toml'), config.replace('mkdir -p out', 'echo no compiler today && false'))
    const { exit, err } = await holdfast('release create rcclx --rocm-version 6.4 --yes')
    assert.equal(exit, 2)
    assert.match(err, /the build failed with status 1[^]*no compiler today/)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
  })

  test('an artifact of one’s own is released without a build', async () => {
    writeFileSync(path.join(cwd, 'mine.a'), 'mine')
    const { exit, err } = await holdfast('release create --rocm-version 6.4 --artifact mine.a --yes')
    assert.equal(exit, 0, err)
    assert.equal(readFileSync(path.join(cwd, 'published/tree/stable/6.4/mine.a'), 'utf8'), 'mine')
  })
})

describe('which product and variant', () => {
  test('an unknown variant is invalid, and those that there are are named', async () => {
    const { exit, err } = await holdfast('release create rcclx --rocm-version 9.9 --yes')
    assert.equal(exit, 2)
    assert.match(err, /has no rocm-version "9\.9"[^]*6\.2, 6\.4/)
  })

  test('a variant that is needed and missing is asked for with its flag', async () => {
    const { exit, err } = await holdfast('release create rcclx --yes')
    assert.equal(exit, 2)
    assert.match(err, /which variant of rcclx\? Its variants are: 6\.2, 6\.4\n {2}next: add --rocm-version 6\.2/)
  })

  test('--variant means the same as the product’s flag, and two different ones are invalid', async () => {
    await create(1)
    assert.equal((await holdfast('release show --variant 6.4')).exit, 0)
    const { exit, err } = await holdfast('release show --variant 6.4 --rocm-version 6.2')
    assert.equal(exit, 2)
    assert.match(err, /name two variants/)
  })

  test('an unknown product is invalid', async () => {
    const { exit, err } = await holdfast('release list ncclx')
    assert.equal(exit, 2)
    assert.match(err, /there is no product "ncclx"\n {2}next: choose one of: rcclx/)
  })

  test('with a configuration that cannot be read, its problem is told and not the unknown flag', async () => {
    writeFileSync(path.join(cwd, 'holdfast.toml'), config.replace('publish', 'publsh'))
    const { exit, err } = await holdfast('release create rcclx --rocm-version 6.4 --yes')
    assert.equal(exit, 2)
    assert.match(err, /publsh[^]*publish/)
    assert.doesNotMatch(err, /unknown option/)
  })

  test('the product’s flag and its variants are in the help and in completion', async () => {
    assert.match((await holdfast('release create --help')).out, /--rocm-version <name> .*\(one of: 6\.2, 6\.4\)/)
    assert.match((await holdfast('completion bash')).out, /--rocm-version/)
  })
})

describe('rollback and promote', () => {
  test('a rollback makes last-stable stable and archives what failed', async () => {
    await create(2)
    const before = (await result<Listed>('release list rcclx')).releases
    const { exit, out, err } = await holdfast('release rollback rcclx --rocm-version 6.4', { answer: 'y' })
    assert.equal(exit, 0, err)
    assert.match(err, /WARNING: stable of rcclx 6\.4 goes back/)
    assert.match(out, /stable of rcclx 6\.4 went back/)
    const now = (await result<Listed>('release list rcclx')).releases
    assert.equal(now.find(({ channels }) => channels.includes('stable'))?.id, before[1]!.id)
    assert.ok(now.some(({ id, archived }) => id === before[0]!.id && archived !== undefined))
  })

  test('--to takes an archive’s time, --expect refuses another stable with exit status 5', async () => {
    await create(3)
    const archived = (await result<Listed>('release list rcclx')).releases.find((row) => row.archived !== undefined)!
    const wrong = await holdfast(`release rollback rcclx --rocm-version 6.4 --expect sha256:${'0'.repeat(64)} --yes`)
    assert.equal(wrong.exit, 5)
    assert.equal((await holdfast(`release rollback rcclx --rocm-version 6.4 --to ${archived.archived!.at} --yes`)).exit, 0)
    assert.equal((await result<{ id: string }>('release show rcclx --rocm-version 6.4')).id, archived.id)
  })

  test('staging is promoted to stable with the very same release', async () => {
    const { exit, err } = await holdfast('release create rcclx --rocm-version 6.4 --channel staging --yes')
    assert.equal(exit, 0, err)
    const staged = await result<{ id: string }>('release show rcclx --rocm-version 6.4 --channel staging')
    assert.equal((await holdfast(`release promote rcclx --rocm-version 6.4 --expect ${staged.id} --yes`)).exit, 0)
    assert.equal((await result<{ id: string }>('release show rcclx --rocm-version 6.4')).id, staged.id)
    assert.equal((await holdfast('release promote rcclx --rocm-version 6.4 --yes')).exit, 3)
  })
})

describe('looking', () => {
  test('status shows the variants side by side and fits 40 columns', async () => {
    await create(3)
    await create(1, '6.2')
    const { out } = await holdfast('release status')
    assert.match(out, /^VARIANT +STABLE +AGE +SIZE +LAST-STABLE +AGE +ARCHIVES/)
    assert.match(out, /^6\.2 +[0-9a-f]{12} +1h /m)
    assert.match(out, /^6\.4 +[0-9a-f]{12} +2h +18 B +[0-9a-f]{12} +3h +1 /m)
    for (const line of (await holdfast('release status', { columns: 40 })).out.split('\n')) assert.ok(line.length <= 40, line)
  })

  test('list, show, history and diff tell of releases; nothing released yet is said', async () => {
    assert.match((await holdfast('release list')).out, /rcclx has no releases yet/)
    await create(2)
    assert.match((await holdfast('release list')).out, /6\.4 +[0-9a-f]{12} +stable/)
    assert.match(
      (await holdfast('release show --variant 6.4')).out,
      /rcclx 6\.4: stable\nrelease +sha256:[^]*published +stable\/6\.4\/librcclx-dev\.a/,
    )
    assert.match((await holdfast('release history')).out, /create +[0-9a-f]{12} +ann@/)
    const same = await holdfast('release diff stable stable --variant 6.4 --exit-code')
    assert.equal(same.exit, 0)
    const { exit, out } = await holdfast('release diff 6.4:last-stable 6.4:stable --exit-code')
    assert.equal(exit, 1)
    assert.match(out, /~ librcclx-dev\.a {2}6 B -> 12 B/)
  })

  test('as-of finds what stable was', async () => {
    await create(2)
    const first = (await result<Listed>('release list')).releases[1]!
    assert.equal((await result<{ id: string }>('release show --variant 6.4 --as-of 2025-01-15T14:45Z')).id, first.id)
    const { exit, err } = await holdfast('release show --variant 6.4 --as-of yesterday')
    assert.equal(exit, 2)
    assert.match(err, /--as-of: not a time: "yesterday"/)
  })

  test('fetch writes verified files, is a no-op the second time, and does not overwrite another file', async () => {
    await create(1)
    assert.match((await holdfast('release fetch --variant 6.4 --output lib/ --dry-run')).out, /would write .*lib\/librcclx-dev\.a/)
    assert.equal(existsSync(path.join(cwd, 'lib')), false)
    assert.match(
      (await holdfast('release fetch --variant 6.4 --output lib/')).out,
      /fetched: lib\/librcclx-dev\.a {2}6 B {2}verified sha256:/,
    )
    assert.match((await holdfast('release fetch --variant 6.4 --output lib/')).out, /there already/)
    writeFileSync(path.join(cwd, 'other.a'), 'mine')
    assert.equal((await holdfast('release fetch --variant 6.4 --output other.a')).exit, 5)
    assert.equal((await holdfast('release fetch --variant 6.4 --output other.a --force')).exit, 0)
  })

  test('export prints sums that name the published keys', async () => {
    await create(1)
    assert.match((await holdfast('release export --format sha256sums')).out, /^[0-9a-f]{64} {2}stable\/6\.4\/librcclx-dev\.a\n$/)
    assert.equal((await holdfast('release export --format xml')).exit, 2)
  })
})

describe('care', () => {
  test('verify finds a damaged published file, and reconcile writes it again', async () => {
    await create(1)
    assert.equal((await holdfast('release verify')).exit, 0)
    assert.match((await holdfast('release reconcile')).out, /nothing to do: all is in line/)
    const file = path.join(cwd, 'published/tree/stable/6.4/librcclx-dev.a')
    writeFileSync(file, 'hacked')
    const { exit, out } = await holdfast('release verify')
    assert.equal(exit, 1)
    assert.match(out, /damaged: .*stable\/6\.4\/librcclx-dev\.a/)
    assert.match((await holdfast('release reconcile --dry-run')).out, /~ stable\/6\.4\/librcclx-dev\.a[^]*dry run/)
    assert.match((await holdfast('release reconcile')).out, /put right/)
    assert.equal(readFileSync(file, 'utf8'), '6.4.2\n')
  })

  test('prune drops old archives but neither pinned ones nor what a channel holds', async () => {
    await create(5)
    const archived = (await result<Listed>('release list')).releases.filter((row) => row.archived !== undefined)
    assert.equal(archived.length, 3)
    const oldest = archived.at(-1)!.archived!.at
    assert.equal((await holdfast(`release pin --variant 6.4 --archive ${oldest}`)).exit, 0)
    assert.match((await holdfast('release prune --keep 1 --dry-run')).out, /6\.4: 1 archive, /)
    assert.equal((await holdfast('release prune --keep 1 --yes')).exit, 0)
    const left = (await result<Listed>('release list')).releases.map((row) => row.archived?.at).filter((at) => at !== undefined)
    assert.deepEqual(left, [archived[0]!.archived!.at, oldest])
    assert.match((await holdfast('release prune --keep 1 --yes')).out, /nothing to do/)
    assert.equal((await holdfast('release prune --yes')).exit, 2)
    assert.equal((await holdfast(`release unpin --variant 6.4 --archive ${oldest}`)).exit, 0)
    assert.equal((await holdfast(`release unpin --variant 6.4 --archive ${oldest}`)).exit, 3)
  })
})

test('--stats says what it took, on stderr or in the document', async () => {
  await create(1)
  assert.match((await holdfast('release list --stats')).err, /operations: 1 get, 1 list\nbytes: /)
  const { out } = await holdfast('release list --stats --json')
  assert.ok(typeof JSON.parse(out).stats === 'object')
})
