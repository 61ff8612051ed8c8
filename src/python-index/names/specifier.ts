import { Fault, isFault } from '../../kit/index.ts'
import {
  compareBases,
  compareParsed,
  comparePublic,
  isPrereleaseVersion,
  parseVersion,
  type Version,
  versionText,
} from './parsed-version.ts'

/** Clauses that a version must all satisfy (PEP 440); none: every version. */
export type Specifier = readonly Clause[]

type Operator = '~=' | '==' | '!=' | '<=' | '>=' | '<' | '>' | '==='

interface Clause {
  readonly operator: Operator
  /** Undefined where `===` compares with something that is no version. */
  readonly version: Version | undefined
  /** `== 1.2.*`. */
  readonly isPrefix: boolean
  /** What follows the operator. */
  readonly text: string
}

/** Characters of a specifier. */
const maxSpecifier = 2_000

/**
 * Whether a version is one that the specifier asks for. Without `prereleases`, pre-releases count where a clause names one
 * (`>=2.0a1`), as PEP 440 says. Throws `invalid` for a bad specifier or version.
 */
export function satisfies(version: string, specifier: string, { prereleases }: { prereleases?: boolean } = {}): boolean {
  const clauses = parseSpecifier(specifier)
  const parsed = parseVersion(version)
  if (parsed === undefined) throw new Fault('invalid', `not a version (PEP 440): ${JSON.stringify(version.slice(0, 200))}`)
  return admits(clauses, parsed, prereleases ?? namesPrerelease(clauses))
}

/** Throws `invalid`. Empty clauses are left out, as pip does. */
export function parseSpecifier(text: string): Specifier {
  if (text.length > maxSpecifier) throw new Fault('invalid', `a version specifier is longer than ${maxSpecifier} characters`)
  return text
    .split(',')
    .map((part) => part.trim())
    .filter((part) => part !== '')
    .map(parseClause)
}

/** What cannot be read is as good as nothing: pip passes over it, and uv over the file that has it. */
export function usableSpecifier(text: string | undefined): string | undefined {
  if (text === undefined || text.trim() === '') return undefined
  try {
    parseSpecifier(text)
    return text.trim()
  } catch (error) {
    if (isFault(error, 'invalid')) return undefined
    throw error
  }
}

export function admits(specifier: Specifier, version: Version, prereleases: boolean): boolean {
  if (!prereleases && isPrereleaseVersion(version)) return false
  return specifier.every((clause) => holds(clause, version))
}

/** Whether the specifier itself asks for pre-releases. */
export function namesPrerelease(specifier: Specifier): boolean {
  return specifier.some(
    ({ operator, version }) =>
      operator !== '!=' && operator !== '<' && operator !== '>' && version !== undefined && isPrereleaseVersion(version),
  )
}

/** Whether it names one version and no other: what lets a yanked file be chosen (PEP 592). */
export function isPinned(specifier: Specifier): boolean {
  return specifier.length === 1 && specifier.every(({ operator, isPrefix }) => operator === '===' || (operator === '==' && !isPrefix))
}

/** No version is admitted whose public part is beyond these. */
export interface Bounds {
  readonly least?: Version | undefined
  readonly most?: Version | undefined
}

export function boundsOf(specifier: Specifier): Bounds {
  return specifier.map(boundsOfClause).reduce(
    (all, one) => ({
      least: all.least === undefined || (one.least !== undefined && comparePublic(one.least, all.least) > 0) ? one.least : all.least,
      most: all.most === undefined || (one.most !== undefined && comparePublic(one.most, all.most) < 0) ? one.most : all.most,
    }),
    {},
  )
}

function boundsOfClause({ operator, version, isPrefix }: Clause): Bounds {
  if (version === undefined || operator === '!=') return {}
  if (isPrefix) return boundsOfPrefix(version.epoch, version.release)
  if (operator === '~=') return { least: version, most: boundsOfPrefix(version.epoch, version.release.slice(0, -1)).most }
  if (operator === '<' || operator === '<=') return { most: version }
  if (operator === '>' || operator === '>=') return { least: version }
  return { least: version, most: version }
}

/** From the first development release of `1.4` to that of `1.5`. */
function boundsOfPrefix(epoch: string, release: readonly string[]): Bounds {
  const next = String(BigInt(release.at(-1)!) + 1n)
  return { least: { epoch, release, dev: '0' }, most: { epoch, release: [...release.slice(0, -1), next], dev: '0' } }
}

function parseClause(part: string): Clause {
  const [, operator, text] = /^(===|~=|==|!=|<=|>=|<|>)\s*(.*)$/s.exec(part) ?? []
  if (operator === undefined || text === undefined || /[\s;)]/.test(text)) throw notClause(part)
  const isEquality = operator === '==' || operator === '!='
  const isPrefix = isEquality && text.endsWith('.*')
  const version = parseVersion(isPrefix ? text.slice(0, -2) : text)
  const clause: Clause = { operator: operator as Operator, version, isPrefix, text }
  if (operator === '===') {
    if (text === '') throw notClause(part)
    return clause
  }
  if (version === undefined) throw notClause(part)
  const { release, pre, post, dev, local } = version
  if (isPrefix && (pre ?? post ?? dev ?? local) !== undefined) throw notClause(part)
  if (!isEquality && local !== undefined) throw notClause(part)
  if (operator === '~=' && release.length < 2) throw notClause(part)
  return clause
}

function notClause(part: string): Fault {
  return new Fault('invalid', `not a version specifier (PEP 440): ${JSON.stringify(part.slice(0, 100))}`, {
    hint: 'write such as >=2.1, <3, ==2.4.*, ~=1.4.2, with commas between',
  })
}

function holds({ operator, version: wanted, isPrefix, text }: Clause, version: Version): boolean {
  if (operator === '===') return versionText(version) === text.toLowerCase()
  if (wanted === undefined) return false
  switch (operator) {
    case '==':
      return equals(version, wanted, isPrefix)
    case '!=':
      return !equals(version, wanted, isPrefix)
    case '~=':
      return comparePublic(version, wanted) >= 0 && beginsWith(version, wanted.epoch, wanted.release.slice(0, -1))
    case '<=':
      return comparePublic(version, wanted) <= 0
    case '>=':
      return comparePublic(version, wanted) >= 0
    case '<':
      return isBefore(version, wanted)
    case '>':
      return isAfter(version, wanted)
  }
}

/** A wanted version without a local part is equal to all its local builds; one with it only to itself. */
function equals(version: Version, wanted: Version, isPrefix: boolean): boolean {
  if (isPrefix) return beginsWith(version, wanted.epoch, wanted.release)
  return (wanted.local === undefined ? comparePublic : compareParsed)(version, wanted) === 0
}

function beginsWith(version: Version, epoch: string, release: readonly string[]): boolean {
  return version.epoch === epoch && release.every((part, at) => (version.release[at] ?? '0') === part)
}

/** `<3.1` takes no pre-release of 3.1, unless it names one itself. */
function isBefore(version: Version, wanted: Version): boolean {
  if (compareParsed(version, wanted) >= 0) return false
  return isPrereleaseVersion(wanted) || !isPrereleaseVersion(version) || compareBases(version, wanted) !== 0
}

/** `>3.1` takes no post-release and no local build of 3.1, unless it names a post-release itself. */
function isAfter(version: Version, wanted: Version): boolean {
  if (compareParsed(version, wanted) <= 0) return false
  if (compareBases(version, wanted) !== 0) return true
  return version.local === undefined && (wanted.post !== undefined || version.post === undefined)
}
