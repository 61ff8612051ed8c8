/** Small real wheels of about sixty packages, as one index has them, and their way into a bucket. */
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { DeleteObjectsCommand, paginateListObjectsV2, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { type Digest, forEachBounded, hexOf } from '../../src/kit/index.ts'
import { type BuiltDistribution, buildWheel } from '../../test/fakes/distributions.ts'
import type { S3Server } from '../../test/services/index.ts'

const families = [
  'gfx900',
  'gfx906',
  'gfx908',
  'gfx90X-dcgpu',
  'gfx101X-dgpu',
  'gfx103X-all',
  'gfx110X-all',
  'gfx1150',
  'gfx1151',
  'gfx120X-all',
  'gfx94X-dcgpu',
]
/** Of two folders with an index for each GPU family. */
export const prefixes = ['v2', 'v2-staging'].flatMap((top) => families.map((family) => `${top}/${family}`))

const packages = 60
const pythons = ['cp310', 'cp311', 'cp312', 'cp313']

export function packageName(at: number): string {
  const first = ['rocm', 'torch', 'jax', 'onnx', 'triton', 'numba'][at % 6]!
  return `${first}-${['core', 'libs', 'devel', 'vision', 'audio', 'text', 'runtime', 'tools', 'plugin', 'extras'][Math.floor(at / 6) % 10]!}`
}

/** The wheel of that number: one of four Pythons of one version of one of the packages; `size` bytes of it do not compress. */
export function wheelAt(at: number, size = 2000): BuiltDistribution {
  const python = pythons[Math.floor(at / packages) % pythons.length]!
  const name = packageName(at % packages)
  return buildWheel({
    name,
    version: `${1 + (at % 3)}.${Math.floor(at / packages / pythons.length)}.0`,
    tags: `${python}-${python}-manylinux_2_28_x86_64`,
    requires: ['filelock', `${packageName((at + 7) % packages)}>=1.0`, 'pytest; extra == "test"'],
    requiresPython: '>=3.10',
    extras: ['test'],
    fields: ['License: MIT', 'Keywords: gpu', 'Classifier: Programming Language :: Python :: 3', 'Description-Content-Type: text/markdown'],
    size,
  })
}

export interface Upload {
  readonly key: string
  readonly bytes: Uint8Array
  /** Is kept by the server beside the object. */
  readonly digest?: Digest | undefined
}

/** That many wheels shared out evenly over the prefixes; nine of ten with their METADATA beside them. */
export function* uploadsOf(count: number): Generator<Upload> {
  for (let at = 0; at * prefixes.length < count; at++) {
    const { file, bytes, digest, metadata, metadataDigest } = wheelAt(at)
    for (const prefix of prefixes.slice(0, count - at * prefixes.length)) {
      yield { key: `${prefix}/${file}`, bytes, digest }
      if (at % 10 !== 0) yield { key: `${prefix}/${file}.metadata`, bytes: metadata, digest: metadataDigest }
    }
  }
}

/** A bucket from the side of whoever fills it. */
export interface Filling {
  readonly bucket: string
  put(uploads: Iterable<Upload>): Promise<void>
  /** Deletes what the filter takes. */
  clear(takes: (key: string) => boolean): Promise<void>
  /** Requests that one listing of every prefix takes. */
  listingCost(): Promise<number>
}

export async function createFilling(server: S3Server): Promise<Filling> {
  const Bucket = await server.newBucket()
  const client = new S3Client({
    endpoint: server.endpoint,
    region: server.region,
    forcePathStyle: true,
    credentials: server,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  })
  return {
    bucket: Bucket,
    async put(uploads) {
      await forEachBounded(uploads, 32, async ({ key, bytes, digest }) => {
        const ChecksumSHA256 = digest === undefined ? undefined : Buffer.from(hexOf(digest), 'hex').toString('base64')
        await client.send(new PutObjectCommand({ Bucket, Key: key, Body: bytes, ChecksumSHA256 }))
      })
    },
    async clear(takes) {
      for await (const { Contents = [] } of paginateListObjectsV2({ client }, { Bucket })) {
        const Objects = Contents.flatMap(({ Key = '' }) => (takes(Key) ? [{ Key }] : []))
        if (Objects.length > 0) await client.send(new DeleteObjectsCommand({ Bucket, Delete: { Objects, Quiet: true } }))
      }
    },
    async listingCost() {
      let pages = 0
      for (const prefix of prefixes)
        pages += (await Array.fromAsync(paginateListObjectsV2({ client }, { Bucket, Prefix: `${prefix}/` }))).length
      return pages
    },
  }
}

/** The same in a folder. */
export function fillFolder(folder: string, uploads: Iterable<Upload>): void {
  for (const prefix of prefixes) mkdirSync(path.join(folder, prefix), { recursive: true })
  for (const { key, bytes } of uploads) writeFileSync(path.join(folder, key), bytes)
}
