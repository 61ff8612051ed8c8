import { compareParsed } from '../names/parsed-version.ts'
import { parseRequirement } from '../names/requirement.ts'
import type { ProjectRecord } from '../records/project.ts'
import type { ClosureFile } from './shelf.ts'
import { type Found, openShop, startWalk, targetOf, type WhyMissing } from './walk.ts'

export type { ClosureFile } from './shelf.ts'

export interface ClosureQuestion {
  /** Normalised names of all projects of the index. */
  readonly projects: readonly string[]
  /** Undefined where the index has no such project. Asked once for each. */
  readonly files: (project: string) => readonly ClosureFile[] | undefined
  /** Such as `3.10` and `3.13t`; see `parsePythons`. */
  readonly pythons: readonly string[]
  /** Such as `manylinux_2_28_x86_64`. */
  readonly platforms: readonly string[]
  /** Requirements that must hold, such as `rocm[libraries,devel]`; undefined: every version of every project, without extras. */
  readonly roots?: readonly string[] | undefined
}

export interface ClosureAnswer {
  /** By project, newest version first, then in the order of the question. */
  readonly missing: readonly MissingRequirement[]
  /** Files that would be installed, and do not tell what they require. */
  readonly unknown: readonly { readonly project: string; readonly version: string; readonly file: string }[]
}

export interface MissingRequirement {
  /** Who requires it; undefined where it is a root of the question. */
  readonly project?: string | undefined
  readonly version?: string | undefined
  readonly python: string
  readonly platform: string
  /** As written. */
  readonly requirement: string
  readonly why: WhyMissing
}

/**
 * Which requirements cannot be met from an index alone, for each Python on each platform.
 *
 * Decided is, for every reachable version, whether each of its requirements that counts there (markers, extras) has at least
 * one candidate: a version that the specifier takes and that has a file which fits. Reachable are the versions of the roots
 * (all that match, pre-releases too, but not what is yanked), and from each requirement the candidate that resolvers try first: the newest.
 * Where all versions of all projects are roots and nothing is missing or unknown, each can be installed unless two requirements
 * on its way contradict each other; that is not looked for.
 * A version without a fitting wheel counts with its source distribution; what building it takes is not looked at. Files that do
 * not fit a Python or platform require nothing there. Extras that a candidate does not have are no fault, as for pip.
 *
 * Throws `invalid` for a Python, platform or root that is none. Time and memory grow with files times Pythons times platforms.
 */
export function findMissing(question: ClosureQuestion): ClosureAnswer {
  const shop = openShop(question.files)
  const roots = question.roots?.map((text) => ({ text, requirement: parseRequirement(text) }))
  const targets = question.pythons.flatMap((python) => question.platforms.map((platform) => ({ python, platform })))
  const missing: (Found & { python: string; platform: string })[] = []
  const unknown = new Map<ClosureFile, string>()
  for (const { python, platform } of targets) {
    const walk = startWalk(shop, targetOf(python, platform), {
      missing: (found) => missing.push({ ...found, python, platform }),
      unknown: (project, file) => unknown.set(file, project),
    })
    if (roots === undefined) question.projects.forEach(walk.visitProject)
    else roots.forEach(({ text, requirement }) => walk.visitRoot(text, requirement))
    walk.finish()
  }
  return {
    missing: missing.sort(inOrder).map(toAnswer),
    unknown: [...unknown].map(([{ version, name }, project]) => ({ project, version, file: name })),
  }
}

/** What a published project's record tells of its files. Source distributions do not tell what they require. */
export function filesOfProject(record: Pick<ProjectRecord, 'files' | 'metadata'>): ClosureFile[] {
  return record.files.map(({ name, version, requiresPython, yanked, metadata }) => ({
    name,
    version,
    requiresPython,
    yanked,
    requires: metadata === undefined ? undefined : record.metadata[metadata]?.requires,
  }))
}

/** The sort is stable: what is equal here stays in the order of the question. */
function inOrder(a: Found, b: Found): number {
  if (a.choice === undefined || b.choice === undefined) return a.choice === b.choice ? 0 : a.choice === undefined ? -1 : 1
  if (a.choice.project !== b.choice.project) return a.choice.project < b.choice.project ? -1 : 1
  return compareParsed(b.choice.edition.version, a.choice.edition.version)
}

function toAnswer({ choice, requirement, why, python, platform }: Found & { python: string; platform: string }): MissingRequirement {
  const from = choice === undefined ? {} : { project: choice.project, version: choice.edition.text }
  return { ...from, python, platform, requirement, why }
}
