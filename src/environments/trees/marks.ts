import { type ByteText, byteText, diskFault, joinBytes, throwIfAborted } from '../../kit/index.ts'
import { type FileMark, type Held, holdInner, holdTop, letGo, markOf, namesIn } from '../../kit/sys/index.ts'
import { statsIn } from './entry.ts'

/** What tells for each entry of a tree whether it is still the same, by its path below the root; the root's own is empty. */
export type TreeMarks = ReadonlyMap<ByteText, FileMark>

export function readMarks(root: string, signal: AbortSignal | undefined): TreeMarks {
  const marks = new Map<ByteText, FileMark>()
  const visit = (directory: Held, below: ByteText) => {
    throwIfAborted(signal)
    try {
      for (const name of listOf(directory)) {
        const stats = statsIn(directory, name)
        const path = joinBytes(below, name)
        marks.set(path, markIn(stats))
        if (stats.isDirectory()) visit(holdInner(directory, name), path)
      }
    } finally {
      letGo(directory)
    }
  }
  const top = holdTop(byteText(root))
  marks.set('', markIn(statsIn(top, '.')))
  visit(top, '')
  return marks
}

/** A path that one has and the other has not, or not the same; undefined where they are equal. */
export function differenceOf(before: TreeMarks, after: TreeMarks): ByteText | undefined {
  for (const [path, mark] of before) {
    const now = after.get(path)
    if (now === undefined || !isSameMark(mark, now)) return path
  }
  for (const path of after.keys()) if (!before.has(path)) return path
  return undefined
}

export function isSameMark(one: FileMark, other: FileMark): boolean {
  return one.ctimeNs === other.ctimeNs && one.mtimeNs === other.mtimeNs && one.ino === other.ino && one.size === other.size
}

/** A directory's size says nothing, and some file systems let it vary. */
export function markIn(stats: Parameters<typeof markOf>[0]): FileMark {
  const mark = markOf(stats)
  return stats.isDirectory() ? { ...mark, size: 0 } : mark
}

function listOf({ path, name }: Held): ByteText[] {
  try {
    return namesIn(path)
  } catch (error) {
    throw diskFault(error, name, 'list the directory')
  }
}
