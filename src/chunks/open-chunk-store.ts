import { Fault } from '../kit/index.ts'
import type { ObjectStore } from '../store/index.ts'
import type { ChunkReader, ChunkStore, ChunkStoreOptions, OpenReaderOptions, WriterOptions } from './chunk-store.ts'
import { type Contents, openContents } from './contents.ts'
import { usualThreads } from './ingest/lanes.ts'
import { takeLease } from './lease.ts'
import { ensureParameters, readParameters } from './parameters.ts'
import { createSession } from './writing/session.ts'

/**
 * Opens the chunks of a holdfast store, which is made where there is none: fixes or reads its parameters, and reads its indexes.
 * Throws `unsupported` where the store is of another version, or cuts in another way.
 */
export async function openChunkStore(store: ObjectStore, options: ChunkStoreOptions): Promise<ChunkStore & Contents> {
  const { clock, random, report, signal } = options
  const { id, parameters } = await ensureParameters(store, { now: clock.now(), random, wanted: options.parameters, signal })
  const threads = options.workers ?? usualThreads()
  const contents = openContents(store, { cache: options.cache, threads, report })
  await contents.refresh({ signal })
  let isWriting = false
  return {
    ...contents,
    id,
    parameters,
    async startWriter(writing: WriterOptions) {
      if (isWriting) throw new Fault('bug', 'a chunk store has one writing session at a time')
      isWriting = true
      try {
        const lease = await takeLease(store, { clock, random, by: writing.by, signal: writing.signal })
        await contents.refresh({ signal: writing.signal })
        return createSession({
          store,
          parameters,
          index: contents.index,
          lease,
          remember: contents.cache.write,
          threads,
          signal: writing.signal,
          onEnd: () => void (isWriting = false),
        })
      } catch (error) {
        isWriting = false
        throw error
      }
    },
  }
}

/** The same for reading only: nothing is written, and a store that has no chunks, or does not exist, is an empty one. */
export async function openChunkReader(store: ObjectStore, options: OpenReaderOptions = {}): Promise<ChunkReader & Contents> {
  const { signal, report } = options
  await readParameters(store, { signal })
  const contents = openContents(store, { cache: options.cache, threads: options.workers ?? usualThreads(), report })
  await contents.refresh({ signal })
  return contents
}
