import path from 'node:path'
import { type Clock, type Disk, isTemporary, realDisk, throwIfAborted } from '../../../kit/index.ts'
import { onDisk, orMissing } from './folder.ts'

export interface Swept {
  readonly files: number
  readonly bytes: number
}

/**
 * Removes what ended writers left below a folder: temporary files that nobody has written to for `olderThan` milliseconds. No key ever
 * named them. Follows no links.
 */
export async function sweepTemporaries(
  root: string,
  olderThan: number,
  clock: Clock,
  options: { readonly signal?: AbortSignal | undefined; readonly disk?: Disk } = {},
): Promise<Swept> {
  const disk = options.disk ?? realDisk
  const swept = { files: 0, bytes: 0 }
  const waiting = [path.resolve(root)]
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    throwIfAborted(options.signal)
    const entries = (await orMissing(disk.readdir(directory, { withFileTypes: true }), directory, 'list it')) ?? []
    for (const entry of entries) {
      const file = path.join(directory, entry.name)
      if (entry.isDirectory()) waiting.push(file)
      else if (entry.isFile() && isTemporary(entry.name)) {
        const stat = await orMissing(disk.lstat(file), file, 'look at it')
        if (stat === undefined || stat.mtimeMs > clock.now() - olderThan) continue
        await onDisk(disk.unlink(file), file, 'remove it')
        swept.files++
        swept.bytes += stat.size
      }
    }
  }
  return swept
}
