import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { validateAction, validateWorkflow } from '@action-validator/core'
import { parseDocument } from 'yaml'
import { type ActionJob, actionJob } from '../fakes/action-job.ts'
import { packStandIn } from '../fakes/packed-stand-in.ts'
import { scratchDirectory } from '../fakes/scratch.ts'

const folder = path.resolve(import.meta.dirname, '../../deploy/github-action')
const textOf = (name: string) => readFileSync(path.join(folder, name), 'utf8')
const scratch = scratchDirectory()

describe('the files of the action', () => {
  test('hold to what GitHub publishes about them', () => {
    assert.deepEqual(validateAction(textOf('action.yml')).errors, [])
    assert.deepEqual(validateWorkflow(textOf('example-workflow.yml')).errors, [])
    for (const name of ['action.yml', 'example-workflow.yml']) {
      const { errors, warnings } = parseDocument(textOf(name))
      assert.deepEqual([errors, warnings], [[], []])
    }
  })

  test('are really checked: a step without a shell, an unknown key of a job', () => {
    assert.notDeepEqual(validateAction(textOf('action.yml').replaceAll(/^ +shell: bash\n/gm, '')).errors, [])
    assert.notDeepEqual(validateWorkflow(textOf('example-workflow.yml').replaceAll('runs-on:', 'run-on:')).errors, [])
  })

  test('never make an input, or anything else that others write, part of a shell’s text', () => {
    for (const name of ['action.yml', 'example-workflow.yml']) {
      const shells = [...textOf(name).matchAll(/^ +(?:- )?run: (.*)$/gm)].map(([, text]) => text!)
      const ofShells = shells.filter((text) => /^(exec|make|echo)\b/.test(text))
      assert.ok(ofShells.length >= 2, name)
      for (const text of ofShells) assert.doesNotMatch(text, /\$\{\{/, name)
    }
  })
})

describe('a job that uses the action', () => {
  let job: ActionJob
  let tarball: string

  before(() => {
    tarball = packStandIn(scratch)
    job = actionJob(scratch, folder)
    writeFileSync(
      path.join(job.workspace, 'holdfast.toml'),
      '[store]\nurl = "file:./store"\n[release.lib]\nartifact = "lib.a"\nvariant_flag = "variant"\nvariants = { "1" = {} }\n',
    )
    writeFileSync(path.join(job.workspace, 'lib.a'), 'first')
  })

  test('has holdfast on its path, of the version that it says', () => {
    const { status, outputs, path: folders, log } = job.use({ package: tarball })
    assert.equal(status, 0, log)
    assert.match(outputs['version']!, /^\d+\.\d+\.\d+/)
    assert.ok(existsSync(path.join(folders[0]!, 'holdfast')))
    assert.equal(outputs['exit-status'], '', 'nothing was run')
  })

  test('runs commands in their order and gives the last one’s document', () => {
    const { status, outputs, summary, log } = job.use({
      package: tarball,
      json: 'true',
      run: '# comes first\nrelease create lib --variant 1 --no-build --yes --message "it’s \\"good\\" $HOME `id`"\n\nrelease history lib --variant 1\n',
    })
    assert.equal(status, 0, log)
    assert.equal(outputs['exit-status'], '0')
    assert.match(outputs['result']!, /"it’s \\"good\\" \$HOME `id`"/, 'nothing is expanded')
    assert.equal((JSON.parse(outputs['result']!) as { command: string }).command, 'release history')
    assert.match(summary, /✅ holdfast release create\*\*\n\n````?text\n/)
  })

  test('fails with the exit status of the command, its fault an annotation, and runs no more', () => {
    const { status, outputs, annotations, summary } = job.use({
      package: tarball,
      run: 'release promote lib --variant 1 --from staging --yes\nrelease rollback lib --variant 1 --yes',
    })
    assert.equal(status, Number(outputs['exit-status']))
    assert.notEqual(status, 0)
    assert.deepEqual(
      annotations.map(({ title }) => title),
      [`holdfast release promote ended with ${status}`],
    )
    assert.match(annotations[0]!.text, /^error: .*\n[^]*next: /)
    assert.match(summary, /❌ holdfast release promote/)
    assert.doesNotMatch(summary, /rollback lib/)
  })

  test('may have nothing to do, where it says so', () => {
    const run = 'release create lib --variant 1 --no-build --yes'
    assert.equal(job.use({ package: tarball, run }).status, 3)
    const allowed = job.use({ package: tarball, run, 'allow-nothing-to-do': 'true' })
    assert.deepEqual([allowed.status, allowed.outputs['exit-status'], allowed.annotations], [0, '3', []])
  })

  test('shows each problem of a configuration at its line', () => {
    mkdirSync(path.join(job.workspace, 'sub'), { recursive: true })
    writeFileSync(path.join(job.workspace, 'sub/holdfast.toml'), '[store]\nurl = "ftp://x"\nbogus = 1\n')
    const { status, annotations } = job.use({ package: tarball, run: 'release list', 'working-directory': 'sub' })
    assert.equal(status, 2)
    assert.deepEqual(
      annotations.map(({ file, line }) => [file, line]),
      [
        ['sub/holdfast.toml', '2'],
        ['sub/holdfast.toml', '3'],
      ],
    )
    assert.match(annotations[0]!.text, /expected a URL/)
  })

  test('is not told anything by what a command prints', () => {
    const other = actionJob(scratch, folder)
    writeFileSync(
      path.join(other.workspace, 'holdfast.toml'),
      `[store]\nurl = "file:./store"\n[release.lib]\nartifact = "lib.a"\nvariant_flag = "variant"\nvariants = { "1" = {} }
build = "echo '::error title=forged::by a build'; exit 1"\n`,
    )
    const { annotations, log, status } = other.use({ package: tarball, run: 'release create lib --variant 1 --yes' })
    assert.match(log, /::error title=forged/)
    assert.deepEqual([status, annotations.map(({ title }) => title)], [2, ['holdfast release create ended with 2']])
  })

  test('is refused in words where the package or a line is not right', () => {
    for (const wrong of ['--global', 'holdfast', './gone.tgz', 'http://example.com/x.tgz', 'a\nb@1']) {
      const { status, annotations } = job.use({ package: wrong })
      assert.deepEqual([status, annotations[0]?.title], [1, 'holdfast is not installed'], wrong)
    }
    const { status, annotations } = job.use({ package: tarball, run: 'release list\nrelease show "lib' })
    assert.deepEqual([status, annotations[0]?.text], [2, 'a quote is not closed: release show "lib'])
  })

  test('hands credentials to holdfast, and to no script of npm', () => {
    const spy = path.join(job.workspace, 'npm')
    mkdirSync(spy, { recursive: true })
    writeFileSync(path.join(spy, 'npm'), '#!/bin/sh\nenv >"$HOME/npm-env"\nexit 1\n', { mode: 0o755 })
    const another = actionJob(scratch, folder)
    const { status } = another.use({ package: tarball }, { PATH: `${spy}:${process.env['PATH']}`, AWS_SECRET_ACCESS_KEY: 'very secret' })
    assert.equal(status, 1)
    const given = readFileSync(path.join(another.workspace, '../npm-env'), 'utf8')
    assert.match(given, /^PATH=/m)
    assert.doesNotMatch(given, /secret/i)
    const { log } = job.use({ package: tarball, run: 'release list lib' }, { HOLDFAST_STORE_URL: 'file:./elsewhere' })
    assert.match(log, /has no releases yet/)
  })
})
