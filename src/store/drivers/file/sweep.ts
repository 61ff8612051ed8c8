import path from 'node:path'
import { type Clock, isTemporary, throwIfAborted } from '../../../kit/index.ts'
import type { Swept, SweepOptions } from '../../store.ts'
import { type Folder, onDisk, orMissing } from './folder.ts'

/** Temporary files below a folder that nobody has written to for `age` milliseconds. No key ever named them. Follows no links. */
export async function sweepTemporaries(folder: Folder, clock: Clock, age: number, { prefix = '', signal }: SweepOptions): Promise<Swept> {
  const { disk } = folder
  const swept = { items: 0, bytes: 0 }
  const waiting = [path.join(folder.root, prefix)]
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    throwIfAborted(signal)
    const entries = (await orMissing(disk.readdir(directory, { withFileTypes: true }), directory, 'list it')) ?? []
    for (const entry of entries) {
      const file = path.join(directory, entry.name)
      if (entry.isDirectory()) waiting.push(file)
      else if (entry.isFile() && isTemporary(entry.name)) {
        const stat = await orMissing(disk.lstat(file), file, 'look at it')
        if (stat === undefined || stat.mtimeMs > clock.now() - age) continue
        await onDisk(disk.unlink(file), file, 'remove it')
        swept.items++
        swept.bytes += stat.size
      }
    }
  }
  return swept
}
