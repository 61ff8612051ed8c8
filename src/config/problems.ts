import * as v from 'valibot'
import { Fault } from '../kit/index.ts'
import { storeSchemes } from './fields.ts'
import { formatPath, type Path, readShape, schemaAt } from './keys.ts'
import { nearest } from './nearest.ts'
import { configSchema, type Written } from './schema.ts'

/** Names the place of a key, or of what stands behind it: `holdfast.toml:12:7`, a variable or a flag. */
export type PlaceOf = (path: Path, part: 'key' | 'value') => string

/** The tree, checked and with defaults. Everything that is wrong with it is in one `invalid` fault. */
export function checkConfig(tree: unknown, placeOf: PlaceOf, file: string | undefined): Written {
  const result = v.safeParse(configSchema, tree)
  if (result.success) return result.output
  throw invalidConfig([...new Set(result.issues.map((issue) => describeIssue(issue, placeOf)))], file)
}

/** All that is wrong with a configuration as one fault. */
export function invalidConfig(problems: readonly string[], file: string | undefined): Fault {
  const message =
    problems.length === 1
      ? problems[0]!
      : `${problems.length} problems in the configuration:\n${problems.map((text) => `  ${text}`).join('\n')}`
  return new Fault('invalid', message, { at: file, hint: 'every key is described in docs/configuration.md and in holdfast.schema.json' })
}

function describeIssue(issue: v.BaseIssue<unknown>, placeOf: PlaceOf): string {
  const path = (issue.path ?? []).map(({ key }) => key as string | number)
  const isUnknown = issue.type === 'strict_object' && issue.expected === 'never'
  const start = `${placeOf(path, isUnknown ? 'key' : 'value')}: ${formatPath(path) || '(whole file)'}: `
  if (isUnknown) return start + describeUnknownKey(path)
  if (issue.type === 'strict_object' && issue.received === 'undefined') return start + describeMissingKey(path)
  const expected = issue.message
  const found = typeof issue.input === 'string' ? withoutPassword(issue.input) : issue.input
  const near = typeof found === 'string' ? nearestValue(path, found) : undefined
  return `${start}expected ${expected}, found ${describeValue(found)}${near === undefined ? '' : `; did you mean ${JSON.stringify(near)}?`}`
}

/** Also of a URL that is none because of the password itself: `/`, `?` and `#` end what a URL tells of its user. */
function withoutPassword(value: string): string {
  return value.replace(/^([a-z][a-z0-9+.-]*:[^:]*:).*(?=@)/is, '$1[hidden]').replace(/^(https?:\/\/)[^@:]+(?=@)/i, '$1[hidden]')
}

function describeUnknownKey(path: Path): string {
  const key = String(path.at(-1))
  const siblings = keysBelow(path.slice(0, -1))
  const near = nearest(key, siblings)
  return near === undefined ? `unknown key; expected one of: ${siblings.join(', ')}` : `unknown key; did you mean ${JSON.stringify(near)}?`
}

function describeMissingKey(path: Path): string {
  const schema = schemaAt(path)
  return `missing; this key is required${schema === undefined ? '' : `: ${readShape(schema).meaning}`}`
}

function keysBelow(path: Path): string[] {
  const schema = schemaAt(path)
  const shape = schema === undefined ? undefined : readShape(schema)
  return shape?.form === 'table' ? Object.keys(shape.entries) : []
}

/** The valid value that a misspelt one most likely meant: a choice, or a URL with its scheme put right. */
function nearestValue(path: Path, value: string): string | undefined {
  const schema = schemaAt(path)
  if (schema === undefined) return undefined
  const shape = readShape(schema)
  if (shape.form === 'leaf' && shape.options.length > 0)
    return nearest(
      value,
      shape.options.filter((option) => typeof option === 'string'),
    )
  if (shape.kind !== 'url') return undefined
  const [, scheme, rest] = /^([A-Za-z0-9+.-]+):(.*)$/s.exec(value) ?? []
  if (scheme === undefined) return /^[./~]|\//.test(value) ? `file:${value}` : undefined
  const near = nearest(scheme, storeSchemes)
  return near === undefined || near === scheme ? undefined : `${near}:${rest}`
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list'
  if (value instanceof Date) return 'a date'
  if (typeof value === 'object' && value !== null) return 'a table'
  const text = typeof value === 'string' ? JSON.stringify(value) : String(value)
  const kind =
    typeof value === 'number' || typeof value === 'boolean' ? ` (${typeof value === 'number' ? 'a number' : 'true or false'})` : ''
  return `${text.length > 120 ? `${text.slice(0, 117)}...` : text}${kind}`
}
