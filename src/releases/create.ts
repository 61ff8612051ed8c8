import { fileURLToPath } from 'node:url'
import { type Digest, Fault, forEachBounded, isKey } from '../kit/index.ts'
import { ensureBlob, putSnapshotRecord } from '../chunks/index.ts'
import { uploadFile } from '../transfer/index.ts'
import { type Moved, moveRef } from '../refs/index.ts'
import { leftAlone, type LocalFile, lookAtArtifacts, readArtifacts } from './artifacts.ts'
import { build } from './build.ts'
import { refuseForeignFiles } from './foreign.ts'
import type { ReleaseContext } from './context.ts'
import { findVariant } from './find.ts'
import { buildCommand, channelName, maxChannelLength, type Product, refNameFor, stable, variantOf } from './product.ts'
import { archivedKey, publishedKey } from './published.ts'
import { reconcile, type Reconciled } from './reconcile.ts'
import { contentDigest, type Release, type ReleaseFile, releaseFormat } from './record.ts'
import { enter, type NewRelease, type Rotation } from './rotate.ts'
import { readSources } from './sources.ts'
import { type MoveNote, releaseRefs, summarise, type VariantRef, type VariantState } from './state.ts'

export interface CreateOptions {
  readonly channel?: string | undefined
  /** Release these files instead of the configured ones; nothing is built. */
  readonly artifacts?: readonly string[] | undefined
  /** Release what is built already. */
  readonly noBuild?: boolean | undefined
  /** Rotate although the bytes are those of the present release; publish over files that holdfast did not write. */
  readonly force?: boolean | undefined
  readonly message?: string | undefined
  readonly onBuildOutput?: ((piece: Buffer) => void) | undefined
}

/** What a create would do, from the state as it is now. */
export interface CreatePlan {
  readonly channel: string
  readonly buildCommand: string | undefined
  readonly artifacts: readonly string[]
  readonly current: VariantRef | undefined
  readonly rotation: Rotation
}

export interface Created {
  readonly id: Digest
  readonly release: Release
  readonly rotation: Rotation
  readonly moved: Moved<VariantState, MoveNote>
  /** Bytes that were sent to the store, and those that it had. */
  readonly sent: number
  readonly reused: number
  readonly storeIsNew: boolean
  readonly reconciled: Reconciled
}

/** The id that stands for the release that is not built yet. */
export const idToCome: Digest = `sha256:${'0'.repeat(64)}`

/** Looks at the state and says what will happen. Writes nothing, builds nothing; one request. */
export async function planCreate(
  context: ReleaseContext,
  product: Product,
  variant: string,
  options: CreateOptions = {},
): Promise<CreatePlan> {
  variantOf(product, variant)
  const channel = channelName(options.channel ?? stable)
  const isBuilt = options.noBuild === true || options.artifacts !== undefined
  const artifacts = options.artifacts ?? product.artifacts
  if (isBuilt) await lookAtArtifacts(artifacts)
  const current = (await findVariant(context, product, variant))?.ref
  const now = context.clock.now()
  const placeholder: NewRelease = {
    id: idToCome,
    summary: {
      variantLabel: product.variantLabel,
      created: new Date(now).toISOString(),
      by: context.by,
      sources: {},
      content: idToCome,
      size: 0,
      fileCount: 0,
    },
  }
  return {
    channel,
    buildCommand: isBuilt ? undefined : buildCommand(product, variant),
    artifacts,
    current,
    rotation: enter(current?.state, channel, placeholder, now),
  }
}

/**
 * Builds, hashes, stores under the digest, moves the variant's ref by one conditional write, and brings the views in line.
 * Until that write nothing that anyone sees has changed. Throws `nothing-to-do` where the channel holds these bytes.
 */
