import { rename, unlink } from 'node:fs/promises'
import path from 'node:path'
import * as v from 'valibot'
import {
  diskFault,
  errno,
  Fault,
  isFault,
  parseJson,
  readSmallFile,
  realDisk,
  replaceFile,
  type Report,
  type Shape,
  syncDirectory,
} from '../kit/index.ts'
import { type SnapshotMode, snapshotModes } from './mode.ts'
import { isSnapshotName, layoutOf } from './names.ts'

/** Stands from before the first change of an in-place restore until after its last: the live directory is neither old nor new. */
export interface Mark {
  readonly snapshot: string
  readonly mode: SnapshotMode
  /** ISO 8601, UTC. */
  readonly at: string
}

const format = 'holdfast-environment-restoring/1'
const shape: Shape<Mark & { format: typeof format }> = v.object({
  format: v.literal(format),
  snapshot: v.string(),
  mode: v.picklist(snapshotModes),
  at: v.string(),
})

export async function readMark(snapshotsDir: string): Promise<Mark | undefined> {
  const file = layoutOf(snapshotsDir).mark
  const text = await readSmallFile(file)
  if (text === undefined) return undefined
  try {
    const { snapshot, mode, at } = parseJson(shape, text, file)
    return { snapshot, mode, at }
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
    // It stands, whatever it says.
    return { snapshot: 'unknown', mode: 'filesystem', at: 'an unknown time' }
  }
}

/** Durable when it returns. */
export async function setMark(snapshotsDir: string, mark: Mark): Promise<void> {
  await replaceFile(layoutOf(snapshotsDir).mark, `${JSON.stringify({ format, ...mark })}\n`)
}

/** Durable when it returns. */
export async function clearMark(snapshotsDir: string): Promise<void> {
  await removeDurably(layoutOf(snapshotsDir).mark)
}

export function assertNotMarked(environment: string, mark: Mark | undefined): void {
  if (mark === undefined) return
  throw new Fault(
    'busy',
    `a restore of ${environment} to ${mark.snapshot}, begun at ${mark.at}, has not ended: its live directory is neither old nor new`,
    {
      hint: `run: holdfast env restore ${environment} --snapshot ${mark.snapshot}`,
    },
  )
}

/** A create that has begun and not ended: what lies under its name was not there before, and may go. */
export interface Intent {
  readonly name: string
  readonly mode: SnapshotMode
}

const intentShape: Shape<Intent> = v.object({
  name: v.pipe(v.string(), v.check(isSnapshotName, 'the name of a snapshot is expected')),
  mode: v.picklist(snapshotModes),
})

/** What cannot be understood is set aside, and said: what it was about stays, and `list` tells of it. For who has the lock. */
export async function readIntent(snapshotsDir: string, report: Report): Promise<Intent | undefined> {
  const file = layoutOf(snapshotsDir).intent
  const text = await readSmallFile(file)
  if (text === undefined) return undefined
  try {
    return parseJson(intentShape, text, file)
  } catch (error) {
    if (!isFault(error, 'corrupt')) throw error
    const aside = `${file}.damaged`
    await setAside(file, aside)
    report({
      kind: 'note',
      level: 'warning',
      text: `the note of a create or delete that did not end is damaged, and set aside as ${aside}: what it left is told by holdfast env list`,
    })
    return undefined
  }
}

async function setAside(file: string, aside: string): Promise<void> {
  try {
    await rename(file, aside)
  } catch (error) {
    throw diskFault(error, file, 'set it aside')
  }
}

export async function setIntent(snapshotsDir: string, intent: Intent): Promise<void> {
  await replaceFile(layoutOf(snapshotsDir).intent, `${JSON.stringify(intent)}\n`)
}

export async function clearIntent(snapshotsDir: string): Promise<void> {
  await removeDurably(layoutOf(snapshotsDir).intent)
}

async function removeDurably(file: string): Promise<void> {
  try {
    await unlink(file)
  } catch (error) {
    if (errno(error) === 'ENOENT') return
    throw diskFault(error, file, 'remove the mark')
  }
  await syncDirectory(realDisk, path.dirname(file))
}
