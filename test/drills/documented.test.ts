import assert from 'node:assert/strict'
import { existsSync, globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { documentedDrills } from './drill.ts'

const root = path.resolve(import.meta.dirname, '../..')

test('every drill of docs/operations.md is walked by a test, and every test walks one', () => {
  const files = globSync(path.join(import.meta.dirname, '*.test.ts'))
  const walked = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/^drill\(\s*'([^']+)'/gm)].map(([, title]) => title!))
  assert.deepEqual(walked.toSorted(), [...documentedDrills().keys()].toSorted())
})

test('what docs/operations.md names as shown by a test is one', () => {
  const text = readFileSync(path.join(root, 'docs/operations.md'), 'utf8')
  const named = [...text.matchAll(/`((?:src|test)\/[\w./-]+)`/g)].map(([, file]) => file!)
  assert.ok(named.length > 50)
  assert.deepEqual(
    [...new Set(named)].filter((file) => !existsSync(path.join(root, file))),
    [],
  )
})