export async function createRelease(
  context: ReleaseContext,
  product: Product,
  variant: string,
  options: CreateOptions = {},
): Promise<Created> {
  const plan = await planCreate(context, product, variant, options)
  if (options.artifacts === undefined && options.noBuild !== true) {
    const { env, report, signal } = context
    const old = await leftAlone(plan.artifacts, () => build(product, variant, { env, report, signal, onOutput: options.onBuildOutput }))
    for (const file of old) report({ kind: 'note', level: 'warning', text: `the build has left ${file} as it was: it is not new` })
  }
  const files = await readArtifacts(context, plan.artifacts)
  refuseLongNames(variant, files)
  if (options.force !== true) refuseSameContent(plan.current, plan.channel, files)
  if (options.force !== true)
    await refuseForeignFiles(context, product, variant, { current: plan.current, next: plan.rotation.state, fresh: files })

  const release = await describeRelease(context, product, variant, files, options.message)
  const { isNew } = await context.prepareStore()
  const { sent, reused } = await storeFiles(context, files)
  const id = await putSnapshotRecord(context.store, release, { signal: context.signal })

  let rotation = plan.rotation
  const moved = await moveRef(
    context,
    releaseRefs,
    refNameFor(product, variant),
    (current) => {
      if (options.force !== true) refuseSameContent(current, plan.channel, files)
      rotation = enter(current?.state, plan.channel, { id, summary: summarise(release) }, context.clock.now())
      return { ...rotation, message: options.message }
    },
    { onLost: product.onConflict },
  )
  const reconciled = await reconcile(context, product, variant, { ref: moved.after, force: options.force })
  return { id, release, rotation, moved, sent, reused, storeIsNew: isNew, reconciled }
}

async function describeRelease(
  context: ReleaseContext,
  product: Product,
  variant: string,
  files: readonly LocalFile[],
  message: string | undefined,
): Promise<Release> {
  const digests = [...new Set(files.map((file) => file.digest))].sort()
  return {
    format: releaseFormat,
    product: product.name,
    variant,
    variantLabel: product.variantLabel,
    fields: variantOf(product, variant),
    created: `${new Date(context.clock.now()).toISOString().slice(0, 19)}Z`,
    by: context.by,
    ...(message === undefined ? {} : { message }),
    sources: await readSources(product.sources, { env: context.env, ownFolders: ownFolders(context, product), signal: context.signal }),
    files: files.map(({ absolute: _, ...file }) => file),
    reaches: digests.map((digest) => ({ kind: 'blob', digest })),
  }
}

/** What holdfast writes into a work tree is no change of the sources. */
function ownFolders({ storeFolders = [] }: ReleaseContext, { metadata, publish }: Product): string[] {
  const published = publish?.url.startsWith('file:') === true ? [fileURLToPath(publish.url)] : []
  return [...storeFolders, ...published, ...(metadata === undefined ? [] : [metadata])]
}

async function storeFiles(context: ReleaseContext, files: readonly LocalFile[]): Promise<{ sent: number; reused: number }> {
  const { store, report } = context
  const unique = new Map(files.map((file) => [file.digest, file]))
  const count = { sent: 0, reused: 0 }
  await forEachBounded(
    unique.values(),
    4,
    async ({ absolute, size, digest }, signal) => {
      const resume = context.memoFor?.(digest)
      const { wasPresent } = await ensureBlob(store, digest, { size, now: context.clock.now(), signal }, (key) =>
        uploadFile({ file: absolute, size, digest, to: store, key, resume, report, signal }),
      )
      count[wasPresent ? 'reused' : 'sent'] += size
    },
    context.signal,
  )
  return count
}

/** The longest channel's name, and an archive's time before it: a name that fits now must fit wherever the release goes later. */
function refuseLongNames(variant: string, files: readonly LocalFile[]): void {
  for (const file of files) {
    if (isKey(archivedKey('00000000_000000', variant, file)) && isKey(publishedKey('x'.repeat(maxChannelLength), variant, file))) continue
    throw new Fault('invalid', `the artifact ${JSON.stringify(file.path)} cannot be published and archived under its name`, {
      at: file.absolute,
      hint: 'give it a shorter one: at most 239 bytes, and 900 with its folders',
    })
  }
}

/** Asked before the upload, and again on the state that the move is made on: someone may have released the same meanwhile. */
function refuseSameContent(current: VariantRef | undefined, channel: string, files: readonly ReleaseFile[]): void {
  const id = current?.state.channels[channel]
  if (current === undefined || id === undefined) return
  const present = current.state.releases[id]
  if (present?.content !== contentDigest(files)) return
  throw new Fault('nothing-to-do', `nothing new: ${channel} of ${current.name} has the same bytes already (made ${present.created})`, {
    hint: '--force to rotate anyway',
  })
}
