import type { TestContext } from 'node:test'
import { DeleteObjectCommand, ListObjectVersionsCommand, S3Client } from '@aws-sdk/client-s3'
import { systemClock } from '../../src/kit/index.ts'
import type { IndexContext } from '../../src/python-index/index.ts'
import { createMeter, createS3Store, type Meter, type ObjectStore, retryingStore } from '../../src/store/index.ts'
import { type IndexDesk, indexDesk } from '../fakes/index-desk.ts'
import { s3ForTests, type S3Server } from '../services/index.ts'

export interface Shop {
  readonly desk: IndexDesk
  readonly context: IndexContext
  readonly server: S3Server
  readonly bucket: string
  readonly store: ObjectStore
  /** Requests to the server. */
  readonly meter: Meter
}

/** An index in buckets of a real S3 server; undefined after the test was skipped. */
export async function openShop(
  t: TestContext,
  options: { readonly prefixes: readonly string[]; readonly versioned?: boolean },
): Promise<Shop | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const meter = createMeter()
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const open = (bucket: string) => {
    const store = createS3Store({ endpoint, region, accessKeyId, secretAccessKey, bucket, env: {}, meter })
    t.after(() => store.close())
    return retryingStore(store, { clock: systemClock, random: Math.random, attempts: 5, base: 50, cap: 1000 })
  }
  const bucket = await server.newBucket({ versioned: options.versioned === true })
  const store = open(await server.newBucket())
  const desk = indexDesk({ environment: { prefixes: options.prefixes }, store, bucket: open(bucket), random: Math.random })
  return { desk, context: { ...desk.context, clock: systemClock }, server, bucket, store, meter }
}

/** As its owner brings an object back: the delete marker is deleted. */
export async function undelete(server: S3Server, Bucket: string, Key: string): Promise<void> {
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const client = new S3Client({ endpoint, region, forcePathStyle: true, credentials: { accessKeyId, secretAccessKey } })
  try {
    const { DeleteMarkers = [] } = await client.send(new ListObjectVersionsCommand({ Bucket, Prefix: Key }))
    for (const marker of DeleteMarkers) {
      if (marker.Key === Key && marker.IsLatest === true)
        await client.send(new DeleteObjectCommand({ Bucket, Key, VersionId: marker.VersionId }))
    }
  } finally {
    client.destroy()
  }
}
