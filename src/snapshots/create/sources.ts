import { realpath, stat } from 'node:fs/promises'
import path from 'node:path'
import { diskFault, Fault } from '../../kit/index.ts'
import { type ByteText, byteText, compareNames } from '../tree/name.ts'

/** Which part of a tree is meant: all of it, or only these names and what is meant of each. */
export type Selection = 'all' | ReadonlyMap<ByteText, Selection>

/** Paths as one tree. */
export interface Sources {
  /** Absolute, with no link on the way: the directory that the snapshot's root stands for. */
  readonly base: string
  /** Below the base, in order; `.` is the base itself. */
  readonly paths: readonly string[]
  readonly selection: Selection
}

/**
 * What the named files and directories are as one tree: a single directory is the root itself, several paths lie below the deepest
 * directory that has all of them. Links that are named are followed. Throws `not-found`, and `invalid` for no path at all.
 */
export async function resolveSources(named: readonly string[], cwd: string): Promise<Sources> {
  if (named.length === 0)
    throw new Fault('invalid', 'a snapshot of what? No path was given', { hint: 'name at least one directory or file' })
  const found = new Map<string, boolean>()
  for (const name of named) {
    const absolute = path.resolve(cwd, name)
    try {
      const real = await realpath(absolute)
      found.set(real, (await stat(real)).isDirectory())
    } catch (error) {
      throw diskFault(error, absolute, 'look at what the snapshot is to be made of')
    }
  }
  const all = [...found.keys()].toSorted((a, b) => compareNames(byteText(a), byteText(b)))
  const outer = all.filter((one) => !foldersOf(one).some((folder) => found.has(folder)))
  const [first, ...others] = outer
  if (others.length === 0 && found.get(first!) === true) return { base: first!, paths: ['.'], selection: 'all' }
  const base = others.reduce((common, one) => commonFolder(common, path.dirname(one)), path.dirname(first!))
  const paths = outer.map((one) => path.relative(base, one))
  return { base, paths, selection: selectionOf(paths) }
}

export function isBelow(one: string, other: string): boolean {
  return one === other || one.startsWith(other.endsWith('/') ? other : `${other}/`)
}

function foldersOf(place: string): string[] {
  const outer = path.dirname(place)
  return outer === place ? [] : [outer, ...foldersOf(outer)]
}

function commonFolder(a: string, b: string): string {
  let common = a
  while (!isBelow(b, common)) common = path.dirname(common)
  return common
}

/** The paths as a tree of names; what is below a path that is named is all of it. */
export function selectionOf(paths: readonly string[]): Selection {
  const root = new Map<ByteText, Selection>()
  for (const each of paths) {
    const names = byteText(each)
      .split('/')
      .filter((name) => name !== '' && name !== '.')
    if (names.length === 0) return 'all'
    let at = root
    for (const [index, name] of names.entries()) {
      const next = at.get(name)
      if (next === 'all') break
      if (index === names.length - 1) at.set(name, 'all')
      else if (next === undefined) {
        const inner = new Map<ByteText, Selection>()
        at.set(name, inner)
        at = inner
      } else at = next as Map<ByteText, Selection>
    }
  }
  return root
}
