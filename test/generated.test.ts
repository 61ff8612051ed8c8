import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { configKeys } from '../src/config/index.ts'
import { generateFiles } from './check/generated.ts'

const root = path.resolve(import.meta.dirname, '..')

for (const { file, text } of generateFiles()) {
  test(`${file} is what the sources say now`, () => {
    const present = readFileSync(path.join(root, file), 'utf8')
    assert.ok(present === text, `${file} is old: run \`npm run generate\` and commit it`)
  })
}

test('every key of the configuration says what it means', () => {
  for (const { path: key, meaning } of configKeys())
    assert.match(meaning, /^[A-Z`].*\.$/, `${key.join('.')} needs a meaning that is a sentence`)
})
