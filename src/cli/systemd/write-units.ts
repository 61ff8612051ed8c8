import path from 'node:path'
import { Fault, readSmallFile, replaceFile } from '../../kit/index.ts'

interface UnitFile {
  readonly name: string
  readonly text: string
}

/** Nothing is written where one of them is there and says something else. `comparing` is the command that prints what would be written. */
export async function writeUnits(
  folder: string,
  units: readonly UnitFile[],
  { isForced, comparing }: { readonly isForced: boolean; readonly comparing: string },
): Promise<void> {
  for (const { name, text } of units) {
    const file = path.join(folder, name)
    const present = await readSmallFile(file)
    if (present === undefined || present === text || isForced) continue
    throw new Fault('already-exists', 'a unit of this name is there and differs', {
      at: file,
      hint: `look at it, and compare: ${comparing}; --force overwrites it`,
    })
  }
  for (const { name, text } of units) await replaceFile(path.join(folder, name), text, undefined, 0o644)
}
