import * as v from 'valibot'
import { checkShape, mapBounded, parseJson, type Shape } from '../kit/index.ts'
import { maxRefBytes, refNameOf } from '../refs/index.ts'
import { type ObjectInfo, type ObjectStore, readAll } from '../store/index.ts'

/** One move of any name: of a release's channels, an index, a line of snapshots. */
export interface NamedMove {
  /** What kind of name: `releases`, `index`, `snapshots`. */
  readonly group: string
  readonly name: string
  /** Of an index: the prefixes that it changed. */
  readonly prefixes?: readonly string[] | undefined
  /** Of a line of snapshots: the directories that they are of. */
  readonly paths?: readonly string[] | undefined
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

/** Only what all refs have in common, whatever capability they are of; and of some, what people know the name by. */
const looseRef = v.object({
  history: v.array(v.unknown()),
  state: v.optional(v.looseObject({ snapshots: v.optional(v.array(v.unknown())) })),
}) as unknown as Shape<{ readonly history: readonly unknown[]; readonly state?: { readonly snapshots?: readonly unknown[] } }>

const looseMoves = v.array(
  v.object({
    id: v.string(),
    generation: v.number(),
    at: v.pipe(v.string(), v.isoTimestamp()),
    by: v.string(),
    action: v.string(),
    message: v.optional(v.string()),
    note: v.optional(v.looseObject({ prefixes: v.optional(v.record(v.string(), v.unknown())) })),
  }),
) as unknown as Shape<readonly LooseMove[]>

interface LooseMove extends Omit<NamedMove, 'group' | 'name' | 'prefixes' | 'paths'> {
  readonly note?: { readonly prefixes?: Readonly<Record<string, unknown>> }
}

const looseSnapshot = v.object({ base: v.string(), paths: v.array(v.string()) })

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
    return { etag: read.etag, moves: readMoves({ group, name }, bytes, `${store.name}/${info.key}`) }
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

/** The last ones alone are looked at: a name may have moved ten thousand times. */
function readMoves(named: Pick<NamedMove, 'group' | 'name'>, bytes: Uint8Array, at: string): NamedMove[] {
  const { history, state } = parseJson(looseRef, bytes, at)
  const snapshot = v.safeParse(looseSnapshot, state?.snapshots?.at(-1))
  const paths = snapshot.success ? { paths: snapshot.output.paths.map((path) => (path === '.' ? snapshot.output.base : path)) } : {}
  return checkShape(looseMoves, history.slice(-mostOfOneName), at).map(({ note, ...move }) => ({
    ...named,
    ...paths,
    ...(note?.prefixes === undefined ? {} : { prefixes: Object.keys(note.prefixes) }),
    ...move,
  }))
}
