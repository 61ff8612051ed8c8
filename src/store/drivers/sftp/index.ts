import { bytesFrom, checkKey, type Clock, isFault, type Report, silent, throwIfAborted, untilAborted } from '../../../kit/index.ts'
import { rangeWithin } from '../../range.ts'
import type { Capabilities, GetOptions, ListOptions, ObjectBody, ObjectStore, PutOptions, ReaderOptions } from '../../store.ts'
import type { Meter } from '../../wrap/metered.ts'
import { createConnections } from './connection.ts'
import { listFiles } from './list.ts'
import { look } from './look.ts'
import { nameOf, type Place } from './place.ts'
import { openNow, readerOf, readPart, readVersion } from './read.ts'
import type { Channel } from './session.ts'
import { connectSsh } from './ssh.ts'
import { sweepTemporaries } from './sweep.ts'
import { deleteFile, putFile } from './write.ts'

export interface SftpSettings {
  /** A file of OpenSSH settings that is read instead of the user's own. */
  readonly sshConfig?: string | undefined
  /** What `ssh` finds in its environment: its agent, the home directory, the search path. */
  readonly env: Readonly<Record<string, string | undefined>>
}

export interface SftpStoreOptions extends SftpSettings {
  readonly host: string
  readonly user?: string | undefined
  readonly port?: number | undefined
  /** An absolute path on the server, made by the first put where it is missing. */
  readonly path: string
  readonly clock: Clock
  /** Counts packets by kind, and the longest chain of them. */
  readonly meter?: Meter | undefined
  readonly report?: Report | undefined
  /**
   * The folder is a tree that others keep, such as a training server's runs: no key has generations, nothing is put conditionally, and
   * symbolic links are followed as the server follows them. A get then takes four packets.
   */
  readonly plain?: boolean | undefined
  /** Whether a put waits until a power cut cannot undo it (true). Tests alone do without. */
  readonly durable?: boolean | undefined
  /** Milliseconds without a sign of life of a server that owes an answer (120,000). */
  readonly silence?: number | undefined
  /** Another way to a server than `ssh`. */
  readonly connect?: (() => Channel) | undefined
}

/** Objects up to this size are fetched whole before a get resolves, which saves an opening. */
const fetchedAtOnce = 1 << 20

/**
 * A store in a folder on a server that offers SFTP, over the system's `ssh`. It lies there as a file store does, and the two may work on
 * it at once. Nothing is sent before the first verb; a connection that was lost is made anew by the next.
 */
export function createSftpStore(options: SftpStoreOptions): ObjectStore {
  const place = placeOf(options)
  return {
    name: place.name,
    can: capabilitiesOf(place),
    async head(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      const link = await place.connections.get(signal)
      return (await untilAborted(look(place, link, key), signal)).state.version?.info
    },
    async get(key, get: GetOptions = {}) {
      checkKey(key)
      throwIfAborted(get.signal)
      return await untilAborted(bodyOf(place, key, get), get.signal)
    },
    async reader(key, reading: ReaderOptions = {}) {
      checkKey(key)
      throwIfAborted(reading.signal)
      const link = await place.connections.get(reading.signal)
      const opening = openNow(place, link, key, reading.etag)
      try {
        return readerOf(place, await untilAborted(opening, reading.signal), reading)
      } catch (error) {
        opening.then(({ handle }) => link.release(handle)).catch(() => undefined)
        throw error
      }
    },
    async put(key, body, put: PutOptions = {}) {
      checkKey(key)
      throwIfAborted(put.signal)
      return await putFile(place, key, body, put)
    },
    async delete(key, { signal } = {}) {
      checkKey(key)
      throwIfAborted(signal)
      await deleteFile(place, key, { signal })
    },
    list: (prefix, list: ListOptions = {}) => listFiles(place, prefix, list),
    sweep: (age, sweep = {}) => sweepTemporaries(place, age, sweep),
    close: async () => place.connections.close(),
  }
}

function placeOf(options: SftpStoreOptions): Place {
  const { host, user, port, path, clock, meter, report = silent, env } = options
  const root = path.replace(/\/+$/, '') || '/'
  const name = `sftp://${user === undefined ? '' : `${user}@`}${host}${port === undefined ? '' : `:${port}`}${root}`
  const connections = createConnections({
    connect: options.connect ?? (() => connectSsh(options, env)),
    traffic: { packet: (kind) => meter?.request(kind), depth: (depth) => meter?.roundTrips(depth) },
    silence: options.silence ?? 120_000,
    name,
    report,
  })
  return { root, name, connections, durable: options.durable ?? true, plain: options.plain ?? false, clock }
}

/** Whether links can be made is known once the server has been met. */
function capabilitiesOf({ connections, plain }: Place): Capabilities {
  return {
    get conditionalPut() {
      if (plain) return 'no'
      return connections.known === undefined ? 'unproven' : connections.known.hardlink ? 'yes' : 'no'
    },
    orderedList: true,
    nestedKeys: false,
    metadata: false,
    resumablePut: false,
  }
}

const openings = 5

async function bodyOf(place: Place, key: string, { etag, range, signal }: GetOptions): Promise<ObjectBody> {
  for (let attempt = 1; ; attempt++) {
    const link = await place.connections.get(signal)
    const opened = await openNow(place, link, key, etag)
    const { version, handle } = opened
    try {
      const { start, end } = rangeWithin(range, version.info.size, nameOf(place, key))
      const length = end - start
      if (length > fetchedAtOnce) {
        const pieces = () => readVersion(place, version, { start, end }, { signal })
        return { ...bytesFrom(pieces), info: version.info, length }
      }
      const content = await readPart(place, opened, start, end)
      return { ...bytesFrom(() => piecesOf(content, signal)), info: version.info, length }
    } catch (error) {
      // Replaced between the look and the opening: the next look says by what.
      if (!isFault(error, 'precondition') || etag !== undefined || attempt === openings) throw error
    } finally {
      link.release(handle)
    }
  }
}

async function* piecesOf(content: Uint8Array, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  throwIfAborted(signal)
  // Each reader has its own: what it does with it must not show to the next.
  if (content.byteLength > 0) yield new Uint8Array(content)
}
