import type { ChunkKind } from '../chunk.ts'
import { nonceOf, sealPack } from '../pack/pack.ts'
import { bodyBytes, createPacker, type PackBody } from '../pack/packer.ts'
import type { PackSink } from './pack-sink.ts'

/** Chunks of this thread, on their way into packs. */
export interface PackWriter {
  /** Waits while packs are being stored. */
  add(id: Uint8Array, kind: ChunkKind, bytes: Uint8Array): Promise<void>
  /** Stores what is left, together with bodies of other lanes: in one pack, where that does not become too large. Then the index. */
  finish(others?: readonly PackBody[]): Promise<void>
}

/** `name`: no other writer of packs has it. */
export function createPackWriter(sink: PackSink, level: number, name: string): PackWriter {
  const packer = createPacker(level)
  let count = 0
  let previous: Promise<void> = Promise.resolve()
  const seal = (bodies: readonly PackBody[]) => sealPack(bodies, nonceOf(name, String(count++)))
  /** One pack is made while the one before is stored. */
  const store = async (bodies: readonly PackBody[]) => {
    await previous
    previous = sink.put(seal(bodies))
    previous.catch(() => undefined)
  }
  return {
    async add(id, kind, bytes) {
      packer.add(id, kind, bytes)
      if (packer.isFull) await store([packer.take()!])
    },
    async finish(others = []) {
      const own = packer.take()
      let together: PackBody[] = []
      let size = 0
      for (const body of own === undefined ? others : [...others, own]) {
        if (size > 0 && size + body.size > bodyBytes) {
          await store(together)
          together = []
          size = 0
        }
        together.push(body)
        size += body.size
      }
      if (together.length > 0) await store(together)
      await previous
      await sink.writeIndex()
    },
  }
}
