import assert from 'node:assert/strict'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import type { Command } from 'commander'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { loadConfig } from '../config/index.ts'
import { commandPath } from './command.ts'
import { buildProgram, runCli } from './program.ts'
import { displayWidth } from './width.ts'

const cwd = mkdtempSync(path.join(tmpdir(), 'holdfast-program-'))
after(() => rmSync(cwd, { recursive: true }))
writeFileSync(path.join(cwd, 'holdfast.toml'), '[release.lib]\nartifact = "a"\nvariants = { one = {} }\n')

async function run(line: string, columns?: number) {
  const terminal = fakeTerminal(columns === undefined ? {} : { columns })
  const exit = await runCli(
    line.split(' ').filter((word) => word !== ''),
    terminal.host,
  )
  return { exit, out: terminal.out(), err: terminal.err() }
}

function everyCommand(command: Command): Command[] {
  return [command, ...command.commands.flatMap(everyCommand)]
}

const program = await buildProgram(fakeTerminal().host, { colour: true }, async () => undefined)

describe('every command', () => {
  for (const command of everyCommand(program)) {
    const path = commandPath(command)
    const name = `holdfast ${path}`.trimEnd()
    test(`${name} --help describes it, fits 80 columns, and ends with examples`, async () => {
      const { exit, out, err } = await run(`${path} --help`)
      assert.equal(exit, 0)
      assert.equal(err, '')
      assert.ok(command.description().length > 10, 'a description')
      assert.match(out, /\nExamples:\n {2}# .+\n {2}\$ holdfast|\n {2}\$ source/)
      assert.match(out, /--json /)
      assert.match(out, /Exit status: 0/)
      for (const text of out.split('\n')) assert.ok(displayWidth(text) <= 80, text)
      for (const argument of command.registeredArguments) assert.ok(argument.description.length > 3, argument.name())
      for (const option of command.options) assert.ok(option.description.length > 3, option.flags)
    })
    test(`${name} --help fits a terminal of 40 columns, words without a space aside`, async () => {
      const { out } = await run(`${path} --help`, 40)
      for (const text of out.split('\n')) assert.ok(displayWidth(text) <= 40 || !text.trim().includes(' '), text)
    })
  }
})

describe('a line that cannot be understood', () => {
  test('is invalid, with the nearest command', async () => {
    const { exit, out, err } = await run('complet bash')
    assert.equal(exit, 2)
    assert.equal(out, '')
    assert.equal(err, "error: unknown command 'complet'\n  next: did you mean completion? `holdfast --help` shows all\n")
  })

  test('is invalid, with the nearest option', async () => {
    const { exit, err } = await run('completion bash --jsn')
    assert.equal(exit, 2)
    assert.match(err, /unknown option '--jsn'\n {2}next: did you mean --json\? `holdfast completion --help` shows all/)
  })

  test('names the option whose value is wrong', async () => {
    const { exit, err } = await run('completion bash --limit-rate fast')
    assert.equal(exit, 2)
    assert.match(err, /--limit-rate: not a size: "fast"/)
  })

  test('is a JSON document on stdout where JSON was asked for', async () => {
    const { exit, out } = await run('completion tcsh --json')
    const document = JSON.parse(out)
    assert.equal(exit, 2)
    assert.equal(document.command, 'completion')
    assert.equal(document.ok, false)
    assert.equal(document.fault.code, 'invalid')
  })

  test('with nothing where a path, a name or a filter should be is refused, since nothing would mean here, or all', async () => {
    for (const [line, what] of [
      ['snapshot restore latest --delete --yes --to @', '--to'],
      ['snapshot create @', 'path'],
      ['snapshot create . --tag a --tag @', '--tag'],
      ['release create lib --artifact @', '--artifact'],
      ['--config @ release status', '--config'],
    ] as const) {
      const terminal = fakeTerminal()
      const words = line.split(' ').map((word) => (word === '@' ? '' : word))
      assert.equal(await runCli(words, { ...terminal.host, cwd }), 2, line)
      assert.match(terminal.err(), new RegExp(`^error: ${what} is empty\n {2}next: say what it is`), line)
    }
  })

  test('that asks for the help of what is no command says so, at any depth', async () => {
    for (const [line, group] of [
      ['help nope', 'holdfast'],
      ['help release nope', 'holdfast release'],
      ['release help nope', 'holdfast release'],
    ] as const) {
      const { exit, out, err } = await run(line)
      assert.equal(exit, 2)
      assert.equal(out, '')
      assert.equal(err, `error: unknown command 'nope'\n  next: \`${group} --help\` shows what there is\n`)
    }
  })

  test('without a command gets the help, on stderr, and 2', async () => {
    const { exit, out, err } = await run('')
    assert.equal(exit, 2)
    assert.equal(out, '')
    assert.match(err, /^Usage: holdfast/)
  })
})

test('help with the words of a command is that command with --help', async () => {
  const { out } = await run('release create --help')
  for (const line of ['help release create', 'release help create', 'release help create --no-color'])
    assert.deepEqual(await run(line), { exit: 0, out, err: '' })
})

test('behind a group --version is the command’s own', async () => {
  const { exit, out } = await run('index promote a b --version 2.7.0')
  assert.notEqual(exit, 0)
  assert.doesNotMatch(out, /9\.9\.9/)
})

test('--version prints the version alone', async () => {
  assert.deepEqual(await run('--version'), { exit: 0, out: '9.9.9\n', err: '' })
})

test('global options may stand before the command or after it', async () => {
  for (const line of ['--json completion fish', 'completion --json fish', 'completion fish --json']) {
    const { exit, out } = await run(line)
    assert.equal(exit, 0)
    const { command, ok, result } = JSON.parse(out)
    assert.deepEqual({ command, ok, shell: result.shell }, { command: 'completion', ok: true, shell: 'fish' })
  }
})

test('no product can take a flag that a release command has already', async () => {
  const release = program.commands.find((command) => command.name() === 'release')!
  const taken = new Set([release.parent!, ...release.commands].flatMap((command) => command.options.map((option) => option.long!.slice(2))))
  taken.delete('variant')
  for (const flag of taken) {
    const env = { HOLDFAST_RELEASE_LIB_VARIANT_FLAG: flag }
    await assert.rejects(loadConfig({ cwd, env, file: 'holdfast.toml' }), /no release command uses/, flag)
  }
})
