import { type Digest, Fault } from '../kit/index.ts'
import type { Next } from '../refs/index.ts'
import { lastStable, stable } from './product.ts'
import {
  type Archived,
  emptyState,
  keptPrunedFiles,
  type MoveNote,
  type PrunedFile,
  type ReleaseSummary,
  type VariantState,
} from './state.ts'

/** Where the names go, and the same in words. Pure: nothing here reads a clock or a store. */
export interface Rotation extends Next<VariantState, MoveNote> {
  readonly steps: readonly Step[]
}

export type Step =
  | { readonly kind: 'archive'; readonly from: string; readonly release: Digest; readonly at: string }
  | { readonly kind: 'point'; readonly channel: string; readonly release: Digest; readonly before?: Digest | undefined }
  | { readonly kind: 'empty'; readonly channel: string; readonly before: Digest }
  | { readonly kind: 'drop'; readonly at: string; readonly release: Digest }

export interface NewRelease {
  readonly id: Digest
  readonly summary: ReleaseSummary
}

/**
 * A release enters a channel. Into `stable`: what was last-stable is archived, what was stable becomes last-stable. Into
 * any other channel: what it held is archived, unless another channel still holds it.
 */
export function enter(current: VariantState | undefined, channel: string, release: NewRelease, now: number): Rotation {
  const draft = new Draft(current ?? emptyState, now)
  draft.know(release)
  if (channel === stable) draft.rotate(release.id)
  else draft.replace(channel, release.id)
  return draft.done('create')
}

/** The release of one channel goes to another, byte for byte. */
export function promoteTo(current: VariantState, from: string, to: string, now: number): Rotation {
  const draft = new Draft(current, now)
  const release = need(current, from)
  if (current.channels[to] === release) {
    throw new Fault('nothing-to-do', `${to} is the same release as ${from} already`, { hint: 'nothing was changed' })
  }
  if (to === stable) draft.rotate(release)
  else draft.replace(to, release)
  return draft.done('promote')
}

/**
 * stable goes back: to last-stable, or to `target`. The release that failed is archived, marked as rolled back. Where
 * last-stable becomes stable, the newest archive that did not fail is last-stable again, as before the failed release.
 */
export function rollBackTo(current: VariantState, target: Digest | undefined, now: number): Rotation {
  const failed = current.channels[stable]
  const to = target ?? current.channels[lastStable]
  if (failed === undefined)
    throw new Fault('not-found', 'there is no stable release to roll back from', { hint: 'create one with: holdfast release create' })
  if (to === undefined)
    throw new Fault('not-found', 'there is no last-stable release to roll back to', {
      hint: 'name an archived one with --to; see: holdfast release list',
    })
  if (to === failed) throw new Fault('nothing-to-do', 'stable is that release already', { hint: 'nothing was changed' })
  const draft = new Draft(current, now)
  draft.point(stable, to)
  draft.archive(stable, failed, 'rolled-back')
  if (current.channels[lastStable] === to) draft.pointOrEmpty(lastStable, draft.newestGoodArchive([to, failed]))
  return draft.done('rollback')
}

/** Drops archives; never what a channel points at, whatever was asked for. */
export function dropArchives(current: VariantState, isDoomed: (archived: Archived) => boolean, now: number): Rotation {
  const draft = new Draft(current, now)
  const pointedAt = new Set(Object.values(current.channels))
  for (const archived of current.archives) if (!pointedAt.has(archived.release) && isDoomed(archived)) draft.drop(archived)
  return draft.done('prune')
}

function need(state: VariantState, channel: string): Digest {
  const release = state.channels[channel]
  if (release !== undefined) return release
  throw new Fault('not-found', `the channel ${channel} is empty`, {
    hint: `its channels are: ${Object.keys(state.channels).sort().join(', ') || 'none'}`,
  })
}

/** `YYYYMMDD_HHMMSS` in UTC. */
export function archiveTime(ms: number): string {
  return new Date(ms).toISOString().slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '_')
}

