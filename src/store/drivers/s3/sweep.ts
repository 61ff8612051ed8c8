import { isFault } from '../../../kit/index.ts'
import type { Swept, SweepOptions } from '../../store.ts'
import type { S3Api } from './api.ts'

/** Uploads in parts that were begun more than `age` milliseconds ago and never finished: their parts take space that no key shows. */
export async function sweepUploads(api: S3Api, bucket: string, age: number, { prefix = '', signal }: SweepOptions): Promise<Swept> {
  const at = `s3://${bucket}/${prefix}`
  let after: { KeyMarker?: string | undefined; UploadIdMarker?: string | undefined } = {}
  let items = 0
  for (;;) {
    const { output, date } = await api.send(
      { at, doing: 'list unfinished uploads of', signal },
      (sdk) => new sdk.ListMultipartUploadsCommand({ Bucket: bucket, Prefix: prefix, ...after }),
    )
    for (const { Key, UploadId, Initiated } of output.Uploads ?? []) {
      if (Key === undefined || UploadId === undefined || Initiated === undefined) continue
      if (!Key.startsWith(prefix) || Initiated.getTime() > date - age) continue
      if (await giveUp(api, bucket, Key, UploadId, signal)) items++
    }
    if (output.IsTruncated !== true || output.NextKeyMarker === undefined) return { items }
    after = { KeyMarker: output.NextKeyMarker, UploadIdMarker: output.NextUploadIdMarker }
  }
}

/** False where it was finished or given up meanwhile. */
async function giveUp(api: S3Api, bucket: string, key: string, id: string, signal: AbortSignal | undefined): Promise<boolean> {
  const at = `s3://${bucket}/${key}`
  try {
    await api.send(
      { at, doing: 'give up an upload of', signal },
      (sdk) => new sdk.AbortMultipartUploadCommand({ Bucket: bucket, Key: key, UploadId: id }),
    )
    return true
  } catch (error) {
    if (isFault(error, 'not-found')) return false
    throw error
  }
}
