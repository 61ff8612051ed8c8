import { type Digest, forEachBounded, observed, type Report, silent } from '../../kit/index.ts'
import type { ByteRate, Signal } from '../../store/index.ts'
import type { ImageSource, ImageTarget } from '../model/image-source.ts'
import type { Descriptor } from '../registry/registry.ts'
import type { ImageNode } from './graph.ts'
import { checkAgain, type CopyPlan, type PlannedName } from './plan.ts'

/** How a blob came to be in the target. */
export interface CopiedBlob extends Descriptor {
  readonly how: 'there' | 'mounted' | 'sent'
}

export interface CopiedImage {
  readonly blobs: readonly CopiedBlob[]
  /** Manifests and indexes that were put. */
  readonly manifests: number
  /** Names that were moved or made; those that were right already are not among them. */
  readonly moved: readonly PlannedName[]
  readonly sentBytes: number
}

export interface CarryOut extends Signal {
  readonly source: ImageSource
  readonly target: ImageTarget
  /** Blobs that went to the target while the source was read: they count as sent. */
  readonly streamed?: ReadonlySet<Digest> | undefined
  /** Holds bytes back that are sent. */
  readonly rate?: Pick<ByteRate, 'take'> | undefined
  readonly report?: Report | undefined
}

/**
 * Carries out a plan: blobs, side by side, each checked for presence and size; then manifests, those that others name before them; then what
 * refers to them; then digest tags; and last of all the name. Whatever it is stopped at, no name shows anything that is not whole, and the
 * next copy finds what has come so far.
 */
export async function carryOutCopy(plan: CopyPlan, options: CarryOut): Promise<CopiedImage> {
  const { target, streamed, report = silent, signal } = options
  const task = `copy ${plan.top.digest.slice(0, 19)}`
  report({ kind: 'begin', task, bytes: plan.missing.reduce((sum, { size }) => sum + size, 0) })
  const came = new Map<Descriptor, CopiedBlob['how']>()
  try {
    await forEachBounded(
      plan.missing,
      target.width,
      async (blob, stop) => {
        came.set(blob, await bring(blob, { ...options, signal: stop }, (bytes) => report({ kind: 'advance', task, bytes })))
      },
      signal,
    )
    const manifests = await putManifests(plan, options)
    const moved = await moveNames(plan, manifests > 0 || came.size > 0, options)
    if (came.size + manifests + moved.length > 0) await target.finish?.({ signal })
    const blobs = plan.blobs.map((blob): CopiedBlob => ({
      ...blob,
      how: came.get(blob) ?? (streamed?.has(blob.digest) ? 'sent' : 'there'),
    }))
    return { blobs, manifests, moved, sentBytes: blobs.reduce((sum, { size, how }) => sum + (how === 'sent' ? size : 0), 0) }
  } finally {
    report({ kind: 'end', task })
  }
}

async function bring(
  blob: Descriptor,
  { source, target, rate, signal }: CarryOut,
  onBytes: (bytes: number) => void,
): Promise<'mounted' | 'sent'> {
  if (await target.mountBlob?.(blob, { signal })) {
    onBytes(blob.size)
    return 'mounted'
  }
  const body = await source.blob(blob, { signal })
  const look = async (piece: Uint8Array) => {
    await rate?.take(piece.byteLength, signal)
    onBytes(piece.byteLength)
  }
  await target.putBlob(blob, observed(body, look, signal), { signal })
  return 'sent'
}

/** How many were put. The top is put by its name, unless something else has to find it before that. */
async function putManifests({ nodes, top, names }: CopyPlan, { target, signal }: CarryOut): Promise<number> {
  const isNamed = names.some(({ digest }) => digest === top.digest)
  const isLast = ({ descriptor }: ImageNode) =>
    isNamed && descriptor.digest === top.digest && nodes.every(({ role }) => role !== 'referrer')
  const lacking = nodes.filter((node) => node.stored !== undefined && !isLast(node))
  const put = async ({ stored }: ImageNode, o: Signal) => await target.putManifest(stored!, undefined, o)
  await forEachBounded(
    lacking.filter(({ role }) => role === 'image'),
    target.width,
    async (node, stop) => await put(node, { signal: stop }),
    signal,
  )
  // One after the other: an index may name another, and lists of referrers are changed by reading and writing them.
  for (const node of lacking.filter(({ role }) => role !== 'image')) await put(node, { signal })
  return lacking.length
}

async function moveNames(plan: CopyPlan, hasTaken: boolean, { source, target, signal }: CarryOut): Promise<PlannedName[]> {
  const isAnew = target.beginsEmpty === true && plan.nodes.length > 0
  const moved = plan.names.filter(({ digest, before }) => isAnew || digest !== before)
  const stored = new Map(plan.nodes.map((node) => [node.descriptor.digest, node.stored]))
  stored.set(plan.top.digest, plan.top)
  for (const planned of moved) {
    const manifest = stored.get(planned.digest) ?? (await source.manifest(planned.digest, { signal }))
    if (hasTaken) await checkAgain(target, planned, { signal })
    await target.putManifest(manifest, planned.name, { signal })
  }
  return moved
}
