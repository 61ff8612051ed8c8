import { lstat } from 'node:fs/promises'
import { diskFault, errno, Fault } from '../kit/index.ts'
import { removeSnapshot } from './delete.ts'
import { layoutOf } from './names.ts'
import { findRecord } from './record.ts'
import type { Session } from './session.ts'

/** Sees to it that nothing stands under a name: a snapshot of ours goes where it may be replaced, anything else stays and is `already-exists`. */
export async function makeFree(session: Session, name: string, replaces: boolean): Promise<void> {
  const { context, place } = session
  const present = await findRecord(place.snapshotsDir, name)
  if (present !== undefined) {
    if (!replaces) {
      throw new Fault('already-exists', `the environment ${context.name} has a snapshot ${name} already`, {
        hint: 'choose another name, delete it, or replace it (--force)',
      })
    }
    const mode = await context.modes(present.mode)
    if (await mode.inUse(place, name)) await mode.detach(place)
    await removeSnapshot(session, present)
    return
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

async function isThere(file: string): Promise<boolean> {
  try {
    await lstat(file)
    return true
  } catch (error) {
    if (errno(error) === 'ENOENT') return false
    throw diskFault(error, file, 'look for it')
  }
}
