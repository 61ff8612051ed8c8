import type { PutObjectCommandInput } from '@aws-sdk/client-s3'
import type { PutOptions } from '../../store.ts'

type WrittenHeaders = Pick<PutObjectCommandInput, 'ContentType' | 'CacheControl' | 'ACL'>

export function writtenHeaders({ contentType, cacheControl, public: isPublic }: PutOptions): WrittenHeaders {
  return { ContentType: contentType, CacheControl: cacheControl, ACL: isPublic === true ? 'public-read' : undefined }
}

export function conditionHeaders(condition: PutOptions['if']): Pick<PutObjectCommandInput, 'IfMatch' | 'IfNoneMatch'> {
  if (condition === undefined) return {}
  return condition === 'absent' ? { IfNoneMatch: '*' } : { IfMatch: condition.etag }
}
