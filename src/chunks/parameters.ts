import * as v from 'valibot'
import { bytesOf, canonicalJson, Fault, formatBytes, isFault, parseJson } from '../kit/index.ts'
import { type ObjectStore, readAll, type Signal } from '../store/index.ts'
import { ensureStoreFormat, formatKey, readStoreFormat } from './format.ts'

/** How a store cuts files and compresses what it keeps: the same for all its writers, so that equal content has equal chunks. */
export interface ChunkParameters {
  readonly chunking: {
    /** Content-defined chunking as `docs/formats.md` specifies it. */
    readonly algorithm: typeof chunkingAlgorithm
    /** Bytes, as are the other two. */
    readonly min: number
    /** A power of two. */
    readonly average: number
    readonly max: number
  }
  readonly compression: { readonly algorithm: 'zstd'; readonly level: number }
}

export const chunkingAlgorithm = 'fastcdc-gear32/1'

/** Chosen by `bench/chunk-sizes.ts`: the smallest chunks whose index still fits into memory for trees of 100 GB. */
export const defaultParameters: ChunkParameters = {
  chunking: { algorithm: chunkingAlgorithm, min: 4 << 10, average: 16 << 10, max: 64 << 10 },
  compression: { algorithm: 'zstd', level: 1 },
}

/** Longer than any chunk that a file is cut into; nodes may be as long. */
export const maxChunkBytes = 4 << 20

const bytes = v.pipe(v.number(), v.integer(), v.minValue(64), v.maxValue(maxChunkBytes))
const shape = v.object({
  chunking: v.pipe(
    v.object({ algorithm: v.literal(chunkingAlgorithm), min: bytes, average: bytes, max: bytes }),
    v.check(({ min, average, max }) => min < average && average < max, 'min, average and max must ascend'),
    v.check(({ average }) => Number.isInteger(Math.log2(average)), 'the average must be a power of two'),
  ),
  compression: v.object({ algorithm: v.literal('zstd'), level: v.pipe(v.number(), v.integer(), v.minValue(1), v.maxValue(19)) }),
})

/** Undefined where the store has never got chunks. Parameters that this version does not know are `unsupported`. */
export async function readParameters(store: ObjectStore, options: Signal = {}): Promise<ChunkParameters | undefined> {
  const format = await readStoreFormat(store, options)
  return format === undefined ? undefined : parametersIn(format, `${store.name}/${formatKey}`)
}

/** The store's parameters, fixed now where it has none; of several who fix them one is first and all get its. */
export async function ensureParameters(
  store: ObjectStore,
  options: Signal & { readonly now: number; readonly random: () => number; readonly wanted?: ChunkParameters | undefined },
): Promise<{ readonly id: string; readonly parameters: ChunkParameters }> {
  const at = `${store.name}/${formatKey}`
  const { chunking, compression } = options.wanted ?? defaultParameters
  for (;;) {
    const { format } = await ensureStoreFormat(store, { ...options, members: { chunking, compression } })
    const fixed = parametersIn(format, at)
    if (fixed !== undefined) return { id: format.id, parameters: fixed }
    await addMembers(store, { chunking, compression }, options)
  }
}

/** Throws `unsupported` where two stores cut files into chunks of other sizes: copies would share nothing with what is made there. */
export function assertSameCuts(here: ChunkParameters, there: ChunkParameters, at: string): void {
  const sizes = ({ chunking: { min, average, max } }: ChunkParameters) => [min, average, max].map(formatBytes).join('/')
  if (sizes(here) === sizes(there)) return
  throw new Fault(
    'unsupported',
    `the stores cut files into chunks of other sizes (${sizes(here)} here, ${sizes(there)} there), so that copies would share nothing with what is made there`,
    { at, hint: 'copy into a new store, which takes over how this one cuts' },
  )
}

/** Adds members to a store's record that has none of them. Somebody else's being first is no failure: the caller looks again. */
async function addMembers(store: ObjectStore, members: Pick<ChunkParameters, 'chunking' | 'compression'>, options: Signal): Promise<void> {
  const { bytes, info } = await readAll(store, formatKey, { limit: 1 << 16, signal: options.signal })
  const record = parseJson(v.looseObject({}), bytes, `${store.name}/${formatKey}`)
  if ('chunking' in record) return
  try {
    await store.put(formatKey, bytesOf(canonicalJson({ ...record, ...members }) + '\n'), {
      if: { etag: info.etag },
      contentType: 'application/json',
      signal: options.signal,
    })
  } catch (error) {
    if (!isFault(error, 'precondition')) throw error
  }
}

function parametersIn(record: object, at: string): ChunkParameters | undefined {
  if (!('chunking' in record) && !('compression' in record)) return undefined
  const result = v.safeParse(shape, record)
  if (result.success) return result.output
  const issue = result.issues[0]
  throw new Fault(
    'unsupported',
    `the store cuts or compresses in a way that this version does not know: ${v.getDotPath(issue)}: ${issue.message}`,
    {
      at,
      hint: 'use the version of holdfast that made it, or a newer one',
    },
  )
}
