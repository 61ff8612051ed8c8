import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { collect, type Digest, Fault, hasher, isFault, shownName } from '../../kit/index.ts'
import { readTar } from '../../kit/tar/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../../store/index.ts'
import { checkAgreement, type Named } from './agreement.ts'
import { type CoreMetadata, maxMetadataBytes, parseMetadata } from './metadata.ts'
import { openObjectZip, type SeenObject, withDigest } from './object-zip.ts'
import { asTrouble, placed } from './refusal.ts'

export interface SdistContent {
  readonly digest: Digest
  /** As its PKG-INFO says; of one without, the facts of its name. */
  readonly core: CoreMetadata
  readonly info: ObjectInfo
}

/** No source distribution that people make inflates to a hundred times its size; small ones may. */
const maxRatio = 100
const alwaysAllowed = 64 << 20

/**
 * What a source distribution says of itself (PEP 625), in PKG-INFO of its top folder, and its digest: the file is read whole, once,
 * and a `.zip` of more than 66 KiB has its end read again. All of a `.tar.gz` is inflated, so that a broken one is found.
 *
 * Throws `invalid` for what is wrong with the file, as `readWheelMetadata` does, and also for one that inflates to more than 100 times its
 * size and 64 MiB. Everything else is trouble with the store.
 */
export async function readSdist(store: ObjectStore, seen: SeenObject, sdist: Named, options: Signal = {}): Promise<SdistContent> {
  const at = `${store.name}/${seen.key}`
  return await placed(at, async () => {
    const { info, text } = seen.key.endsWith('.zip') ? await readZip(store, seen, options) : await readTarball(store, seen, options)
    const core = text === undefined ? { name: sdist.name, version: sdist.version, requires: [], extras: [] } : parseMetadata(text)
    checkAgreement(core, sdist)
    return { digest: info.digest, core, info }
  })
}

interface ReadSource {
  /** With the digest of the bytes. */
  readonly info: ObjectInfo & { readonly digest: Digest }
  /** Of PKG-INFO. */
  readonly text?: Uint8Array | undefined
}

async function readZip(store: ObjectStore, seen: SeenObject, options: Signal): Promise<ReadSource> {
  const zip = await openObjectZip(store, seen, options)
  const [found, second] = zip.entries.filter(({ name }) => isPkgInfo(name))
  if (second !== undefined) throw twoOfThem()
  const text = found === undefined ? undefined : await zip.read(found, maxMetadataBytes)
  if (zip.digest !== undefined) return { info: withDigest(zip.info, zip.digest), text }
  const reading = await startReading(store, seen, options)
  await reading.drain()
  return { info: reading.info(), text }
}

async function readTarball(store: ObjectStore, seen: SeenObject, options: Signal): Promise<ReadSource> {
  if (seen.size === 0) throw new Fault('invalid', 'it is empty')
  const reading = await startReading(store, seen, options)
  const pieces = inflated(reading.pieces, Math.max(alwaysAllowed, seen.size * maxRatio))
  try {
    const text = await findPkgInfo(lent(pieces))
    // What follows the archive's end completes the checksum of gzip.
    while ((await pieces.next()).done !== true);
    await reading.drain()
    return { info: reading.info(), text }
  } catch (error) {
    throw reading.trouble() ?? refused(error)
  } finally {
    await pieces.return(undefined)
    await reading.close()
  }
}

async function findPkgInfo(archive: AsyncIterable<Uint8Array>): Promise<Uint8Array | undefined> {
  let text: Uint8Array | undefined
  for await (const { name, type, content, size } of readTar(archive)) {
    if (type !== 'file' || !isPkgInfo(shownName(name))) continue
    if (text !== undefined) throw twoOfThem()
    if (size > maxMetadataBytes) throw new Fault('invalid', `its PKG-INFO is larger than its limit of ${maxMetadataBytes} bytes`)
    text = await collect(content, maxMetadataBytes)
  }
  return text
}

/** That of the top folder, whatever it is called: those of folders below belong to `.egg-info` or to others. */
function isPkgInfo(path: string): boolean {
  const segments = path.split('/').filter((segment) => segment !== '' && segment !== '.')
  return segments.length === 2 && segments[1] === 'PKG-INFO'
}

function twoOfThem(): Fault {
  return new Fault('invalid', 'it has two PKG-INFO')
}

async function* inflated(packed: AsyncIterable<Uint8Array>, limit: number): AsyncGenerator<Uint8Array> {
  const gunzip = createGunzip({ chunkSize: 64 << 10, rejectGarbageAfterEnd: true })
  // The error reaches whoever reads the transform.
  pipeline(Readable.from(packed, { objectMode: false }), gunzip, () => undefined)
  let size = 0
  for await (const piece of gunzip) {
    size += (piece as Uint8Array).byteLength
    if (size > limit) throw new Fault('invalid', `it inflates to more than the limit of ${limit} bytes, ${maxRatio} times its size`)
    yield piece as Uint8Array
  }
}

/** The object's bytes, hashed as they are taken, also those that nobody wanted. */
interface Reading {
  readonly pieces: AsyncIterable<Uint8Array>
  /** What the store said, where it failed. */
  trouble(): unknown
  drain(): Promise<void>
  /** Once all was read. */
  info(): ObjectInfo & { readonly digest: Digest }
  close(): Promise<void>
}

async function startReading(store: ObjectStore, { key, etag }: SeenObject, { signal }: Signal): Promise<Reading> {
  const at = `${store.name}/${key}`
  const state = hasher()
  let trouble: unknown
  const failed = (error: unknown): never => {
    trouble = asTrouble(error, at)
    throw trouble
  }
  const body = await store.get(key, { etag, signal }).catch(failed)
  async function* hashed(): AsyncGenerator<Uint8Array> {
    try {
      for await (const piece of body) {
        state.update(piece)
        // The stream before the inflater keeps some.
        yield new Uint8Array(piece)
      }
    } catch (error) {
      failed(error)
    }
  }
  const pieces = hashed()
  return {
    pieces: lent(pieces),
    trouble: () => trouble,
    async drain() {
      while ((await pieces.next()).done !== true);
    },
    info: () => withDigest(body.info, state.digest()),
    close: async () => void (await pieces.return(undefined)),
  }
}

/** The same items, for a reader whose end is not theirs. */
function lent<T>(items: AsyncIterator<T>): AsyncIterable<T> {
  return { [Symbol.asyncIterator]: () => ({ next: () => items.next() }) }
}

/** What is wrong with an archive; other errors would be ours. */
function refused(error: unknown): unknown {
  if (isFault(error, 'corrupt') || isFault(error, 'unsupported'))
    return new Fault('invalid', `it cannot be unpacked: ${error.message}`, { cause: error })
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  if (code === 'ERR_TRAILING_JUNK_AFTER_STREAM_END') return new Fault('invalid', 'something stands behind its gzip data', { cause: error })
  if (!code.startsWith('Z_')) return error
  return new Fault('invalid', code === 'Z_BUF_ERROR' ? 'it ends early' : 'it is no gzip file, or damaged', { cause: error })
}
