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
