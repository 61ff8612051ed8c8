import { isDeepStrictEqual } from 'node:util'
import { type Digest, Fault, mapBounded } from '../../kit/index.ts'
import type { Signal } from '../../store/index.ts'
import type { ImageSource, ImageTarget } from '../model/image-source.ts'
import { parseManifest } from '../model/manifest.ts'
import type { Platform } from '../model/platform.ts'
import type { Descriptor, StoredManifest } from '../registry/registry.ts'
import { choosePlatform, type ImageGraph, readGraph } from './graph.ts'

/** What is to be copied, and what may be replaced by it. */
export interface CopyWishes {
  /** Of the source: a tag, a name or a digest; without one, its only image. */
  readonly ref?: string | undefined
  /** In the target; without one it is there under its digest alone. */
  readonly as?: string | undefined
  /** Of an index, the image of this platform alone. */
  readonly platform?: Platform | undefined
  /** With what refers to the images (signatures, attestations, lists of parts), and their digest tags. */
  readonly all?: boolean | undefined
  /** A name that names something else is replaced, and what is there is checked anew. */
  readonly force?: boolean | undefined
  /** What `as` has to name now: only then it is replaced. */
  readonly expect?: Digest | undefined
  /** Names that may be replaced, such as `latest`. */
  readonly moving?: readonly string[] | undefined
  /** What the source's image has to be. */
  readonly digest?: Digest | undefined
}

export interface CopyOptions extends CopyWishes, Signal {
  readonly source: ImageSource
  readonly target: ImageTarget
}

export interface PlannedName {
  readonly name: string
  readonly digest: Digest
  /** What it names now. */
  readonly before: Digest | undefined
}

/** What a copy does: a value, to be shown or carried out. */
export interface CopyPlan extends ImageGraph {
  /** Those that the target lacks; of `blobs`, the others are there. */
  readonly missing: readonly Descriptor[]
  /** The digest tags, and last of all `as`. */
  readonly names: readonly PlannedName[]
}

const width = 8

/** Reads both sides and writes nothing. Throws `already-exists` for a name that may not be replaced, before anything is sent. */
export async function planCopy(options: CopyOptions): Promise<CopyPlan> {
  const { source, target, signal, as } = options
  const top = await chooseTop(options)
  target.accepts?.(top)
  const named = as === undefined ? undefined : await lookUp(target, as, top.digest, { signal })
  if (named !== undefined) checkName(target, named, options)
  if (isSettled(named, options)) return { ...emptyGraph(top), missing: [], names: [named] }
  const graph = await readGraph(top, { source, target, all: options.all, checksAll: options.force, signal })
  const tags = await mapBounded(graph.digestTags, width, ([name, digest]) => lookUp(target, name, digest, { signal }), signal)
  for (const tag of tags) checkName(target, tag, { force: options.force || (await isAppended(tag, graph, options)) })
  const there = await mapBounded(graph.blobs, width, (blob) => target.hasBlob(blob, { signal }), signal)
  return { ...graph, missing: graph.blobs.filter((_, at) => !there[at]), names: [...tags, ...(named === undefined ? [] : [named])] }
}

/** What the name names has changed since `planned`: it is checked again before it moves. */
export async function checkAgain(target: ImageTarget, planned: PlannedName, o?: Signal): Promise<void> {
  const now = await target.named(planned.name, o)
  if (now === planned.before) return
  throw new Fault('precondition', `${target.name} has ${now ?? 'nothing'} as ${planned.name} now, and had ${planned.before ?? 'nothing'}`, {
    hint: 'someone else has moved it meanwhile: run it again',
  })
}

async function chooseTop({ source, ref, platform, digest, signal }: CopyOptions): Promise<StoredManifest> {
  const found = await source.resolve(ref, { signal })
  const top = platform === undefined ? found : await choosePlatform(source, found, platform, { signal })
  if (digest === undefined || digest === top.digest) return top
  throw new Fault('precondition', `the target is to have ${digest}, and the source has ${top.digest}`, {
    at: source.name,
    hint: 'nothing was changed: name the target without a digest, or the image that has this one',
  })
}

/** Signatures and attestations are added to what a digest tag names: then nothing is lost that the target has. */
async function isAppended({ digest, before }: PlannedName, { nodes }: ImageGraph, { target, signal }: CopyOptions): Promise<boolean> {
  const stored = nodes.find(({ descriptor }) => descriptor.digest === digest)?.stored
  if (before === undefined || before === digest || stored === undefined || target.manifest === undefined) return false
  const [own, theirs] = [parseManifest(stored), parseManifest(await target.manifest(before, { signal }))]
  if (own.kind === 'index' || theirs.kind === 'index') return false
  return theirs.layers.every((layer) => own.layers.some((other) => isDeepStrictEqual(other, layer)))
}

async function lookUp(target: ImageTarget, name: string, digest: Digest, o: Signal): Promise<PlannedName> {
  return { name, digest, before: await target.named(name, o) }
}

/** A name is put last, when all that it reaches is there: where it is right, all is, unless someone wants to be sure or wants more. */
function isSettled(named: PlannedName | undefined, { all, force }: CopyWishes): named is PlannedName {
  return named !== undefined && named.before === named.digest && all !== true && force !== true
}

function emptyGraph(top: StoredManifest): ImageGraph {
  return { top, nodes: [], blobs: [], digestTags: new Map(), foreign: [] }
}

function checkName(target: ImageTarget, { name, digest, before }: PlannedName, { expect, force, moving }: CopyWishes): void {
  if (expect !== undefined && before !== expect) {
    throw new Fault('precondition', `${name} is ${before ?? 'not there'}, and was expected to be ${expect}`, {
      at: target.name,
      hint: `nothing was changed: look at what it is now, and ${before === undefined ? 'leave --expect away' : `run it again with --expect ${before}`} if that is right`,
    })
  }
  if (before === undefined || before === digest || force === true || expect !== undefined || moving?.includes(name) === true) return
  throw new Fault('already-exists', `${name} is ${before}, and would become ${digest}`, {
    at: target.name,
    hint: `nothing was changed: --force replaces it, and --expect ${before} only if it still is that`,
  })
}
