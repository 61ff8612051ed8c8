import { rm, statfs } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, Fault, formatBytes, isFault, makeDirectories } from '../kit/index.ts'
import { realSys } from '../kit/sys/index.ts'
import { beginAside, endAside } from './clone-aside.ts'
import type { EnvironmentContext } from './context.ts'
import { copyTree } from './copy-tree.ts'
import { isWithin, realPlace } from './places.ts'
import { needRecord, type SnapshotRecord } from './record.ts'
import { type Session, withSession } from './session.ts'
import { openTree } from './verify.ts'

export interface CloneOptions {
  /** The configured name where nothing is said. */
  readonly snapshot?: string | undefined
  readonly count: number
  /** Absolute. The copies lie in it as `<environment>-1`, `-2`, … */
  readonly to: string
}

export interface Cloned {
  readonly snapshot: string
  readonly copies: readonly string[]
  /** `reflink`: the copies share their bytes with the snapshot until they are written to. */
  readonly how: 'reflink' | 'copy'
  readonly milliseconds: number
}

const maxCopies = 1000

/** Makes independent writable copies of a snapshot. Each appears whole, under a name that is free, or not at all. */
export async function cloneSnapshot(context: EnvironmentContext, options: CloneOptions): Promise<Cloned> {
  const { snapshot = context.settings.snapshotName, count } = options
  if (!Number.isInteger(count) || count < 1 || count > maxCopies)
    throw new Fault('invalid', `not a number of copies: ${count}`, { hint: `ask for 1 to ${maxCopies}` })
  return await withSession(context, { whileMarked: true, snapshot }, async (session) => {
    const { place } = session
    const to = await realPlace(options.to)
    if (isWithin(to, place.live) || isWithin(to, place.snapshotsDir)) {
      throw new Fault('invalid', 'copies cannot lie in the live directory or among the snapshots', {
        at: to,
        hint: 'choose another directory',
      })
    }
    const record = await needRecord(place.snapshotsDir, context.name, snapshot)
    const copies = Array.from({ length: count }, (_, index) => path.join(to, `${context.name}-${index + 1}`))
    const begun = context.clock.now()
    const how = await copyAll(session, record, to, copies)
    return { snapshot, copies, how, milliseconds: context.clock.now() - begun }
  })
}

async function copyAll({ context, place }: Session, record: SnapshotRecord, to: string, copies: readonly string[]): Promise<Cloned['how']> {
  await using tree = await openTree(context, place, record)
  await makeDirectories(to)
  const aside = await beginAside(place, to)
  let how: Cloned['how'] = 'reflink'
  try {
    for (const copy of copies) {
      if (how === 'reflink') how = await reflinkOrNot(tree.path, aside, context.signal)
      if (how === 'copy') {
        await assertRoom(to, record)
        await copyTree(tree.path, aside, 'copy', context.signal)
      }
      putInPlace(aside, copy)
    }
    return how
  } finally {
    await endAside(place, aside)
  }
}

async function reflinkOrNot(from: string, aside: string, signal: AbortSignal | undefined): Promise<Cloned['how']> {
  try {
    await copyTree(from, aside, 'reflink', signal)
    return 'reflink'
  } catch (error) {
    if (!isFault(error, 'unsupported')) throw error
    await rm(aside, { recursive: true, force: true })
    return 'copy'
  }
}

async function assertRoom(to: string, { bytes, environment }: SnapshotRecord): Promise<void> {
  const { bavail, bsize } = await statfs(to)
  if (bavail * bsize >= bytes) return
  throw new Fault(
    'unavailable',
    `there is no room for another copy of ${environment}: it takes up to ${formatBytes(bytes)}, and ${formatBytes(bavail * bsize)} are free`,
    {
      at: to,
      hint: 'free some space, or ask for fewer copies',
    },
  )
}

function putInPlace(aside: string, copy: string): void {
  try {
    realSys.renameToFree(aside, copy)
  } catch (error) {
    if (isFault(error, 'already-exists')) {
      throw new Fault('already-exists', `there is a ${path.basename(copy)} already`, {
        at: copy,
        hint: 'remove it, or choose another directory',
        cause: error,
      })
    }
    throw diskFault(error, copy, 'put the copy in its place')
  }
}
