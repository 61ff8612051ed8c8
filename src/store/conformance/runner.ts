import { deletePrefix } from '../derive.ts'
import type { ObjectStore } from '../store.ts'
import type { CaseEnv, ConformanceCase } from './case.ts'
import { conditionCases } from './conditions.ts'
import { copyCases } from './copies.ts'
import { failureCases } from './failures.ts'
import { keyCases } from './keys.ts'
import { listingCases } from './listing.ts'
import { objectCases } from './objects.ts'
import { rangeCases } from './ranges.ts'
import { readerCases } from './readers.ts'

/** All that a store promises, a case each. */
export const conformanceCases: readonly ConformanceCase[] = [
  ...objectCases,
  ...rangeCases,
  ...readerCases,
  ...keyCases,
  ...listingCases,
  ...conditionCases,
  ...failureCases,
  ...copyCases,
]

export interface ConformanceEnv {
  /** A fresh handle on the same data each time; the suite closes it. */
  open(): Promise<ObjectStore>
  /** Where the suite may write and delete: empty before, and empty after. Ends with a slash, or is empty. */
  readonly prefix: string
  readonly random: () => number
  /** `full` lists 10,000 keys and races for longer. */
  readonly scale: 'short' | 'full'
  readonly signal?: AbortSignal | undefined
  /** Objects of several GiB are welcome. */
  readonly large: boolean
}

export interface CaseResult {
  readonly name: string
  readonly outcome: 'passed' | 'skipped' | 'failed'
  /** Why it was skipped. */
  readonly reason?: string
  /** What was thrown, where it failed. */
  readonly error?: unknown
}

/** Runs every case that applies, one after the other. What a case wrote is deleted again, also where it failed. */
export async function* runConformance(env: ConformanceEnv): AsyncGenerator<CaseResult> {
  for (const each of applicableCases(env)) {
    yield await runCase(each, env)
    if (env.signal?.aborted) return
  }
}

/** The cases that this place is tried with: without `large`, none that puts gigabytes. */
export function applicableCases({ large }: Pick<ConformanceEnv, 'large'>): readonly ConformanceCase[] {
  return conformanceCases.filter((each) => large || each.large !== true)
}

/** Runs one case under a prefix of its own. */
export async function runCase(test: ConformanceCase, env: ConformanceEnv): Promise<CaseResult> {
  const { name } = test
  const opened: ObjectStore[] = []
  const open = async () => {
    const store = await env.open()
    opened.push(store)
    return store
  }
  try {
    const store = await open()
    const facts = { ...store.can, near: store.near !== undefined }
    if (test.needs !== undefined && !test.needs(facts)) return { name, outcome: 'skipped', reason: 'the store says that it cannot' }
    const prefix = `${env.prefix}case-${conformanceCases.indexOf(test)}/`
    const caseEnv: CaseEnv = { store, open, key: (key) => prefix + key, prefix, random: env.random, scale: env.scale, signal: env.signal }
    const failure = await failureOf(test.run(caseEnv))
    const leftover = await failureOf(deletePrefix(store, prefix))
    if (failure !== undefined || leftover !== undefined) return { name, outcome: 'failed', error: (failure ?? leftover)?.error }
    return { name, outcome: 'passed' }
  } catch (error) {
    return { name, outcome: 'failed', error }
  } finally {
    for (const store of opened) await store.close()
  }
}

async function failureOf(work: Promise<unknown>): Promise<{ error: unknown } | undefined> {
  return await work.then(
    () => undefined,
    (error: unknown) => ({ error }),
  )
}
