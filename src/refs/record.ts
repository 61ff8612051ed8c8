import * as v from 'valibot'
import { checkKey, checkShape, Fault, isDigest, parseJson, type Digest, type Shape } from '../kit/index.ts'

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

/** Where the ref lies in a store. Throws `invalid` for a name that cannot be in a key. */
export function refKey(kind: { readonly group: string }, name: string): string {
  checkKey(name, 'name')
  const key = `refs/${kind.group}/${name}.json`
  checkKey(key)
  return key
}

/** The name in a key of this kind, or undefined for a key that is none. */
export function refNameOf(kind: { readonly group: string }, key: string): string | undefined {
  const start = `refs/${kind.group}/`
  return key.startsWith(start) && key.endsWith('.json') ? key.slice(start.length, -'.json'.length) : undefined
}

/** A ref as it was written. Throws `corrupt`, and `unsupported` for a format of another version. */
export function parseRef<State, Note>(kind: RefKind<State, Note>, bytes: Uint8Array, at: string): Ref<State, Note> {
  const { history, ...rest } = parseJson(anyRef, bytes, at)
  if (rest.format !== refFormat) {
    throw new Fault('unsupported', `the ref has the format ${JSON.stringify(rest.format)}; this version reads ${refFormat}`, {
      at,
      hint: 'use the version of holdfast that wrote it, or a newer one',
    })
  }
  return { ...checkShape(shapeOf(kind), rest, at), history: movesIn(history, kind.note, at) }
}

const anyRef = v.looseObject({ format: v.string() }) as unknown as Shape<{ readonly format: string; readonly history?: unknown }>

function shapeOf<State>(kind: { readonly state: Shape<State> }): Shape<Omit<Ref<State, never>, 'history'>> {
  return v.object({
    format: v.literal(refFormat),
    name: v.string(),
    generation: v.pipe(v.number(), v.integer(), v.minValue(1)),
    state: kind.state,
    reaches: v.array(reachShape),
  }) as unknown as Shape<Omit<Ref<State, never>, 'history'>>
}

/** By hand, since a name has moved ten thousand times in the end, and every reader of it pays for all of them. */
function movesIn<Note>(history: unknown, note: Shape<Note>, at: string): Move<Note>[] {
  const notes = checkShape(v.object({ history: v.array(v.object({ note })) }), { history }, at).history
  return (history as readonly unknown[]).map((move, index): Move<Note> => {
    if (!isMove(move)) throw new Fault('corrupt', `unexpected content at history.${index}: it is no move`, { at })
    const { id, generation, at: time, by, action, message } = move
    return { id, generation, at: time, by, action, ...(message === undefined ? {} : { message }), note: notes[index]!.note }
  })
}

/** All but its note. */
function isMove(value: unknown): value is Move<unknown> {
  if (typeof value !== 'object' || value === null) return false
  const { id, generation, at, by, action, message } = value as Record<string, unknown>
  const areTexts = typeof id === 'string' && typeof by === 'string' && typeof action === 'string'
  const isMessage = message === undefined || typeof message === 'string'
  return areTexts && isMessage && Number.isFinite(generation) && typeof at === 'string' && v.ISO_TIMESTAMP_REGEX.test(at)
}
