import { createHash } from 'node:crypto'
import { closeSync, openSync, promises as fs, readSync } from 'node:fs'
import { asFault, collect, Fault, forEachBounded, isFault } from '../../../kit/index.ts'
import { type ObjectReader, openReader } from '../../../store/index.ts'
import type { Proven } from '../local/landing.ts'
import { readAhead } from '../source/read-ahead.ts'
import type { Wanted } from '../state/plan.ts'
import type { Fetching } from './fetching.ts'
import { proveAndLand } from './prove.ts'

/** Up to so many bytes are fetched into memory; more go into a part, which an interrupted sync goes on with. */
const mostInMemory = 4 << 20
const filesAtOnce = 8
const plannedAtOnce = 512
/** What a manifest of format 1.0 takes the digest of. */
const tailBytes = 4096
/** A file without a digest that was replaced by another may be so much larger. */
const mostReplaced = 64 << 20

/** Fetches everything that is still to be done from where it lies, and puts it in place: first what says what a run is. */
export async function fetchFromFiles(fetching: Fetching): Promise<void> {
  const { state, landing, signal } = fetching
  for (const which of ['metadata', 'others'] as const) {
    for (let after: number | undefined = 0; after !== undefined;) {
      const batch: Wanted[] = state.plan.todo(which, after, plannedAtOnce)
      await forEachBounded(batch, filesAtOnce, (wanted) => fetchOne(fetching, wanted), signal)
      after = batch.at(-1)?.id
    }
  }
  landing.flush()
}

async function fetchOne(fetching: Fetching, wanted: Wanted): Promise<void> {
  try {
    if (wanted.size === 0) await proveAndLand(fetching, wanted, { bytes: new Uint8Array(0) })
    else if (wanted.digest !== undefined) await fetchListed(fetching, wanted)
    else if (wanted.isAppended) await fetchGrowing(fetching, wanted)
    else await fetchAsItIs(fetching, wanted)
  } catch (error) {
    fetching.failed(wanted, asFault(error))
  }
}

/** A file of a known digest: its bytes up to the listed size, also where it has grown since. */
async function fetchListed(fetching: Fetching, wanted: Wanted): Promise<void> {
  await reading(fetching, wanted, async (reader) => {
    if (wanted.size - wanted.start <= mostInMemory) {
      return await proveAndLand(fetching, wanted, { bytes: await reader.read(wanted.start, wanted.size) })
    }
    const version = `${wanted.digest} from ${wanted.start}`
    const resumed = await fetchIntoPart(fetching, wanted, reader, version)
    try {
      await proveAndLand(fetching, wanted, { part: resumed.part })
    } catch (error) {
      fetching.parts.drop(resumed.part)
      if (!isFault(error, 'corrupt') || resumed.had === 0) throw error
      // What an interrupted sync had left was not right: once more, from its first byte.
      const { part } = await fetchIntoPart(fetching, wanted, reader, version)
      await proveAndLand(fetching, wanted, { part })
    }
  })
}

async function reading(fetching: Fetching, wanted: Wanted, work: (reader: ObjectReader) => Promise<void>): Promise<void> {
  const { store } = fetching.source
  const reader = await openReader(store, wanted.key, { mayGrow: true, signal: fetching.signal })
  try {
    if (reader.info.size < wanted.size) {
      throw new Fault('precondition', `${wanted.key} has become shorter since it was listed: ${reader.info.size} of ${wanted.size} bytes`, {
        hint: 'the next sync fetches it as it is listed then',
      })
    }
    await work(reader)
  } finally {
    await reader.close()
  }
}

/** Brings what is missing into a part, from its end on: a sync that was killed has lost nothing of it. */
async function fetchIntoPart(
  { parts }: Fetching,
  wanted: Wanted,
  reader: ObjectReader,
  version: string,
): Promise<{ part: string; had: number }> {
  const part = parts.fileOf(wanted.key, version)
  const present = await parts.sizeOf(part)
  const had = present > wanted.size - wanted.start ? 0 : present
  const handle = await fs.open(part, had === 0 ? 'w' : 'r+')
  try {
    let position = had
    for await (const piece of readAhead(reader, wanted.start + had, wanted.size)) {
      for (let at = 0; at < piece.byteLength;) at += (await handle.write(piece, at, piece.byteLength - at, position + at)).bytesWritten
      position += piece.byteLength
    }
    return { part, had }
  } finally {
    await handle.close()
  }
}

