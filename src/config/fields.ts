import * as v from 'valibot'
import { Fault, parseBytes, parseDuration } from '../kit/index.ts'

/**
 * The kinds of values that keys have. A schema's message says what is expected, as the end of "expected …"; `kind` is for
 * what happens after the check: paths and URLs are made absolute.
 */
export type Kind = 'text' | 'path' | 'url' | 'duration' | 'size'

interface Marked {
  readonly kind: Kind
}

function field(kind: Kind, expected: string, meaning: string, isRight: (value: string) => boolean = () => true) {
  return v.pipe(
    v.string(expected),
    v.nonEmpty(expected),
    v.check(isRight, expected),
    v.metadata({ kind } satisfies Marked),
    v.description(meaning),
  )
}

export function text(meaning: string, expected = 'text in quotes') {
  return field('text', expected, meaning)
}

export function matching(form: RegExp, expected: string, meaning: string) {
  return field('text', expected, meaning, (value) => form.test(value))
}

export function localPath(meaning: string) {
  return field('path', 'a path in quotes', meaning, (value) => !value.includes('\0'))
}

export function duration(meaning: string) {
  return field('duration', 'a duration such as "15m", "24h" or "90d"', meaning, (value) => isReadable(() => parseDuration(value)))
}

export function size(meaning: string, least: number, example: string) {
  return field('size', `a size such as ${example}`, meaning, (value) => isReadable(() => parseBytes(value)) && parseBytes(value) >= least)
}

export const storeSchemes = ['file', 's3', 'sftp', 'memory'] as const
type Scheme = (typeof storeSchemes)[number]

const urlForms: Record<Scheme, { readonly form: RegExp; readonly example: string }> = {
  file: { form: /^file:(?!\/\/[^/])[^?#]+$/, example: 'file:./folder or file:///folder' },
  s3: { form: /^s3:\/\/[A-Za-z0-9][A-Za-z0-9._-]{1,62}(\/[^?#]*)?$/, example: 's3://bucket/prefix' },
  sftp: { form: /^sftp:\/\/([\w.][\w.+-]*@)?\w[\w.-]*(:\d{1,5})?\/[^?#]*$/, example: 'sftp://user@host:port/path (no password)' },
  memory: { form: /^memory:[\w.-]*$/, example: 'memory:' },
}

/** A place for bytes. Passwords and query parameters are refused: settings have keys, and secrets have none. */
export function storeUrl(meaning: string, schemes: readonly Scheme[] = storeSchemes) {
  const expected = `a URL: ${schemes.map((scheme) => urlForms[scheme].example).join(', ')}`
  return field('url', expected, meaning, (value) => isEscapedWell(value) && schemes.some((scheme) => urlForms[scheme].form.test(value)))
}

export function webUrl(meaning: string) {
  return field('text', 'a URL such as https://s3.example.com, without user name and password', meaning, (value) => {
    const url = URL.canParse(value) ? new URL(value) : undefined
    return url !== undefined && /^https?:$/.test(url.protocol) && url.username === '' && url.password === ''
  })
}

/** A password may stand in it only where no file keeps it: see `jobs.ts`. */
export function databaseUrl(meaning: string) {
  return field('text', 'a URL such as postgres://user@host:5432/database', meaning, (value) => {
    return /^postgres(ql)?:\/\//.test(value) && isUtf8Escaped(value) && (URL.canParse(value) || /^postgres(ql)?:\/\/\//.test(value))
  })
}

export function mailServerUrl(meaning: string) {
  return field(
    'text',
    'a URL such as smtp://mail.example.com:587 or smtps://mail.example.com, without user name and password',
    meaning,
    (value) => /^smtps?:\/\/(\w[\w.-]*|\[[0-9a-fA-F:]+\])(:\d{1,5})?\/?$/.test(value) && URL.canParse(value),
  )
}

/** As it stands in an envelope: without a name, and with nothing that a line of a header would part at (RFC 5322, 3.4.1). */
export function mailAddress(meaning: string) {
  return matching(/^[\w.!#$%&'*+/=?^`{|}~-]{1,64}@[A-Za-z0-9][A-Za-z0-9.-]{0,250}$/, 'an address such as "builds@example.com"', meaning)
}

export function variableName(meaning: string) {
  return matching(/^[A-Za-z_][A-Za-z0-9_]*$/, 'the name of a variable, such as "SMTP_PASSWORD"', meaning)
}

export function flag(meaning: string) {
  return v.pipe(v.boolean('true or false'), v.description(meaning))
}

export function count(meaning: string, least: number) {
  const expected = `a whole number, ${least} or more`
  return v.pipe(v.number(expected), v.integer(expected), v.minValue(least, expected), v.description(meaning))
}

export function choice<const T extends readonly [string, ...string[]]>(options: T, meaning: string) {
  return v.pipe(v.picklist(options, `one of ${options.map((option) => `"${option}"`).join(', ')}`), v.description(meaning))
}

export function listOf<T extends v.GenericSchema>(item: T, meaning: string) {
  return v.pipe(v.array(item, 'a list'), v.description(meaning))
}

/** One path or a list of them. */
export function localPaths(meaning: string) {
  const expected = 'a path in quotes, or a list of them'
  const one = v.pipe(v.string(expected), v.nonEmpty(expected))
  return v.pipe(
    v.union([one, v.pipe(v.array(one, expected), v.nonEmpty(expected))], expected),
    v.metadata({ kind: 'path' } satisfies Marked),
    v.description(meaning),
  )
}

export function table<const T extends v.ObjectEntries>(entries: T, meaning: string) {
  return v.pipe(v.strictObject(entries, 'a table'), v.description(meaning))
}

const name = v.pipe(
  v.string(),
  v.regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$/, 'a name of letters, digits, dots, dashes and underscores, at most 100 of them'),
)

/** Tables that the user names: `[release.NAME]`. `as` is how the documentation calls the name. */
export function named<T extends v.GenericSchema>(value: T, as: string, meaning: string) {
  return v.pipe(v.record(name, value, 'a table'), v.metadata({ as }), v.description(meaning))
}

function isReadable(read: () => unknown): boolean {
  try {
    read()
    return true
  } catch (error) {
    if (error instanceof Fault) return false
    throw error
  }
}

/** In URLs of folders a percent sign begins an escape. */
function isEscapedWell(url: string): boolean {
  return !url.startsWith('file:') || !/%(?![0-9A-Fa-f]{2})/.test(url)
}

function isUtf8Escaped(url: string): boolean {
  try {
    decodeURIComponent(url)
    return true
  } catch {
    return false
  }
}
