import { isFault } from '../../kit/index.ts'
import { parseVersion } from '../names/parsed-version.ts'
import { evaluateMarker, type MarkerEnvironment, parseRequirement, type Requirement } from '../names/requirement.ts'
import { parseSpecifier } from '../names/specifier.ts'
import { supportedTags } from '../names/tags.ts'
import { markerEnvironment } from '../names/target.ts'
import {
  type Choice,
  type Choices,
  choicesFor,
  choose,
  chooseAll,
  type ClosureFile,
  type Machine,
  type Shelf,
  shelve,
  type WhyNothing,
} from './shelf.ts'

export type WhyMissing = WhyNothing | 'no such project' | 'not from an index' | 'not a requirement'

export interface Found {
  /** Who requires it; undefined: it is a root. */
  readonly choice: Choice | undefined
  readonly requirement: string
  readonly why: WhyMissing
}

/** One Python on one platform. */
export interface Target extends Machine {
  readonly environment: MarkerEnvironment
}

/** What all targets share: each project and each requirement is read once. */
export interface Shop {
  readonly shelfOf: (project: string) => Shelf | undefined
  /** Undefined for what is none. */
  readonly requirementOf: (text: string) => Requirement | undefined
}

/** Follows requirements for one target, each version with each extra once. */
export interface Walk {
  /** Every version of it, without extras. */
  readonly visitProject: (project: string) => void
  /** Every version that the requirement takes. */
  readonly visitRoot: (text: string, requirement: Requirement) => void
  readonly finish: () => void
}

export interface WalkEvents {
  readonly missing: (found: Found) => void
  readonly unknown: (project: string, file: ClosureFile) => void
}

/** A requirement on one target: it does not count, cannot be met, or leads on. */
type Outcome = undefined | WhyMissing | { readonly next: Choice; readonly extras: readonly string[] }

export function targetOf(python: string, platform: string): Target {
  const environment = markerEnvironment({ python, platform })
  return { environment, tags: supportedTags({ python, platform }), python: parseVersion(environment.python_full_version)! }
}

export function openShop(files: (project: string) => readonly ClosureFile[] | undefined): Shop {
  return {
    shelfOf: remembering((project) => {
      const listed = files(project)
      const shelf = listed === undefined ? undefined : shelve(project, listed)
      return shelf === undefined || shelf.editions.length === 0 ? undefined : shelf
    }),
    requirementOf: remembering((text) => unlessInvalid(() => parseRequirement(text))),
  }
}

export function startWalk(shop: Shop, target: Target, tell: WalkEvents): Walk {
  const visited = new Map<Choice, Set<string>>()
  const pending: { readonly choice: Choice; readonly extra: string }[] = []
  const choicesOf = remembering((project) => {
    const shelf = shop.shelfOf(project)
    return shelf === undefined ? undefined : choicesFor(shelf, target)
  })
  const outcomesFor = remembering((extra) => remembering((text) => judge(shop.requirementOf(text), extra, target.environment, choicesOf)))
  const visit = (choice: Choice, extra: string): void => {
    const seen = visited.get(choice) ?? new Set()
    if (seen.has(extra)) return
    visited.set(choice, seen.add(extra))
    pending.push({ choice, extra })
  }
  const told = new Map<Choice, Set<string>>()
  const tellOnce = (choice: Choice, requirement: string, why: WhyMissing): void => {
    const already = told.get(choice) ?? new Set()
    if (!already.has(requirement)) tell.missing({ choice, requirement, why })
    told.set(choice, already.add(requirement))
  }
  const follow = (choice: Choice, extra: string): void => {
    for (const text of requirementsOf(choice)) {
      const outcome = outcomesFor(extra)(text)
      if (outcome === undefined) continue
      if (typeof outcome !== 'string') for (const one of ['', ...outcome.extras]) visit(outcome.next, one)
      else tellOnce(choice, text, outcome)
    }
    for (const file of choice.files) if (file.requires === undefined) tell.unknown(choice.project, file)
  }
  return {
    visitProject: (project) => choicesOf(project)?.current.forEach((choice) => visit(choice, '')),
    visitRoot: (text, requirement) => {
      const outcome = judge(requirement, '', target.environment, choicesOf)
      if (typeof outcome === 'string') tell.missing({ choice: undefined, requirement: text, why: outcome })
      if (outcome === undefined || typeof outcome === 'string') return
      const all = chooseAll(choicesOf(requirement.name)!, parseSpecifier(requirement.specifier))
      for (const choice of new Set([outcome.next, ...all])) for (const extra of ['', ...outcome.extras]) visit(choice, extra)
    },
    finish: () => {
      // The loop goes on through what is added meanwhile.
      for (const { choice, extra } of pending) follow(choice, extra)
    },
  }
}

function judge(
  requirement: Requirement | undefined,
  extra: string,
  environment: MarkerEnvironment,
  choicesOf: (project: string) => Choices | undefined,
): Outcome {
  if (requirement === undefined) return 'not a requirement'
  const { name, extras, specifier, url, marker } = requirement
  const counts = marker === undefined || unlessInvalid(() => evaluateMarker(marker, environment, extra === '' ? [] : [extra]))
  if (counts === undefined) return 'not a requirement'
  if (!counts) return undefined
  if (url !== undefined) return 'not from an index'
  const choices = choicesOf(name)
  if (choices === undefined) return 'no such project'
  const chosen = choose(choices, parseSpecifier(specifier))
  return typeof chosen === 'string' ? chosen : { next: chosen, extras }
}

/** Of all files that fit, each once: they mostly say the same. */
function requirementsOf({ files }: Choice): ReadonlySet<string> {
  return new Set(files.flatMap(({ requires }) => requires ?? []))
}

function remembering<T>(work: (key: string) => T): (key: string) => T {
  const known = new Map<string, { readonly value: T }>()
  return (key) => {
    const found = known.get(key) ?? { value: work(key) }
    known.set(key, found)
    return found.value
  }
}

function unlessInvalid<T>(work: () => T): T | undefined {
  try {
    return work()
  } catch (error) {
    if (isFault(error, 'invalid')) return undefined
    throw error
  }
}
