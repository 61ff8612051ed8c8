import { type Digest, forEachBounded, isFault } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { projectPages } from '../pages/page.ts'
import type { WrittenProject } from '../records/facts.ts'
import type { ProjectRecord } from '../records/project.ts'
import { isShown } from './catalogued.ts'
import { type Companion, ensureCompanion } from './companion.ts'
import { sumOfView } from './in-line.ts'
import type { Group } from './scan.ts'
import type { View, ViewLog } from './view.ts'
import { writePages } from './write-pages.ts'

/** A project's companions, then its pages. `before` is how its view was written last, as far as that is known. */
export async function bringProjectInLine(
  context: IndexContext,
  view: View,
  group: Group,
  record: Digest,
  before: WrittenProject | undefined,
  log: ViewLog,
  signal: AbortSignal,
): Promise<void> {
  const project = await view.read(record)
  const isTrusted = await trust(view, project.name, group, record, before)
  const listed = new Set(group.files.map(({ name }) => name))
  const companion: Companion = {
    prefix: view.prefix,
    group,
    dryRun: view.dryRun,
    onWritten: (key, isNew) => log.wrote(key, isNew),
  }
  const missing = project.files.filter(
    ({ name, metadata }) => metadata !== undefined && listed.has(name) && !(isTrusted(name) && group.companions.has(name)),
  )
  await forEachBounded(missing, 8, (file, inner) => ensureCompanion(context, companion, file, undefined, inner), signal)
  if (isShown(project)) await writePages(context, view, projectPages(view.prefix, project, context.environment), group.pages, log, signal)
}

/**
 * Which files' companions need not be compared: those that this command has compared, and, where all that was written for an
 * earlier record still stands as it was written, those of its files.
 */
async function trust(
  view: View,
  name: string,
  group: Group,
  record: Digest,
  before: WrittenProject | undefined,
): Promise<(file: string) => boolean> {
  const { checked } = group
  if (view.compared !== undefined && view.compared.get(name) === sumOfView(group, view.rules)) return () => true
  if (before === undefined || before.record === record) return (file) => checked.has(file)
  const earlier = await readEarlier(view, before.record)
  const files = new Set(earlier.map((file) => file.name))
  const stands = sumOfView(group, view.rules, files) === before.rows
  return (file) => checked.has(file) || (stands && files.has(file))
}

/** Facts keep nothing alive: what they tell of may be gone. */
async function readEarlier({ read }: View, record: Digest): Promise<readonly { readonly name: string }[]> {
  try {
    const { files, refused, withdrawn }: ProjectRecord = await read(record)
    return [...files, ...refused, ...withdrawn]
  } catch (error) {
    if (!isFault(error, 'corrupt') && !isFault(error, 'unsupported')) throw error
    return []
  }
}
