import { bytesOf, forEachBounded } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { type Page, projectPages, rootPages } from '../pages/page.ts'
import { isShown, shownProjects } from './catalogued.ts'
import type { Candidate } from './change.ts'

/** The pages that a publication would put into the bucket, in a folder, under the same keys. */
export async function writeFolder(context: IndexContext, candidate: Candidate, folder: ObjectStore): Promise<void> {
  for (const [prefix, { projects, read }] of candidate) {
    const put = async ({ key, bytes, contentType }: Page, signal: AbortSignal | undefined) => {
      await folder.put(key, bytesOf(bytes), { contentType, signal })
    }
    await forEachBounded(
      Object.values(projects),
      8,
      async ({ record }, signal) => {
        const project = await read(record)
        if (isShown(project)) for (const page of projectPages(prefix, project, context.environment)) await put(page, signal)
      },
      context.signal,
    )
    for (const page of rootPages(prefix, await shownProjects(projects, read))) await put(page, context.signal)
  }
}
