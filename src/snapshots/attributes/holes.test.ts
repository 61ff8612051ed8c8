import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, readFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { clearRange } from './index.ts'

test('a hole that reaches the end of a file takes its last block too, which is not full', () => {
  const directory = scratchDirectory()
  const fd = openSync(path.join(directory, 'file'), 'w+')
  writeSync(fd, Buffer.alloc(300_000, 1))
  assert.equal(clearRange(fd, { offset: 8192, length: 300_000 - 8192 }), 'hole')
  const { size, blocks } = fstatSync(fd)
  assert.deepEqual([size, blocks * 512 <= 8192], [300_000, true])
  closeSync(fd)
  const bytes = readFileSync(path.join(directory, 'file'))
  assert.ok(bytes.every((byte, index) => byte === (index < 8192 ? 1 : 0)))
})
