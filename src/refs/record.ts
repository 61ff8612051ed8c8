import * as v from 'valibot'
import { checkKey, Fault, isDigest, parseJson, type Digest, type Shape } from '../kit/index.ts'

/** What a record keeps alive: garbage collection follows these and nothing else. */
export interface Reach {
  readonly kind: 'blob' | 'snapshot'
  readonly digest: Digest
}

/** One move of a name: who, when, why, and a note in the words of the capability. */
export interface Move<Note> {
  /** Random, so that a writer whose answer was lost recognises its own move. */
  readonly id: string
  readonly generation: number
  /** ISO 8601, UTC; never earlier than the move before it. */
  readonly at: string
  readonly by: string
  readonly action: string
  readonly message?: string | undefined
  readonly note: Note
}

/** A name that moves, as it is stored. */
export interface Ref<State, Note> {
  readonly format: typeof refFormat
  readonly name: string
  readonly generation: number
  readonly state: State
  readonly reaches: readonly Reach[]
  /** Oldest first; the last one made this generation. All moves, or as many as its kind keeps. */
  readonly history: readonly Move<Note>[]
}

/** What a capability says about its refs. */
export interface RefKind<State, Note> {
  /** The folder below `refs/`. */
  readonly group: string
  readonly state: Shape<State>
  readonly note: Shape<Note>
  reaches(state: State): readonly Reach[]
  /** Whether a move stays in the history when there are `newer` ones after it; all stay where this is left out. A name that moves all the time needs an end. */
  readonly keepsMove?: ((state: State, move: Move<Note>, newer: number) => boolean) | undefined
}

export const refFormat = 'holdfast-ref/1'

/** Bytes of one ref record; past it a move is refused and the message says how to make room. */
export const maxRefBytes = 16 << 20

export const digestShape = v.custom<Digest>(isDigest, 'a digest (sha256:<hex>) is expected')

export const reachShape: Shape<Reach> = v.object({ kind: v.picklist(['blob', 'snapshot']), digest: digestShape })

export function refKey(kind: { readonly group: string }, name: string): string {
  checkKey(name)
  const key = `refs/${kind.group}/${name}.json`
  checkKey(key)
  return key
}

/** The name in a key of this kind, or undefined for a key that is none. */
export function refNameOf(kind: { readonly group: string }, key: string): string | undefined {
  const start = `refs/${kind.group}/`
  return key.startsWith(start) && key.endsWith('.json') ? key.slice(start.length, -'.json'.length) : undefined
}

export function parseRef<State, Note>(kind: RefKind<State, Note>, bytes: Uint8Array, at: string): Ref<State, Note> {
  const { format } = parseJson(v.looseObject({ format: v.string() }), bytes, at)
  if (format !== refFormat) {
    throw new Fault('unsupported', `the ref has the format ${JSON.stringify(format)}; this version reads ${refFormat}`, {
      at,
      hint: 'use the version of holdfast that wrote it, or a newer one',
    })
  }
  return parseJson(shapeOf(kind), bytes, at)
}

function shapeOf<State, Note>(kind: RefKind<State, Note>): Shape<Ref<State, Note>> {
  return v.object({
    format: v.literal(refFormat),
    name: v.string(),
    generation: v.pipe(v.number(), v.integer(), v.minValue(1)),
    state: kind.state,
    reaches: v.array(reachShape),
    history: v.array(
      v.object({
        id: v.string(),
        generation: v.number(),
        at: v.pipe(v.string(), v.isoTimestamp()),
        by: v.string(),
        action: v.string(),
        message: v.optional(v.string()),
        note: kind.note,
      }),
    ),
  }) as unknown as Shape<Ref<State, Note>>
}
