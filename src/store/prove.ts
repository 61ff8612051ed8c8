import { bytesOf, Fault, isFault } from '../kit/index.ts'
import { readAll } from './derive.ts'
import type { Condition, ObjectInfo, ObjectStore, Signal } from './store.ts'

export interface ProofOptions extends Signal {
  /** A number in [0, 1): names the key that is raced for, which no other prover may have. */
  readonly random: () => number
  /** Races (default 20; a server that loses them shows it in about every second one): in turn for an absent key and over the version that the race before left. */
  readonly rounds?: number | undefined
  /** Puts at once in each race (default 20). */
  readonly writers?: number | undefined
  /** Where the key may lie: empty, or ending with a slash. */
  readonly prefix?: string | undefined
}

export interface Proof {
  readonly holds: boolean
  /** A sentence: what was seen. */
  readonly why: string
  /** Races run, and how many puts of each succeeded: 1 is right. */
  readonly evidence: { readonly rounds: number; readonly winnersPerRound: readonly number[] }
}

/**
 * Finds out whether conditional puts hold on this store, by racing for a key that is deleted again. A server that
 * ignores conditions, and a bucket where races are lost (some servers' versioned buckets), do not hold.
 * Trouble on the way proves nothing, and is thrown.
 */
export async function proveConditionalPuts(store: ObjectStore, options: ProofOptions): Promise<Proof> {
  const { random, rounds = 20, prefix = '', signal } = options
  const winnersPerRound: number[] = []
  const verdict = (holds: boolean, why: string): Proof => ({ holds, why, evidence: { rounds: winnersPerRound.length, winnersPerRound } })
  if (store.can.conditionalPut === 'no') return verdict(false, `${store.name} says itself that it cannot put conditionally`)

  const key = `${prefix}holdfast-probe-${Array.from({ length: 4 }, () => Math.floor(random() * 2 ** 32).toString(16)).join('')}`
  try {
    const ignored = await findIgnored(store, key, signal)
    if (ignored !== undefined) return verdict(false, ignored)
    for (let round = 0; round < rounds; round++) {
      const isForAbsent = round % 2 === 0
      if (isForAbsent) await store.delete(key, { signal })
      const condition: Condition = isForAbsent ? 'absent' : { etag: await etagOf(store, key, signal) }
      const { winners, lasting } = await race(store, key, condition, round, options)
      winnersPerRound.push(winners.length)
      const what = isForAbsent ? 'puts if absent' : 'puts over one version'
      if (winners.length !== 1)
        return verdict(false, `${winners.length} of ${options.writers ?? 20} ${what} at once succeeded on ${store.name}: exactly one may`)
      if (lasting !== winners[0])
        return verdict(false, `of many ${what} at once on ${store.name}, the one that succeeded is not the one that is there`)
    }
    return verdict(true, `in each of ${rounds} races of ${options.writers ?? 20} puts on ${store.name} exactly one succeeded`)
  } finally {
    // Also where the signal has fired: nothing is left behind.
    await store.delete(key).catch(() => undefined)
  }
}

/** Without a race: does the server look at conditions at all? */
async function findIgnored(store: ObjectStore, key: string, signal: AbortSignal | undefined): Promise<string | undefined> {
  const first = await put(store, key, 'first', 'absent', signal)
  if (first === undefined) throw new Fault('busy', `${store.name}/${key} is there already, and no other prover may have this key`)
  if ((await put(store, key, 'second', 'absent', signal)) !== undefined)
    return `${store.name} ignores the condition of a put if absent: it overwrote what was there`
  const moved = await put(store, key, 'third', { etag: first.etag }, signal)
  if (moved === undefined) return `${store.name} refuses a put over the version that is there`
  if ((await put(store, key, 'fourth', { etag: first.etag }, signal)) !== undefined) {
    return `${store.name} ignores the condition of a put over a version: it overwrote another one`
  }
  return undefined
}

async function race(store: ObjectStore, key: string, condition: Condition, round: number, { writers = 20, signal }: ProofOptions) {
  const outcomes = await Promise.allSettled(
    Array.from({ length: writers }, async (_, writer) => {
      const content = `round ${round}, writer ${writer}`
      return (await put(store, key, content, condition, signal)) === undefined ? undefined : content
    }),
  )
  const winners: string[] = []
  for (const outcome of outcomes) {
    if (outcome.status === 'rejected') throw outcome.reason
    if (outcome.value !== undefined) winners.push(outcome.value)
  }
  const { bytes } = await readAll(store, key, { limit: 1024, signal })
  return { winners, lasting: new TextDecoder().decode(bytes) }
}

/** What was put; undefined where the condition was lost. */
async function put(
  store: ObjectStore,
  key: string,
  content: string,
  condition: Condition,
  signal: AbortSignal | undefined,
): Promise<ObjectInfo | undefined> {
  try {
    return await store.put(key, bytesOf(content), { if: condition, signal })
  } catch (error) {
    if (isFault(error, 'precondition')) return undefined
    throw error
  }
}

async function etagOf(store: ObjectStore, key: string, signal: AbortSignal | undefined): Promise<string> {
  const info = await store.head(key, { signal })
  if (info === undefined) throw new Fault('unavailable', `${store.name}/${key} was put and is not there`)
  return info.etag
}
