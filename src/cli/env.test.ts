import assert from 'node:assert/strict'
import { existsSync, globSync, mkdirSync, mkdtempSync, realpathSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { systemClock } from '../kit/index.ts'
import { runCli } from './program.ts'

const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-env-cli-')))
after(() => rmSync(root, { recursive: true }))
let count = 0
let cwd = ''

beforeEach(() => {
  cwd = path.join(root, String(count++))
  write('data/node-1/wallet.db', 'clean')
})

function write(file: string, text: string): void {
  const where = path.join(cwd, file)
  mkdirSync(path.dirname(where), { recursive: true })
  writeFileSync(where, text)
}

interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** One command beside the live directory. */
async function holdfast(line: string | readonly string[], typed?: string): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1' }
  const terminal = fakeTerminal({ cwd, env, clock: systemClock, ...(typed === undefined ? {} : { columns: 100 }) })
  if (typed !== undefined) terminal.type(typed)
  const exit = await runCli(typeof line === 'string' ? line.split(' ') : line, terminal.host)
  return { exit, out: terminal.out(), err: terminal.err() }
}

const copied = '[env.stage]\npath = "data"\nmode = "filesystem"\ncopier = "builtin"\n'
const recreate = '[env.stage]\npath = "data"\nmode = "recreate"\ncleanup = "rm -f data/node-1/* && printf clean > data/node-1/wallet.db"\n'

