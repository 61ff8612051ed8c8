import { isTemporary, temporaryBeside, throwIfAborted } from '../../../kit/index.ts'
import type { Swept, SweepOptions } from '../../store.ts'
import type { Link } from './connection.ts'
import { readEntries } from './look.ts'
import { given, nameOf, pathOf, type Place, unlessAbsent, wayTo } from './place.ts'

/** Temporary files below a folder that nobody has written to for `age` milliseconds, by the server's clock. No key ever named them. Follows no links. */
export async function sweepTemporaries(place: Place, age: number, { prefix = '', signal }: SweepOptions): Promise<Swept> {
  const link = await place.connections.get(signal)
  const swept = { items: 0, bytes: 0 }
  if ((await wayTo(place, link, `${prefix}x`)) !== 'open') return swept
  const now = await serverTime(place, link)
  const waiting = [prefix]
  for (let directory = waiting.pop(); directory !== undefined; directory = waiting.pop()) {
    throwIfAborted(signal)
    const at = nameOf(place, directory)
    const handle = await unlessAbsent(place, link, link.openDirectory(pathOf(place, directory.slice(0, -1))), at, 'list it')
    const entries = handle === undefined ? [] : await readEntries(place, link, handle, at)
    for (const { name: bytes, attributes } of entries) {
      const name = bytes.toString()
      if (attributes.kind === 'directory' && name !== '.' && name !== '..' && !name.includes('/')) waiting.push(`${directory}${name}/`)
      else if (attributes.kind === 'file' && isTemporary(name) && attributes.modified * 1000 <= now - age) {
        await unlessAbsent(place, link, link.remove(pathOf(place, directory + name)), nameOf(place, directory + name), 'remove it')
        swept.items++
        swept.bytes += attributes.size
      }
    }
  }
  return swept
}

/** Milliseconds, to the second: the time of a file that is made for it. */
async function serverTime(place: Place, link: Link): Promise<number> {
  const path = temporaryBeside(pathOf(place, 'x'))
  const handle = await given(place, link, link.openNew(path), place.name, 'make a temporary file')
  try {
    return (await given(place, link, link.fstat(handle), place.name, 'look at it')).modified * 1000
  } finally {
    link.release(handle)
    await link.remove(path).catch(() => undefined)
  }
}
