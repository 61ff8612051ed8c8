import * as v from 'valibot'
import { mapBounded, parseJson, type Shape } from '../kit/index.ts'
import { maxRefBytes, refNameOf } from '../refs/index.ts'
import { type ObjectInfo, type ObjectStore, readAll } from '../store/index.ts'

/** One move of any name: of a release's channels, an index, a line of snapshots. */
export interface NamedMove {
  /** What kind of name: `releases`, `index`, `snapshots`. */
  readonly group: string
  readonly name: string
  readonly id: string
  readonly generation: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly by: string
  readonly action: string
  readonly message?: string | undefined
}

/** The moves of all names, newest first. */
export interface Moves {
  /** One listing, and one request for each name that has moved since it was asked last. */
  latest(): Promise<readonly NamedMove[]>
}

/** Of each name. */
const mostOfOneName = 50
/** Of all together. */
const mostOfAll = 1_000

/** Only what all refs have in common, whatever capability they are of. */
const looseRef = v.object({
  history: v.array(
    v.object({
      id: v.string(),
      generation: v.number(),
      at: v.pipe(v.string(), v.isoTimestamp()),
      by: v.string(),
      action: v.string(),
      message: v.optional(v.string()),
    }),
  ),
}) as unknown as Shape<{ readonly history: readonly Omit<NamedMove, 'group' | 'name'>[] }>

/** The store is expected to remember its listings for a moment. */
export function watchMoves(store: ObjectStore): Moves {
  let known = new Map<string, { readonly etag: string; readonly moves: readonly NamedMove[] }>()
  let latest: readonly NamedMove[] = []
  const movesOf = async (info: ObjectInfo) => {
    const before = known.get(info.key)
    if (before?.etag === info.etag) return before
    const [, group = ''] = info.key.split('/')
    const name = refNameOf({ group }, info.key)
    if (name === undefined) return { etag: info.etag, moves: [] }
    const { bytes, info: read } = await readAll(store, info.key, { limit: maxRefBytes })
    const { history } = parseJson(looseRef, bytes, `${store.name}/${info.key}`)
    return { etag: read.etag, moves: history.slice(-mostOfOneName).map((move) => ({ group, name, ...move })) }
  }
  return {
    async latest() {
      const infos = await Array.fromAsync(store.list('refs/'))
      const found = await mapBounded(infos, 16, movesOf)
      const isSame = infos.length === known.size && infos.every(({ key }, at) => known.get(key)?.etag === found[at]!.etag)
      if (isSame) return latest
      known = new Map(infos.map(({ key }, at) => [key, found[at]!]))
      latest = found
        .flatMap(({ moves }) => moves)
        .toSorted((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : b.generation - a.generation))
        .slice(0, mostOfAll)
      return latest
    },
  }
}
