import { readdirSync, rmSync, statSync, utimesSync } from 'node:fs'
import path from 'node:path'
import { errno, isTemporary } from '../../kit/index.ts'
import { isLogName, isPackName } from '../format/place.ts'

/** Milliseconds that a log or pack stays after it is out of use, for readers on their way. */
const kept = 3_600_000

export interface SweepOptions {
  /** Where root.json lies. */
  readonly folder: string
  /** Names of the log and the packs in use. */
  readonly inUse: ReadonlySet<string>
  /** Milliseconds since 1970. */
  readonly now: number
}

/** Marks a file as out of use from now on. */
export function dropLater(file: string, now: number): void {
  try {
    utimesSync(file, now / 1000, now / 1000)
  } catch (error) {
    if (errno(error) !== 'ENOENT') throw error
  }
}

/** Removes logs and packs that have been out of use for an hour, and what generators that were killed left behind. Only with the lock held. */
export function sweep({ folder, inUse, now }: SweepOptions): void {
  for (const [place, isOurs] of [
    [folder, isLogName],
    [path.join(folder, 'packs'), isPackName],
    [path.dirname(folder), () => false],
  ] as const) {
    for (const name of namesIn(place)) {
      const file = path.join(place, name)
      if (isTemporary(name) || (isOurs(name) && !inUse.has(name) && isOld(file, now))) rmSync(file, { force: true })
    }
  }
}

function isOld(file: string, now: number): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  return found !== undefined && found.mtimeMs < now - kept
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder)
  } catch (error) {
    if (errno(error) === 'ENOENT') return []
    throw error
  }
}
