import { compareKeys, Fault, throwIfAborted } from '../../../kit/index.ts'
import type { ListOptions, ObjectInfo } from '../../store.ts'
import type { S3Api } from './api.ts'
import { infoOf } from './info.ts'

/** The keys of a bucket, page by page. A page that does not go on from the one before is refused, so that a list ends. */
export async function* listKeys(api: S3Api, bucket: string, prefix: string, { after, signal }: ListOptions): AsyncGenerator<ObjectInfo> {
  const at = `s3://${bucket}/${prefix}`
  let token: string | undefined
  let last: string | undefined
  for (;;) {
    const { output } = await api.send(
      { at, doing: 'list', signal },
      (sdk) =>
        new sdk.ListObjectsV2Command({
          Bucket: bucket,
          Prefix: prefix,
          // XML cannot say every key as it is.
          EncodingType: 'url',
          ...(token === undefined ? (after ? { StartAfter: after } : {}) : { ContinuationToken: token }),
        }),
    )
    for (const found of output.Contents ?? []) {
      throwIfAborted(signal)
      const key = decodeKey(found.Key ?? '', output.EncodingType === 'url', at)
      if (!key.startsWith(prefix) || (last !== undefined && compareKeys(key, last) <= 0)) {
        throw new Fault('unsupported', `${at}: the server does not list in the order of the keys`, { at })
      }
      last = key
      yield infoOf(key, found.Size ?? 0, { ETag: found.ETag, LastModified: found.LastModified })
    }
    if (output.IsTruncated !== true) return
    const next = output.NextContinuationToken
    if (!next || next === token) throw new Fault('unavailable', `${at}: the server says that there is more and not how to go on`, { at })
    token = next
  }
}

/** Form encoding: a plus is a space. */
function decodeKey(text: string, isEncoded: boolean, at: string): string {
  if (!isEncoded) return text
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch (error) {
    throw new Fault('corrupt', `${at}: the server lists a key that cannot be decoded: ${text}`, { at, cause: error })
  }
}
