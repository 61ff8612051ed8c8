import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { built } from '../../../test/fakes/index-moves.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { runCli } from '../program.ts'

const scratch = scratchDirectory()

/** torch 2.6.0 and 2.7.0 and rocm, published in staging. */
async function desk() {
  const cwd = mkdtempSync(path.join(scratch, 'moves-'))
  writeFileSync(
    path.join(cwd, 'holdfast.toml'),
    '[index]\nbucket = "file:./bucket"\nprefixes = ["v2-staging", "v2"]\nkeep = 1\ngrace = "0s"\n',
  )
  const add = (prefix: string, wheel: { file: string; bytes: Uint8Array }, name = wheel.file) => {
    mkdirSync(path.join(cwd, 'bucket', prefix), { recursive: true })
    writeFileSync(path.join(cwd, 'bucket', prefix, name), wheel.bytes)
  }
  const holdfast = async (line: string) => {
    const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1' }
    const terminal = fakeTerminal({ cwd, env })
    const exit = await runCli(line.split(' '), terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  for (const wheel of [built.torch1, built.torch2, built.rocm1]) add('v2-staging', wheel)
  assert.equal((await holdfast('index publish v2-staging')).exit, 0)
  return { add, holdfast }
}

test('one version of one package is promoted, into an index that was empty', async () => {
  const { holdfast } = await desk()
  const { exit, out } = await holdfast('index promote /v2-staging/ v2/ --package Torch --version 2.6.0+rocm7.0 --json')
  assert.equal(exit, 0)
  const { result } = JSON.parse(out) as { result: { generation: number; prefixes: { prefix: string; filesAdded: string[] }[] } }
  assert.deepEqual(
    [result.generation, result.prefixes.map(({ prefix, filesAdded }) => [prefix, filesAdded])],
    [2, [['v2', [built.torch1.file]]]],
  )
  const missing = await holdfast('index promote v2-staging v2 --package torch --version 9')
  assert.equal(missing.exit, 3)
  assert.match(missing.err, /v2-staging publishes no torch 9\n.*its versions are 2\.7\.0, 2\.6\.0\+rocm7\.0/)
  assert.equal((await holdfast('index promote v2-staging v2 --expect latest')).exit, 2)
})

test('other bytes under a name stop a promotion, with both digests', async () => {
  const { add, holdfast } = await desk()
  add('v2', built.torch1Other)
  const { exit, err } = await holdfast('index promote v2-staging v2')
  assert.equal(exit, 5)
  assert.ok(err.includes(built.torch1.digest) && err.includes(built.torch1Other.digest), err)
})

test('yanks and status: what changed nothing exits with 3, what is not there with 4, what is no status with 2', async () => {
  const { holdfast } = await desk()
  const exits = []
  for (const line of [
    'yank v2-staging torch 2.7.0 --reason slow',
    'yank v2-staging torch 2.7.0 --reason slow',
    'yank v2-staging torch 2.8.0',
    'unyank v2-staging torch 2.7.0 --dry-run',
    'unyank v2-staging torch 2.7.0',
    'unyank v2-staging torch 2.7.0',
    'mark v2-staging rocm deprecated --reason old',
    'mark v2-staging rocm deprecated --reason old',
    'mark v2-staging rocm gone',
    'mark v2-staging numpy archived',
  ])
    exits.push((await holdfast(`index ${line}`)).exit)
  assert.deepEqual(exits, [0, 3, 4, 0, 0, 3, 0, 3, 2, 4])
})

test('a yank names the files that installers pass over now, and taking it back those that they take again', async () => {
  const { holdfast } = await desk()
  const { file } = built.torch2
  const planned = await holdfast('index yank v2-staging torch 2.7.0 --dry-run')
  assert.ok(planned.out.endsWith(`\n  yanked ${file}\n`), planned.out)
  const { out } = await holdfast('index yank v2-staging torch 2.7.0 --reason slow')
  assert.match(out, /^torch 2\.7\.0 of v2-staging: yanked \(slow\)\nv2-staging: generation 2; 1 file yanked; /)
  assert.ok(out.endsWith(`\n  yanked ${file}\n`), out)
  assert.ok((await holdfast('index yank v2-staging torch 2.7.0 --reason wrong')).out.endsWith(`\n  yanked ${file}\n`), 'for another reason')
  const { result } = JSON.parse((await holdfast('index unyank v2-staging torch 2.7.0 --json')).out) as {
    result: { prefixes: { filesYanked: string[]; filesUnyanked: string[] }[] }
  }
  assert.deepEqual(
    result.prefixes.map(({ filesYanked, filesUnyanked }) => [filesYanked, filesUnyanked]),
    [[[], [file]]],
  )
})

test('old versions go into the archive, and come back by a roll-back', async () => {
  const { holdfast } = await desk()
  const { exit, out } = await holdfast('index archive v2-staging')
  assert.equal(exit, 0)
  assert.match(out, /^archives\/v2-staging\/\d{4}-\d{2}: generation 2; 1 file added;[^]*\nv2-staging: generation 2; 1 file removed;/)
  assert.match(out, /1 file stays in the bucket and off the pages/)
  const again = await holdfast('index archive v2-staging')
  assert.equal(again.exit, 0)
  assert.match(again.out, /removed/)
  assert.doesNotMatch(again.out, /stays in the bucket/, 'it was deleted')
  assert.equal((await holdfast('index archive all --json')).exit, 0)
  const back = await holdfast('index rollback v2-staging --to 1')
  assert.match(back.out, /1 file added/)
  assert.equal((await holdfast('index rollback v2-staging --to 1')).exit, 3)
  assert.equal((await holdfast('index rollback v2-staging --to 99')).exit, 4)
  assert.equal((await holdfast('index rollback v2-staging --as-of noon')).exit, 2)
})

test('what cannot be archived is told, and the exit status is 11', async () => {
  const { add, holdfast } = await desk()
  await holdfast('index archive v2-staging')
  await holdfast('index archive v2-staging')
  add('v2-staging', built.torch1Other, built.torch1.file)
  await holdfast('index publish v2-staging')
  const { exit, out, err } = await holdfast('index archive v2-staging')
  assert.equal(exit, 11)
  assert.match(out, /refused torch-2\.6\.0\+rocm7\.0.*other bytes/)
  assert.match(err, /1 file cannot be archived; the rest is/)
})

test('an index that is named wrongly is said to be none, and one may be written with slashes', async () => {
  const { holdfast } = await desk()
  assert.match((await holdfast('index diff v2-stagin')).err, /v2-stagin was never published/)
  assert.match((await holdfast('index diff v2-staging@x')).err, /v2-staging@x was never published/)
  assert.equal((await holdfast('index diff v2-staging')).exit, 2)
  assert.equal((await holdfast('index diff /v2-staging/ v2/ --exit-code')).exit, 1)
  assert.equal((await holdfast('index generations v2-staging/')).exit, 0)
  const { exit, err } = await holdfast('index archive v2-stagin')
  assert.equal(exit, 3)
  assert.match(err, /no wheels lie in v2-stagin/)
})
