import * as v from 'valibot'
import { isFault, parseJson } from '../../kit/index.ts'
import { readAll } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import type { SeenFile } from '../records/project.ts'
import { keyIn } from './layout.ts'
import type { Group } from './scan.ts'
import type { View } from './view.ts'

/** An object of the view that is to go. */
export interface Removal {
  /** Below the prefix. */
  readonly name: string
  /** Takes it out of the listing. */
  forget(): void
}

/**
 * Pages of projects that are shown no more, in the order in which they may go, and companions of wheels that are gone. A folder is only taken
 * for a project's if its `index.json` says so: anybody may have an `index.html`.
 */
export async function removalsIn(context: IndexContext, { prefix, scan }: View, shown: ReadonlySet<string>): Promise<Removal[]> {
  const removals: Removal[] = []
  for (const [project, group] of scan.groups) {
    const { pages, companions } = group
    if (pages.size > 0 && !shown.has(project) && (await isOurs(context, prefix, project, pages.get('index.json')))) {
      // The one that proves it last, so that what a kill leaves is still known.
      for (const page of ['index.html', 'index.json'] as const) {
        const row = pages.get(page)
        if (row !== undefined) removals.push({ name: row.name, forget: () => void pages.delete(page) })
      }
    }
    for (const [file, row] of await orphans(context, prefix, group)) {
      removals.push({ name: row.name, forget: () => void companions.delete(file) })
    }
  }
  return removals
}

/** The listing may have shown a companion and missed a wheel that was put meanwhile. */
async function orphans(context: IndexContext, prefix: string, { files, companions }: Group): Promise<[string, SeenFile][]> {
  if (companions.size === 0) return []
  const listed = new Set(files.map(({ name }) => name))
  const found: [string, SeenFile][] = []
  for (const [file, row] of companions) {
    if (!listed.has(file) && (await context.bucket.head(keyIn(prefix, file), context)) === undefined) found.push([file, row])
  }
  return found
}

const maxPageBytes = 64 << 20
const pageShape = v.looseObject({ name: v.string(), meta: v.looseObject({ 'api-version': v.string() }) })

async function isOurs(context: IndexContext, prefix: string, project: string, json: SeenFile | undefined): Promise<boolean> {
  if (json === undefined) return false
  const key = keyIn(prefix, json.name)
  try {
    const { bytes } = await readAll(context.bucket, key, { limit: maxPageBytes, signal: context.signal })
    return parseJson(pageShape, bytes, `${context.bucket.name}/${key}`).name === project
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'corrupt')) return false
    throw error
  }
}
