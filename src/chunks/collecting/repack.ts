import type { Digest } from '../../kit/index.ts'
import type { ObjectStore, Signal } from '../../store/index.ts'
import { digestAt } from '../chunk.ts'
import type { Contents } from '../contents.ts'
import { createPackSink } from '../writing/pack-sink.ts'
import { createPackWriter, type PackWriter } from '../writing/pack-writer.ts'
import type { SparsePack } from './plan-packs.ts'

export interface RepackOptions extends Signal {
  readonly random: () => number
  /** Milliseconds since 1970. */
  readonly now: number
  readonly level: number
  /** Called before each request. */
  readonly check?: (() => Promise<void>) | undefined
}

/** Writes what is needed of sparse packs into new ones, with their index: once this has resolved, the old ones are not needed. */
export async function repack(store: ObjectStore, contents: Contents, sparse: readonly SparsePack[], options: RepackOptions): Promise<void> {
  const { index } = contents
  const writer = openRewriter(store, contents, options)
  const kinds = new Map<Digest, number>()
  for (const { entries } of sparse) for (const entry of entries) kinds.set(digestAt(index.idAt(entry), 0), entry)
  for await (const { id, bytes } of contents.readMany(kinds.keys(), options)) {
    const entry = kinds.get(id)!
    await writer.add(index.idAt(entry), index.kindAt(entry), bytes)
  }
  await writer.finish()
}

/** Writes chunks that were read and verified into packs that nobody else writes. */
export function openRewriter(store: ObjectStore, contents: Contents, { random, now, level, signal, check }: RepackOptions): PackWriter {
  const { index, cache } = contents
  const sink = createPackSink({ store, index, check: check ?? (async () => undefined), remember: cache.write, signal })
  return createPackWriter(sink, level, uniqueName(random, now))
}

function uniqueName(random: () => number, now: number): string {
  return `repack/${now}/${Array.from({ length: 4 }, () => random().toString(36).slice(2)).join('')}`
}
