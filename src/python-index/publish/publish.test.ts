import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf } from '../../kit/index.ts'
import { buildSdist, buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { publish } from './publish.ts'

test('what the bucket holds is published, what is wrong with it is told, and the second time nothing is written', async () => {
  const desk = indexDesk()
  const wheel = buildWheel({ name: 'Foo.Bar', version: '1.0', requires: ['numpy'] })
  const bad = buildWheel({ name: 'bad', version: '1.0', broken: 'no-zip' })
  const source = buildSdist({ name: 'src', version: '2' })
  for (const { file, bytes } of [wheel, bad, source]) await desk.bucket.put(`v2/${file}`, bytesOf(bytes))
  const [first] = (await publish(desk.context, { prefixes: ['v2'] })).prefixes
  assert.deepEqual(first?.filesAdded, [wheel.file, source.file])
  assert.deepEqual(
    first?.refused.map(({ name }) => name),
    [bad.file],
  )
  assert.equal(first?.written.length, 7)
  const { put } = desk.spent()
  const again = await publish(desk.context, { prefixes: ['v2'] })
  assert.equal(again.hasMoved, false)
  assert.deepEqual(again.prefixes[0]?.written, [])
  assert.equal(desk.spent().put, put)
})
