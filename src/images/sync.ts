import { openZip } from '../kit/zip/index.ts'
import { type BringOptions, type BroughtImage, startBringing } from './bring.ts'
import { readBundle } from './bundle/read-bundle.ts'
import type { ImagesContext } from './context.ts'
import type { Artifact, WorkflowRun } from './github/shapes.ts'
import type { Provenance } from './push/provenance.ts'
import { type DescribedRun, openArtifactOf, runOfTag } from './run-of-tag.ts'
import type { ImagesSettings, RunMetadata } from './settings.ts'
import { registryTag, type WantedImage, wantedImages } from './tags.ts'

export interface SyncTag extends BringOptions {
  readonly tag: string
  /** Where it is known already. */
  readonly described?: DescribedRun | undefined
  /** Those that are to be brought; without it, all of the run. */
  readonly isWanted?: ((image: WantedImage) => boolean) | undefined
}

export interface SyncedTag {
  readonly tag: string
  readonly run: WorkflowRun
  readonly artifact: Artifact
  /** In the order of the families. */
  readonly images: readonly BroughtImage<WantedImage>[]
}

/** Images that go up side by side. */
const width = 2

/**
 * Brings the images of a tag's newest run from its artifact to the registry as one stream, without the disk. An image that fails stops no other
 * and is told. Throws where all would fail: no such run, an artifact that has expired, is damaged, or lacks a tarball.
 */
export async function syncTag(context: ImagesContext, options: SyncTag): Promise<SyncedTag> {
  const { settings, signal } = context
  const { tag } = options
  // What cannot be a tag is said before anybody is asked.
  registryTag(settings, tag)
  const { run, metadata } = options.described ?? (await runOfTag(context, tag))
  const wanted = wantedImages(settings, metadata)
  const { artifact, source } = await openArtifactOf(context, await context.github(), run, wanted)
  const bringing = await startBringing(context, options)
  const zip = await openZip(source, { signal })
  const brought = new Map<WantedImage, BroughtImage<WantedImage>>()
  const memory = await context.memory()
  const { digest } = artifact
  const { isVerified } = await readBundle(
    zip,
    wanted,
    async ({ wanted: image, member, tarball, whole }, stopping) => {
      if (options.isWanted?.(image) === false) return
      const provenance = provenanceOf(settings, { run, metadata, artifact, entry: member })
      const at = `${member} of ${source.name}`
      brought.set(image, await bringing.bring(image, { tarball, at, provenance, whole }, stopping))
    },
    // Once is enough: what is read again of an artifact that was right is compared by its checksums and digests.
    { at: source.name, width, signal, expected: digest === undefined || memory.isVerified(digest) ? undefined : { source, digest } },
  )
  if (isVerified && digest !== undefined) await memory.addVerified(digest)
  return { tag, run, artifact, images: wanted.flatMap((image) => brought.get(image) ?? []) }
}

interface Entry {
  readonly run: Pick<WorkflowRun, 'id' | 'attempt' | 'url' | 'commit'>
  readonly metadata: RunMetadata
  readonly artifact: Pick<Artifact, 'id' | 'digest'>
  /** The tarball in the artifact. */
  readonly entry: string
}

export function provenanceOf(
  { repo, workflow }: Pick<ImagesSettings, 'repo' | 'workflow'>,
  { run, metadata, artifact, entry }: Entry,
): Provenance {
  return {
    repo,
    workflow,
    run: run.id,
    attempt: run.attempt,
    runUrl: run.url,
    commit: run.commit,
    artifact: artifact.id,
    artifactDigest: artifact.digest,
    metadata,
    entry,
  }
}
