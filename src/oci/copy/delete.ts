import { type Digest, Fault, hexOf, isFault, mapBounded } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { parseManifest } from '../model/manifest.ts'
import { isIndexType } from '../model/media-types.ts'
import type { Registry } from '../registry/registry.ts'

/** What leads to a manifest. */
export interface Namers {
  readonly tags: readonly string[]
  /** Tags whose index names it. */
  readonly within: readonly string[]
  /** Digest tags made for it, such as those of its signatures: they stay when it goes. */
  readonly digestTags: readonly string[]
}

const width = 8

/** Asks for every tag of the repository. */
export async function findNamers(registry: Registry, repository: string, digest: Digest, o: Signal = {}): Promise<Namers> {
  const all: string[] = []
  for await (const tag of registry.tags(repository, o)) all.push(tag)
  const own = `sha256-${hexOf(digest)}`
  const how = await mapBounded(all, width, (tag, signal) => howNamed(registry, repository, tag, digest, { signal }), o.signal)
  return {
    tags: all.filter((_, at) => how[at] === 'named'),
    within: all.filter((_, at) => how[at] === 'within'),
    digestTags: all.filter((tag) => tag === own || tag.startsWith(`${own}.`)),
  }
}

async function howNamed(
  registry: Registry,
  repository: string,
  tag: string,
  digest: Digest,
  o: Signal,
): Promise<'named' | 'within' | undefined> {
  const head = await registry.headManifest(repository, tag, o)
  if (head?.digest === digest) return 'named'
  // The list of an image's referrers is an index of this form, and does not need them.
  if (head === undefined || !isIndexType(head.mediaType) || /^sha256-[0-9a-f]{64}$/.test(tag)) return undefined
  const content = parseManifest(await registry.manifest(repository, head.digest, o))
  return content.kind === 'index' && content.manifests.some((entry) => entry.digest === digest) ? 'within' : undefined
}

/** Throws `unsupported` where the registry deletes by digest only, and names what else would go then. */
export async function deleteTag(registry: Registry, repository: string, tag: string, digest: Digest, o: Signal = {}): Promise<void> {
  try {
    await registry.deleteTag(repository, tag, o)
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    const { tags } = await findNamers(registry, repository, digest, o)
    const others = tags.filter((other) => other !== tag)
    const also =
      others.length === 0
        ? 'no other tag names it'
        : `so would ${others.join(', ')}, which ${others.length === 1 ? 'names' : 'name'} it too`
    throw new Fault('unsupported', `${registry.host} deletes by digest only: ${tag} would go with ${digest}, and ${also}`, {
      hint: 'nothing was deleted: --by-digest deletes it so',
      cause: error,
    })
  }
}

/** Throws `busy` where an index needs it. */
export async function deleteByDigest(
  registry: Registry,
  repository: string,
  digest: Digest,
  { within }: Namers,
  o: Signal = {},
): Promise<void> {
  if (within.length > 0) {
    throw new Fault('busy', `${digest} is a part of ${within.join(', ')}`, { hint: 'nothing was deleted: delete or replace that first' })
  }
  await registry.deleteManifest(repository, digest, o)
}
