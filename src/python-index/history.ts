import { Fault, type Digest } from '../kit/index.ts'
import type { IndexRef, KeptCatalogue } from './records/state.ts'

/** One move of the index, and what it made of the prefixes that it changed. */
export interface Generation {
  readonly generation: number
  /** ISO 8601, UTC. */
  readonly at: string
  readonly by: string
  readonly action: string
  readonly message?: string | undefined
  readonly prefixes: Readonly<Record<string, ChangedPrefix>>
}

export interface ChangedPrefix {
  /** Null where the prefix went. */
  readonly catalogue: Digest | null
  /** Whether the prefix can still be rolled back to it. */
  readonly isKept: boolean
  readonly isCurrent: boolean
}

/** Oldest first: the moves that changed the prefix, or all of them. Throws `not-found` for a prefix that was never published. */
export function listGenerations(ref: IndexRef, prefix?: string): Generation[] {
  if (prefix !== undefined) movesOf(ref, prefix)
  return ref.history.flatMap((move): Generation[] => {
    const names = Object.keys(move.note.prefixes).filter((name) => prefix === undefined || name === prefix)
    if (prefix !== undefined && names.length === 0) return []
    const { generation, at, by, action, message } = move
    const prefixes = names.map((name): [string, ChangedPrefix] => {
      const kept = own(ref.state.prefixes, name)?.kept ?? []
      const isKept = kept.some((each) => each.generation === generation)
      return [name, { catalogue: move.note.prefixes[name]!, isKept, isCurrent: kept.at(-1)?.generation === generation }]
    })
    return [{ generation, at, by, action, ...(message === undefined ? {} : { message }), prefixes: Object.fromEntries(prefixes) }]
  })
}

/** What a prefix published once: in a generation of the index, or at a time (milliseconds since 1970). */
export type Once = { readonly generation: number } | { readonly asOf: number }

/**
 * The catalogue that a prefix had then, and the generation that made it. Throws `not-found`, saying what there is, for a time before its
 * first publication, a generation that is yet to come, and a catalogue that is not kept any more.
 */
export function catalogueAt(ref: IndexRef, prefix: string, once: Once): KeptCatalogue {
  const moves = movesOf(ref, prefix)
  const first = moves[0]!
  if ('generation' in once && once.generation > ref.generation) {
    throw new Fault('not-found', `there is no generation ${once.generation}; the last one is ${ref.generation}`, {
      hint: seeGenerations(prefix),
    })
  }
  const isThen = (move: PrefixMove) => ('generation' in once ? move.generation <= once.generation : Date.parse(move.at) <= once.asOf)
  const move = moves.findLast(isThen)
  const when = 'generation' in once ? `in generation ${once.generation}` : `at ${new Date(once.asOf).toISOString()}`
  if (move === undefined) {
    throw new Fault('not-found', `${prefix} was not published yet ${when}`, {
      hint: `its first generation is ${first.generation}, of ${first.at}`,
    })
  }
  if (move.catalogue === null) throw new Fault('not-found', `${prefix} was not published ${when}`, { hint: seeGenerations(prefix) })
  const kept = own(ref.state.prefixes, prefix)?.kept ?? []
  const found = kept.find((each) => each.generation === move.generation)
  if (found === undefined) throw notKept(prefix, move, kept)
  return found
}

interface PrefixMove {
  readonly generation: number
  readonly at: string
  readonly catalogue: Digest | null
}

/** Oldest first, and at least one. */
function movesOf(ref: IndexRef, prefix: string): PrefixMove[] {
  const moves = ref.history.flatMap(({ generation, at, note }) => {
    const catalogue = own(note.prefixes, prefix)
    return catalogue === undefined ? [] : [{ generation, at, catalogue }]
  })
  if (moves.length > 0) return moves
  const prefixes = Object.keys(ref.state.prefixes).sort()
  throw new Fault('not-found', `${prefix} was never published`, {
    at: ref.state.bucket,
    hint: prefixes.length === 0 ? 'run: holdfast index publish' : `published are: ${prefixes.join(', ')}`,
  })
}

function notKept(prefix: string, move: PrefixMove, kept: readonly KeptCatalogue[]): Fault {
  const numbers = kept.map(({ generation }) => generation)
  return new Fault('not-found', `what ${prefix} published in generation ${move.generation} (${move.at}) is not kept any more`, {
    hint: numbers.length === 0 ? seeGenerations(prefix) : `kept are its generations ${numbers.join(', ')}; keep_generations says how many`,
  })
}

function seeGenerations(prefix: string): string {
  return `see: holdfast index generations ${prefix}`
}

function own<T>(table: Readonly<Record<string, T>>, name: string): T | undefined {
  return Object.hasOwn(table, name) ? table[name] : undefined
}
