import assert from 'node:assert/strict'
import { globSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { documentedDrills } from './drill.ts'

test('every drill of docs/operations.md is walked by a test, and every test walks one', () => {
  const files = globSync(path.join(import.meta.dirname, '*.test.ts'))
  const walked = files.flatMap((file) => [...readFileSync(file, 'utf8').matchAll(/^drill\('([^']+)'/gm)].map(([, title]) => title!))
  assert.deepEqual(walked.toSorted(), [...documentedDrills().keys()].toSorted())
})
