import { rename, writeFile } from 'node:fs/promises'
import * as v from 'valibot'
import { diskFault, isFault, parseJson, readSmallFile, type Report, type Shape, temporaryBeside } from '../kit/index.ts'
import { type SnapshotMode, snapshotModes } from './mode.ts'
import { layoutOf } from './names.ts'

/** What the core remembers from one command to the next. Nothing that is kept stands or falls with it. */
export interface EnvironmentState {
  readonly last?: LastRestore | undefined
  /** Restores since the snapshot was last read whole. */
  readonly sinceVerified: number
  /** When each snapshot was last restored: ISO 8601, UTC. */
  readonly used: Readonly<Record<string, string>>
  /** What `auto` took, and why. */
  readonly chosen?: { readonly mode: SnapshotMode; readonly why: string } | undefined
}

export interface LastRestore {
  readonly snapshot: string
  readonly mode: SnapshotMode
  /** ISO 8601, UTC. */
  readonly at: string
  readonly milliseconds: number
  /** The clean-up ran in its place. */
  readonly fellBack?: boolean | undefined
  /** Processes went on writing in the directory meanwhile, so what is known of its files may be wrong. */
  readonly besideOthers?: boolean | undefined
}

const empty: EnvironmentState = { sinceVerified: 0, used: {} }

const mode = v.picklist(snapshotModes)
const count = v.pipe(v.number(), v.minValue(0))
const shape: Shape<EnvironmentState> = v.object({
  last: v.optional(
    v.object({
      snapshot: v.string(),
      mode,
      at: v.string(),
      milliseconds: count,
      fellBack: v.optional(v.boolean()),
      besideOthers: v.optional(v.boolean()),
    }),
  ),
  sinceVerified: count,
  used: v.record(v.string(), v.string()),
  chosen: v.optional(v.object({ mode, why: v.string() })),
})

/** What cannot be understood is said, and begun anew. */
export async function readState(snapshotsDir: string, report: Report): Promise<EnvironmentState> {
  const file = layoutOf(snapshotsDir).state
  const text = await readSmallFile(file)
  if (text === undefined) return empty
  try {
    return parseJson(shape, text, file)
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
    report({ kind: 'note', level: 'warning', text: `what was remembered of this environment is damaged and begun anew: ${file}` })
    return empty
  }
}

/** Whole or not at all, and without waiting for the disk: it may be lost. */
export async function writeState(snapshotsDir: string, state: EnvironmentState): Promise<void> {
  const file = layoutOf(snapshotsDir).state
  const temporary = temporaryBeside(file)
  try {
    await writeFile(temporary, `${JSON.stringify(state)}\n`)
    await rename(temporary, file)
  } catch (error) {
    throw diskFault(error, file, 'remember the state of the environment')
  }
}