describe('an environment', () => {
  test('is kept, shown, given back and deleted', async () => {
    write('holdfast.toml', recreate)
    const created = await holdfast('env create')
    assert.deepEqual([created.exit, created.err], [0, ''])
    assert.match(created.out, /^snapshot clean_state of stage\n {2}2 entries, 5 B.*; recreate in /)
    assert.match((await holdfast('env list')).out, /stage {2}clean_state {2}recreate .* never/)
    assert.match((await holdfast('env status')).out, /mode +recreate\n.*\n +restored +never/)
    write('data/node-1/log', 'dirty')
    const restored = await holdfast('env restore stage')
    assert.deepEqual([restored.exit, restored.out.split('\n')[0]], [0, 'stage is clean_state again'])
    assert.equal(existsSync(path.join(cwd, 'data/node-1/log')), false)
    assert.match((await holdfast('env show')).out, /last used +20/)
    assert.equal((await holdfast('env delete clean_state --yes')).exit, 0)
    assert.match((await holdfast('env list')).out, /there are no snapshots; make one/)
  })

  test('tells a script the same as JSON', async () => {
    write('holdfast.toml', recreate)
    await holdfast('env create --snapshot one')
    const { snapshots } = (JSON.parse((await holdfast('env list --json')).out) as { result: { environments: { snapshots: unknown[] }[] } })
      .result.environments[0]!
    assert.deepEqual(
      snapshots
        .map((each) => each as { name: string; mode: string; inUse: boolean })
        .map(({ name, mode, inUse }) => ({ name, mode, inUse })),
      [{ name: 'one', mode: 'recreate', inUse: false }],
    )
  })

  test('is asked for by name where there are several', async () => {
    write('holdfast.toml', `${recreate}[env.other]\npath = "other"\nmode = "recreate"\ncleanup = "true"\n`)
    const asked = await holdfast('env create')
    assert.equal(asked.exit, 2)
    assert.match(asked.err, /which environment\? .*holdfast\.toml has: other, stage/)
    assert.match((await holdfast('env create stag')).err, /there is no environment "stag"\n.*choose one of: other, stage/)
  })

  test('is not said to be checked, or given back, where nothing is kept', async () => {
    write('holdfast.toml', recreate)
    await holdfast('env create')
    assert.equal(
      (await holdfast('env verify')).out,
      'clean_state of stage: it is a marker only and keeps no files: there is nothing to read\n',
    )
    write('holdfast.toml', '[env.stage]\npath = "data"\nmode = "disabled"\n')
    const restored = await holdfast('env restore')
    assert.deepEqual([restored.exit, restored.out], [0, 'stage was left as it is: its mode is disabled\n'])
  })

  test('does not hold its own configuration, which a restore would take back too', async () => {
    write('holdfast.toml', '[env.stage]\npath = "."\nmode = "filesystem"\n')
    const created = await holdfast('env create')
    assert.deepEqual([created.exit, /holds its own configuration/.test(created.err)], [2, true])
    assert.equal(existsSync(path.join(path.dirname(cwd), `.${path.basename(cwd)}.snapshots`)), false)
  })

  test('is named by the first word, a snapshot by the next; the first is left out where there is one, and options leave no doubt', async () => {
    write('holdfast.toml', copied)
    const made = async (line: string) => {
      const { exit, out, err } = await holdfast(line)
      assert.equal(exit, 0, `${line}: ${err}`)
      return /snapshot (\S+) of (\S+)/.exec(out)?.slice(1).join(' ')
    }
    assert.equal(await made('env create'), 'clean_state stage')
    assert.equal(await made('env create one'), 'one stage')
    assert.equal(await made('env create stage two'), 'two stage')
    assert.equal(await made('env create --env stage --snapshot stage'), 'stage stage')
    const lines = ['restore', 'show', 'verify', 'push', 'clone -n 1 --to {}', 'pull --replace', 'delete --yes']
    for (const [index, line] of lines.entries()) {
      for (const words of ['one', 'stage two', '--snapshot stage'] as const) {
        const [verb, ...options] = line.replace('{}', `copies-${index}-${words.length}`).split(' ')
        const { exit, out, err } = await holdfast(['env', verb!, ...words.split(' '), ...options, '--json'])
        assert.equal(exit, 0, `${line} ${words}: ${err}`)
        const { result } = JSON.parse(out) as { result: Record<string, unknown> }
        assert.equal(result['snapshot'] ?? result['name'], words.split(' ').at(-1), `${line} ${words}`)
      }
    }
    for (const words of ['live clean_state', 'stage live clean_state', 'clean_state']) {
      assert.equal((await holdfast(`env diff ${words}`)).exit, 0, words)
    }
    for (const [line, message] of [
      ['env restore one two', /there is no environment "one"/],
      ['env restore one --snapshot two', /the snapshot is named twice: two and one/],
      ['env status stage --env stage', /the environment is named twice/],
      ['env delete stage --yes', /which snapshot of stage\?/],
      ['env cleanup one', /there is no environment "one"/],
    ] as const) {
      const { exit, err } = await holdfast(line)
      assert.equal(exit, 2, `${line}: ${err}`)
      assert.match(err, message)
    }
  })

  test('with a damaged snapshot does not say that there are none, and names it', async () => {
    write('holdfast.toml', copied)
    await holdfast('env create')
    write('.data.snapshots/clean_state.meta.json', 'not JSON')
    const { out } = await holdfast('env status')
    assert.match(
      out,
      /snapshots +none that can be given back\n +damaged +clean_state: .*holdfast env create stage --snapshot clean_state --replace/,
    )
    const list = (await holdfast('env list')).out
    assert.match(
      list,
      /^no snapshot can be given back; make one: holdfast env create stage --replace\nstage: clean_state is never given back: /,
    )
    assert.equal((await holdfast('env create')).exit, 8)
    assert.equal((await holdfast('env create --replace')).exit, 0)
    assert.equal((await holdfast('env restore')).exit, 0)
  })

  test('whose relative path leads out of its project is refused; one that is written whole may lie anywhere', async () => {
    mkdirSync(path.join(root, 'elsewhere/data'), { recursive: true })
    write('project/holdfast.toml', '[env.stage]\npath = "../data"\nmode = "filesystem"\ncopier = "builtin"\n')
    const refused = await holdfast('env create --config project/holdfast.toml')
    assert.equal(refused.exit, 2)
    assert.match(refused.err, /lies outside of .*project\n(.*\n)*.*write the whole path where another place is meant/)
    symlinkSync(path.join(root, 'elsewhere'), path.join(cwd, 'project/cache'))
    write('project/holdfast.toml', '[env.stage]\npath = "cache/data"\nmode = "filesystem"\ncopier = "builtin"\n')
    assert.match((await holdfast('env create --config project/holdfast.toml')).err, /lies outside of/)
    write(
      'project/holdfast.toml',
      `[env.stage]\npath = ${JSON.stringify(path.join(cwd, 'data'))}\nmode = "filesystem"\ncopier = "builtin"\n`,
    )
    assert.equal((await holdfast('env create --config project/holdfast.toml')).exit, 0)
  })

  test('tells what a restore took in itself and as a whole command, and why auto took a mode once', async () => {
    write('holdfast.toml', '[env.stage]\npath = "data"\nmode = "auto"\n')
    const made = await holdfast('env create')
    assert.equal(`${made.out}${made.err}`.match(/a restore, and [\d.]+ times the suite/g)?.length, 1, made.err)
    assert.match(made.out, / in [\d.]+ m?s \(the whole command: 321 ms\)/)
    assert.match((await holdfast('env restore')).out, /, [\d.]+ m?s \(the whole command: 321 ms\)/)
    await holdfast('env stop')
  })

  test('says what to write where none is configured', async () => {
    const none = await holdfast('env restore')
    assert.equal(none.exit, 2)
    assert.match(none.err, /no environment is configured\n.*holdfast init/)
  })

  test('keeps a snapshot where deleting it was not agreed to', async () => {
    write('holdfast.toml', recreate)
    await holdfast('env create')
    assert.equal((await holdfast('env delete clean_state', 'n')).exit, 130)
    assert.equal((await holdfast('env delete clean_state', 'y')).exit, 0)
    assert.equal((await holdfast('env delete clean_state --yes')).exit, 4)
  })

  test('has unusual settings told with the place in the file', async () => {
    write('holdfast.toml', '[env.stage]\npath = "data"\nmode = "zfs"\n')
    const wrong = await holdfast('env create')
    assert.equal(wrong.exit, 2)
    assert.match(wrong.err, /holdfast\.toml:3:8: env\.stage\.mode: expected one of "auto", "disabled"/)
  })
})

