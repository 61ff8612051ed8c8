import assert from 'node:assert/strict'
import { test } from 'node:test'
import { publishedFile } from '../../../test/fakes/index-records.ts'
import { oldVersions } from './retention.ts'

test('the newest versions stay, in the order of PEP 440 and not of their upload', () => {
  const files = ['7.0.0rc20250115', '7.0.0', '7.0.0rc20250114', '6.4.1', '7.0.0.dev3'].map((version, day) =>
    publishedFile(`rocm-${version}-py3-none-any.whl`, { version, uploaded: `2025-02-0${day + 1}T00:00:00Z` }),
  )
  assert.deepEqual(
    oldVersions(files, 2).map(({ version }) => version),
    ['6.4.1', '7.0.0.dev3', '7.0.0rc20250114'],
  )
  assert.deepEqual(oldVersions(files, 5), [])
})

test('a version goes whole, into the month of its newest upload', () => {
  const files = [
    publishedFile('torch-1.0-cp311-cp311-linux_x86_64.whl', { version: '1.0', uploaded: '2024-12-31T23:59:59Z' }),
    publishedFile('torch-1.0.0-cp312-cp312-linux_x86_64.whl', { version: '1.0.0', uploaded: '2025-01-01T00:00:00Z' }),
    publishedFile('torch-2.0-cp312-cp312-linux_x86_64.whl', { version: '2.0' }),
  ]
  assert.deepEqual(
    oldVersions(files, 1).map(({ month, files: own }) => [month, own.length]),
    [['2025-01', 2]],
  )
})
