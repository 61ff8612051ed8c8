import { type Digest, parseJson } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { type ProjectRecord, projectShape } from '../records/project.ts'
import { readProject } from '../records/read.ts'
import { type EncodedRecord, putRecords } from '../records/write.ts'

/** Records on their way to the store: many are put at once, and none stays in memory for long. */
export interface Outbox {
  add(record: EncodedRecord): Promise<void>
  /** All of them are stored when this resolves. */
  flush(): Promise<void>
  /** A project's record, from here or from the store. */
  readonly read: (digest: Digest) => Promise<ProjectRecord>
}

const enoughBytes = 4 << 20
/** Bytes of records that stay readable here once they are stored: their pages are written right after. */
const mostRecent = 8 << 20

/** With `dryRun` nothing is written, and what was added stays readable here. */
export function createOutbox(context: IndexContext, dryRun: boolean): Outbox {
  let waiting = new Map<Digest, EncodedRecord>()
  let bytes = 0
  let isPrepared = false
  const recent = new Map<Digest, Uint8Array>()
  let recentBytes = 0
  const remember = (record: EncodedRecord) => {
    recent.set(record.digest, record.bytes)
    recentBytes += record.bytes.byteLength
    for (const [digest, { byteLength }] of recent) {
      if (recentBytes <= mostRecent) break
      recent.delete(digest)
      recentBytes -= byteLength
    }
  }
  const flush = async () => {
    if (dryRun || waiting.size === 0) return
    const records = [...waiting.values()]
    waiting = new Map()
    bytes = 0
    if (!isPrepared) await context.prepareStore()
    isPrepared = true
    await putRecords(context, records)
    records.forEach(remember)
  }
  return {
    flush,
    async add(record) {
      waiting.set(record.digest, record)
      bytes += record.bytes.byteLength
      if (bytes >= enoughBytes) await flush()
    },
    async read(digest) {
      const here = waiting.get(digest)?.bytes ?? recent.get(digest)
      return here === undefined ? await readProject(context, digest) : parseJson(projectShape, here, digest)
    },
  }
}
