import { hash } from 'node:crypto'
import { abortFault, asFault, type Digest, Fault } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { digestAt, idOf } from '../chunk.ts'
import type { ChunkWriter, IngestedFile, WriterStats } from '../chunk-store.ts'
import type { ChunkIndex } from '../indexes/chunk-index.ts'
import { createFileReading } from '../ingest/file-reading.ts'
import type { Lease } from '../lease.ts'
import { type ChunkParameters, maxChunkBytes } from '../parameters.ts'
import { createLaneGroup } from './lane-group.ts'
import { createPackSink } from './pack-sink.ts'
import { createPackWriter } from './pack-writer.ts'
import { createWanted } from './wanted.ts'

export interface SessionParts {
  readonly store: ObjectStore
  readonly parameters: ChunkParameters
  readonly index: ChunkIndex
  readonly lease: Lease
  /** Keeps a copy of an index that was written. */
  readonly remember: (digest: Digest, bytes: Uint8Array) => Promise<void>
  readonly threads: number
  readonly signal: AbortSignal | undefined
  /** Called once, when nothing more comes. */
  readonly onEnd: () => void
}

/** Calls of `addFile` that keep all lanes busy, also with small files. */
const width = 512

/** A session of writing, as `ChunkWriter` promises it. */
export function createSession({ store, parameters, index, lease, remember, threads, signal, onEnd }: SessionParts): ChunkWriter {
  const wanted = createWanted(index)
  const sink = createPackSink({ store, index, check: () => lease.keep({ signal }), onStored: wanted.stored, remember, signal })
  const packWriter = createPackWriter(sink, parameters.compression.level, lease.id)
  const reading = createFileReading()
  let state: 'open' | 'finished' | 'ended' = 'open'
  let failure: Fault | undefined
  let read = 0

  const fail = (error: unknown) => {
    failure ??= asFault(error)
    reading.fail(failure)
    lanes.fail(failure)
  }
  const lanes = createLaneGroup({
    writer: lease.id,
    parameters,
    threads,
    sink,
    wanted,
    reading,
    fail,
    keepLease: () => lease.keep({ signal }),
  })
  const onAbort = () => fail(signal === undefined ? undefined : abortFault(signal))
  if (signal?.aborted === true) onAbort()
  signal?.addEventListener('abort', onAbort, { once: true })

  const check = (expected: typeof state) => {
    if (failure !== undefined) throw failure
    if (state !== expected) throw new Fault('bug', `a writing session that is ${state} was used as if it were ${expected}`)
  }
  const end = async () => {
    state = 'ended'
    signal?.removeEventListener('abort', onAbort)
    await lanes.close()
    onEnd()
  }
  const statistics = (): WriterStats => ({
    read,
    chunks: { added: wanted.added, known: wanted.known },
    added: wanted.addedBytes,
    stored: sink.stored,
    packs: sink.packs,
  })
  return {
    width,
    has: (id) => wanted.isKnown(idOf(id)),
    async addFile(path, expected, options = {}): Promise<IngestedFile> {
      check('open')
      lanes.prepare(expected.size)
      const file = await reading.add(path, expected, options)
      read += file.stat.size
      return file
    },
    async addBytes(bytes, kind) {
      check('open')
      if (bytes.byteLength === 0 || bytes.byteLength > maxChunkBytes) {
        throw new Fault('invalid', `a ${kind} of ${bytes.byteLength} bytes cannot be stored: it must have between 1 and ${maxChunkBytes}`)
      }
      const id = hash('sha256', bytes, 'buffer')
      if (wanted.want(id, 0, bytes.byteLength)) await orFail(packWriter.add(id, kind, bytes), fail)
      return digestAt(id, 0)
    },
    async finish() {
      check('open')
      await reading.idle()
      check('open')
      const bodies = await orFail(lanes.flush(), fail)
      check('open')
      await orFail(packWriter.finish(bodies), fail)
      check('open')
      state = 'finished'
      await lanes.close()
      return statistics()
    },
    async publish(move) {
      check('finished')
      await lease.confirm({ signal })
      const result = await move()
      await lease.confirm({ signal })
      await lease.release({ signal })
      await end()
      return result
    },
    async abort() {
      if (state === 'ended') return
      fail(new Fault('aborted', 'the writing session was given up'))
      await end()
      // What was stored is found again by the next session; where the store has failed, a prune finds it.
      await sink.writeIndex().catch(() => undefined)
      await lease.release().catch(() => undefined)
    },
  }
}

async function orFail<T>(work: Promise<T>, fail: (error: unknown) => void): Promise<T> {
  try {
    return await work
  } catch (error) {
    fail(error)
    throw error
  }
}