/**
 * A log without a digest: up to its listed size. What is here is taken for its beginning where its last bytes are those of the source at
 * that place, and the whole ends as the manifest says; otherwise all of it is fetched.
 */
async function fetchGrowing(fetching: Fetching, wanted: Wanted): Promise<void> {
  await reading(fetching, wanted, async (reader) => {
    const overlap = Math.min(wanted.start, tailBytes)
    if (wanted.start > 0 && wanted.size - wanted.start <= mostInMemory) {
      const bytes = await reader.read(wanted.start - overlap, wanted.size)
      const isContinued = Buffer.compare(bytes.subarray(0, overlap), lastBytes(fetching, wanted, overlap)) === 0
      if (isContinued && endsAsListed(wanted, bytes)) {
        return await proveAndLand(fetching, wanted, { bytes: bytes.subarray(overlap) })
      }
    }
    await fetchWhole(fetching, { ...wanted, start: 0, before: undefined }, reader)
  })
}

async function fetchWhole(fetching: Fetching, wanted: Wanted, reader: ObjectReader): Promise<void> {
  if (wanted.size <= mostInMemory) {
    const bytes = await reader.read(0, wanted.size)
    if (!endsAsListed(wanted, bytes)) throw changedSince(wanted)
    return await proveAndLand(fetching, wanted, { bytes })
  }
  // Bytes without a digest are not gone on with: the file may be another one by now.
  const version = `${wanted.size} of ${reader.info.etag}`
  fetching.parts.drop(fetching.parts.fileOf(wanted.key, version))
  const { part } = await fetchIntoPart(fetching, wanted, reader, version)
  const end = Buffer.alloc(Math.min(tailBytes, wanted.size))
  readInto(part, end, wanted.size - end.byteLength)
  if (!endsAsListed(wanted, end)) throw changedSince(wanted)
  await proveAndLand(fetching, wanted, { part })
}

/** A file that is replaced as a whole: the version that is there now, which may be a newer one than the list tells of. */
async function fetchAsItIs(fetching: Fetching, wanted: Wanted): Promise<void> {
  const { store } = fetching.source
  const versions = 5
  for (let attempt = 1; ; attempt++) {
    try {
      const body = await store.get(wanted.key, { signal: fetching.signal })
      const limit = Math.max(wanted.size, mostReplaced)
      if (body.length > limit) {
        throw new Fault('corrupt', `${wanted.key} has ${body.length} bytes, and ${wanted.size} were listed`, { hint: 'run the sync again' })
      }
      const hint = body.info.size === wanted.size ? wanted.hint : undefined
      if (body.length <= mostInMemory) {
        const bytes = await collect(body, limit, wanted.key)
        return await proveAndLand(fetching, { ...wanted, hint }, { bytes })
      }
      return await proveAndLand(fetching, { ...wanted, hint }, await intoPart(fetching, wanted, body))
    } catch (error) {
      if (!isFault(error, 'precondition') || attempt === versions) throw error
    }
  }
}

async function intoPart({ parts }: Fetching, wanted: Wanted, body: AsyncIterable<Uint8Array>): Promise<Proven> {
  const part = parts.fileOf(wanted.key, 'as it is')
  const handle = await fs.open(part, 'w')
  try {
    for await (const piece of body) await handle.writeFile(piece)
  } finally {
    await handle.close()
  }
  return { part }
}

function endsAsListed({ tailHash, size }: Wanted, bytes: Uint8Array): boolean {
  if (tailHash === undefined) return true
  const tail = bytes.subarray(Math.max(0, bytes.byteLength - Math.min(tailBytes, size)))
  return createHash('md5').update(tail).digest('hex') === tailHash.toLowerCase()
}

/** The last bytes that are here, before `start`. */
function lastBytes({ folder }: Fetching, wanted: Wanted, count: number): Uint8Array {
  const bytes = Buffer.alloc(count)
  readInto(folder.pathOf(wanted.key), bytes, wanted.start - count)
  return bytes
}

function readInto(file: string, bytes: Uint8Array, position: number): void {
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, bytes, 0, bytes.byteLength, position)
  } finally {
    closeSync(descriptor)
  }
}

function changedSince({ key }: Wanted): Fault {
  return new Fault('precondition', `${key} does not end as the manifest says: it was rewritten since`, {
    hint: 'the next sync fetches it as it is listed then',
  })
}
