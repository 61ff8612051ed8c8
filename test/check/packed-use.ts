/** An installed package at work: every file of it loads, every group of commands runs, threads start, and test suites get their environments. */
import { appendFileSync, globSync, mkdirSync, writeFileSync } from 'node:fs'
import { randomBytes } from 'node:crypto'
import path from 'node:path'

export interface Said {
  readonly stdout: string
  readonly stderr: string
}

type Run = (command: readonly [string, ...string[]], cwd: string, variables?: NodeJS.ProcessEnv) => Said

const config = `
[store]
url = "file:./store"
[release.library]
artifact = "live/data"
variants = { only = {} }
[env.stage]
path = "live"
mode = "filesystem"
copier = "builtin"
[runs]
root = "experiments"
`

const suite = `
import assert from 'node:assert/strict'
import { readFileSync, writeFileSync } from 'node:fs'
import { test } from 'node:test'
import { restoreBeforeSuite } from 'holdfast/environments/node-test'
restoreBeforeSuite()
test('is clean', () => {
  assert.equal(readFileSync('live/state', 'utf8'), 'clean')
  writeFileSync('live/state', 'dirty')
})
`

const client = `
from holdfast import Environment
stage = Environment("stage")
stage.restore()
assert open("live/state").read() == "clean"
assert [snapshot["name"] for snapshot in stage.list()] == ["clean_state"]
`

const sameClass = `
import assert from 'node:assert/strict'
import { Fault } from 'holdfast/kit'
import { parseStoreUrl } from 'holdfast/store'
assert.throws(() => parseStoreUrl('gopher://x', '/'), Fault)
`

/** `folder` has the package in its node_modules. */
export function usePackage(folder: string, run: Run): void {
  const node = path.join(folder, 'node_modules/.bin/node')
  const work = path.join(folder, 'work')
  const holdfast = (words: string, variables?: NodeJS.ProcessEnv) =>
    run([path.join(folder, 'node_modules/.bin/holdfast'), ...words.split(' ')], work, { HOME: work, ...variables })
  const script = (name: string, text: string) => {
    writeFileSync(path.join(work, name), text)
    return name
  }

  layOut(work)
  run([node, script('load.mjs', importsOf(path.join(folder, 'node_modules/holdfast/dist')))], work)
  run([node, script('same.mjs', sameClass)], work)
  for (const group of groupsIn(holdfast('--help').stdout)) holdfast(`${group} --help`)
  holdfast('completion bash')
  holdfast('release create library --variant only --no-build --yes')
  holdfast('generate-manifest')
  holdfast('runs sync file:experiments --to synced')
  expectThread('chunks/ingest/thread.js', holdfast('snapshot create live', { NODE_DEBUG: 'worker' }))
  expectThread('chunks/hands/thread.js', holdfast('snapshot restore latest --to again', { NODE_DEBUG: 'worker' }))
  holdfast('store verify --read-data')
  holdfast('env create')
  appendFileSync(path.join(work, 'live/data'), 'dirty')
  expectThread('environments/trees/patch-thread.js', holdfast('env restore --checksum', { NODE_DEBUG: 'worker' }))
  for (let time = 0; time < 2; time += 1) run([node, '--test', script('suite.test.mjs', suite)], work)
  run(['python3', script('client.py', client)], work, { PYTHONPATH: path.join(folder, 'node_modules/holdfast/clients/python/src') })
}

function layOut(work: string): void {
  const run = path.join(work, 'experiments/project/first/runs/20260101_000000_abc123')
  for (const each of [path.join(work, 'live'), run]) mkdirSync(each, { recursive: true })
  writeFileSync(path.join(work, 'holdfast.toml'), config)
  writeFileSync(path.join(work, 'live/state'), 'clean')
  // More than what is worked on without threads.
  for (let piece = 0; piece < 12; piece += 1) appendFileSync(path.join(work, 'live/data'), randomBytes(8 << 20))
  writeFileSync(path.join(run, 'meta.json'), '{}')
}

/** All but what does something of itself. */
function importsOf(dist: string): string {
  const files = globSync('**/*.js', { cwd: dist, exclude: ['cli/main.js', '**/*thread.js', 'web/**'] })
  return files.map((file) => `await import(${JSON.stringify(path.join(dist, file))})`).join('\n')
}

/** The first words of the lines in the help that describe a command. */
function groupsIn(help: string): string[] {
  const lists = help.slice(help.indexOf('Capabilities:'), help.indexOf('Examples:'))
  return [...lists.matchAll(/^ {2}([a-z-]+)(?= )/gm)].map((line) => line[1]!)
}

function expectThread(file: string, { stderr }: Said): void {
  if (!stderr.includes(file)) throw new Error(`no thread was started from ${file}:\n${stderr}`)
}
