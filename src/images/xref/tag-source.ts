import { Fault, isFault, mapBounded } from '../../kit/index.ts'
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

/**
 * GitLab's own list: all repositories of the project in one request, or in one for each hundred. Throws `invalid` where the images would be in
 * another project than the one that is listed: they would all look missing.
 */
export function gitlabTags(gitlab: GitLab, { registryProject, registry }: Pick<ImagesSettings, 'registryProject' | 'registry'>): TagSource {
  const project = /^\d+$/.test(gitlab.project) ? undefined : gitlab.project.toLowerCase()
  if (project !== undefined && below(project, registryProject) === undefined) {
    throw new Fault('invalid', `images go below ${registryProject}, which is not in the GitLab project ${gitlab.project}`, {
      hint: 'set gitlab_project to the project that registry_project begins with, or tags_from = "registry"',
    })
  }
  let known = new Map<string, GitLabRepository>()
  let others = 0
  return {
    name: `GitLab ${gitlab.host}, project ${gitlab.project}`,
    async list(_repositories, o) {
      const listed = await gitlab.repositories(o)
      const moved = listed.find(({ path }) => project !== undefined && below(project, path) === undefined)
      if (moved !== undefined) {
        throw new Fault('invalid', `the GitLab project ${gitlab.project} is called otherwise by now: it has the repository ${moved.path}`, {
          hint: 'set gitlab_project, and registry_project where that is set too',
        })
      }
      const inside = listed.flatMap((each) => {
        const repository = below(registryProject, each.path)
        return repository === undefined ? [] : [[repository, each] as const]
      })
      known = new Map(inside)
      others = listed.length - inside.length
      return new Map(inside.map(([path, { tags, isWhole }]) => [path, { tags: new Set(tags), isWhole }]))
    },
    async has(repository, tag, o) {
      const found = known.get(repository)
      return found !== undefined && (await gitlab.tag(found, tag, o)) !== undefined
    },
    notes: () => [
      ...(known.size === 0 && others > 0
        ? [
            `none of the ${others} repositories of project ${gitlab.project} is below ${registryProject}: check registry_project under [images]`,
          ]
        : []),
      ...[...known].flatMap(([path, repository]) => notesOf(path, repository, registry)),
    ],
  }
}

/** What follows after the project in a repository's path; empty for the project's own, undefined for one elsewhere. */
function below(project: string, path: string): string | undefined {
  if (path === project) return ''
  return path.startsWith(`${project}/`) ? path.slice(project.length + 1) : undefined
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
