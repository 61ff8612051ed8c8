import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { faultCodes } from '../kit/index.ts'
import { exitCodesPage, exitTable } from './exit.ts'

test('docs/exit-codes.md is the table of the code', () => {
  assert.equal(
    readFileSync(new URL('../../docs/exit-codes.md', import.meta.url), 'utf8'),
    exitCodesPage(),
    'write the file anew from exitCodesPage()',
  )
})

test('every fault code has its exit status in the table', () => {
  for (const [code, { exit }] of Object.entries(faultCodes)) {
    assert.ok(
      exitTable()
        .find((row) => row.exit === exit)
        ?.codes.includes(code),
      code,
    )
  }
})
