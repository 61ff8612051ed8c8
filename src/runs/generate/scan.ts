import { readdirSync } from 'node:fs'
import { compareKeys } from '../../kit/index.ts'
import { compareRuns, isRunKey, isRunName, runFolder, type RunKey } from '../format/place.ts'
import type { Catalogue } from './catalogue.ts'
import { addRow } from './columns.ts'
import { isGone, isSettled, type Look, lookAt, whyNot } from './look.ts'
import { type KnownTop, knownTops, type RunNumbers, runNumbers } from './known.ts'
import { isRunSame, type Walk, walkRun, type WalkOptions } from './walk-run.ts'

/** A run as it is now. */
export interface SeenRun {
  readonly key: RunKey
  /** Its number in what is known, if it was there before. */
  readonly known: number | undefined
  /** What is in it now; undefined where that is what is known, or cannot be seen. */
  readonly walk: Walk | undefined
}

export interface Scan {
  /** In the order of pages: project by project. */
  readonly runs: readonly SeenRun[]
  /** Nothing at all is new: no run, and no directory above them. */
  readonly isSame: boolean
  /** What could not be looked at and belongs to no run. */
  readonly problems: readonly (readonly [path: string, why: string])[]
}

export interface ScanOptions extends WalkOptions {
  /** Real and absolute. */
  readonly root: string
  readonly known: Catalogue
  /** Where the directories above runs are listed for the next time. */
  readonly tops: Catalogue['tops']
  /** No listing that is known is relied on. */
  readonly relist: boolean
}

interface Scanning extends ScanOptions {
  readonly numbers: RunNumbers
  readonly found: SeenRun[]
  readonly trouble: [string, string][]
  isSame: boolean
}

/**
 * Looks at every run below the root. Directories whose times are what they were are not listed again. What cannot be looked at stays as
 * it was, and is told; only what is not there is gone. Throws the system's own errors where the root cannot be read.
 */
export function scanRuns(options: ScanOptions): Scan {
  const scan: Scanning = { ...options, numbers: runNumbers(options.known), found: [], trouble: [], isSame: true }
  const { root, known } = options
  const before = knownTops(known)
  const look = lookAt(root)
  const names = look === undefined ? [] : listing(scan, { level: 0, path: '', name: '', look, before })
  for (const project of names) scanProject(scan, project, before?.inner.get(project))
  scan.found.sort((a, b) => compareKeys(a.key.project, b.key.project) || compareRuns(a.key, b.key))
  if (scan.found.length !== known.runs.length) scan.isSame = false
  return { runs: scan.found, isSame: scan.isSame, problems: scan.trouble }
}

function scanProject(scan: Scanning, project: string, before: KnownTop | undefined): void {
  const isInside = (key: RunKey) => key.project === project
  guard(scan, { level: 1, path: project, name: project, isInside }, () => {
    const look = lookAt(`${scan.root}/${project}`)
    if (look?.kind !== 'directory') return
    for (const name of listing(scan, { level: 1, path: project, name: project, look, before })) {
      scanName(scan, project, name, before?.inner.get(name))
    }
  })
}

function scanName(scan: Scanning, project: string, name: string, before: KnownTop | undefined): void {
  const path = `${project}/${name}/runs`
  const isInside = (key: RunKey) => key.project === project && key.name === name
  guard(scan, { level: 2, path, name, isInside }, () => {
    const look = lookAt(`${scan.root}/${path}`)
    if (look?.kind === 'link') scan.trouble.push([path, 'a symbolic link is not followed'])
    if (look?.kind !== 'directory') return noteTop(scan, 2, name, undefined)
    for (const runId of listing(scan, { level: 2, path, name, look, before }, scan.numbers.idsOf(project, name))) {
      scanRun(scan, { project, name, runId })
    }
  })
}

function scanRun(scan: Scanning, key: RunKey): void {
  const folder = `${scan.root}/${runFolder(key)}`
  const known = scan.numbers.of(key)
  if (known !== undefined && !scan.relist && isRunSame(scan.known, known, folder)) {
    scan.found.push({ key, known, walk: undefined })
    return
  }
  scan.isSame = false
  const walk = walkRun(key, folder, scan)
  if (walk !== undefined) scan.found.push({ key, known, walk })
}

interface Guarded {
  readonly level: number
  readonly path: string
  readonly name: string
  readonly isInside: (key: RunKey) => boolean
}

/** Where something cannot be looked at, what is known of the runs below it stands. */
function guard(scan: Scanning, { level, path, name, isInside }: Guarded, look: () => void): void {
  try {
    look()
  } catch (error) {
    if (isGone(error)) return
    scan.trouble.push([path, whyNot(error)])
    scan.isSame = false
    noteTop(scan, level, name, undefined)
    for (const [key, known] of scan.numbers.inside(isInside)) scan.found.push({ key, known, walk: undefined })
  }
}

interface Level {
  readonly level: number
  readonly path: string
  readonly name: string
  readonly look: Look
  readonly before: KnownTop | undefined
}

/** The directories in one: from what is known, where it has not changed since. */
function listing(scan: Scanning, { level, path, name, look, before }: Level, known?: readonly string[]): readonly string[] {
  if (!scan.relist && before !== undefined && before.settled && isThat(look, before)) {
    noteTop(scan, level, name, look)
    return known ?? [...before.inner.keys()]
  }
  scan.isSame = false
  const troubles = scan.trouble.length
  const names: string[] = []
  for (const entry of readdirSync(path === '' ? scan.root : `${scan.root}/${path}`, { withFileTypes: true })) {
    const place = path === '' ? entry.name : `${path}/${entry.name}`
    // Such as .runicorn itself, and .ipynb_checkpoints.
    if (entry.name.startsWith('.')) continue
    if (entry.isSymbolicLink()) scan.trouble.push([place, 'a symbolic link is not followed'])
    else if (entry.isDirectory() && isUsable(path, entry.name)) names.push(entry.name)
    else if (entry.isDirectory()) scan.trouble.push([place, 'a name that cannot be synced'])
  }
  noteTop(scan, level, name, look, scan.trouble.length === troubles)
  return names
}

/** A directory with trouble in it is not settled, so that the trouble is told every time. */
function noteTop({ tops, known, now }: Scanning, level: number, name: string, look: Look | undefined, isClean = true): void {
  const { mtime, ctime, ino } = look ?? { mtime: 0, ctime: 0, ino: 0 }
  const settled = isClean && look !== undefined && isSettled(look, now) ? 1 : 0
  addRow(tops, { level, name: known.texts.numberOf(name), mtime, ctime, ino, settled })
}

function isThat(look: Look, before: KnownTop): boolean {
  return look.mtime === before.mtime && look.ctime === before.ctime && look.ino === before.ino
}

function isUsable(path: string, name: string): boolean {
  if (!isRunName(name) || name.includes('\ufffd')) return false
  const [project, inner] = path.split('/')
  return inner === undefined || path.split('/').length < 3 || isRunKey({ project: project!, name: inner, runId: name })
}
