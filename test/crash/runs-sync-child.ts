/** A process to be killed while it syncs runs. Arguments: one JSON of `SyncJob`. Where it lives to the end it says how often it could have died. */
import fs from 'node:fs'
import { syncBuiltinESMExports } from 'node:module'
import { DatabaseSync } from 'node:sqlite'
import { silent, systemClock } from '../../src/kit/index.ts'
import { createFileStore } from '../../src/store/index.ts'
import { createDeadline, dyingStore } from './dying.ts'

export interface SyncJob {
  readonly server: string
  readonly folder: string
  /** Counted from 1; 0 never comes. */
  readonly killAt: number
}

const job = JSON.parse(process.argv[2] ?? '') as SyncJob
const deadline = createDeadline(job.killAt)

for (const name of ['openSync', 'renameSync', 'mkdirSync', 'unlinkSync', 'ftruncateSync', 'futimesSync', 'rmdirSync'] as const) {
  const real = fs[name] as (...args: unknown[]) => unknown
  Object.assign(fs, {
    [name](...args: unknown[]) {
      deadline.pass()
      const result = real(...args)
      deadline.pass()
      return result
    },
  })
}
const write = fs.writeSync as (fd: number, bytes: Uint8Array, offset: number, length: number, position: number) => number
Object.assign(fs, {
  /** May die with half of it written. */
  writeSync(fd: number, bytes: Uint8Array, offset: number, length: number, position: number) {
    const half = length >> 1
    if (half > 0) write(fd, bytes, offset, half, position)
    deadline.pass()
    return half + write(fd, bytes, offset + half, length - half, position + half)
  },
})
syncBuiltinESMExports()
const exec = DatabaseSync.prototype.exec
DatabaseSync.prototype.exec = function (text: string) {
  if (text === 'COMMIT') deadline.pass()
  exec.call(this, text)
  if (text === 'COMMIT') deadline.pass()
}

const { syncRuns } = await import('../../src/runs/index.ts')
const source = dyingStore(createFileStore({ root: job.server }), deadline)
const { failures } = await syncRuns({
  source,
  url: 'file:///server',
  folder: job.folder,
  remove: async () => true,
  clock: systemClock,
  report: silent,
})
process.stdout.write(JSON.stringify({ points: deadline.count, failures: failures.count }))
