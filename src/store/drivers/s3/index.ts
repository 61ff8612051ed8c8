/**
 * Objects in a bucket of Amazon S3 or of a server that speaks like it.
 *
 * Promises: what `store.ts` says; a key exists only after its bytes were checked, here and by the server; a bucket that
 * is missing is `invalid` and never an absent key. Whether conditional puts hold depends on the server: `prove` finds out.
 * Never does: try anything twice, follow a redirect to another host, send credentials anywhere but to the endpoint.
 */
import { checkKey, isFault, throwIfAborted } from '../../../kit/index.ts'
import type { Capabilities, ObjectStore } from '../../store.ts'
import { createS3Api } from './api.ts'
import { listKeys } from './list.ts'
import { createNear } from './near.ts'
import { putObject } from './put.ts'
import { createReader } from './read.ts'
import { sweepUploads } from './sweep.ts'
import { resolveSettings, type S3Settings } from './settings.ts'

export type { S3Settings } from './settings.ts'

export interface S3StoreOptions extends S3Settings {
  readonly bucket: string
  /** Told of every request that is sent, by S3's name for it: `PutObject`, `UploadPart`, `ListObjectsV2`. */
  readonly meter?: { request(kind: string): void } | undefined
}

const can: Capabilities = { conditionalPut: 'unproven', orderedList: true, nestedKeys: true, metadata: true, resumablePut: true }

/** Nothing is asked of the server before the first verb. Throws `invalid` for settings that cannot be meant. */
export function createS3Store(options: S3StoreOptions): ObjectStore {
  const { bucket, meter } = options
  const api = createS3Api(resolveSettings(options), (kind) => meter?.request(kind))
  const reader = createReader(api)
  const name = `s3://${bucket}`
  return {
    name,
    can,
    near: createNear(api, reader, bucket),
    async head(key, { signal } = {}) {
      checkKey(key)
      return (await reader.head(bucket, key, { signal }))?.info
    },
    async get(key, get = {}) {
      checkKey(key)
      return await reader.get(bucket, key, get)
    },
    async put(key, body, put = {}) {
      checkKey(key)
      throwIfAborted(put.signal)
      return await putObject(api, reader, { bucket, key, at: `${name}/${key}` }, body, put)
    },
    async delete(key, { signal } = {}) {
      checkKey(key)
      try {
        await api.send(
          { at: `${name}/${key}`, doing: 'delete', signal },
          (sdk) => new sdk.DeleteObjectCommand({ Bucket: bucket, Key: key }),
        )
      } catch (error) {
        if (!isFault(error, 'not-found')) throw error
      }
    },
    list: (prefix, list = {}) => listKeys(api, bucket, prefix, list),
    sweep: (age, sweep = {}) => sweepUploads(api, bucket, age, sweep),
    close: async () => api.close(),
  }
}
