import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { before, describe, test } from 'node:test'
import { parseAllDocuments } from 'yaml'
import { packStandIn } from '../fakes/packed-stand-in.ts'
import { scratchDirectory } from '../fakes/scratch.ts'

const root = path.resolve(import.meta.dirname, '../..')
const folder = path.join(root, 'deploy/gitlab')
const scratch = scratchDirectory()

const settings = `[store]
url = "file:./store"
[release.rcclx]
artifact = "lib.a"
variant_flag = "variant"
variants = { "6.2" = {}, "6.4" = {} }
[[job]]
run = "store verify"
every = "1h"
`

/** A project of GitLab whose pipeline is the example. */
function newProject(change: (pipeline: string) => string = (pipeline) => pipeline): string {
  const project = mkdtempSync(path.join(scratch, 'project-'))
  mkdirSync(path.join(project, 'deploy'))
  cpSync(folder, path.join(project, 'deploy/gitlab'), { recursive: true })
  writeFileSync(path.join(project, '.gitlab-ci.yml'), change(readFileSync(path.join(folder, 'example.gitlab-ci.yml'), 'utf8')))
  writeFileSync(path.join(project, 'holdfast.toml'), settings)
  writeFileSync(path.join(project, 'Makefile'), 'rcclx:\n\techo library >lib.a\n')
  for (const words of [
    ['init', '-q'],
    ['add', '-A'],
    ['-c', 'user.name=a', '-c', 'user.email=a@b', 'commit', '-qm', 'first'],
  ])
    assert.equal(spawnSync('git', words, { cwd: project }).status, 0)
  return project
}

/** gitlab-ci-local checks the pipeline against GitLab's schema, puts everything in its place, and runs jobs in this machine's shell. */
function pipeline(project: string, ...words: readonly string[]): { status: number | null; log: string } {
  const program = path.join(root, 'node_modules/gitlab-ci-local/dist/index.js')
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, '--force-shell-executor', ...words], {
    cwd: project,
    encoding: 'utf8',
    env: { PATH: process.env['PATH'], HOME: scratch },
  })
  return { status, log: stdout + stderr }
}

describe('the template of GitLab', () => {
  let tarball: string
  before(() => {
    tarball = packStandIn(scratch)
  })

  test('holds to GitLab’s schema, and the check is a real one', () => {
    const { status, log } = pipeline(newProject(), '--preview')
    assert.equal(status, 0, log)
    assert.match(log, /json schema validated/)
    const wrong = newProject((text) => text.replace('environment: production', 'enviroment: production\n  retry: many'))
    assert.notEqual(pipeline(wrong, '--preview').status, 0)
  })

  test('is read without a warning', () => {
    for (const name of readdirSync(folder)) {
      for (const { errors, warnings } of parseAllDocuments(readFileSync(path.join(folder, name), 'utf8'), { customTags: [reference] }))
        assert.deepEqual([errors, warnings], [[], []], name)
    }
  })

  test('has inputs in variables alone, never in the text of a script', () => {
    const lines = readFileSync(path.join(folder, 'holdfast.gitlab-ci.yml'), 'utf8').split('\n')
    const used = lines.filter((line) => line.includes('$[['))
    assert.equal(used.length, 5)
    for (const line of used) assert.match(line, /^ +(HF_PACKAGE|HF_ROLE|stage|image|aud): /)
  })

  test('releases both variants, promotes one of them, and runs the jobs that are due, each in a real shell', () => {
    const project = newProject()
    const given = ['--variable', `TARBALL_OF_HOLDFAST=${tarball}`]
    const released = pipeline(project, ...given, 'release')
    assert.equal(released.status, 0, released.log)
    assert.match(released.log, /staging of rcclx 6\.2 is now/)
    assert.match(released.log, /staging of rcclx 6\.4 is now/)
    assert.doesNotMatch(released.log, /warning: HF_|warning: HOLDFAST_/, 'its variables are none of holdfast’s own')
    const again = pipeline(project, ...given, 'release')
    assert.equal(again.status, 0, again.log)
    assert.match(again.log, /WARN +release/, 'nothing to do is a warning')
    const promoted = pipeline(project, ...given, 'promote')
    assert.equal(promoted.status, 0, promoted.log)
    assert.match(promoted.log, /stable of rcclx 6\.4 is now/)
    const due = pipeline(
      project,
      ...given,
      '--ignore-predefined-vars',
      'CI_PIPELINE_SOURCE',
      '--variable',
      'CI_PIPELINE_SOURCE=schedule',
      'jobs-that-are-due',
    )
    assert.equal(due.status, 0, due.log)
    assert.match(due.log, /1 done, 0 failed/)
  })

  test('refuses a package that is none, and runs nothing that is in its name', () => {
    const project = newProject()
    for (const wrong of ['--global', './gone.tgz', 'x; touch run-by-the-shell', '$(touch run-by-the-shell)']) {
      const { status, log } = pipeline(project, '--variable', `TARBALL_OF_HOLDFAST=${wrong}`, 'promote')
      assert.notEqual(status, 0, log)
      assert.match(log, /not a package|is neither a file/)
    }
    assert.deepEqual(
      readdirSync(project).filter((name) => name.startsWith('run-by')),
      [],
    )
  })

  test('leaves the job’s token to the SDK of AWS in a file of its own, and out of every environment', () => {
    const project = newProject(
      (text) => `${text}
look:
  extends: .holdfast
  script:
    - cp -p "$AWS_WEB_IDENTITY_TOKEN_FILE" token && env >seen
`,
    )
    const { status, log } = pipeline(
      project,
      '--variable',
      `TARBALL_OF_HOLDFAST=${tarball}`,
      '--variable',
      'HF_ID_TOKEN=very-secret',
      'look',
    )
    assert.equal(status, 0, log)
    assert.equal(statSync(path.join(project, 'token')).mode & 0o777, 0o600)
    assert.equal(readFileSync(path.join(project, 'token'), 'utf8'), 'very-secret')
    const seen = readFileSync(path.join(project, 'seen'), 'utf8')
    assert.match(seen, /^AWS_ROLE_ARN=arn:aws:iam::123456789012:role\/holdfast$/m)
    assert.doesNotMatch(seen, /very-secret/)
  })
})

const reference = { tag: '!reference', collection: 'seq' as const, resolve: (each: unknown) => each }
