import * as v from 'valibot'
import { checkShape, type Digest, Fault, isDigest } from '../../kit/index.ts'
import { isTag } from '../../oci/index.ts'
import type { Signal } from '../../store/index.ts'
import { type GitLabOptions, type GitLabSession, openSession } from './session.ts'

export interface GitLabRepository {
  readonly id: number
  /** In full and in lower case: `group/project/x86/app`. */
  readonly path: string
  /** `host:port/group/project/x86/app`, where GitLab says it. */
  readonly location: string | undefined
  readonly tags: readonly string[]
  /** Whether no tag can be missing in the list. */
  readonly isWhole: boolean
  /** Such as `delete_scheduled`. */
  readonly status: string | undefined
}

/** What GitLab knows of a tag; what it does not know is undefined. */
export interface GitLabTag {
  readonly name: string
  readonly digest: Digest | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number | undefined
  /** Bytes of its layers and its config. */
  readonly size: number | undefined
}

/**
 * The container registry of one project, as GitLab's own API lists it. The token goes to this server alone; what is denied says which scope is
 * missing; 429 and Retry-After are waited out and told.
 */
export interface GitLab {
  readonly host: string
  readonly project: string
  /** All repositories and their tags, on as few pages as GitLab gives. `not-found` where the project is not there for this token. */
  repositories(o?: Signal): Promise<readonly GitLabRepository[]>
  /** Undefined only where GitLab says that there is no such tag. */
  tag(repository: GitLabRepository, tag: string, o?: Signal): Promise<GitLabTag | undefined>
  /** How many requests were made. */
  requests(): number
}

const pageSize = 100
const maxRepositories = 10_000
const maxTags = 1_000_000
/** A list that others change while it is read is read again so often. */
const maxReadings = 3

const repositoryShape = v.array(
  v.object({
    id: v.pipe(v.number(), v.safeInteger()),
    path: v.string(),
    location: v.nullish(v.string()),
    tags_count: v.nullish(v.number()),
    tags: v.nullish(v.array(v.object({ name: v.string() }))),
    status: v.nullish(v.string()),
  }),
)
type Listed = v.InferOutput<typeof repositoryShape>[number]

const tagsShape = v.array(v.object({ name: v.string() }))

const tagShape = v.object({
  name: v.string(),
  digest: v.nullish(v.string()),
  created_at: v.nullish(v.string()),
  total_size: v.nullish(v.number()),
})

export function openGitLab(options: GitLabOptions): GitLab {
  const session = openSession(options)
  const { project } = options
  const root = `projects/${encodeURIComponent(project)}/registry/repositories`
  return {
    host: session.host,
    project,
    repositories: ({ signal } = {}) => listRepositories(session, root, signal),
    async tag(repository, tag, { signal } = {}) {
      const page = await session.read(`${root}/${repository.id}/tags/${encodeURIComponent(tag)}`, { absent: 'Tag', signal })
      return page === undefined ? undefined : tagOf(checkShape(tagShape, page.json, page.url))
    },
    requests: () => session.requests(),
  }
}

/** Read again where repositories came or went between two pages: one that moved to the page before would look missing. */
async function listRepositories(
  session: GitLabSession,
  root: string,
  signal: AbortSignal | undefined,
): Promise<readonly GitLabRepository[]> {
  for (let reading = 1; reading <= maxReadings; reading++) {
    const found = new Map<number, Listed>()
    const totals = new Set<number | undefined>()
    let pages = 0
    for await (const page of session.pages(`${root}?tags=true&tags_count=true&per_page=${pageSize}`, signal)) {
      const known = found.size
      const listed = checkShape(repositoryShape, page.json, page.url)
      for (const each of listed) found.set(each.id, each)
      if (listed.length > 0 && found.size === known)
        throw new Fault('corrupt', `${session.host} lists pages without an end`, { at: page.url })
      if (found.size > maxRepositories) throw tooMany(session, maxRepositories, 'repositories')
      totals.add(page.total)
      pages++
    }
    const [total = 0] = totals
    if (pages < 2 || (totals.size === 1 && total <= found.size)) {
      const lists: GitLabRepository[] = []
      for (const each of found.values()) lists.push(await withTags(session, root, each, signal))
      return lists
    }
  }
  throw new Fault('unavailable', `the repositories of ${session.project} at ${session.host} change while they are listed`, {
    hint: 'run it again when nobody makes or deletes repositories there',
  })
}

/**
 * GitLab takes what one request to its registry gives: 10,000 tags, or fewer where the registry has a limit of its own, such as 1,000; with a
 * newer registry it takes pages of 100 until the end, and only the count stops there.
 */
async function withTags(session: GitLabSession, root: string, listed: Listed, signal: AbortSignal | undefined): Promise<GitLabRepository> {
  const { id, path, location, status, tags_count: count } = listed
  const names = (listed.tags ?? (await readTags(session, `${root}/${id}/tags?per_page=${pageSize}`, signal))).map(({ name }) => name)
  const tags = [...new Set(names)]
  const strange = tags.find((tag) => !isTag(tag))
  if (strange !== undefined) {
    throw new Fault('corrupt', `${session.host} lists a tag that is none: ${JSON.stringify(strange.slice(0, 200))}`, { at: path })
  }
  const isCut = names.length > 0 && names.length % 1000 === 0
  return {
    id,
    path: path.toLowerCase(),
    location: location ?? undefined,
    tags,
    isWhole: !isCut && names.length >= (count ?? 0),
    status: status ?? undefined,
  }
}

/** A GitLab that puts no tags into the list of repositories has a list of them for each. */
async function readTags(session: GitLabSession, path: string, signal: AbortSignal | undefined): Promise<{ readonly name: string }[]> {
  const tags: { name: string }[] = []
  for await (const page of session.pages(path, signal)) {
    tags.push(...checkShape(tagsShape, page.json, page.url))
    if (tags.length > maxTags) throw tooMany(session, maxTags, 'tags')
  }
  return tags
}

function tagOf({ name, digest, created_at: created, total_size: size }: v.InferOutput<typeof tagShape>): GitLabTag {
  const createdAt = Date.parse(created ?? '')
  return {
    name,
    digest: digest !== null && digest !== undefined && isDigest(digest) ? digest : undefined,
    createdAt: Number.isNaN(createdAt) ? undefined : createdAt,
    size: size ?? undefined,
  }
}

function tooMany({ host }: GitLabSession, limit: number, things: string): Fault {
  return new Fault('corrupt', `${host} lists more than ${limit} ${things}`)
}
