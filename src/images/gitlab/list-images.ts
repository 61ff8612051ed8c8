import { compareNames, mapBounded } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { GitLab, GitLabRepository, GitLabTag } from './gitlab.ts'

type ListedTag = Pick<GitLabTag, 'name'> & Partial<GitLabTag>

export interface ListedRepository {
  /** Below the registry's project, or in full where it lies elsewhere. */
  readonly repository: string
  /** The newest first, then by name. What GitLab does not know of a tag is undefined. */
  readonly tags: readonly ListedTag[]
  readonly isWhole: boolean
  readonly status: string | undefined
}

export interface ListImagesOptions extends Signal {
  /** The registry's project. */
  readonly within: string
  /** One request for each tag. */
  readonly withDetails: boolean
}

/** Tags are asked for at once, so many of them. */
const width = 8

/** Everything in the project's registry, by repository. */
export async function listImages(gitlab: GitLab, { within, withDetails, signal }: ListImagesOptions): Promise<readonly ListedRepository[]> {
  const listed = await gitlab.repositories({ signal })
  const pairs = listed.flatMap((repository) => repository.tags.map((name) => ({ repository, name })))
  const details = withDetails
    ? await mapBounded(
        pairs,
        width,
        // One that went since is listed without.
        async ({ repository, name }, inner) => (await gitlab.tag(repository, name, { signal: inner })) ?? { name },
        signal,
      )
    : pairs.map(({ name }) => ({ name }))
  const tags = new Map<GitLabRepository, ListedTag[]>(listed.map((repository) => [repository, []]))
  pairs.forEach(({ repository }, at) => tags.get(repository)!.push(details[at]!))
  return listed
    .map((each): ListedRepository => {
      const repository = each.path.startsWith(`${within}/`) ? each.path.slice(within.length + 1) : each.path
      return { repository, tags: tags.get(each)!.toSorted(byAge), isWhole: each.isWhole, status: each.status }
    })
    .toSorted((a, b) => compareNames(a.repository, b.repository))
}

function byAge(a: ListedTag, b: ListedTag): number {
  return (b.createdAt ?? 0) - (a.createdAt ?? 0) || compareNames(a.name, b.name)
}
