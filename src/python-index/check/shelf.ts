import { parseFileName, type WheelName } from '../names/file-name.ts'
import { compareParsed, comparePublic, isPrereleaseVersion, parseVersion, type Version } from '../names/parsed-version.ts'
import { admits, boundsOf, isPinned, namesPrerelease, parseSpecifier, type Specifier } from '../names/specifier.ts'
import { isCompatible } from '../names/tags.ts'

/** A file of a project, as far as a resolver looks at it. */
export interface ClosureFile {
  readonly name: string
  /** Normalised. */
  readonly version: string
  readonly requiresPython?: string | undefined
  /** Why it is yanked; undefined: it is not. */
  readonly yanked?: string | undefined
  /** `Requires-Dist`; undefined: not known without opening it. */
  readonly requires?: readonly string[] | undefined
}

/** The files of a project by version, newest first. */
export interface Shelf {
  readonly project: string
  readonly editions: readonly Edition[]
}

interface Edition {
  readonly text: string
  readonly version: Version
  readonly files: readonly ReadFile[]
}

interface ReadFile {
  readonly file: ClosureFile
  /** Undefined: a source distribution. */
  readonly wheel: WheelName | undefined
  readonly pythons: Specifier | undefined
}

/** What files are chosen for. */
export interface Machine {
  /** The whole version of its Python. */
  readonly python: Version
  readonly tags: ReadonlySet<string>
}

/** A version with files that fit a machine. */
export interface Choice {
  readonly project: string
  readonly edition: Edition
  readonly files: readonly ClosureFile[]
}

/** What of a shelf fits a machine, newest first. */
export interface Choices {
  readonly shelf: Shelf
  /** Not yanked, and no pre-releases. */
  readonly finals: readonly Choice[]
  /** Not yanked. */
  readonly current: readonly Choice[]
  readonly yanked: readonly Choice[]
}

/** Why a specifier finds nothing on a shelf. */
export type WhyNothing = 'no version matches' | 'only pre-releases match' | 'no file fits'

/** Files whose names or versions are none are left out: they cannot be installed. */
export function shelve(project: string, files: readonly ClosureFile[]): Shelf {
  const editions = new Map<string, { text: string; version: Version; files: ReadFile[] }>()
  for (const file of files) {
    const named = parseFileName(file.name, project)
    const version = parseVersion(file.version)
    if (version === undefined || (named.kind !== 'wheel' && named.kind !== 'sdist')) continue
    const edition = editions.get(file.version) ?? { text: file.version, version, files: [] }
    editions.set(file.version, edition)
    edition.files.push({ file, wheel: named.kind === 'wheel' ? named : undefined, pythons: pythonsOf(file) })
  }
  return { project, editions: [...editions.values()].sort((a, b) => compareParsed(b.version, a.version)) }
}

export function choicesFor(shelf: Shelf, machine: Machine): Choices {
  const all = shelf.editions.flatMap((edition) => {
    const files = filesFor(edition, machine)
    return files.length === 0 ? [] : [{ project: shelf.project, edition, files }]
  })
  const current = all.filter((choice) => !isYanked(choice))
  return {
    shelf,
    finals: current.filter(({ edition }) => !isPrereleaseVersion(edition.version)),
    current,
    yanked: all.filter(isYanked),
  }
}

/**
 * The newest version that a specifier takes, by the rules of PEP 440 and 592: pre-releases where it names one, or where it is
 * empty and there is nothing else; yanked ones where it names just that version. Else why there is none.
 */
export function choose(choices: Choices, specifier: Specifier): Choice | WhyNothing {
  const ready = namesPrerelease(specifier) ? choices.current : choices.finals
  const found =
    newest(ready, specifier) ??
    (specifier.length === 0 ? newest(choices.current, specifier) : undefined) ??
    (isPinned(specifier) ? newest(choices.yanked, specifier) : undefined)
  if (found !== undefined) return found
  if (newest(choices.current, specifier) !== undefined) return 'only pre-releases match'
  return exists(choices.shelf, specifier) ? 'no file fits' : 'no version matches'
}

/** All that are not yanked, pre-releases too, which a specifier takes. */
export function chooseAll(choices: Choices, specifier: Specifier): Choice[] {
  return choices.current.filter(({ edition }) => admits(specifier, edition.version, true))
}

function newest(choices: readonly Choice[], specifier: Specifier): Choice | undefined {
  return searchNewest(
    choices,
    ({ edition }) => edition.version,
    specifier,
    () => true,
  )
}

function exists(shelf: Shelf, specifier: Specifier): boolean {
  const canBeYanked = isPinned(specifier)
  const isReady = ({ files }: Edition): boolean => canBeYanked || files.some(({ file }) => file.yanked === undefined)
  return searchNewest(shelf.editions, ({ version }) => version, specifier, isReady) !== undefined
}

/** Looks only between the specifier's bounds: an index of many versions, each pinned by another, stays cheap. */
function searchNewest<T>(
  sorted: readonly T[],
  versionOf: (one: T) => Version,
  specifier: Specifier,
  isReady: (one: T) => boolean,
): T | undefined {
  const { least, most } = boundsOf(specifier)
  for (let at = most === undefined ? 0 : firstAtMost(sorted, versionOf, most); at < sorted.length; at++) {
    const one = sorted[at]!
    if (least !== undefined && comparePublic(versionOf(one), least) < 0) return undefined
    if (isReady(one) && admits(specifier, versionOf(one), true)) return one
  }
  return undefined
}

function firstAtMost<T>(sorted: readonly T[], versionOf: (one: T) => Version, most: Version): number {
  let from = 0
  let to = sorted.length
  while (from < to) {
    const middle = (from + to) >>> 1
    if (comparePublic(versionOf(sorted[middle]!), most) > 0) from = middle + 1
    else to = middle
  }
  return from
}

/** Wheels before source distributions, and yanked files only where there are no others. */
function filesFor({ files }: Edition, { python, tags }: Machine): readonly ClosureFile[] {
  const fitting = files.filter(
    ({ wheel, pythons }) => (wheel === undefined || isCompatible(wheel, tags)) && (pythons === undefined || admits(pythons, python, true)),
  )
  const inUse = fitting.filter(({ file }) => file.yanked === undefined)
  const ready = inUse.length > 0 ? inUse : fitting
  const wheels = ready.filter(({ wheel }) => wheel !== undefined)
  return (wheels.length > 0 ? wheels : ready).map(({ file }) => file)
}

function isYanked({ files }: Choice): boolean {
  return files.every(({ yanked }) => yanked !== undefined)
}

/** What is no specifier is ignored, as pip does. */
function pythonsOf({ requiresPython }: ClosureFile): Specifier | undefined {
  if (requiresPython === undefined) return undefined
  try {
    return parseSpecifier(requiresPython)
  } catch {
    return undefined
  }
}
