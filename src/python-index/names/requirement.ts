import { Fault } from '../../kit/index.ts'
import { type Marker, readMarker } from './marker.ts'
import { isProjectName, normaliseName } from './project-name.ts'
import { type Scanner, scanner } from './scanner.ts'
import { parseSpecifier } from './specifier.ts'

export { evaluateMarker, type Marker, type MarkerEnvironment } from './marker.ts'

/** What a distribution requires: `Requires-Dist` (PEP 508). */
export interface Requirement {
  /** Normalised (PEP 503). */
  readonly name: string
  /** Normalised (PEP 685). */
  readonly extras: readonly string[]
  /** As written; empty: any version. */
  readonly specifier: string
  /** `name @ URL`: it does not come from an index. */
  readonly url?: string | undefined
  readonly marker?: Marker | undefined
}

/** Characters of a requirement. */
const maxRequirement = 8_000
const name = /[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?/y

/** Reads `torch[gpu] >=2.1,<3 ; python_version < "3.13"` and the like. Throws `invalid`, saying where it goes wrong. */
export function parseRequirement(text: string): Requirement {
  if (text.length > maxRequirement) throw new Fault('invalid', `a requirement is longer than ${maxRequirement} characters`)
  const scan = scanner(text, 'a requirement (PEP 508)')
  scan.skipSpace()
  const project = readName(scan, "a project's name")
  scan.skipSpace()
  const extras = readExtras(scan)
  scan.skipSpace()
  const url = readUrl(scan)
  const specifier = url === undefined ? readSpecifier(scan) : ''
  scan.skipSpace()
  const marker = scan.take(/;/y) === undefined ? undefined : readMarker(scan)
  if (!scan.isAtEnd()) throw scan.wrong(marker === undefined ? 'a semicolon or the end' : 'and, or, or the end')
  return {
    name: project,
    extras,
    specifier,
    ...(url === undefined ? {} : { url }),
    ...(marker === undefined ? {} : { marker }),
  }
}

function readName(scan: Scanner, expected: string): string {
  const found = scan.take(name)
  if (found === undefined || !isProjectName(found)) throw scan.wrong(expected)
  return normaliseName(found)
}

function readExtras(scan: Scanner): string[] {
  if (scan.take(/\[[ \t]*/y) === undefined || scan.take(/\]/y) !== undefined) return []
  const extras: string[] = []
  do {
    extras.push(readName(scan, "an extra's name"))
    scan.skipSpace()
  } while (scan.take(/,[ \t]*/y) !== undefined)
  if (scan.take(/\]/y) === undefined) throw scan.wrong('a comma or a closing bracket')
  return [...new Set(extras)]
}

/** A semicolon belongs to the URL unless a space stands before it. */
function readUrl(scan: Scanner): string | undefined {
  if (scan.take(/@[ \t]*/y) === undefined) return undefined
  const url = scan.take(/[^ \t]+/y)
  if (url === undefined) throw scan.wrong('a URL')
  return url
}

function readSpecifier(scan: Scanner): string {
  const inParentheses = scan.take(/\(/y) !== undefined
  const text = (scan.take(/[^;)]*/y) ?? '').trim()
  if (inParentheses && scan.take(/\)/y) === undefined) throw scan.wrong('a closing parenthesis')
  if (/^,|,\s*,/.test(text)) throw scan.wrong('a version specifier between commas, before this,')
  parseSpecifier(text)
  return text
}
