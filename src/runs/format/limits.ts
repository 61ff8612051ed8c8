/** What a reader is ready to take of each thing. A writer keeps to the same, and errors name the limit. */

/** Bytes of root.json. */
export const maxRootBytes = 64 << 10
/** Bytes of the log of pages. */
export const maxLogBytes = 1 << 30
/** Bytes of a page, plain. */
export const maxPageBytes = 64 << 20
/** Files of one run. Their page stays below its limit but for very long paths. */
export const maxFilesOfRun = 200_000
/** Digests of beginnings that a file carries. */
export const maxMarks = 8
/** Tags of a run. */
export const maxTags = 1000
/** Files of a run that are told as unreadable. */
export const maxUnreadable = 1000
/** Bytes of a file that goes into packs whole; a larger one is read from where it lies. */
export const maxPackedFile = 256 << 10
/** Bytes that a file may have grown by in one revision and still find them in a pack. */
export const maxPackedTail = 8 << 20
/** Plain bytes after which a block ends; one piece of a tail may be larger than that. */
export const blockBytes = 256 << 10
/** Bytes of a pack's index, plain. */
export const maxIndexBytes = 256 << 20
/** Packs that a root may name. */
export const maxPacks = 64
/** Runs of one shard. */
export const maxRunsOfShard = 256
