import type { Digest } from '../../kit/index.ts'
import type { ProjectRecord } from '../records/project.ts'
import type { IndexRef } from '../records/state.ts'
import type { ProjectContent } from '../records/write.ts'
import type { Changed } from './change.ts'
import type { FollowedView } from './follow.ts'
import { keyIn } from './layout.ts'
import type { Beside } from './scan.ts'

/** What a command did to an index; in a dry run, would do. */
export interface Published {
  /** What stands now; undefined where nothing was ever published. */
  readonly generation: number | undefined
  readonly hasMoved: boolean
  readonly prefixes: readonly PublishedPrefix[]
}

export interface PublishedPrefix extends Difference, Pick<FollowedView, 'written' | 'removed' | 'purge'> {
  readonly prefix: string
  /** The generation that changed this prefix last; undefined where it was never published. */
  readonly generation: number | undefined
  /** Nothing is listed there, and nothing was ever published. */
  readonly isEmpty: boolean
  readonly hasChanged: boolean
  readonly projects: number
  readonly files: number
  readonly bytes: number
  /** Names of projects that the environment does not let in. */
  readonly notAllowed: readonly string[]
  /** Names of objects that are nobody's: the first of them, and how many there are. */
  readonly foreign: { readonly names: readonly string[]; readonly count: number }
}

/** Files by name. */
export interface Difference {
  readonly filesAdded: readonly string[]
  readonly filesRemoved: readonly string[]
  readonly filesChanged: readonly FileChange[]
  /** Or for another reason than before. */
  readonly filesYanked: readonly string[]
  readonly filesUnyanked: readonly string[]
  /** All that are in the bucket and cannot be published, new or not. */
  readonly refused: readonly Refusal[]
  /** Of the projects that changed: in the bucket, taken off, and not being deleted. */
  readonly withdrawn: readonly string[]
  /** Of the projects that changed or may: published without a digest. */
  readonly unread: readonly string[]
}

export interface FileChange {
  readonly name: string
  readonly before: Digest | undefined
  readonly after: Digest | undefined
}

export interface Refusal {
  readonly name: string
  readonly reason: string
}

export const noDifference: Difference = {
  filesAdded: [],
  filesRemoved: [],
  filesChanged: [],
  filesYanked: [],
  filesUnyanked: [],
  refused: [],
  withdrawn: [],
  unread: [],
}

/** Between what is published of a project and what will be. */
export function differenceOf(before: ProjectRecord | undefined, after: ProjectContent): Difference {
  const old = new Map(before?.files.map((file) => [file.name, file]))
  const filesAdded: string[] = []
  const filesChanged: FileChange[] = []
  const filesYanked: string[] = []
  const filesUnyanked: string[] = []
  for (const { name, digest, yanked } of after.files) {
    const was = old.get(name)
    old.delete(name)
    if (was === undefined) {
      filesAdded.push(name)
      continue
    }
    if (was.digest !== digest) filesChanged.push({ name, before: was.digest, after: digest })
    if (was.yanked !== yanked) (yanked === undefined ? filesUnyanked : filesYanked).push(name)
  }
  return {
    filesAdded,
    filesRemoved: [...old.keys()],
    filesChanged,
    filesYanked,
    filesUnyanked,
    refused: after.refused.map(({ name, reason }) => ({ name, reason })),
    withdrawn: after.withdrawn.filter(({ why }) => why !== 'deleting').map(({ name }) => name),
    unread: after.files.filter(({ digest }) => digest === undefined).map(({ name }) => name),
  }
}

export function joinDifferences(differences: readonly Difference[]): Difference {
  const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1)
  return {
    filesAdded: differences.flatMap(({ filesAdded }) => filesAdded).sort(),
    filesRemoved: differences.flatMap(({ filesRemoved }) => filesRemoved).sort(),
    filesChanged: differences.flatMap(({ filesChanged }) => filesChanged).sort(byName),
    filesYanked: differences.flatMap(({ filesYanked }) => filesYanked).sort(),
    filesUnyanked: differences.flatMap(({ filesUnyanked }) => filesUnyanked).sort(),
    refused: differences.flatMap(({ refused }) => refused).sort(byName),
    withdrawn: differences.flatMap(({ withdrawn }) => withdrawn).sort(),
    unread: differences.flatMap(({ unread }) => unread).sort(),
  }
}

/** What was planned for a prefix, beside its catalogue. */
export interface PlannedPrefix {
  readonly difference: Difference
  readonly beside: Beside
  /** Only some projects were looked at: files of no project are left untold. */
  readonly isPartial?: boolean | undefined
  /** Companions that were written as files were looked at. */
  readonly written: readonly string[]
  readonly purge: readonly string[]
  readonly isEmpty: boolean
}

/** The whole outcome, prefix by prefix. */
export function describePublished({ ref, hasMoved, changed, views }: Changed, planned: ReadonlyMap<string, PlannedPrefix>): Published {
  const followed = new Map(views.map((view) => [view.prefix, view]))
  const prefixes = Array.from(planned, ([prefix, plan]): PublishedPrefix => {
    const view = followed.get(prefix)
    const beside = view?.beside ?? plan.beside
    const { projects, files, bytes } = changed.get(prefix) ?? ref?.state.prefixes[prefix] ?? { projects: 0, files: 0, bytes: 0 }
    const difference = joinDifferences([plan.difference, { ...noDifference, refused: plan.isPartial === true ? [] : beside.nameless }])
    const replaced = replacedIn(difference).map((name) => keyIn(prefix, name))
    return {
      prefix,
      ...difference,
      generation: generationOf(ref, prefix),
      isEmpty: plan.isEmpty,
      hasChanged: changed.has(prefix),
      projects,
      files,
      bytes,
      notAllowed: beside.notAllowed,
      foreign: beside.foreign,
      written: [...new Set([...plan.written, ...(view?.written ?? [])])].sort(),
      removed: view?.removed ?? [],
      purge: [...new Set([...plan.purge, ...(view?.purge ?? []), ...replaced])].sort(),
    }
  })
  return { generation: ref?.generation, hasMoved, prefixes }
}

/** Files whose old bytes caches may keep for as long as they like: those that were replaced, and those that are gone and may come again. */
function replacedIn({ filesChanged, filesRemoved, withdrawn }: Difference): string[] {
  const stay = new Set(withdrawn)
  return [...filesChanged.map(({ name }) => name), ...filesRemoved.filter((name) => !stay.has(name))]
}

/** The generation that changed a prefix last. */
export function generationOf(ref: IndexRef | undefined, prefix: string): number | undefined {
  return ref?.state.prefixes[prefix]?.kept.at(-1)?.generation
}
