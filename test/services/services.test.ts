import assert from 'node:assert/strict'
import { test } from 'node:test'
import { s3ForTests } from './index.ts'

test('the S3 server of the tests answers and makes buckets', async (t) => {
  const s3 = await s3ForTests(t)
  if (s3 === undefined) return
  const bucket = await s3.newBucket()
  const { status } = await fetch(`${s3.endpoint}/${bucket}?list-type=2`)
  assert.equal(status, 403, 'a new bucket is private')
  await (await fetch(s3.endpoint)).arrayBuffer()
})