describe('trying modes side by side', () => {
  test('tells what each costs, and leaves the environment and everything around it alone', async () => {
    write('holdfast.toml', '[env.stage]\npath = "data"\n')
    const before = globSync('**', { cwd })
    const tried = await holdfast('env bench --modes store,filesystem --rounds 1 --json')
    assert.equal(tried.exit, 0, tried.err)
    const { rows, entries } = (JSON.parse(tried.out) as { result: { entries: number; rows: Record<string, unknown>[] } }).result
    assert.equal(entries, 2)
    assert.deepEqual(rows.map(({ mode, works }) => [mode, works]).slice(0, 1), [['plain', true]])
    const store = rows.find(({ mode }) => mode === 'store')
    assert.deepEqual([store?.['works'], typeof store?.['restore'], typeof store?.['slowdown']], [true, 'number', 'number'])
    assert.deepEqual(
      globSync('**', { cwd }).filter((file) => !file.startsWith('home')),
      before,
    )
  })

  test('plays no suite of a line that fails, and says how it ended', async () => {
    write('holdfast.toml', '[env.stage]\npath = "data"\n')
    const tried = await holdfast(['env', 'bench', '--modes', 'store', '--suite', 'echo lost in $PWD; exit 3'])
    assert.equal(tried.exit, 2)
    assert.match(tried.err, /the suite ended with status 3:\nlost in .*holdfast-env-cli-\w+\/\d+\n/)
    assert.equal((await holdfast('env bench --modes recreate')).exit, 2)
  })
})
