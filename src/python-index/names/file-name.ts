import { maxSegmentBytes } from '../../kit/index.ts'
import { isProjectName, normaliseName } from './project-name.ts'
import { normaliseVersion } from './version.ts'

/** What a wheel's file name says (PEP 427, 425). */
export interface WheelName {
  readonly kind: 'wheel'
  /** Normalised, as is the version. */
  readonly name: string
  readonly version: string
  /** Begins with a digit; among wheels of one version and tag the highest wins. */
  readonly build?: string | undefined
  readonly pythons: readonly string[]
  readonly abis: readonly string[]
  readonly platforms: readonly string[]
}

/** What a source distribution's file name says (PEP 625, and the forms before it). */
export interface SdistName {
  readonly kind: 'sdist'
  readonly name: string
  readonly version: string
}

/** `foreign`: no distribution at all. `bad`: meant as one, and against the rules; the name is told where it can be read. */
export type FileName =
  | WheelName
  | SdistName
  | { readonly kind: 'foreign' }
  | { readonly kind: 'bad'; readonly name?: string; readonly reason: string }

/** Combinations that compressed tag sets may stand for. */
const maxTags = 1_000

/**
 * What a file name says; never throws. Older names of source distributions have dashes everywhere, so that only who knows
 * the `project` (normalised) can split them surely: with it they are split as pip does, and files of other projects are bad.
 * Without it the version is the shortest end that is one.
 */
export function parseFileName(file: string, project?: string): FileName {
  const stem = /^(.*)\.(?:whl|tar\.gz|zip)$/s.exec(file)?.[1]
  if (stem === undefined) return { kind: 'foreign' }
  if (Buffer.byteLength(file) > maxSegmentBytes) return bad(`its name is longer than ${maxSegmentBytes} bytes`)
  const named = file.endsWith('.whl') ? parseWheel(stem) : parseSdist(stem, project)
  if (project === undefined || named.kind === 'foreign' || named.kind === 'bad' || named.name === project) return named
  return bad(`it belongs to the project ${named.name}, not to ${project}`, named.name)
}

function parseWheel(stem: string): FileName {
  const parts = stem.split('-')
  if (parts.length !== 5 && parts.length !== 6) {
    return bad('a wheel is named NAME-VERSION-PYTHON-ABI-PLATFORM.whl, with a build tag after the version where there is one')
  }
  const [project, version] = parts as [string, string]
  const build = parts.length === 6 ? parts[2] : undefined
  if (!isProjectName(project) || project.includes('__')) return bad("it does not begin with a project's name")
  const name = normaliseName(project)
  const normal = normaliseVersion(version)
  if (normal === undefined || /\s/.test(version)) return bad(`its version is not one (PEP 440): ${JSON.stringify(version)}`, name)
  if (build !== undefined && !/^\d[A-Za-z0-9._]*$/.test(build))
    return bad(`its build tag does not begin with a digit: ${JSON.stringify(build)}`, name)
  const [pythons, abis, platforms] = parts.slice(-3).map(parseTags)
  if (pythons === undefined || abis === undefined || platforms === undefined)
    return bad('its tags are not letters, digits and underscores', name)
  if (pythons.length * abis.length * platforms.length > maxTags) return bad(`it stands for more than ${maxTags} tags`, name)
  return { kind: 'wheel', name, version: normal, ...(build === undefined ? {} : { build }), pythons, abis, platforms }
}

/** A compressed set (PEP 425). */
function parseTags(set: string): string[] | undefined {
  const tags = set.toLowerCase().split('.')
  return tags.every((tag) => /^[a-z0-9_]+$/.test(tag)) ? [...new Set(tags)] : undefined
}

function parseSdist(stem: string, project: string | undefined): FileName {
  const dashes = [...stem.matchAll(/-/g)].map(({ index }) => index)
  for (const at of project === undefined ? dashes.reverse() : dashes) {
    const [name, version] = [stem.slice(0, at), stem.slice(at + 1)]
    if (!isProjectName(name) || /\s/.test(version)) continue
    const normal = normaliseVersion(version)
    const isRight = project === undefined ? normal !== undefined : normaliseName(name) === project
    if (isRight && normal === undefined) return bad(`its version is not one (PEP 440): ${JSON.stringify(version)}`, normaliseName(name))
    if (isRight) return { kind: 'sdist', name: normaliseName(name), version: normal! }
  }
  if (project !== undefined) return bad(`it is not named ${project}-VERSION`)
  return /-v?\d/i.test(stem) ? bad('a source distribution is named NAME-VERSION.tar.gz') : { kind: 'foreign' }
}

function bad(reason: string, name?: string): FileName {
  return { kind: 'bad', ...(name === undefined ? {} : { name }), reason }
}
