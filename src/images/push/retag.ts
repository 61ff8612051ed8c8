import { type Clock, type Digest, Fault } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import { carryOutCopy, openSource, openTarget, type Place, planCopy, type Registry } from '../../oci/index.ts'

export interface TagName {
  /** Without the registry's host. */
  readonly repository: string
  readonly tag: string
}

export interface Retag extends Signal {
  readonly from: TagName
  readonly to: TagName
  /** What the tag has to name now: only then it moves. */
  readonly expect?: Digest | undefined
  /** Also a tag that is not to move, where it names another image. */
  readonly force?: boolean | undefined
  /** Tags that may move. */
  readonly moving: readonly string[]
  /** Finds out what a moving tag names now, by one request more. */
  readonly looksBefore?: boolean | undefined
  readonly clock: Clock
}

export interface Retagged {
  readonly digest: Digest
  /** What the tag named before, as far as that was asked. */
  readonly before?: Digest | undefined
  /** `moved` also where it was not asked whether there was such a tag. */
  readonly tag: 'created' | 'moved' | 'same'
}

/**
 * Gives an image another tag: one GET and one PUT of its manifest, and one HEAD where it matters what the tag names now. In another repository
 * of the registry its blobs are mounted first. Throws `not-found` where there is no such image, and `precondition` with both digests where the
 * tag names another image that is to stay, or not the one that is expected.
 */
export async function retag(registry: Registry, options: Retag): Promise<Retagged> {
  const { from, to, expect, moving, looksBefore = false, signal } = options
  if (from.repository !== to.repository) return await retagElsewhere(registry, options)
  const manifest = await registry.manifest(from.repository, from.tag, { signal })
  const { digest } = manifest
  const looks = looksBefore || expect !== undefined || !moving.includes(to.tag)
  const before = looks ? (await registry.headManifest(to.repository, to.tag, { signal }))?.digest : undefined
  if (looks) checkBefore(registry, options, before, digest)
  if (before === digest) return { digest, before, tag: 'same' }
  await registry.putManifest(to.repository, to.tag, manifest, { signal })
  return { digest, before, tag: looks && before === undefined ? 'created' : 'moved' }
}

function checkBefore(registry: Registry, { to, expect, force, moving }: Retag, before: Digest | undefined, digest: Digest): void {
  const at = `${registry.host}/${to.repository}:${to.tag}`
  if (expect !== undefined && before !== expect) {
    throw new Fault('precondition', `${to.repository}:${to.tag} names ${before ?? 'nothing'}, and not ${expect}`, {
      at,
      hint: 'someone else has moved it: look at it, and run it again with what it names now',
    })
  }
  if (before === undefined || before === digest || moving.includes(to.tag) || force === true) return
  throw new Fault('precondition', `${to.repository}:${to.tag} names ${before}, and is to name ${digest}`, {
    at,
    hint: 'a tag of a commit does not change: if it is to, use --force, or list it in `moving`',
  })
}

async function retagElsewhere(registry: Registry, { from, to, expect, force, moving, clock, signal }: Retag): Promise<Retagged> {
  const place = ({ repository, tag }: TagName): Place => ({ kind: 'registry', name: { registry: registry.host, repository, tag } })
  const registryFor = () => registry
  const { source, ref } = await openSource(place(from), registryFor)
  const { target } = await openTarget(place(to), { from: [place(from)], registryFor, clock })
  const plan = await planCopy({ source, target, ref, as: to.tag, expect, force, moving, signal })
  await carryOutCopy(plan, { source, target, signal })
  const { digest } = plan.top
  const before = plan.names.find(({ name }) => name === to.tag)?.before
  return { digest, before, tag: before === undefined ? 'created' : before === digest ? 'same' : 'moved' }
}
