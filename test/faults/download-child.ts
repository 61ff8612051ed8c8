/** A process to be killed: downloads from a folder store and stops for good at the n-th read. Arguments: one JSON of `DownloadJob`. */
import type { Digest } from '../../src/kit/index.ts'
import { createFileStore, type ObjectStore } from '../../src/store/index.ts'
import { downloadFile } from '../../src/transfer/index.ts'

export interface DownloadJob {
  readonly root: string
  readonly key: string
  readonly size: number
  readonly digest: Digest
  readonly to: string
  readonly rangeBytes: number
  /** Reads that are answered; the next one says `ready` on stdout and hangs. */
  readonly answered: number
}

if (import.meta.main) {
  const job = JSON.parse(process.argv[2] ?? '') as DownloadJob
  const store = createFileStore({ root: job.root })
  let reads = 0
  const hanging: ObjectStore = {
    ...store,
    async get(key, options) {
      if (++reads <= job.answered) return await store.get(key, options)
      process.stdout.write('ready\n')
      return await new Promise<never>(() => setInterval(() => undefined, 1000))
    },
  }
  await downloadFile({ ...job, from: hanging, parts: { width: 1, bytes: job.rangeBytes } })
}
