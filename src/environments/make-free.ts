import { lstat } from 'node:fs/promises'
import { diskFault, errno, Fault } from '../kit/index.ts'
import { removeSnapshot } from './delete.ts'
import { detachFrom } from './give-way.ts'
import { layoutOf } from './names.ts'
import { findRecord } from './record.ts'
import type { Session } from './session.ts'

/** Throws `already-exists` where something stands under a name that may not be replaced: what is not a snapshot of ours never may. */
export async function assertFree({ context, place }: Session, name: string, replaces: boolean): Promise<void> {
  if ((await findRecord(place.snapshotsDir, name)) !== undefined) {
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

/** Removes the snapshot that is to be replaced, where there is one. `busy` while anybody is inside of a live directory that stands on it. */
export async function makeFree(session: Session, name: string, force: boolean): Promise<void> {
  const { context, place } = session
  const present = await findRecord(place.snapshotsDir, name)
  if (present === undefined) return
  const mode = await context.modes(present.mode)
  if (await mode.inUse(place, name)) await detachFrom(session, mode, force)
  await removeSnapshot(session, present)
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
