import path from 'node:path'
import { checkKey, type Clock, type Disk, Fault, isFault, realDisk, systemClock, throwIfAborted } from '../../../kit/index.ts'
import { rangeWithin } from '../../range.ts'
import type { Capabilities, GetOptions, ListOptions, ObjectStore, PutOptions, ReaderOptions } from '../../store.ts'
import { replaced, type Version } from '../layout.ts'
import { type Folder, nameOf } from './folder.ts'
import { stateOf } from './generations.ts'
import { listFiles } from './list.ts'
import { nearFiles } from './near.ts'
import { sweepTemporaries } from './sweep.ts'
import { readerOf, readVersion } from './version.ts'
import { deleteFile, putFile } from './write.ts'

const can: Capabilities = { conditionalPut: 'yes', orderedList: true, nestedKeys: false, metadata: false, resumablePut: false }

export interface FileStoreOptions {
  /** An absolute path, made by the first put where it is missing. */
  readonly root: string
  readonly name?: string
  readonly disk?: Disk
  /** Whether a put waits until a power cut cannot undo it (true). Tests alone do without. */
  readonly durable?: boolean
  /** For the age of temporaries; the system's where nothing is said. */
  readonly clock?: Clock
}

/** How often a reader of something that changes all the time is opened anew. */
const openings = 5

/**
 * A store in a folder: a key is the path of a plain file, which any other tool can read. Safe for many processes at once, without
 * locks. Follows no symbolic link below its root. docs/formats.md says what else lies there.
 */
export function createFileStore(options: FileStoreOptions): ObjectStore {
  const root = path.resolve(options.root)
  const folder: Folder = { root, name: options.name ?? `file:${root}`, disk: options.disk ?? realDisk, durable: options.durable ?? true }
  return {
    name: folder.name,
    can,
    near: nearFiles(folder),
    async head(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      return (await stateOf(folder, key)).version?.info
    },
    async get(key, { etag, range, signal, oneBuffer }: GetOptions = {}) {
      throwIfAborted(signal)
      const version = await versionNow(folder, key, etag)
      const wanted = rangeWithin(range, version.info.size, nameOf(folder, key))
      return {
        info: version.info,
        length: wanted.end - wanted.start,
        rewindable: true,
        [Symbol.asyncIterator]: () => readVersion(folder, version, wanted, { signal, oneBuffer }),
      }
    },
    async reader(key, reading: ReaderOptions = {}) {
      for (let attempt = 1; ; attempt++) {
        throwIfAborted(reading.signal)
        try {
          return await readerOf(folder, await versionNow(folder, key, reading.etag), reading)
        } catch (error) {
          // Replaced between the look and the opening: the next look says by what.
          if (!isFault(error, 'precondition') || reading.etag !== undefined || attempt === openings) throw error
        }
      }
    },
    async put(key, body, put: PutOptions = {}) {
      checkKey(key)
      throwIfAborted(put.signal)
      return await putFile(folder, key, body, put)
    },
    async delete(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      await deleteFile(folder, key)
    },
    list: (prefix, list: ListOptions = {}) => listFiles(folder, prefix, list),
    sweep: (age, sweep = {}) => sweepTemporaries(folder, options.clock ?? systemClock, age, sweep),
    async close() {},
  }
}

async function versionNow(folder: Folder, key: string, etag: string | undefined): Promise<Version> {
  checkKey(key)
  const at = nameOf(folder, key)
  const { version } = await stateOf(folder, key)
  if (version === undefined) throw new Fault('not-found', `there is no ${at}`, { at })
  if (etag !== undefined && etag !== version.info.etag) throw replaced(at)
  return version
}
