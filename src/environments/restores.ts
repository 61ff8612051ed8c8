import { open, rename, writeFile } from 'node:fs/promises'
import * as v from 'valibot'
import { diskFault, isFault, parseJson, readSmallFile, type Report, type Shape, temporaryBeside } from '../kit/index.ts'
import type { EnvironmentContext } from './context.ts'
import { snapshotModes } from './mode.ts'
import { layoutOf } from './names.ts'
import { resolvePlace } from './places.ts'
import { type LastRestore, readState } from './state.ts'

/** One restore that has ended. */
export type RestoreEntry = Omit<LastRestore, 'besideOthers'>

/** Entries that stay when the file is made shorter. */
const mostKept = 1_000
/** Bytes past which it is made shorter: some 2,000 entries. */
const mostBytes = 256 << 10

const shape: Shape<RestoreEntry> = v.object({
  snapshot: v.string(),
  mode: v.picklist(snapshotModes),
  at: v.pipe(v.string(), v.isoTimestamp()),
  milliseconds: v.pipe(v.number(), v.minValue(0)),
  fellBack: v.optional(v.boolean()),
})

/** The latest restores, oldest first: the newest 1,000 at least. What a kill tore is left out. Takes no lock. */
export async function restoreHistory(context: EnvironmentContext): Promise<readonly RestoreEntry[]> {
  const { snapshotsDir } = await resolvePlace(context)
  const kept = await readRestores(layoutOf(snapshotsDir).restores)
  if (kept.length > 0) return kept
  // Environments that were last restored before restores were written down.
  const { last } = await readState(snapshotsDir, context.report)
  return last === undefined ? [] : [plain(last)]
}

/**
 * Adds a line, under the environment's lock and without waiting for the disk: it may be lost, and never harms another. Where
 * it cannot be written that is a warning: the environment has been given back.
 */
export async function appendRestore(snapshotsDir: string, entry: RestoreEntry, report: Report): Promise<void> {
  const file = layoutOf(snapshotsDir).restores
  try {
    // A line that a kill tore ends with the break that the next one begins with.
    const size = await append(file, `\n${JSON.stringify(plain(entry))}`)
    if (size > mostBytes) await shorten(file)
  } catch (error) {
    const { message } = diskFault(error, file, 'add this restore to the history')
    report({ kind: 'note', level: 'warning', text: `${file}: ${message}` })
  }
}

/** Gives the bytes of the file after it. */
async function append(file: string, line: string): Promise<number> {
  const handle = await open(file, 'a')
  try {
    await handle.write(line)
    return (await handle.stat()).size
  } finally {
    await handle.close()
  }
}

async function shorten(file: string): Promise<void> {
  const newest = (await readRestores(file)).slice(-mostKept)
  const temporary = temporaryBeside(file)
  await writeFile(temporary, newest.map((entry) => `\n${JSON.stringify(entry)}`).join(''))
  await rename(temporary, file)
}

async function readRestores(file: string): Promise<RestoreEntry[]> {
  const text = await readSmallFile(file)
  return (text ?? '').split('\n').flatMap((line) => parseLine(line, file))
}

function parseLine(line: string, file: string): RestoreEntry[] {
  if (line === '') return []
  try {
    return [parseJson(shape, line, file)]
  } catch (error) {
    if (isFault(error, 'corrupt')) return []
    throw error
  }
}

function plain({ snapshot, mode, at, milliseconds, fellBack }: RestoreEntry): RestoreEntry {
  return { snapshot, mode, at, milliseconds, ...(fellBack === true ? { fellBack } : {}) }
}
