/** Reads every key that a file names from a bucket, so many at once, and keeps nothing: `node plain-download.ts BUCKET FILE WIDTH`. */
import { readFileSync } from 'node:fs'
import type { Readable } from 'node:stream'
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { forEachBounded } from '../../src/kit/index.ts'

const [Bucket, file, width] = process.argv.slice(2)
const client = new S3Client({
  endpoint: process.env['ENDPOINT']!,
  region: 'us-east-1',
  forcePathStyle: true,
  requestHandler: { httpAgent: { maxSockets: Infinity } },
  responseChecksumValidation: 'WHEN_REQUIRED',
})
let bytes = 0
await forEachBounded(readFileSync(file!, 'utf8').trim().split('\n'), Number(width), async (Key) => {
  const { Body } = await client.send(new GetObjectCommand({ Bucket, Key }))
  for await (const piece of Body as Readable) bytes += (piece as Uint8Array).byteLength
})
console.log(bytes)
