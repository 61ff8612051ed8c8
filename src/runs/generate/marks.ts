import { maxMarks } from '../format/limits.ts'
import type { Mark } from '../format/page.ts'

/** Those that stay whatever comes: clients are mostly a few revisions behind. */
const newest = 4

/** At most `maxMarks` of them: the newest, and of those before the ones that leave the least gap, in proportion, where they are taken out. */
export function thinMarks(marks: readonly Mark[]): readonly Mark[] {
  const kept = [...marks]
  while (kept.length > maxMarks) {
    let least = 0
    for (let at = 1; at < kept.length - newest; at++) if (gapWithout(kept, at) < gapWithout(kept, least)) least = at
    kept.splice(least, 1)
  }
  return kept
}

function gapWithout(marks: readonly Mark[], at: number): number {
  const before = marks[at - 1]?.offset ?? 0
  const after = marks[at + 1]!.offset
  return (after - before) / after
}
