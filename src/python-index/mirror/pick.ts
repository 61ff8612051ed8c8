import { type Fault, type FaultCode, isFault } from '../../kit/index.ts'
import type { Dependency } from '../environment.ts'
import type { WheelName } from '../names/file-name.ts'
import { isPinned, parseSpecifier } from '../names/specifier.ts'
import { matchesPattern } from '../names/tags.ts'
import { compareVersions, isPrerelease, normaliseVersion, satisfies } from '../names/version.ts'
import type { UpstreamFile, UpstreamProject } from '../upstream/project.ts'

/** What a dependency takes of what its upstream has. */
export interface Picked {
  /** Oldest version first. Yanked ones only where a version was named exactly. */
  readonly files: readonly UpstreamFile[]
  /** What was asked for and is not there: nothing else is taken instead. */
  readonly missing: readonly Missing[]
}

export interface Missing {
  /** As it was written in the configuration. */
  readonly wanted: string
  readonly code: FaultCode
  readonly reason: string
  readonly hint?: string | undefined
}

interface Release {
  readonly version: string
  readonly files: readonly UpstreamFile[]
  /** Those that the dependency takes, yanked or not. */
  readonly fitting: readonly UpstreamFile[]
}

/** Chooses by versions (PEP 440), tags and yanks. */
export function pick(dependency: Dependency, project: UpstreamProject): Picked {
  const releases = releasesOf(dependency, project)
  const files = new Set<UpstreamFile>()
  const missing: Missing[] = []
  for (const wanted of dependency.versions) {
    const found = pickOne(wanted, releases, dependency)
    if ('files' in found) for (const file of found.files) files.add(file)
    else missing.push({ wanted, ...found })
  }
  const order = new Map(releases.flatMap((release) => release.fitting).map((file, at) => [file, at]))
  return { files: [...files].sort((a, b) => order.get(a)! - order.get(b)!), missing }
}

function releasesOf(dependency: Dependency, project: UpstreamProject): Release[] {
  const byVersion = new Map<string, UpstreamFile[]>()
  for (const file of project.files) {
    const list = byVersion.get(file.means.version) ?? []
    list.push(file)
    byVersion.set(file.means.version, list)
  }
  return Array.from(byVersion, ([version, files]) => ({ version, files, fitting: files.filter((file) => fits(file, dependency)) })).sort(
    (a, b) => compareVersions(a.version, b.version),
  )
}

function fits({ means }: UpstreamFile, { takesSources, pythons, platforms }: Dependency): boolean {
  if (means.kind === 'sdist') return takesSources
  return (pythons === undefined || takesPython(means, pythons)) && (platforms === undefined || takesPlatform(means, platforms))
}

function takesPlatform({ platforms }: WheelName, patterns: readonly string[]): boolean {
  return platforms.some((platform) => platform === 'any' || patterns.some((pattern) => matchesPattern(platform, pattern)))
}

/** A wheel of the stable ABI is for its own Python and every later one: `cp38-abi3` is one that `cp311` takes. */
function takesPython({ pythons, abis }: WheelName, patterns: readonly string[]): boolean {
  const isStable = abis.includes('abi3')
  return pythons.some((python) =>
    patterns.some((pattern) => matchesPattern(python, pattern) || (isStable && minorOf(python) <= minorOf(pattern))),
  )
}

/** Not comparable with anything where it is no CPython 3. */
function minorOf(tag: string): number {
  return Number(/^cp3(\d{1,2})$/.exec(tag)?.[1] ?? Number.NaN)
}

type Found = { readonly files: readonly UpstreamFile[] } | Omit<Missing, 'wanted'>

function pickOne(wanted: string, releases: readonly Release[], dependency: Dependency): Found {
  if (wanted === 'latest') return pickLatest(releases, dependency)
  const isExact = normaliseVersion(wanted) !== undefined
  try {
    const takesYanked = isExact || isPinned(parseSpecifier(wanted))
    const asked = releases.filter(({ version }) => (isExact ? compareVersions(version, wanted) === 0 : satisfies(version, wanted)))
    const files = asked.flatMap(({ fitting }) => fitting.filter(({ yanked }) => takesYanked || yanked === undefined))
    return files.length > 0 ? { files } : whyNone(asked, releases, dependency)
  } catch (error) {
    if (isFault(error, 'invalid')) return wrong(error)
    throw error
  }
}

/** The highest release that is neither yanked nor a pre-release and has a file to take. */
function pickLatest(releases: readonly Release[], dependency: Dependency): Found {
  for (const { version, fitting } of releases.toReversed()) {
    const files = fitting.filter(({ yanked }) => yanked === undefined)
    if (files.length > 0 && !isPrerelease(version)) return { files }
  }
  const finals = releases.filter(({ version }) => !isPrerelease(version))
  if (finals.length > 0 || releases.length === 0) return whyNone(finals, releases, dependency)
  return none('the upstream has nothing but pre-releases of it', `name the one that you want: ${releases.at(-1)!.version}`)
}

/** Why there is no file of the releases that were asked for. */
function whyNone(asked: readonly Release[], releases: readonly Release[], { pythons, platforms }: Dependency): Found {
  const last = releases.at(-1)
  if (last === undefined) return none('the upstream has no file of it')
  if (asked.length === 0) {
    const shown = releases.slice(-5).map(({ version }) => version)
    return none(`the upstream has no such version; its latest are ${shown.join(', ')}`)
  }
  const names = asked
    .slice(-3)
    .map(({ version }) => version)
    .join(', ')
  if (asked.some(({ fitting }) => fitting.length > 0))
    return none(`${names} is yanked by the upstream`, 'name the version exactly if you want it all the same')
  if (asked.every(({ files }) => files.every(({ means }) => means.kind === 'sdist')))
    return none(`${names} has no wheel, only a source distribution`, 'set sources = true to take it')
  const limits = [
    ...(pythons === undefined ? [] : [`Python ${pythons.join(', ')}`]),
    ...(platforms === undefined ? [] : [`platform ${platforms.join(', ')}`]),
  ]
  const example = asked.at(-1)!.files.find(({ means }) => means.kind === 'wheel')!.name
  return none(`no file of ${names} is for ${limits.join(' and ')}`, `one of its files is ${example}`)
}

function none(reason: string, hint?: string): Found {
  return { code: 'not-found', reason, hint }
}

function wrong({ code, message, hint }: Fault): Found {
  return { code, reason: message, hint }
}
