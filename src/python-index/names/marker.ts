import { Fault } from '../../kit/index.ts'
import { parseVersion } from './parsed-version.ts'
import { squash } from './project-name.ts'
import type { Scanner } from './scanner.ts'
import { admits, parseSpecifier } from './specifier.ts'

/** When a requirement counts (PEP 508): a tree. */
export type Marker = { readonly kind: 'and' | 'or'; readonly parts: readonly Marker[] } | Comparison

interface Comparison {
  readonly kind: 'comparison'
  readonly left: Operand
  readonly operator: string
  readonly right: Operand
}

type Operand = { readonly variable: Variable | 'extra' } | { readonly text: string }

type Variable = (typeof variables)[number]

/** What a machine says of itself. */
export type MarkerEnvironment = Readonly<Record<Variable, string>>

const variables = [
  'python_version',
  'python_full_version',
  'os_name',
  'sys_platform',
  'platform_release',
  'platform_system',
  'platform_version',
  'platform_machine',
  'platform_python_implementation',
  'implementation_name',
  'implementation_version',
] as const

/** Those whose values are compared as versions, where both sides are some. */
const areVersions: ReadonlySet<string> = new Set<Variable>([
  'python_version',
  'python_full_version',
  'implementation_version',
  'platform_release',
])

/** Spellings from before PEP 508. */
const olderNames: Readonly<Record<string, Variable>> = {
  'os.name': 'os_name',
  'sys.platform': 'sys_platform',
  'platform.version': 'platform_version',
  'platform.machine': 'platform_machine',
  'platform.python_implementation': 'platform_python_implementation',
  python_implementation: 'platform_python_implementation',
}

const maxDepth = 50
const known = new Map<string, Variable | 'extra'>([
  ...variables.map((name) => [name, name] as const),
  ...Object.entries(olderNames),
  ['extra', 'extra'],
])

/** Reads what follows the semicolon. Throws `invalid`. */
export function readMarker(scan: Scanner, depth = 0): Marker {
  if (depth > maxDepth) throw scan.wrong(`a marker with at most ${maxDepth} parentheses inside each other`)
  const parts = [readAll(scan, depth)]
  while (scan.take(/or\b/y) !== undefined) parts.push(readAll(scan, depth))
  return together('or', parts)
}

/**
 * Whether a marker holds on a machine, without an extra or with one of those given (PEP 685: their spelling does not
 * matter): so as a resolver takes a project itself and each of its extras. Throws `invalid` for a comparison that has no
 * meaning, such as `os_name ~= "x"`.
 */
export function evaluateMarker(marker: Marker, environment: MarkerEnvironment, extras: readonly string[]): boolean {
  return ['', ...extras.map(squash)].some((extra) => evaluate(marker, environment, extra))
}

function readAll(scan: Scanner, depth: number): Marker {
  const parts = [readOne(scan, depth)]
  while (scan.take(/and\b/y) !== undefined) parts.push(readOne(scan, depth))
  return together('and', parts)
}

function together(kind: 'and' | 'or', parts: readonly Marker[]): Marker {
  return parts.length === 1 ? parts[0]! : { kind, parts }
}

function readOne(scan: Scanner, depth: number): Marker {
  scan.skipSpace()
  if (scan.take(/\(/y) === undefined) return readComparison(scan)
  const inner = readMarker(scan, depth + 1)
  if (scan.take(/\)/y) === undefined) throw scan.wrong('a closing parenthesis')
  scan.skipSpace()
  return inner
}

function readComparison(scan: Scanner): Marker {
  const left = readOperand(scan)
  const operator = scan.take(/===|==|~=|!=|<=|>=|<|>|in\b|not[ \t]+in\b/y)
  if (operator === undefined) throw scan.wrong('an operator such as >= or in')
  scan.skipSpace()
  const right = readOperand(scan)
  return { kind: 'comparison', left, operator: operator.startsWith('not') ? 'not in' : operator, right }
}

function readOperand(scan: Scanner): Operand {
  const quoted = scan.take(/'[^']*'|"[^"]*"/y)
  const variable = quoted === undefined ? known.get(scan.take(/[A-Za-z_.]+\b/y) ?? '') : undefined
  scan.skipSpace()
  if (quoted !== undefined) return { text: quoted.slice(1, -1) }
  if (variable === undefined) throw scan.wrong('a marker variable or a quoted string')
  return { variable }
}

function evaluate(marker: Marker, environment: MarkerEnvironment, extra: string): boolean {
  if (marker.kind === 'comparison') return compare(marker, environment, extra)
  return marker.parts[marker.kind === 'and' ? 'every' : 'some']((part) => evaluate(part, environment, extra))
}

function compare({ left, operator, right }: Comparison, environment: MarkerEnvironment, extra: string): boolean {
  const valueOf = (operand: Operand): string =>
    'text' in operand ? operand.text : operand.variable === 'extra' ? extra : environment[operand.variable]
  const named = [left, right].flatMap((operand) => ('variable' in operand ? [operand.variable] : []))
  if (named.includes('extra')) return compareTexts(squash(valueOf(left)), operator, squash(valueOf(right)))
  const asVersions = named.some((name) => areVersions.has(name)) ? compareAsVersions(valueOf(left), operator, valueOf(right)) : undefined
  return asVersions ?? compareTexts(valueOf(left), operator, valueOf(right))
}

/** Undefined where one of the two is no version. */
function compareAsVersions(left: string, operator: string, right: string): boolean | undefined {
  const version = parseVersion(left)
  if (version === undefined || operator.endsWith('in') || right.includes(',')) return undefined
  try {
    return admits(parseSpecifier(operator + right), version, true)
  } catch {
    return undefined
  }
}

function compareTexts(left: string, operator: string, right: string): boolean {
  switch (operator) {
    case '==':
      return left === right
    case '!=':
      return left !== right
    case '<':
      return left < right
    case '<=':
      return left <= right
    case '>':
      return left > right
    case '>=':
      return left >= right
    case 'in':
      return right.includes(left)
    case 'not in':
      return !right.includes(left)
    default:
      throw new Fault('invalid', `a marker compares ${JSON.stringify(left)} ${operator} ${JSON.stringify(right)}, which are no versions`)
  }
}
