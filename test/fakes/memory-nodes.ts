import { type Digest, digestOf, Fault } from '../../src/kit/index.ts'
import type { NodeSink, NodeSource } from '../../src/snapshots/tree/entry.ts'

/** Nodes and chunks in a map. */
export function memoryNodes(): NodeSink & NodeSource & { readonly all: Map<Digest, Uint8Array> } {
  const all = new Map<Digest, Uint8Array>()
  return {
    all,
    async addBytes(bytes) {
      const id = digestOf(bytes)
      all.set(id, bytes)
      return id
    },
    async read(id) {
      const bytes = all.get(id)
      if (bytes === undefined) throw new Fault('not-found', `no such node: ${id}`)
      return bytes
    },
  }
}
