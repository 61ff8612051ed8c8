import { rm, unlink } from 'node:fs/promises'
import path from 'node:path'
import * as v from 'valibot'
import { diskFault, errno, isFault, parseJson, readSmallFile, replaceFile, type Shape } from '../kit/index.ts'
import type { Place } from './mode.ts'
import { layoutOf } from './names.ts'

const start = '.~clone-'

/** A name beside copies, for one that is being made, and the note that it is: killed from then on, the next command removes it. */
export async function beginAside({ snapshotsDir, random }: Place, to: string): Promise<string> {
  const aside = path.join(to, `${start}${Math.floor(random() * 2 ** 48).toString(36)}`)
  await replaceFile(layoutOf(snapshotsDir).cloning, `${JSON.stringify({ aside })}\n`)
  return aside
}

/** Removes it, and the note of it. */
export async function endAside({ snapshotsDir }: Pick<Place, 'snapshotsDir'>, aside: string): Promise<void> {
  const { cloning } = layoutOf(snapshotsDir)
  try {
    await rm(aside, { recursive: true, force: true })
    await unlink(cloning)
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw diskFault(error, aside, 'remove a copy that is not whole')
  }
}

const shape: Shape<{ readonly aside: string }> = v.object({
  // Nothing else is ever removed by it.
  aside: v.pipe(
    v.string(),
    v.check(
      (aside) => path.isAbsolute(aside) && path.basename(aside).startsWith(start),
      'the path of a copy that is being made is expected',
    ),
  ),
})

/** Removes what a killed clone left, for who has the lock. Whether there was anything. */
export async function sweepAside(place: Pick<Place, 'snapshotsDir'>): Promise<boolean> {
  const { cloning } = layoutOf(place.snapshotsDir)
  const text = await readSmallFile(cloning)
  if (text === undefined) return false
  await endAside(place, asideIn(text, cloning) ?? cloning)
  return true
}

/** Undefined where the note says nothing that can be understood. */
function asideIn(text: string, file: string): string | undefined {
  try {
    return parseJson(shape, text, file).aside
  } catch (error) {
    if (isFault(error, 'corrupt')) return undefined
    throw error
  }
}
