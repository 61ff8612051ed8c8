import assert from 'node:assert/strict'
import { test } from 'node:test'
import { digestOf, isDigest } from '../../kit/index.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { rowSum } from './sum.ts'

const row = (index: number) => ({ name: `file-${index}`, size: index, etag: `"${index}"` })

test('a sum does not depend on the order of its rows, and each part of a row counts', () => {
  const sum = (...rows: { name: string; size: number; etag: string }[]) => rows.reduce((all, each) => all.addRow(each), rowSum()).digest()
  assert.equal(sum(row(1), row(2), row(3)), sum(row(3), row(1), row(2)))
  const others = [
    { ...row(1), name: 'other' },
    { ...row(1), size: 7 },
    { ...row(1), etag: 'other' },
    { name: '1', size: 1, etag: '"file-1"' },
  ]
  assert.equal(new Set([sum(), ...[row(1), ...others].map((each) => sum(each)), sum(row(1), row(1))]).size, 7)
  assert.notEqual(rowSum(digestOf('one rule')).digest(), rowSum(digestOf('another')).digest())
})

test('rows and sums can be put in and taken out in any order', () => {
  const random = seededRandom(testSeed)
  for (let run = 0; run < 200; run++) {
    const [kept, gone] = [0, 1000].map((start) => Array.from({ length: Math.floor(random() * 20) }, (_, index) => row(start + index)))
    const wanted = rowSum()
    for (const each of kept!) wanted.addRow(each)
    const taken = rowSum()
    for (const each of gone!) taken.addRow(each)
    const sum = rowSum()
    if (random() < 0.5) sum.take(taken.digest())
    else for (const each of gone!) sum.takeRow(each)
    sum.add(wanted.digest())
    for (const each of gone!) sum.addRow(each)
    assert.equal(sum.digest(), wanted.digest(), `HOLDFAST_TEST_SEED=${testSeed}`)
    assert.ok(isDigest(sum.digest()))
  }
})
