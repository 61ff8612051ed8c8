import path from 'node:path'
import { type Digest, type Disk, diskFault, Fault } from '../kit/index.ts'
import { describeFile } from '../manifest/index.ts'
import { lookAt } from './journal.ts'

interface Wanted {
  readonly to: string
  readonly size: number
  readonly digest: Digest
  readonly mode?: number | undefined
  readonly force: boolean
  readonly disk: Disk
  readonly signal?: AbortSignal | undefined
}

/**
 * What stands where the file is to go: nothing, the very same bytes, or, only with `force`, others. Others without `force`
 * throw `already-exists` with both digests; what is not a regular file throws `invalid`.
 */
export async function lookAtTarget(wanted: Wanted): Promise<'absent' | 'same' | 'other'> {
  const { to, disk, signal } = wanted
  const stats = await lookAt(disk, to).catch((error: unknown) => {
    throw diskFault(error, to, 'look at the target')
  })
  if (stats === undefined) return 'absent'
  if (!stats.isFile()) {
    const what = stats.isDirectory() ? 'a directory' : stats.isSymbolicLink() ? 'a symbolic link' : 'not a regular file'
    throw new Fault('invalid', `the target is ${what}`, { at: to, hint: 'name a file, or remove what is there' })
  }
  if (wanted.force && stats.size !== wanted.size) return 'other'
  const walked = { path: path.basename(to), absolute: to, size: stats.size, mode: stats.mode & 0o7777, mtimeNs: 0n, isRoot: true }
  const { digest } = await describeFile(walked, { signal, disk })
  if (digest === wanted.digest) return 'same'
  if (wanted.force) return 'other'
  throw new Fault('already-exists', `the file exists with other content: it is ${digest}, wanted is ${wanted.digest}`, {
    at: to,
    hint: 'use --force to replace it, or another name',
  })
}

/** Gives the file its mode where that was asked for. */
export async function setMode({ to, mode, disk }: Wanted): Promise<void> {
  if (mode === undefined) return
  try {
    const handle = await disk.open(to, 'r')
    try {
      if (((await handle.stat()).mode & 0o777) !== mode) await handle.chmod(mode)
    } finally {
      await handle.close()
    }
  } catch (error) {
    throw diskFault(error, to, 'set its mode')
  }
}
