import { Fault } from '../../kit/index.ts'
import { compareParsed, isPrereleaseVersion, parseVersion, type Version, versionText } from './parsed-version.ts'

export { satisfies } from './specifier.ts'

/** The one spelling of a version (PEP 440): `1.0-Alpha_1` is `1.0a1`. Undefined for what is none. */
export function normaliseVersion(text: string): string | undefined {
  const version = parseVersion(text)
  return version === undefined ? undefined : versionText(version)
}

/** The order of PEP 440; 0 for `1.0` and `1.0.0`. Throws `invalid` for what is no version. */
export function compareVersions(a: string, b: string): number {
  return compareParsed(versionOf(a), versionOf(b))
}

/** Alpha, beta, candidate or development release. Throws `invalid` for what is no version. */
export function isPrerelease(version: string): boolean {
  return isPrereleaseVersion(versionOf(version))
}

function versionOf(text: string): Version {
  const version = parseVersion(text)
  if (version === undefined) throw new Fault('invalid', `not a version (PEP 440): ${JSON.stringify(text.slice(0, 200))}`)
  return version
}
