import { Fault, type FaultCode, isFault } from '../../kit/index.ts'
import type { EnvironmentContext } from '../context.ts'
import type { Mode } from '../mode.ts'

/** What decides whether a case applies: what the mode says of itself, and nothing else. */
export interface Facts {
  readonly swaps: boolean
  readonly createsBesideWriters: boolean
}

/** An environment of one case alone. */
export interface CaseWorld {
  /** Where the case may write; the environment lies in it. */
  readonly folder: string
  /** Filled with an odd tree. */
  readonly live: string
  readonly snapshotsDir: string
  readonly mode: Mode
  readonly context: EnvironmentContext
  readonly random: () => number
}

export interface EnvironmentCase {
  /** The promise, as a sentence. */
  readonly name: string
  readonly needs?: (facts: Facts) => boolean
  run(world: CaseWorld): Promise<void>
}

export function ensure(holds: boolean, otherwise: string): asserts holds {
  if (!holds) throw new Fault('bug', otherwise)
}

export function ensureEqual(actual: unknown, expected: unknown, what: string): void {
  const [got, wanted] = [JSON.stringify(actual), JSON.stringify(expected)]
  ensure(got === wanted, `${what}: expected ${wanted.slice(0, 300)}, got ${got.slice(0, 300)}`)
}

/** The fault that the work ends with. */
export async function ensureFault(code: FaultCode, work: Promise<unknown>, what: string): Promise<Fault> {
  const error: unknown = await work.then(
    () => 'success',
    (thrown: unknown) => thrown,
  )
  if (isFault(error, code)) return error
  throw new Fault('bug', `${what}: expected the fault ${code}, got ${error instanceof Error ? error.message : String(error)}`, {
    cause: error,
  })
}
