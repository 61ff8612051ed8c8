import { type Digest, Fault, mapBounded } from '../../kit/index.ts'
import { listRefNames, readRef } from '../../refs/index.ts'
import { listPins } from '../../chunks/index.ts'
import type { SnapshotContext } from '../context.ts'
import { type ByteText, byteText } from '../tree/name.ts'
import { snapshotLine, type SnapshotSummary } from './line.ts'

/** A snapshot as lists show it. */
export interface Listed extends SnapshotSummary {
  /** The line that it is in. */
  readonly name: string
}

export interface ListFilter {
  /** A line, or the beginning of lines' names that ends in a slash. */
  readonly name?: string | undefined
  readonly host?: string | undefined
  /** All of them. */
  readonly tags?: readonly string[] | undefined
}

type Reading = Pick<SnapshotContext, 'store' | 'signal'>

/** The snapshots of all lines, oldest first: one request for the names and one for each line. */
export async function listSnapshots({ store, signal }: Reading, filter: ListFilter = {}): Promise<Listed[]> {
  const names = await listRefNames(store, snapshotLine, filter.name ?? '', { signal })
  const wanted = names.filter((name) => filter.name === undefined || filter.name.endsWith('/') || name === filter.name)
  const lines = await mapBounded(
    wanted,
    16,
    async (name, inner) => {
      const found = await readRef(store, snapshotLine, name, { signal: inner })
      return (found?.ref.state.snapshots ?? []).map((summary): Listed => ({ ...summary, name }))
    },
    signal,
  )
  const isWanted = ({ host, tags }: Listed) =>
    (filter.host === undefined || host === filter.host) && (filter.tags ?? []).every((tag) => tags.includes(tag))
  return lines.flat().filter(isWanted).sort(byTime)
}

function byTime(a: Listed, b: Listed): number {
  return a.created < b.created ? -1 : a.created > b.created ? 1 : a.id < b.id ? -1 : 1
}

/** `ID`, `ID:sub/path`, `latest`, the name of a line (its latest), `latest~1` (the one before it): as written on a command line. */
export interface SnapshotRef {
  readonly id: string
  readonly path: ByteText
}

/** `<id>` or `<id>:<path>`. Throws `invalid` where no id is named. */
export function parseSnapshotRef(text: string): SnapshotRef {
  const start = text.startsWith('sha256:') ? 'sha256:'.length : 0
  const colon = text.indexOf(':', start)
  const id = colon === -1 ? text : text.slice(0, colon)
  if (id.slice(start) === '')
    throw new Fault('invalid', `which snapshot? ${JSON.stringify(text)} names none`, { hint: 'write an id, or latest' })
  return { id, path: byteText(colon === -1 ? '' : text.slice(colon + 1)) }
}

/** Digits that an id is shortened to at least. */
const minDigits = 4

/** The snapshot that is meant. Throws `not-found`, and `invalid` where several begin so. */
export function chooseSnapshot(all: readonly Listed[], id: string): Listed {
  const hint = 'see all: holdfast snapshot list'
  const [, name = id, back = '0'] = /^(.+)~(\d{1,9})$/.exec(id) ?? []
  const line = name === 'latest' ? all : all.filter((each) => each.name === name)
  if (name === 'latest' || line.length > 0) {
    const found = line.at(-1 - Number(back))
    if (found !== undefined) return found
    if (line.length === 0) throw new Fault('not-found', 'there is no snapshot yet', { hint: 'make one: holdfast snapshot create PATH' })
    throw new Fault('not-found', `there is no ${id}: only ${line.length} snapshots`, { hint })
  }
  const digits = id.replace(/^sha256:/, '')
  if (!/^[0-9a-f]+$/.test(digits) || digits.length < minDigits) {
    throw new Fault('not-found', `there is no snapshot ${JSON.stringify(id)}`, {
      hint: `write at least ${minDigits} digits of an id, latest, or a name; ${hint}`,
    })
  }
  const found = all.filter((each) => each.id.startsWith(`sha256:${digits}`))
  const ids = new Set(found.map((each) => each.id))
  if (ids.size > 1)
    throw new Fault('invalid', `${ids.size} snapshots begin with ${digits}: ${[...ids].map(shortId).join(', ')}`, {
      hint: 'write more digits',
    })
  if (found.length === 0) throw new Fault('not-found', `there is no snapshot ${digits}`, { hint })
  return found[0]!
}

/** The snapshot that an id, its first digits, `latest` or a name means. Throws `not-found`, and `invalid` where several begin so. */
export async function findSnapshot(context: Reading, id: string, filter: ListFilter = {}): Promise<Listed> {
  return chooseSnapshot(await listSnapshots(context, filter), id)
}

/** The first eight digits, for people. */
export function shortId(id: Digest): string {
  return id.slice('sha256:'.length, 'sha256:'.length + 8)
}

const pinStart = 'snapshot-'

export function pinIdOf(id: Digest): string {
  return `${pinStart}${id.slice('sha256:'.length)}`
}

/** Snapshots that are pinned: one request. */
export async function pinnedSnapshots({ store, signal }: Reading): Promise<ReadonlySet<Digest>> {
  const ids = await listPins(store, pinStart, { signal })
  return new Set(ids.map((id): Digest => `sha256:${id.slice(pinStart.length)}`))
}
