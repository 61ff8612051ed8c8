import { Fault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { hasFiles, type Scan } from './scan.ts'

/**
 * A bucket that is not mounted, or a wrong one, looks like an empty one: nobody's pages are emptied, or written where no file is, by mistake.
 * `files`: how many the prefix publishes. Throws `precondition`.
 */
export function assertNotEmptied({ bucket }: Pick<IndexContext, 'bucket'>, files: number, scan: Scan): void {
  if (files === 0 || hasFiles(scan)) return
  throw new Fault('precondition', `every file that ${scan.prefix} publishes is gone from the bucket; nothing was changed`, {
    at: bucket.name,
    hint: 'check the bucket; where it is meant so, publish with --allow-empty',
  })
}
