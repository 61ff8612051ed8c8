import type { Tracer } from '../chunks/index.ts'
import { reachedFrom } from './tree/split.ts'

/** What a node of a tree leads to, for the collection of what nothing reaches. */
export const traceNode: Tracer = async function* (root, chunks, options) {
  const reached = reachedFrom(await chunks.read(root.digest, options), root.digest)
  for (const digest of reached.nodes) yield { kind: 'node', digest }
  for (const { id } of reached.chunks) if (id !== undefined) yield { kind: 'chunk', digest: id }
}
