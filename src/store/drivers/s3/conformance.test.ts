import { test } from 'node:test'
import { conformanceTests } from '../../../../test/conformance.ts'
import { findS3 } from '../../../../test/services/index.ts'
import { createS3Store } from './index.ts'

const found = await findS3()
if ('reason' in found) test('an S3 store keeps the promises of a store', { skip: found.reason })
else {
  const { server } = found
  const bucket = await server.newBucket()
  conformanceTests('an S3 store', async () => createS3Store({ ...server, bucket, env: {} }), {
    large: process.env['HOLDFAST_SOAK'] === '1',
    expectedSkips: { 'a key below or above another is refused, and says so': 'a bucket is flat: such keys live side by side' },
  })
}
