import type { ChunkReader } from '../../chunks/index.ts'
import { type Digest, Fault, throwIfAborted } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { readEach } from '../look/read-each.ts'
import { type Reached, reachedFrom } from '../tree/split.ts'

export interface DifferingNode {
  readonly id: Digest
  readonly bytes: Uint8Array
  readonly reached: Reached
}

/**
 * The nodes of a tree without those that a base tree has as deep down: both are gone down together, so that what is the same is not read.
 * `enter` is asked for each that is to be read. Throws for one that cannot be.
 */
export async function* differingNodes(
  chunks: ChunkReader,
  root: Digest,
  base: Digest | undefined,
  enter: (id: Digest) => boolean,
  options: Signal = {},
): AsyncGenerator<DifferingNode> {
  let level = new Set([root])
  let known = new Set(base === undefined ? [] : [base])
  while (level.size > 0) {
    throwIfAborted(options.signal)
    const below = new Set<Digest>()
    const wanted = [...level].filter((id) => !known.has(id) && enter(id))
    for await (const { id, bytes } of readEach(chunks, wanted, options)) {
      if (bytes instanceof Fault) throw bytes
      const reached = reachedFrom(bytes, id)
      yield { id, bytes, reached }
      for (const node of reached.nodes) below.add(node)
    }
    const others = [...known].filter((id) => !level.has(id))
    known = below.size === 0 ? new Set() : await namedBy(chunks, others, options)
    level = below
  }
}

/** What cannot be read names nothing: more is copied then, and that is all. */
async function namedBy(chunks: ChunkReader, nodes: readonly Digest[], options: Signal): Promise<Set<Digest>> {
  const named = new Set<Digest>()
  for await (const { id, bytes } of readEach(chunks, nodes, options)) {
    if (bytes instanceof Fault) continue
    for (const node of reachedFrom(bytes, id).nodes) named.add(node)
  }
  return named
}
