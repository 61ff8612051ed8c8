import { type Digest, digestOf, Fault, hasher, isFault } from '../../kit/index.ts'
import { readSdist } from '../dist/read-sdist.ts'
import { readWheelMetadata, type WheelContent } from '../dist/read-wheel.ts'
import type { IndexContext } from '../context.ts'
import type { SdistName, WheelName } from '../names/file-name.ts'
import { usableSpecifier } from '../names/specifier.ts'
import type { LearntFile } from '../records/note.ts'
import type { PublishedFile, RefusedFile, Requirements } from '../records/project.ts'
import { keyIn } from './layout.ts'
import type { ListedFile } from './scan.ts'

export interface LearnRules {
  /** No file is read to find out its digest. */
  readonly noRead: boolean
  /** A digest that the place or a note tells is checked by reading the file. */
  readonly computeSha256: boolean
}

export interface LearntWheel {
  readonly file: PublishedFile
  readonly requirements: Requirements
  /** The wheel's METADATA: what its companion has to hold. */
  readonly metadata: Uint8Array
}

export type Learnt = LearntWheel | { readonly file: PublishedFile } | { readonly refused: RefusedFile }

/** How the reasons begin of what may be otherwise when it is looked at again. */
const notYet = 'not looked at yet: '

/** Whether a file need not be looked at again as long as it is the same. */
export function isSettled(file: PublishedFile | RefusedFile): boolean {
  return 'reason' in file ? !file.reason.startsWith(notYet) : file.digest !== undefined
}

/**
 * What one file is, with as few requests as will do. What is wrong with a file is in the answer; trouble on the way is thrown. `note` is
 * of this very version.
 */
export async function learnFile(
  context: Pick<IndexContext, 'bucket' | 'environment'>,
  prefix: string,
  row: ListedFile,
  name: WheelName | SdistName,
  note: LearntFile | undefined,
  rules: LearnRules,
  signal: AbortSignal,
): Promise<Learnt> {
  const { size, etag } = row
  const seen = { key: keyIn(prefix, row.name), size, etag }
  try {
    const learnt =
      name.kind === 'wheel'
        ? await learnWheel(context, seen, row, name, note, rules, signal)
        : await learnSdist(context, seen, row, name, note, rules, signal)
    if (learnt.file.digest === undefined && context.environment.requiresHash)
      return refuse(row, `${notYet}its digest is not known without reading it, and files without one are not published here`)
    return learnt
  } catch (error) {
    if (isFault(error, 'invalid')) return refuse(row, error.message)
    if (isFault(error, 'precondition') || isFault(error, 'not-found')) return refuse(row, `${notYet}it changed while it was looked at`)
    if (isFault(error, 'denied') || isFault(error, 'unsupported') || isFault(error, 'corrupt'))
      return refuse(row, `${notYet}${error.message}`)
    throw error
  }
}

export function refuse({ name, size, etag }: ListedFile, reason: string): { readonly refused: RefusedFile } {
  return { refused: { name, size, etag, reason } }
}

interface Seen {
  readonly key: string
  readonly size: number
  readonly etag: string
}

async function learnWheel(
  context: Pick<IndexContext, 'bucket'>,
  seen: Seen,
  row: ListedFile,
  name: WheelName,
  note: LearntFile | undefined,
  rules: LearnRules,
  signal: AbortSignal,
): Promise<LearntWheel> {
  const content: WheelContent = await readWheelMetadata(context.bucket, seen, name, { signal })
  const told = agree(note?.digest, content.info.digest)
  const digest = await settleDigest(context, seen, told, rules, signal)
  const { core, metadata } = content
  return {
    file: {
      ...factsOf(row, name, note),
      digest,
      requiresPython: usableSpecifier(core.requiresPython),
      metadata: digestOf(metadata),
      provenance: note?.provenance,
    },
    requirements: { requires: core.requires, extras: core.extras },
    metadata,
  }
}

async function learnSdist(
  context: Pick<IndexContext, 'bucket'>,
  seen: Seen,
  row: ListedFile,
  name: SdistName,
  note: LearntFile | undefined,
  rules: LearnRules,
  signal: AbortSignal,
): Promise<{ readonly file: PublishedFile }> {
  const facts = { ...factsOf(row, name, note), provenance: note?.provenance }
  if (note !== undefined && (rules.noRead || !rules.computeSha256))
    return { file: { ...facts, digest: note.digest, requiresPython: note.requiresPython } }
  // What it requires stands inside, so that it has to be read whether its digest is told or not.
  if (rules.noRead) return { file: facts }
  const { digest, core, info } = await readSdist(context.bucket, seen, name, { signal })
  agree(agree(note?.digest, info.digest), digest)
  return { file: { ...facts, digest, requiresPython: usableSpecifier(core.requiresPython) } }
}

function factsOf(row: ListedFile, { kind, version }: WheelName | SdistName, note: LearntFile | undefined): PublishedFile {
  const { name, size, etag } = row
  return { kind, name, size, etag, version, uploaded: wholeSeconds(note?.uploaded, row.modified), yanked: note?.yanked }
}

function wholeSeconds(told: string | undefined, modified: number): string {
  const time = told === undefined ? Number.NaN : Date.parse(told)
  return `${new Date(Number.isNaN(time) ? modified : time).toISOString().slice(0, 19)}Z`
}

async function settleDigest(
  context: Pick<IndexContext, 'bucket'>,
  seen: Seen,
  told: Digest | undefined,
  rules: LearnRules,
  signal: AbortSignal,
): Promise<Digest | undefined> {
  if (rules.noRead || (told !== undefined && !rules.computeSha256)) return told
  return agree(told, await digestOfObject(context, seen, signal))
}

/** Reads the object once, whole, in the version that was listed. */
async function digestOfObject({ bucket }: Pick<IndexContext, 'bucket'>, { key, etag }: Seen, signal: AbortSignal): Promise<Digest> {
  const state = hasher()
  const body = await bucket.get(key, { etag, signal })
  let size = 0
  for await (const piece of body) {
    state.update(piece)
    size += piece.byteLength
  }
  if (size !== body.length) throw new Fault('unavailable', `${bucket.name}/${key} gave ${size} of its ${body.length} bytes`)
  return state.digest()
}

/** The one that is known. Two that differ are the file's fault: nobody can say which its users should trust. */
function agree(told: Digest | undefined, other: Digest | undefined): Digest | undefined {
  if (told !== undefined && other !== undefined && told !== other)
    throw new Fault('invalid', `it is said to have the digest ${told}, and to have ${other}`)
  return other ?? told
}
