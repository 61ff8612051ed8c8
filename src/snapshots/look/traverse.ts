import type { ChunkReader } from '../../chunks/index.ts'
import { asFault, type Digest, Fault, isFault, throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { type Reached, reachedFrom } from '../tree/split.ts'
import { readEach } from './read-each.ts'

/** A node, and what it names; or why it cannot be read. */
export interface Traversed {
  readonly id: Digest
  readonly reached: Reached | Fault
}

/** Nodes that are read at once. */
const step = 2000

/**
 * The nodes that a node leads to, itself included, in no order that means anything. `enter` is asked for each node that is named, as often as it
 * is, and what it refuses is not read: whoever wants each node once remembers them.
 */
export async function* traverse(
  chunks: ChunkReader,
  from: Digest,
  enter: (id: Digest) => boolean,
  options: Signal = {},
): AsyncGenerator<Traversed> {
  const edge = enter(from) ? [from] : []
  while (edge.length > 0) {
    throwIfAborted(options.signal)
    // The last ones first, so that few wait at a time.
    for await (const { id, bytes } of readEach(chunks, edge.splice(-step), options)) {
      const reached = bytes instanceof Fault ? bytes : decode(bytes, id)
      yield { id, reached }
      if (!(reached instanceof Fault)) for (const node of reached.nodes) if (enter(node)) edge.push(node)
    }
  }
}

function decode(bytes: Uint8Array, id: Digest): Reached | Fault {
  try {
    return reachedFrom(bytes, id)
  } catch (error) {
    if (isFault(error, 'corrupt')) return error
    throw asFault(error)
  }
}

/** Says yes to each digest once. */
export function onceEach(): (id: Digest) => boolean {
  const seen = new Set<Digest>()
  return (id) => {
    if (seen.has(id)) return false
    seen.add(id)
    return true
  }
}