function withFiles(known: readonly PrunedFile[], gone: readonly PrunedFile[]): readonly PrunedFile[] {
  const files = new Map([...known, ...gone].map(({ path, size, digest }) => [`${digest} ${path}`, { path, size, digest }]))
  return [...files.values()].slice(-keptPrunedFiles)
}

class Draft {
  readonly #channels: Record<string, Digest>
  readonly #archives: Archived[]
  readonly #pruned: string[]
  readonly #prunedFiles: readonly PrunedFile[]
  readonly #releases: Record<Digest, ReleaseSummary>
  readonly #steps: Step[] = []
  readonly #now: number

  constructor(state: VariantState, now: number) {
    this.#channels = { ...state.channels }
    this.#archives = [...state.archives]
    this.#pruned = [...state.pruned]
    this.#prunedFiles = state.prunedFiles
    this.#releases = { ...state.releases }
    this.#now = now
  }

  know(release: NewRelease): void {
    this.#releases[release.id] = release.summary
  }

  rotate(release: Digest): void {
    const before = this.#channels[stable]
    const oldest = this.#channels[lastStable]
    if (before !== undefined) {
      if (oldest !== undefined && oldest !== release) this.archive(lastStable, oldest, 'rotated')
      this.point(lastStable, before)
    }
    this.point(stable, release)
  }

  replace(channel: string, release: Digest): void {
    const before = this.#channels[channel]
    this.point(channel, release)
    if (before !== undefined) this.archive(channel, before, 'replaced')
  }

  point(channel: string, release: Digest): void {
    const before = this.#channels[channel]
    if (before === release) return
    this.#channels[channel] = release
    this.#steps.push({ kind: 'point', channel, release, ...(before === undefined ? {} : { before }) })
  }

  pointOrEmpty(channel: string, release: Digest | undefined): void {
    const before = this.#channels[channel]
    if (release !== undefined) return this.point(channel, release)
    if (before === undefined) return
    delete this.#channels[channel]
    this.#steps.push({ kind: 'empty', channel, before })
  }

  /** Once archived, a release is not archived again: its first time stays its name; why it last left is remembered. */
  archive(from: string, release: Digest, why: Archived['why']): void {
    const known = this.#archives.findIndex((archived) => archived.release === release)
    if (known >= 0) {
      this.#archives[known] = { ...this.#archives[known]!, why }
      return
    }
    if (why === 'replaced' && Object.values(this.#channels).includes(release)) return
    const at = this.#freeTime()
    this.#archives.push({ at, release, why })
    this.#steps.push({ kind: 'archive', from, release, at })
  }

  drop(archived: Archived): void {
    this.#archives.splice(this.#archives.indexOf(archived), 1)
    this.#pruned.push(archived.at)
    this.#steps.push({ kind: 'drop', at: archived.at, release: archived.release })
  }

  newestGoodArchive(excluded: readonly Digest[]): Digest | undefined {
    return this.#archives.findLast((archived) => archived.why === 'rotated' && !excluded.includes(archived.release))?.release
  }

  done(action: string): Rotation {
    const reached = new Set([...Object.values(this.#channels), ...this.#archives.map((archived) => archived.release)])
    const releases = Object.fromEntries(Object.entries(this.#releases).filter(([id]) => reached.has(id as Digest)))
    const gone = Object.entries(this.#releases).flatMap(([id, { files }]) => (reached.has(id as Digest) ? [] : (files ?? [])))
    const channels = { ...this.#channels }
    return {
      state: { channels, archives: this.#archives, releases, pruned: this.#pruned, prunedFiles: withFiles(this.#prunedFiles, gone) },
      action,
      note: { channels },
      steps: this.#steps,
    }
  }

  /** Two archives in one second: the later one takes the next free second, also where the first has been pruned since. */
  #freeTime(): string {
    const taken = new Set([...this.#archives.map((archived) => archived.at), ...this.#pruned])
    let ms = this.#now
    while (taken.has(archiveTime(ms))) ms += 1000
    return archiveTime(ms)
  }
}
