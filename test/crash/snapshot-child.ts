/** A process to be killed while it makes, restores or copies a snapshot. Arguments: one JSON of `SnapshotJob`. Where it lives to the end it says how often it could have died. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import path from 'node:path'
import { createDeadline, type Deadline, dyingStore } from './dying.ts'
import { contextIn, copyWhole, type SnapshotJob } from './snapshot-scene.ts'

const changing = [
  'writeSync',
  'renameSync',
  'mkdirSync',
  'symlinkSync',
  'linkSync',
  'unlinkSync',
  'rmdirSync',
  'rmSync',
  'ftruncateSync',
  'fchmodSync',
  'fsyncSync',
  'openSync',
] as const

/** May die before and after each call that changes a file system. */
function makeDiskDeadly(deadline: Deadline): void {
  for (const name of changing) {
    const real = fs[name] as (...args: unknown[]) => unknown
    Object.assign(fs, {
      [name]: (...args: unknown[]) => {
        deadline.pass()
        const result = real(...args)
        deadline.pass()
        return result
      },
    })
  }
  syncBuiltinESMExports()
}

const job = JSON.parse(process.argv[2] ?? '') as SnapshotJob
const deadline = createDeadline(job.killAt)
const { folder } = job
if (job.what === 'restore') {
  const { findSnapshot, restoreSnapshot } = await import('../../src/snapshots/index.ts')
  const context = contextIn(folder)
  const snapshot = await findSnapshot(context, job.id!)
  makeDiskDeadly(deadline)
  await restoreSnapshot(context, { snapshot, path: '', target: path.join(folder, 'tree'), delete: true })
} else if (job.what === 'create') {
  const { createSnapshot } = await import('../../src/snapshots/index.ts')
  const context = contextIn(folder, 'store', (store) => dyingStore(store, deadline))
  await createSnapshot(context, { paths: ['tree'], cwd: folder })
} else if (job.what === 'copy-store') {
  await copyWhole(folder, (store) => dyingStore(store, deadline))
} else {
  const { copySnapshots, listSnapshots } = await import('../../src/snapshots/index.ts')
  const from = contextIn(folder)
  await copySnapshots(
    from,
    contextIn(folder, 'other', (store) => dyingStore(store, deadline)),
    await listSnapshots(from),
  )
}
process.stdout.write(JSON.stringify({ points: deadline.count }))
