import { compareKeys, isKey } from '../kit/index.ts'
import type { IndexContext } from './context.ts'
import { distributionOf } from './publish/layout.ts'

/**
 * The folders of the bucket below `start` (`v2/`, or empty for all of it) that hold distributions: each is an index. One listing of
 * everything there.
 */
export async function detectPrefixes(
  { bucket, signal, report }: Pick<IndexContext, 'bucket' | 'signal' | 'report'>,
  start: string,
): Promise<string[]> {
  const from = start === '' || start.endsWith('/') ? start : `${start}/`
  const found = new Set<string>()
  report({ kind: 'begin', task: 'detect' })
  for await (const { key } of bucket.list(from, { signal })) {
    const slash = key.lastIndexOf('/')
    const prefix = slash < 0 ? '' : key.slice(0, slash)
    if (found.has(prefix) || !isKey(key)) continue
    if (distributionOf(key.slice(slash + 1)) !== undefined) found.add(prefix)
  }
  report({ kind: 'end', task: 'detect' })
  return [...found].sort(compareKeys)
}
