import * as v from 'valibot'
import { type Clock, type Digest, digestOf, Fault, forEachBounded, isDigest, isFault, parseJson } from '../../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../../store/index.ts'
import { blobKey } from '../blob.ts'
import { idOf } from '../chunk.ts'
import type { Contents } from '../contents.ts'
import { readRoots, type Root, type Tracer, unknownRecord } from '../roots.ts'
import { snapshotKey } from '../snapshot-record.ts'

/** What must stay: all that refs, pins and leases lead to. */
export interface Reach {
  /** Keys of blobs and records. */
  readonly keys: ReadonlySet<string>
  /** Whether a chunk or node is reached, told by any of its entries in the index. */
  isReached(entry: number): boolean
  /**
   * Reads the roots anew and adds what they lead to. What was reached before stays: of content that does not change only what is new is
   * followed. Throws, and nothing may be deleted then, where it meets what it does not know, and where something is missing.
   */
  extend(): Promise<void>
}

export interface ReachParts extends Signal {
  readonly store: ObjectStore
  readonly clock: Clock
  readonly contents: Contents
  readonly trace: Tracer | undefined
}

/** Records and nodes that are read at once. */
const width = 8
const hint = 'run: holdfast store verify'

export function createReach({ store, clock, contents, trace, signal }: ReachParts): Reach {
  const { index } = contents
  const keys = new Set<string>()
  const marks = createMarks()

  /** True the first time. */
  const markChunk = (digest: Digest): boolean => {
    const id = idOf(digest)
    if (index.find(id) === -1) throw missing(`the chunk ${digest}`, store.name)
    return marks.set(index.firstOf(id))
  }
  const markKey = (key: string): boolean => {
    if (keys.has(key)) return false
    keys.add(key)
    return true
  }
  /** One step on from a root; empty where it leads nowhere or was followed before. */
  const follow = async ({ kind, digest }: Root, inner: AbortSignal): Promise<readonly Root[]> => {
    if (kind === 'blob') markKey(blobKey(digest))
    else if (kind === 'chunk') markChunk(digest)
    else if (kind === 'snapshot') return markKey(snapshotKey(digest)) ? await readReaches(store, digest, inner) : []
    else if (kind !== 'node' || trace === undefined) throw unknownRecord(`a link of the kind ${JSON.stringify(kind)}`, store.name)
    else if (markChunk(digest)) return await followNode(trace, digest, inner)
    return []
  }
  const followNode = async (traceNode: Tracer, digest: Digest, inner: AbortSignal): Promise<readonly Root[]> => {
    const further: Root[] = []
    for await (const root of traceNode({ kind: 'node', digest }, contents, { signal: inner })) {
      if (root.kind === 'chunk') markChunk(root.digest)
      else further.push(root)
    }
    return further
  }
  return {
    keys,
    isReached: (entry) => marks.has(index.firstOf(index.idAt(entry))),
    async extend() {
      // Roots before indexes: whatever a root leads to was in an index before the root was.
      let edge: Root[] = await readRoots(store, clock.now(), { signal })
      await contents.refresh({ signal })
      if (contents.damagedIndexes.size > 0) throw damagedIndex(contents)
      while (edge.length > 0) {
        const next: Root[] = []
        await forEachBounded(edge, width, async (root, inner) => void next.push(...(await follow(root, inner))), signal)
        edge = next
      }
    },
  }
}

const reaching = v.looseObject({ reaches: v.array(v.object({ kind: v.string(), digest: v.custom<Digest>(isDigest) })) })

async function readReaches(store: ObjectStore, digest: Digest, signal: AbortSignal): Promise<readonly Root[]> {
  const key = snapshotKey(digest)
  const at = `${store.name}/${key}`
  try {
    const { bytes } = await readAll(store, key, { limit: 64 << 20, signal })
    if (digestOf(bytes) !== digest) throw new Fault('corrupt', 'the record does not match its digest; nothing was deleted', { at, hint })
    return parseJson(reaching, bytes, at).reaches
  } catch (error) {
    throw isFault(error, 'not-found') ? missing('a record', at, error) : error
  }
}

function missing(what: string, at: string, cause?: unknown): Fault {
  return new Fault('corrupt', `${what} that is still referred to is missing; nothing was deleted`, { at, hint, cause })
}

function damagedIndex(contents: Contents): Fault {
  const [fault] = contents.damagedIndexes.values()
  return new Fault('corrupt', `an index is damaged, so that it is not known what is needed; nothing was deleted`, {
    at: fault?.at,
    hint,
    cause: fault,
  })
}

/** A set of numbers from 0 upwards, one bit each. */
function createMarks() {
  let bits = new Uint8Array(1 << 12)
  const has = (number: number) => ((bits[number >>> 3] ?? 0) & (1 << (number & 7))) !== 0
  return {
    has,
    /** True where it was not set. */
    set(number: number): boolean {
      if (has(number)) return false
      if (number >>> 3 >= bits.length) {
        const wider = new Uint8Array(Math.max(bits.length * 2, (number >>> 3) + 1))
        wider.set(bits)
        bits = wider
      }
      bits[number >>> 3]! |= 1 << (number & 7)
      return true
    },
  }
}
