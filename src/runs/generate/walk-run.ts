import { readdirSync } from 'node:fs'
import { compareKeys } from '../../kit/index.ts'
import { maxFilesOfRun, maxUnreadable } from '../format/limits.ts'
import { isRunPath, type RunKey } from '../format/place.ts'
import { type Catalogue, dirsOfRun, filesOfRun } from './catalogue.ts'
import { isListed } from '../format/kinds.ts'
import { type Facts, isGone, isSettled, lookAt, whyNot } from './look.ts'

/** What is in a run's folder. Paths are relative to it, and its own is empty. */
export interface Walk {
  readonly dirs: readonly SeenDir[]
  /** In the order of their paths' bytes. */
  readonly files: readonly SeenFile[]
  readonly unreadable: readonly (readonly [path: string, why: string])[]
  /** All else was left out. */
  readonly lists?: 'metadata' | undefined
  /** Something is not as it should be that no time of a directory tells: it must be looked at again. */
  readonly isTroubled: boolean
}

export interface SeenDir {
  readonly path: string
  readonly facts: Facts
  readonly settled: boolean
}

export interface SeenFile {
  readonly path: string
  readonly facts: Facts
}

/** Whether a run's files and directories are all what is known of them. `folder` is the run's, absolute. */
export function isRunSame(known: Catalogue, run: number, folder: string): boolean {
  if (known.runs.columns.trouble[run] === 1) return false
  return areDirsSame(known, run, folder) && areFilesSame(known, run, folder)
}

function areDirsSame(known: Catalogue, run: number, folder: string): boolean {
  const { path, mtime, ctime, ino, settled } = known.dirs.columns
  const [start, end] = dirsOfRun(known, run)
  for (let at = start; at < end; at++) {
    if (settled[at] === 0) return false
    const look = lookOrNot(folder, known.texts.at(path[at]!))
    if (look?.kind !== 'directory' || look.mtime !== mtime[at] || look.ctime !== ctime[at] || look.ino !== ino[at]) return false
  }
  return true
}

function areFilesSame(known: Catalogue, run: number, folder: string): boolean {
  const { path, size, mtime, ctime, ino, settled } = known.files.columns
  const [start, end] = filesOfRun(known, run)
  for (let at = start; at < end; at++) {
    if (settled[at] === 0) return false
    const look = lookOrNot(folder, known.texts.at(path[at]!))
    if (look?.kind !== 'file' || look.size !== size[at]) return false
    if (look.mtime !== mtime[at] || look.ctime !== ctime[at] || look.ino !== ino[at]) return false
  }
  return true
}

/** Trouble is no difference here: whoever walks the run meets it again and tells it. */
function lookOrNot(folder: string, path: string) {
  try {
    return lookAt(path === '' ? folder : `${folder}/${path}`)
  } catch {
    return undefined
  }
}

export interface WalkOptions {
  /** Only files of the manifest 1.0. */
  readonly metadataOnly: boolean
  /** Milliseconds since 1970. */
  readonly now: number
}

/** All that is in a run's folder, or undefined where it is gone. Links and special files are told as unreadable, and not followed. */
export function walkRun(key: RunKey, folder: string, options: WalkOptions): Walk | undefined {
  const dirs: SeenDir[] = []
  const files: SeenFile[] = []
  const unreadable: [string, string][] = []
  let isTroubled = false

  const tell = (path: string, why: string) => {
    if (unreadable.length < maxUnreadable) unreadable.push([toShow(path), why])
  }
  const attempt = <T>(path: string, look: () => T): T | undefined => {
    try {
      return look()
    } catch (error) {
      if (isGone(error)) return undefined
      isTroubled = true
      tell(path === '' ? '.' : path, whyNot(error))
      return undefined
    }
  }
  const visitDirectory = (path: string): boolean => {
    const place = path === '' ? folder : `${folder}/${path}`
    const look = attempt(path, () => lookAt(place))
    if (look?.kind !== 'directory') return isTroubled
    // Looked at before it is listed: a name that comes meanwhile shows the next time.
    dirs.push({ path, facts: look, settled: isSettled(look, options.now) })
    for (const name of attempt(path, () => readdirSync(place)) ?? []) visit(path === '' ? name : `${path}/${name}`)
    return true
  }
  const visit = (path: string) => {
    if (options.metadataOnly && !isListed(path)) return
    if (!isUsable(key, path)) return tell(path, 'a name that cannot be synced')
    const look = attempt(path, () => lookAt(`${folder}/${path}`))
    if (look === undefined) return
    if (look.kind === 'directory') visitDirectory(path)
    else if (look.kind === 'link') tell(path, 'a symbolic link')
    else if (look.kind === 'special') tell(path, 'no regular file')
    else files.push({ path, facts: look })
  }

  if (!visitDirectory('')) return undefined
  files.sort((a, b) => compareKeys(a.path, b.path))
  if (files.length > maxFilesOfRun) tell('.', `more than ${maxFilesOfRun} files: ${files.splice(maxFilesOfRun).length} are left out`)
  unreadable.sort((a, b) => compareKeys(a[0], b[0]))
  return { dirs, files, unreadable, isTroubled, lists: options.metadataOnly ? 'metadata' : undefined }
}

/** Node shows bytes that are no UTF-8 as U+FFFD, and would not find the file again. */
function isUsable(key: RunKey, path: string): boolean {
  return isRunPath(key, path) && !path.includes('\ufffd')
}

/** A name as text that pages can hold. */
function toShow(path: string): string {
  return path.toWellFormed().slice(0, 1024)
}
