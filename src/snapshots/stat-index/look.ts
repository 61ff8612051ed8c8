import { type BigIntStats, lstatSync } from 'node:fs'
import { errno } from '../../kit/index.ts'
import { isUnchanged } from '../../kit/sys/index.ts'
import { type ByteText, systemPath } from '../tree/name.ts'
import type { KnownDirectory, KnownEntry } from './record.ts'

/** Something in a directory, as it is now. */
export interface Seen {
  readonly name: ByteText
  readonly stats: BigIntStats
  /** What the index knows of the name, whether or not it is still that. */
  readonly known: KnownEntry | undefined
  /** It is what it was: content, attributes and all; of a directory, only its own attributes. */
  readonly isSame: boolean
}

/** What is at a path now, called `name`; undefined where it is gone. Throws the system's own errors. */
export function lookAt(path: ByteText, name: ByteText, known: KnownEntry | undefined): Seen | undefined {
  try {
    const stats = lstatSync(systemPath(path), { bigint: true })
    return { name, stats, known, isSame: known !== undefined && known.isTrusted && isUnchanged(stats, known.mark) }
  } catch (error) {
    if (errno(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Finds what is known of names that are asked for in order. */
export function knownInOrder(directory: KnownDirectory | undefined): (name: ByteText) => KnownEntry | undefined {
  const entries = directory?.entries ?? []
  let at = 0
  return (name) => {
    while (at < entries.length && entries[at]!.name < name) at++
    return entries[at]?.name === name ? entries[at] : undefined
  }
}
