import { Fault } from '../../kit/index.ts'
import type { SnapshotContext } from '../context.ts'
import { findSnapshot, type Listed, shortId } from '../record/lines.ts'
import { changeLine } from './forget.ts'

export interface TagChange {
  readonly add?: readonly string[] | undefined
  readonly remove?: readonly string[] | undefined
  readonly dryRun?: boolean | undefined
}

/** Changes a snapshot's tags: one conditional write. `nothing-to-do` where it has them so already. */
export async function tagSnapshot(
  context: SnapshotContext,
  id: string,
  { add = [], remove = [], dryRun = false }: TagChange,
): Promise<Listed> {
  for (const tag of add) {
    if (!/^[^\s,]{1,100}$/.test(tag))
      throw new Fault('invalid', `not a tag: ${JSON.stringify(tag)}`, { hint: 'a tag is one word without commas' })
  }
  const found = await findSnapshot(context, id)
  const tags = tagsAfter(found.tags, add, remove)
  if (tags.join() === found.tags.join()) {
    const present = found.tags.length === 0 ? 'it has none' : `it has ${found.tags.join(', ')}`
    throw new Fault('nothing-to-do', `the tags of the snapshot ${shortId(found.id)} are so already: ${present}`)
  }
  if (dryRun) return { ...found, tags }
  await changeLine(context, found.name, 'tag', { tagged: found.id }, (snapshots) =>
    snapshots.map((each) => (each.id === found.id ? { ...each, tags: tagsAfter(each.tags, add, remove) } : each)),
  )
  return { ...found, tags }
}

function tagsAfter(tags: readonly string[], add: readonly string[], remove: readonly string[]): string[] {
  return [...new Set([...tags, ...add])].filter((tag) => !remove.includes(tag))
}
