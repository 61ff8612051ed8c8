/** A process to be killed: puts a file into a bucket, with a memo. Arguments: one JSON of `UploadJob`. */
import { rm } from 'node:fs/promises'
import { bytesOfFile, type Digest, readSmallFile, replaceFile } from '../../src/kit/index.ts'
import { createS3Store, type ResumeMemo, type S3StoreOptions } from '../../src/store/index.ts'

export interface UploadJob {
  readonly store: S3StoreOptions
  readonly key: string
  readonly file: string
  readonly length: number
  readonly digest: Digest
  readonly memo: string
}

export function fileMemo(file: string): ResumeMemo {
  return { load: () => readSmallFile(file), save: (text) => replaceFile(file, text), clear: () => rm(file, { force: true }) }
}

if (import.meta.main) {
  const job = JSON.parse(process.argv[2] ?? '') as UploadJob
  const store = createS3Store(job.store)
  await store.put(job.key, bytesOfFile(job.file, job.length), { digest: job.digest, resume: fileMemo(job.memo) })
  await store.close()
}
