import { type Digest, digestOf } from '../../kit/index.ts'
import type { SeenFile } from './project.ts'

/** One digest for what was seen of some objects: their names, sizes and etags. Order does not matter. */
export function listingDigest(rows: Iterable<SeenFile>): Digest {
  const lines = Array.from(rows, ({ name, size, etag }) => JSON.stringify([name, size, etag]))
  return digestOf(lines.sort().join('\n'))
}
