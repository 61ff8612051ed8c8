import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { loadConfig } from '../../config/index.ts'
import { wordsOf } from '../../daemon/index.ts'
import { splits, splitter } from './split.ts'

const cwd = mkdtempSync(path.join(scratchDirectory(), 'split-'))
writeFileSync(
  path.join(cwd, 'holdfast.toml'),
  '[index]\nbucket = "file:./wheels"\nprefixes = ["a", "b"]\n[index.dependencies.numpy]\nprojects = ["torch"]\ntarget = "deps"\n[index.env.dev]\nprefixes = ["only"]\n',
)
const config = await loadConfig({ cwd, env: {} })
const parts = async (line: string, answer: { exit: number; document?: unknown } = { exit: 0 }) => {
  const asked: string[] = []
  const lines = await splitter(() => config, { env: {} })(wordsOf(line), async (words) => {
    asked.push(words.join(' '))
    return answer
  })
  return { asked, lines: lines.map((words) => words.join(' ')) }
}

test('missing images are found by a dry run, and become a unit for each tag, with the same flags', async () => {
  const document = { result: { tags: [{ tag: 'one' }, { tag: 'two' }] } }
  const { asked, lines } = await parts('images sync --missing --force --limit 5', { exit: 0, document })
  assert.deepEqual(asked, ['images sync --missing --force --limit 5 --dry-run'])
  assert.deepEqual(lines, ['images sync --force --limit 5 one', 'images sync --force --limit 5 two'])
  assert.deepEqual((await parts('images sync --missing', { exit: 0, document: { result: { tags: [] } } })).lines, [])
})

test('what stops the dry run stops the unit, with its code', async () => {
  const document = { fault: { code: 'unavailable', message: 'GitHub does not answer' } }
  await faultOf(parts('images sync --missing', { exit: 10, document }), 'unavailable', /GitHub does not answer/)
})

test('a publication of all indexes becomes one of each, those below targets too', async () => {
  assert.deepEqual((await parts('index publish all --compute-sha256')).lines, [
    'index publish a --compute-sha256',
    'index publish a/deps --compute-sha256',
    'index publish b --compute-sha256',
    'index publish b/deps --compute-sha256',
  ])
  assert.deepEqual((await parts('index publish all --env dev')).lines, [
    'index publish only --env dev',
    'index publish only/deps --env dev',
  ])
})

test('a store that is read whole is read in parts, which together are all of it', async () => {
  for (const line of ['store verify --read-data', 'store verify --read-data=100%', 'store verify --read-data 100% --store file:./b']) {
    const { lines } = await parts(line)
    assert.equal(lines.length, 16)
    const rest = line.includes('--store') ? ' --store file:./b' : ''
    assert.deepEqual([lines[0], lines[15]], [`store verify --read-data=1/16${rest}`, `store verify --read-data=16/16${rest}`])
  }
})

test('what is one thing, only shown, or must not be done twice at once stays whole', () => {
  for (const line of [
    'images sync one',
    'images sync --missing --dry-run',
    'index publish a',
    'index publish all --auto-detect-prefixes',
    'index publish all --do-not-upload pages',
    'index mirror',
    'store verify',
    'store verify --read-data 5%',
    'store verify --read-data=3/16',
    'store verify --read-data --repair',
    'store verify --read-data --repair-from file:./b',
    'runs generate-manifest',
  ])
    assert.equal(splits(wordsOf(line)), false, line)
})
