import { lstat } from 'node:fs/promises'
import { diskFault, errno, Fault, isFault } from '../kit/index.ts'
import { removeDamaged, removeSnapshot } from './delete.ts'
import { detachFrom } from './give-way.ts'
import { layoutOf } from './names.ts'
import { findRecord, type SnapshotRecord } from './record.ts'
import type { Session } from './session.ts'

/** Throws `already-exists` where something stands under a name that may not be replaced: what is not a snapshot of ours never may. */
export async function assertFree(session: Session, name: string, replaces: boolean): Promise<void> {
  const { context, place } = session
  // Of one that is damaged, what happened is said where it may not be replaced.
  if ((await findOrDamage(session, name, !replaces)) !== undefined) {
    if (replaces) return
    throw new Fault('already-exists', `the environment ${context.name} has a snapshot ${name} already`, {
      hint: 'choose another name, delete it, or replace it (--replace)',
    })
  }
  const layout = layoutOf(place.snapshotsDir)
  for (const file of [layout.tree(name), layout.image(name)]) {
    if (await isThere(file)) {
      throw new Fault('already-exists', `something that is not a snapshot of ours stands where ${name} would be kept`, {
        at: file,
        hint: 'move it away, or choose another name',
      })
    }
  }
}

/** Removes the snapshot that is to be replaced; whether there was one. `busy` while anybody is inside of a live directory that stands on it. */
export async function makeFree(session: Session, name: string, force: boolean): Promise<boolean> {
  const { context, place } = session
  const present = await findOrDamage(session, name, false)
  if (present === undefined) return false
  if (present === 'damaged') {
    await removeDamaged(session, name, async (mode) => await detachFrom(session, mode, force))
    return true
  }
  const mode = await context.modes(present.mode)
  if (await mode.inUse(place, name)) await detachFrom(session, mode, force)
  await removeSnapshot(session, present)
  return true
}

async function findOrDamage({ place }: Session, name: string, throws: boolean): Promise<SnapshotRecord | 'damaged' | undefined> {
  try {
    return await findRecord(place.snapshotsDir, name)
  } catch (error) {
    if (throws || !isFault(error, 'corrupt')) throw error
    return 'damaged'
  }
}

async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, file, 'look for it')
  }
}
