import * as v from 'valibot'
import { Fault } from '../kit/index.ts'
import type { Route } from './routes/route.ts'

/** Parameters that one query may have. */
const mostParameters = 50

/** The segments of a path, unescaped; undefined for one that no honest client sends. */
export function segmentsOf(path: string): string[] | undefined {
  const segments: string[] = []
  for (const part of path.split('/').slice(1)) {
    let text: string
    try {
      text = part.includes('%') ? decodeURIComponent(part) : part
    } catch {
      return undefined
    }
    // oxlint-disable-next-line no-control-regex
    if (text === '.' || text === '..' || /[\u0000-\u001f\u007f/\\]/.test(text)) return undefined
    segments.push(text)
  }
  return segments
}

export function checkParams(route: Route, params: Readonly<Record<string, string>>): Record<string, unknown> {
  return checked(v.strictObject(route.params as v.ObjectEntries), params, 'the path')
}

export function checkQuery(route: Route, search: string): Record<string, unknown> {
  const given: Record<string, string> = {}
  const names = [...new URLSearchParams(search)]
  if (names.length > mostParameters) throw new Fault('invalid', `the query has more than ${mostParameters} parameters`)
  for (const [name, value] of names) {
    if (Object.hasOwn(given, name)) throw new Fault('invalid', `the query has ${JSON.stringify(shortened(name))} twice`)
    Object.defineProperty(given, name, { value, enumerable: true })
  }
  return checked(v.strictObject(route.query as v.ObjectEntries), given, 'the query')
}

export function checkBody(route: Route, bytes: Uint8Array): unknown {
  let value: unknown
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
  } catch (error) {
    throw new Fault('invalid', 'the body is not valid JSON', { cause: error })
  }
  return checked(route.body as v.GenericSchema<unknown, unknown>, value, 'the body')
}

function checked<T>(schema: v.GenericSchema<unknown, T>, value: unknown, where: string): T {
  const result = v.safeParse(schema, value)
  if (result.success) return result.output
  const told = result.issues.slice(0, 5).map((issue) => `${v.getDotPath(issue) ?? where}: ${issue.message}`)
  throw new Fault('invalid', `${where} is not what is expected: ${shortened(told.join('; '), 600)}`, {
    hint: 'see /api/v1/openapi.json',
  })
}

function shortened(text: string, most = 100): string {
  return text.length > most ? `${text.slice(0, most)}…` : text
}
