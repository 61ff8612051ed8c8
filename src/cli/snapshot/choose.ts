import { Option } from 'commander'
import type { ChunkStore } from '../../chunks/index.ts'
import { Fault } from '../../kit/index.ts'
import {
  byteText,
  chooseSnapshot,
  findSnapshot,
  type Listed,
  type ListFilter,
  listSnapshots,
  lookUp,
  parseSnapshotRef,
  type Placed,
  shownName,
  type SnapshotContext,
} from '../../snapshots/index.ts'
import { type Call, repeatedOption } from '../command.ts'

export const snapshotArgument = ['<snapshot>', 'an id, its first digits, latest, latest~1, or a name'] as const
export const placeArgument = ['<snapshot>', 'an id, its first digits, latest, latest~1, or a name; with :PATH, a part of it'] as const

/** The options that narrow down which snapshots are meant. */
export interface FilterOptions {
  readonly name?: string
  readonly host?: string
  readonly tag?: readonly string[]
}

export function filterOptions(): Option[] {
  return [
    new Option('--name <name>', 'only snapshots of this name; with a slash at the end, of all names that begin so'),
    new Option('--host <host>', 'only snapshots made on this host'),
    repeatedOption('--tag <tag>', 'only snapshots with this tag'),
  ]
}

export function filterFrom({ name, host, tag }: FilterOptions): ListFilter {
  return { name, host, tags: tag }
}

/** A part of a snapshot, with what is needed to read it. */
export interface Chosen {
  readonly context: SnapshotContext
  readonly chunks: ChunkStore
  readonly snapshot: Listed
  readonly placed: Placed
}

/** What `ID:sub/path` means; `path` is the same as the part after the colon, and goes below it where both are there. */
export async function choosePlace(call: Call<object>, text: string | undefined, path: string | undefined): Promise<Chosen> {
  const context = await call.snapshots()
  const { id, path: below } = parseSnapshotRef(needed(text))
  const snapshot = await findSnapshot(context, id)
  const chunks = await context.chunks()
  const placed = await lookUp(chunks, snapshot.root, path === undefined ? below : `${below}/${byteText(path)}`, call)
  return { context, chunks, snapshot, placed }
}

/** The whole of a snapshot; a path after a colon is `invalid`. */
export async function chooseWhole(call: Call<object>, text: string | undefined): Promise<{ context: SnapshotContext; snapshot: Listed }> {
  const context = await call.snapshots()
  return { context, snapshot: await findSnapshot(context, wholeId(needed(text))) }
}

/** The snapshots that are named, or all that the filter leaves; none at all is `nothing-to-do`. */
export async function chooseMany(call: Call<FilterOptions>, context: SnapshotContext): Promise<Listed[]> {
  await context.cacheDir()
  const all = await listSnapshots(context, filterFrom(call.options))
  const named = call.args.filter((arg) => arg !== undefined)
  const chosen = named.length === 0 ? all : [...new Set(named.map((text) => chooseSnapshot(all, wholeId(text))))]
  if (chosen.length === 0) throw new Fault('nothing-to-do', 'there are no such snapshots', { hint: 'see all: holdfast snapshot list' })
  return chosen
}

/** The id, where no path follows it. */
export function wholeId(text: string): string {
  const { id, path } = parseSnapshotRef(text)
  if (path === '') return id
  throw new Fault('invalid', `this is about whole snapshots, and ${shownName(path)} is a part of one`, { hint: `write ${id} alone` })
}

/** An argument that the command line cannot lack. */
export function needed(text: string | undefined): string {
  if (text !== undefined) return text
  throw new Fault('bug', 'a command was run without an argument that it needs')
}
