import { digestOf } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import type { Page } from '../pages/page.ts'
import type { SeenFile } from '../records/project.ts'
import { isAsWanted, putViewObject } from './companion.ts'
import { isPageName, type PageName, startOf } from './layout.ts'
import type { View, ViewLog } from './view.ts'

/** Puts those pages that are missing or otherwise; `rows` is what is listed of them, and is kept up to date. */
export async function writePages(
  context: IndexContext,
  { prefix, dryRun }: View,
  pages: readonly Page[],
  rows: Map<PageName, SeenFile>,
  log: ViewLog,
  signal: AbortSignal | undefined,
): Promise<void> {
  for (const { key, bytes, contentType } of pages) {
    const page = key.slice(key.lastIndexOf('/') + 1)
    if (!isPageName(page)) continue
    const headers = { contentType, cacheControl: context.environment.pageCache }
    const row = rows.get(page)
    const wanted = { size: bytes.byteLength, digest: digestOf(bytes), ...headers }
    if (row !== undefined && (await isAsWanted(context, key, row, wanted, signal))) continue
    const name = key.slice(startOf(prefix).length)
    rows.set(page, dryRun ? { name, size: bytes.byteLength, etag: '' } : await putViewObject(context, prefix, name, bytes, headers, signal))
    log.wrote(key, row === undefined)
  }
}
