import { type Bytes, type Clock, type Digest, Fault, isFault, observed, silent } from '../../kit/index.ts'
import type { ResumeMemo, Signal } from '../../store/index.ts'
import { openArchive } from '../archive/open.ts'
import { dockerArchiveTarget, ociArchiveTarget } from '../archive/write.ts'
import { checkLayout } from '../layout/folder.ts'
import { openLayout } from '../layout/read.ts'
import { openLayoutTarget } from '../layout/write.ts'
import type { ImageSource, ImageTarget, StreamedContent } from '../model/image-source.ts'
import type { Place } from '../place.ts'
import { formatImageName } from '../reference.ts'
import type { Registry } from '../registry/registry.ts'
import type { CarryOut } from './copy.ts'
import { type PackedLayers, packedSource } from './packed-source.ts'
import { registrySource } from './registry-source.ts'
import { registryTarget } from './registry-target.ts'

/** How a place is reached: a registry by a client that knows who asks. */
export type RegistryFor = (host: string) => Registry | Promise<Registry>

export interface OpenedSource {
  readonly source: ImageSource
  /** Of the image that the place means. */
  readonly ref: string | undefined
}

/** The image of a registry without tag and digest is `latest`, as everywhere. */
export async function openSource(place: Place, registryFor: RegistryFor): Promise<OpenedSource> {
  switch (place.kind) {
    case 'registry': {
      const { registry, repository, tag, digest } = place.name
      return { source: registrySource(await registryFor(registry), repository), ref: digest ?? tag ?? 'latest' }
    }
    case 'oci-layout':
      return { source: await openLayout(place.folder), ref: place.ref }
    case 'oci-archive':
    case 'docker-archive':
      return { source: await openArchive(place.file, place.kind), ref: place.ref }
  }
}

export interface OpenedTarget {
  readonly target: ImageTarget
  /** What it is to be called there; undefined where only a digest was given. */
  readonly as: string | undefined
  /** What it has to be, where that was given. */
  readonly digest: Digest | undefined
}

export interface TargetOptions {
  /** Where it comes from: its name is taken over where none is given, and its repository has all blobs. */
  readonly from: readonly Place[]
  readonly registryFor: RegistryFor
  readonly clock: Clock
  readonly mountFrom?: readonly string[] | undefined
  readonly force?: boolean | undefined
  /** It is only looked at. */
  readonly dryRun?: boolean | undefined
  readonly memoFor?: ((host: string, repository: string, digest: Digest) => ResumeMemo) | undefined
}

/** Throws `invalid` where nothing says what the image is to be called. */
export async function openTarget(place: Place, options: TargetOptions): Promise<OpenedTarget> {
  const { from, force = false } = options
  const [first] = from.length === 1 ? from : []
  switch (place.kind) {
    case 'registry':
      return await registryTargetAt(place, options)
    case 'oci-layout':
      return { target: await layoutTargetAt(place.folder, options), as: place.ref ?? nameIn(first, place), digest: undefined }
    case 'oci-archive':
      return { target: ociArchiveTarget(place.file, { replaces: force }), as: place.ref ?? nameIn(first, place), digest: undefined }
    case 'docker-archive':
      return {
        target: dockerArchiveTarget(place.file, { replaces: force }),
        as: place.ref ?? nameIn(first, place, true),
        digest: undefined,
      }
  }
}

async function layoutTargetAt(folder: string, { clock, dryRun = false }: TargetOptions): Promise<ImageTarget> {
  if (!dryRun || (await isLayout(folder))) return await openLayoutTarget(folder, { clock })
  const nothing = async (): Promise<never> => {
    throw new Fault('bug', 'a dry run wrote something', { at: folder })
  }
  return {
    name: `oci:${folder}`,
    width: 1,
    named: async () => undefined,
    hasBlob: async () => false,
    putBlob: nothing,
    putStream: nothing,
    putManifest: nothing,
    async close() {},
  }
}

async function isLayout(folder: string): Promise<boolean> {
  try {
    await checkLayout(folder)
    return true
  } catch (error) {
    if (isFault(error, 'not-found')) return false
    throw error
  }
}

async function registryTargetAt(place: Place & { kind: 'registry' }, options: TargetOptions): Promise<OpenedTarget> {
  const { from, registryFor, mountFrom = [], memoFor } = options
  const { registry: host, repository, tag, digest } = place.name
  const near = from.flatMap((each) => (each.kind === 'registry' && each.name.registry === host ? [each.name.repository] : []))
  const target = registryTarget({
    registry: await registryFor(host),
    repository,
    mountFrom: [...new Set([...near, ...mountFrom])],
    holdsSource: near.length === from.length && near.every((other) => other === repository),
    memoFor: memoFor === undefined ? undefined : (of, blob) => memoFor(host, of, blob),
  })
  if (tag !== undefined || digest !== undefined) return { target, as: tag, digest }
  return { target, as: nameIn(from.length === 1 ? from[0] : undefined, place), digest: undefined }
}

/** What the source calls it; `isWhole` with host and path, as docker's archives have it. */
function nameIn(from: Place | undefined, to: Place, isWhole = false): string {
  const tag = from?.kind === 'registry' ? (from.name.tag ?? (from.name.digest === undefined ? 'latest' : undefined)) : undefined
  if (from?.kind === 'registry' && tag !== undefined) {
    const { registry, repository } = from.name
    return isWhole ? formatImageName({ registry, repository, tag }) : tag
  }
  if (from !== undefined && from.kind !== 'registry' && from.ref !== undefined && isWhole === from.ref.includes(':')) return from.ref
  throw new Fault('invalid', 'nothing says what the image is to be called there', {
    hint: to.kind === 'registry' ? `add a tag: ${formatImageName(to.name)}:TAG` : 'add a name behind a colon, such as oci:FOLDER:1.2',
  })
}

export interface PackingOptions extends Pick<CarryOut, 'rate' | 'report'> {
  readonly known: PackedLayers
  /** Undefined where nothing is to be written. */
  readonly target: ImageTarget | undefined
  /** Gets the digests of layers that went to the target. */
  readonly streamed: Set<Digest>
}

/** A docker-archive as images of OCI with layers in gzip, unless it goes into another docker-archive; all else as it is. */
export function packedFor(place: Place, to: Place | undefined, source: ImageSource, options: PackingOptions): ImageSource {
  const { known, target, streamed, rate, report = silent } = options
  if (place.kind !== 'docker-archive' || to?.kind === 'docker-archive') return source
  const take = async ({ bytes, result }: StreamedContent, o?: Signal) => {
    const task = 'compress a layer'
    report({ kind: 'begin', task })
    const look = async (piece: Uint8Array) => {
      if (target !== undefined) await rate?.take(piece.byteLength, o?.signal)
      report({ kind: 'advance', task, bytes: piece.byteLength })
    }
    const shown = observed(bytes, look, o?.signal)
    try {
      if (target === undefined) return await readThrough(shown)
      await target.putStream({ bytes: shown, result }, o)
      streamed.add(result().digest)
    } finally {
      report({ kind: 'end', task })
    }
  }
  return packedSource(source, known, take, report)
}

async function readThrough(bytes: Bytes): Promise<void> {
  for await (const _ of bytes);
}
