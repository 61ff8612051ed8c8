import { isFault, mapBounded } from '../../kit/index.ts'
import type { Registry } from '../../oci/index.ts'
import type { Signal } from '../../store/index.ts'
import type { ImagesContext } from '../context.ts'
import type { GitLab, GitLabRepository } from '../gitlab/gitlab.ts'
import type { ImagesSettings } from '../settings.ts'

export interface ListedTags {
  readonly tags: ReadonlySet<string>
  /** Whether no tag can be missing in the list. */
  readonly isWhole: boolean
}

/** By repository, below the registry's project. One that is not there has no tags. */
export type TagLists = ReadonlyMap<string, ListedTags>

/** Who knows which tags there are below the registry's project. */
export interface TagSource {
  /** For people. */
  readonly name: string
  /** Of these repositories at least. */
  list(repositories: readonly string[], o?: Signal): Promise<TagLists>
  /** Whether it is there, where a list was not whole. */
  has(repository: string, tag: string, o?: Signal): Promise<boolean>
  /** What people should know of what was listed. */
  notes(): readonly string[]
}

/** Repositories are asked for at once, so many of them. */
const width = 4

/** The one that the settings choose. */
export async function openTags({
  settings,
  gitlab,
  registry,
}: Pick<ImagesContext, 'settings' | 'gitlab' | 'registry'>): Promise<TagSource> {
  return settings.tagsFrom === 'gitlab' ? gitlabTags(await gitlab(), settings) : registryTags(await registry(), settings)
}

/** GitLab's own list: all repositories of the project in one request, or in one for each hundred. */
export function gitlabTags(gitlab: GitLab, { registryProject, registry }: Pick<ImagesSettings, 'registryProject' | 'registry'>): TagSource {
  let known = new Map<string, GitLabRepository>()
  return {
    name: `GitLab ${gitlab.host}, project ${gitlab.project}`,
    async list(_repositories, o) {
      const within = `${registryProject}/`
      const listed = (await gitlab.repositories(o)).filter(({ path }) => path.startsWith(within))
      known = new Map(listed.map((each) => [each.path.slice(within.length), each]))
      return new Map([...known].map(([path, { tags, isWhole }]) => [path, { tags: new Set(tags), isWhole }]))
    },
    async has(repository, tag, o) {
      const found = known.get(repository)
      return found !== undefined && (await gitlab.tag(found, tag, o)) !== undefined
    },
    notes: () => [...known].flatMap(([path, repository]) => notesOf(path, repository, registry)),
  }
}

function notesOf(path: string, { status, location }: GitLabRepository, registry: string | undefined): string[] {
  const host = location?.split('/')[0]
  return [
    ...(status === undefined || !status.startsWith('delete') ? [] : [`GitLab is about to delete ${path} with all its tags (${status})`]),
    ...(registry === undefined || host === undefined || host === '' || host === registry
      ? []
      : [`GitLab says that ${path} is at ${host}, and images go to ${registry}: check registry under [images]`]),
  ]
}

/** The registry itself: one request or more for each repository. */
export function registryTags(registry: Registry, { registryProject }: Pick<ImagesSettings, 'registryProject'>): TagSource {
  const full = (repository: string) => `${registryProject}/${repository}`
  const listOne = async (repository: string, signal: AbortSignal): Promise<ListedTags> => {
    const tags = new Set<string>()
    try {
      for await (const tag of registry.tags(full(repository), { signal })) tags.add(tag)
    } catch (error) {
      if (!isFault(error, 'not-found')) throw error
    }
    return { tags, isWhole: true }
  }
  return {
    name: `the registry ${registry.host}`,
    async list(repositories, { signal } = {}) {
      return new Map(
        await mapBounded(repositories, width, async (repository, inner) => [repository, await listOne(repository, inner)] as const, signal),
      )
    },
    has: async (repository, tag, o) => (await registry.headManifest(full(repository), tag, o)) !== undefined,
    notes: () => [],
  }
}
