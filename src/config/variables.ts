import type { GenericSchema } from 'valibot'
import { type Path, readShape } from './keys.ts'
import { nearest } from './nearest.ts'
import type { Tree } from './parse.ts'
import { configSchema } from './schema.ts'

/** A value that replaces what the file says. */
export interface Replacement {
  readonly path: Path
  readonly value: unknown
  /** What set it, as messages call it: `HOLDFAST_STORE_URL` or `--store`. */
  readonly by: string
}

/** Variables that say something else than a key's value. */
const otherVariables = /^HOLDFAST_(CONFIG|SOAK|TEST_.*|DEMO_.*)$/

/** As such variables are called elsewhere. */
const otherNames: Readonly<Record<string, string>> = { HOLDFAST_QUEUE_URL: 'HOLDFAST_QUEUE' }

/** `store.s3.endpoint` -> `HOLDFAST_STORE_S3_ENDPOINT`; every character that a variable cannot have becomes `_`. */
export function variableOf(path: Path): string {
  return [
    'HOLDFAST',
    ...path.map((part) =>
      String(part)
        .toUpperCase()
        .replaceAll(/[^A-Z0-9]/g, '_'),
    ),
  ].join('_')
}

/**
 * The keys that variables set. Under a table that the user names, only names that the file has. A variable that fits no
 * key is named in `notes`, with the nearest that would.
 */
export function readVariables(
  env: Readonly<Record<string, string | undefined>>,
  tree: Tree,
): { replacements: Replacement[]; notes: string[] } {
  const named = variablesNamedIn(tree)
  const given = Object.entries(env).filter(
    ([variable, value]) => variable.startsWith('HOLDFAST_') && value && !otherVariables.test(variable) && !named.has(variable),
  )
  if (given.length === 0) return { replacements: [], notes: [] }
  const keys = new Map(settableKeys(configSchema, [], tree).map(({ path, schema }) => [variableOf(path), { path, schema }]))
  const replacements: Replacement[] = []
  const notes: string[] = []
  for (const [variable, value = ''] of given) {
    const key = keys.get(otherNames[variable] ?? variable)
    if (key !== undefined) replacements.push({ path: key.path, value: valueFor(key.schema, value), by: variable })
    else {
      const near = nearest(variable, keys.keys())
      notes.push(`${variable} is set and sets no key of the configuration${near === undefined ? '' : `; did you mean ${near}?`}`)
    }
  }
  return { replacements, notes }
}

export function replace(tree: Tree, { path, value }: Replacement): void {
  let here = tree
  for (const part of path.slice(0, -1)) {
    const next = here[part]
    here = (typeof next === 'object' && next !== null ? next : (here[part] = {})) as Tree
  }
  here[String(path.at(-1))] = value
}

/** Those that hold the secrets of notifications. The file is not checked yet. */
function variablesNamedIn({ notify }: Tree): Set<unknown> {
  const tables: unknown[] = Array.isArray(notify) ? notify : []
  return new Set(
    tables.flatMap((each) => Object.entries(each ?? {}).flatMap(([key, value]) => (key.endsWith('_env') ? [value as unknown] : []))),
  )
}

/** Every key that takes one value or a list of values, with the names that `tree` has. */
function settableKeys(schema: GenericSchema, path: Path, tree: unknown): { path: Path; schema: GenericSchema }[] {
  const shape = readShape(schema)
  const below = (name: string) =>
    typeof tree === 'object' && tree !== null && Object.hasOwn(tree, name) ? (tree as Tree)[name] : undefined
  if (shape.form === 'table')
    return Object.entries(shape.entries).flatMap(([name, entry]) => settableKeys(entry, [...path, name], below(name)))
  if (shape.form === 'named') {
    const names = typeof tree === 'object' && tree !== null && !Array.isArray(tree) ? Object.keys(tree) : []
    return names.flatMap((name) => settableKeys(shape.value, [...path, name], below(name)))
  }
  return shape.form === 'list' && readShape(shape.item).form !== 'leaf' ? [] : [{ path, schema }]
}

/** The text as the key's type. What does not fit stays text, and the check says so. */
function valueFor(schema: GenericSchema, value: string): unknown {
  const shape = readShape(schema)
  const parts = value.split(',').map((part) => part.trim())
  if (shape.form === 'list') return parts
  if (shape.form !== 'leaf') return value
  if (shape.type === 'boolean') return value === 'true' || value === '1' ? true : value === 'false' || value === '0' ? false : value
  if (shape.type === 'number') return /^\d+$/.test(value) ? Number(value) : value
  return shape.type === 'union' && parts.length > 1 ? parts : value
}
