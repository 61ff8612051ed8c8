import { linkSync, lstatSync, renameSync, rmSync } from 'node:fs'
import { Fault } from '../../kit/index.ts'
import { type Held, holdInner, letGo } from '../../kit/sys/index.ts'
import { joinBytes, pathNames, shownName, systemPath } from '../tree/name.ts'
import type { ByteText } from '../tree/name.ts'
import { fail, leave, touch } from './directory.ts'
import { temporaryName } from './job.ts'
import { removeEntry } from '../../kit/sys/index.ts'
import type { LinkWork, Restoring } from './restoring.ts'

/** Makes the hard links, when all files are what they should be. `top` is the target. */
export function makeLinks(restoring: Restoring, top: Held | undefined): void {
  for (const work of restoring.links) {
    try {
      if (top === undefined) restoring.counts.others++
      else makeLink(restoring, top, work)
    } catch (error) {
      fail(restoring, work.directory, work.entry.name, error)
    }
    leave(restoring, work.directory, 'link')
  }
}

function makeLink(restoring: Restoring, top: Held, { directory, entry, leader }: LinkWork): void {
  const names = pathNames(leader)
  const name = names.pop()!
  const opened: Held[] = []
  try {
    // Step by step, so that no link on the way leads out.
    for (const each of names) opened.push(holdInner(opened.at(-1) ?? top, each))
    const from = joinBytes((opened.at(-1) ?? top).path, name)
    if (isSameFile(from, joinBytes(directory.path, entry.name))) {
      restoring.counts.unchanged++
      return
    }
    if (!lstatSync(systemPath(from)).isFile()) throw new Fault('corrupt', `the first name of a hard link, ${shownName(leader)}, is no file`)
    const held = touch(restoring, directory)
    const temporary = systemPath(joinBytes(held.path, temporaryName()))
    linkSync(systemPath(from), temporary)
    replace(restoring, held, temporary, entry.name)
    directory.relinked.add(entry.name)
    restoring.counts.others++
  } finally {
    opened.reverse().forEach(letGo)
  }
}

function replace(restoring: Restoring, held: Held, temporary: string | Buffer, name: ByteText): void {
  const final = systemPath(joinBytes(held.path, name))
  try {
    const isDirectory = lstatSync(final, { throwIfNoEntry: false })?.isDirectory() === true
    if (isDirectory) restoring.counts.removed += removeEntry(held, name)
    renameSync(temporary, final)
  } catch (error) {
    rmSync(temporary, { force: true })
    throw error
  }
}

function isSameFile(one: ByteText, other: ByteText): boolean {
  const a = lstatSync(systemPath(one), { bigint: true, throwIfNoEntry: false })
  const b = lstatSync(systemPath(other), { bigint: true, throwIfNoEntry: false })
  return a !== undefined && b !== undefined && a.ino === b.ino && a.dev === b.dev
}
