import assert from 'node:assert/strict'
import { hash } from 'node:crypto'
import { test } from 'node:test'
import { buildWheel } from '../../../test/fakes/distributions.ts'
import { indexDesk } from '../../../test/fakes/index-desk.ts'
import { bytesOf } from '../../kit/index.ts'
import { ensureCompanion } from './companion.ts'
import { emptyScan, groupOf } from './scan.ts'

const { file, bytes, metadata, metadataDigest } = buildWheel({ name: 'foo', version: '1.0' })
const key = `v2/${file}.metadata`

async function spentOn(etag: string, known: Uint8Array | undefined) {
  const { context, bucket, bucketMeter } = indexDesk()
  await bucket.put(`v2/${file}`, bytesOf(bytes))
  const { size } = await bucket.put(key, bytesOf('Name: lies'))
  const group = groupOf(emptyScan('v2'), 'foo')
  group.companions.set(file, { name: `${file}.metadata`, size, etag })
  const wheel = await bucket.head(`v2/${file}`)
  const written: string[] = []
  const companion = { prefix: 'v2', group, dryRun: false, onWritten: (name: string) => void written.push(name) }
  const published = {
    kind: 'wheel' as const,
    name: file,
    version: '1.0',
    size: bytes.byteLength,
    etag: wheel!.etag,
    uploaded: '2025-01-01T00:00:00Z',
  }
  await ensureCompanion(context, companion, { ...published, metadata: metadataDigest }, known, undefined)
  const { get, put } = bucketMeter.snapshot().operations
  return { get, put, written, isChecked: group.checked.has(file) }
}

test('an etag that is the MD5 of the right METADATA proves it without a request', async () => {
  const spent = await spentOn(`"${hash('md5', metadata)}"`, metadata)
  assert.deepEqual(spent, { get: 0, put: 0, written: [], isChecked: true })
})

test('any other etag proves nothing: what stands there is compared, and replaced', async () => {
  for (const etag of [`"${hash('md5', 'Name: lies')}"`, `"${hash('md5', metadata)}-1"`, hash('md5', metadata)]) {
    const { put, written } = await spentOn(etag, metadata)
    assert.deepEqual([put, written], [1, [key]])
  }
})
