import * as v from 'valibot'
import { Fault } from './fault.ts'

/** A description of data that comes from outside; the schema library stays behind this room. */
export type Shape<T> = v.GenericSchema<unknown, T>

/** The value, checked. What does not fit throws `corrupt` with the path of the first thing that is wrong. */
export function checkShape<T>(shape: Shape<T>, value: unknown, at: string): T {
  const result = v.safeParse(shape, value)
  if (result.success) return result.output
  const issue = result.issues[0]
  const where = v.getDotPath(issue) ?? '(whole)'
  throw new Fault('corrupt', `unexpected content at ${where}: ${issue.message}`, { at })
}

/** JSON of this shape. Throws `corrupt` where it is neither; `at` is what the fault names. */
export function parseJson<T>(shape: Shape<T>, text: string | Uint8Array, at: string): T {
  let value: unknown
  try {
    value = JSON.parse(typeof text === 'string' ? text : new TextDecoder('utf-8', { fatal: true }).decode(text))
  } catch (error) {
    throw new Fault('corrupt', 'not valid JSON', { at, cause: error })
  }
  return checkShape(shape, value, at)
}

/** JSON with keys in byte order and no spaces: the same content has the same bytes. Undefined members are left out. */
export function canonicalJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    item !== null && typeof item === 'object' && !Array.isArray(item)
      ? Object.fromEntries(
          Object.entries(item)
            .filter(([, member]) => member !== undefined)
            .sort(([a], [b]) => (a < b ? -1 : 1)),
        )
      : item,
  )
}
