import { type Digest, type FaultCode, formatBytes, isFault, isKey } from '../../kit/index.ts'
import { keyIn, metadataEnd, provenanceEnd } from '../publish/layout.ts'
import type { Upstream } from '../upstream/upstream.ts'
import type { UpstreamFile } from '../upstream/project.ts'
import type { Shelves, Standing } from './shelves.ts'

/** A file that is wanted, and the indexes that want it. */
export interface Wanted {
  readonly project: string
  readonly file: UpstreamFile & { readonly digest: Digest }
  readonly from: Upstream
  /** Keys of indexes: a prefix, or a folder of one. */
  readonly indexes: readonly string[]
}

/** What was asked for and is not to be had, or cannot be put there. */
export interface MirrorFailure {
  /** Normalised. */
  readonly project: string
  /** The version or specifier as it was asked for, a file's name, or its key; empty where it is all of the project. */
  readonly what: string
  readonly code: FaultCode
  readonly reason: string
  readonly hint?: string | undefined
}

export interface MirrorPlan {
  readonly files: readonly PlannedFile[]
  readonly failures: readonly MirrorFailure[]
  /** Files that come from upstream, once each, and their bytes as far as the upstream tells them. */
  readonly downloads: number
  readonly bytes: number
  /** Copies within the bucket. */
  readonly copies: number
  /** Places where the right file stands already. */
  readonly standing: number
  /** Places where something stands of which nobody can say what it is without reading it. */
  readonly unproven: number
}

export interface PlannedFile extends Wanted {
  readonly targets: readonly PlannedTarget[]
}

export interface PlannedTarget {
  readonly index: string
  readonly key: string
  /** `differs`: other bytes stand under this name, and stay. */
  readonly state: 'missing' | 'stands' | 'unproven' | 'differs'
  readonly standing?: Standing | undefined
  readonly lacksMetadata: boolean
  readonly lacksProvenance: boolean
}

/** What is to be done, by what stands where: no request is made. */
export function planMirror(wanted: readonly Wanted[], shelves: Shelves, failures: readonly MirrorFailure[]): MirrorPlan {
  const all = [...failures]
  const files = wanted.map((each): PlannedFile => {
    const targets = each.indexes.flatMap((index) => {
      const target = planTarget(each, index, shelves)
      if ('code' in target) all.push(target)
      return 'code' in target ? [] : [target]
    })
    return { ...each, targets }
  })
  return summed(files, all)
}

/** The same plan with targets of which more is known by now. */
export function summed(files: readonly PlannedFile[], failures: readonly MirrorFailure[]): MirrorPlan {
  const differing = files.flatMap((file) =>
    file.targets.filter(({ state }) => state === 'differs').map((target) => whyDiffers(file, target)),
  )
  const count = (state: PlannedTarget['state']) =>
    files.reduce((sum, { targets }) => sum + targets.filter((target) => target.state === state).length, 0)
  const coming = files.filter(({ targets }) => isDownloaded(targets))
  return {
    files,
    failures: [...failures, ...differing],
    downloads: coming.length,
    bytes: coming.reduce((sum, { file }) => sum + (file.size ?? 0), 0),
    copies: count('missing') - coming.length,
    standing: count('stands'),
    unproven: count('unproven'),
  }
}

/** What is somewhere already is copied from there. */
export function isDownloaded(targets: readonly PlannedTarget[]): boolean {
  return targets.some(({ state }) => state === 'missing') && !targets.some(({ state }) => state === 'stands')
}

/** Whether there is something to do: what the next publication knows without us stays untouched. */
export function isOpen({ state, standing }: PlannedTarget): boolean {
  return state === 'missing' || (state === 'stands' && standing?.isRecorded === false)
}

/** What went wrong with one item. What concerns all of them is thrown. */
export function failureOf(project: string, what: string, error: unknown): MirrorFailure {
  if (!isFault(error) || error.code === 'aborted' || error.code === 'bug') throw error
  const { code, message, hint } = error
  return { project, what, code, reason: message, hint }
}

function planTarget({ project, file }: Wanted, index: string, shelves: Shelves): PlannedTarget | MirrorFailure {
  const key = keyIn(index, file.name)
  if (!isKey(key)) return { project, what: key, code: 'invalid', reason: 'the bucket can have no key of this form' }
  const shelf = shelves.get(index)
  const standing = shelf?.files.get(file.name)
  const has = (end: string) => shelf?.beside.has(file.name + end) === true
  return {
    index,
    key,
    state: stateOf(standing, file.digest),
    standing,
    lacksMetadata: file.means.kind === 'wheel' && file.metadata !== undefined && !has(metadataEnd),
    lacksProvenance: file.provenance !== undefined && !has(provenanceEnd),
  }
}

export function stateOf(standing: Standing | undefined, digest: Digest): PlannedTarget['state'] {
  if (standing === undefined) return 'missing'
  if (standing.digest === undefined) return 'unproven'
  return standing.digest === digest ? 'stands' : 'differs'
}

function whyDiffers({ project, file }: PlannedFile, { key, standing }: PlannedTarget): MirrorFailure {
  const there = `${standing!.digest} of ${formatBytes(standing!.size)}`
  const reason = `other bytes stand under this name: ${there}; the upstream has ${file.digest}${file.size === undefined ? '' : ` of ${formatBytes(file.size)}`}`
  return {
    project,
    what: key,
    code: 'already-exists',
    reason,
    hint: 'nothing was replaced: if the one that stands is wrong, delete it first',
  }
}
