import type { GenericSchema } from 'valibot'
import type { Kind } from './fields.ts'
import { configSchema } from './schema.ts'

export type Path = readonly (string | number)[]

/** One key of holdfast.toml as the documentation tells it. */
export interface ConfigKey {
  /** With capital letters where the user chooses a name: `release.NAME.artifact`. */
  readonly path: readonly string[]
  readonly type: string
  readonly meaning: string
  readonly isRequired: boolean
  readonly default?: unknown
}

/** Every key there is, in the order of the schema. */
export function configKeys(): ConfigKey[] {
  return keysOf(configSchema, [])
}

function keysOf(schema: GenericSchema, path: readonly string[]): ConfigKey[] {
  const shape = readShape(schema)
  if (shape.form === 'table') return Object.entries(shape.entries).flatMap(([name, entry]) => keysOf(entry, [...path, name]))
  if (shape.form === 'named' && readShape(shape.value).form === 'table') return keysOf(shape.value, [...path, shape.as])
  if (shape.form === 'list' && readShape(shape.item).form === 'table') return keysOf(shape.item, path)
  const { meaning, isOptional, fallback } = shape
  return [{ path, type: typeName(schema), meaning, isRequired: !isOptional, ...(fallback === undefined ? {} : { default: fallback }) }]
}

/** What a schema is once its wrappings are off. */
export type Shape = {
  readonly meaning: string
  readonly isOptional: boolean
  readonly fallback: unknown
  readonly kind: Kind | undefined
} & (
  | { readonly form: 'table'; readonly entries: Readonly<Record<string, GenericSchema>> }
  | { readonly form: 'named'; readonly value: GenericSchema; readonly as: string }
  | { readonly form: 'list'; readonly item: GenericSchema }
  | { readonly form: 'leaf'; readonly type: string; readonly options: readonly unknown[] }
)

/** The parts of the schema library's own objects that are read here. */
interface Inner {
  readonly type: string
  readonly wrapped?: GenericSchema
  readonly default?: unknown
  readonly pipe?: readonly (Inner & { readonly description?: string; readonly metadata?: { readonly kind?: Kind; readonly as?: string } })[]
  readonly entries?: Readonly<Record<string, GenericSchema>>
  readonly value?: GenericSchema
  readonly item?: GenericSchema
  readonly options?: readonly unknown[]
}

export function readShape(schema: GenericSchema): Shape {
  const inner = schema as unknown as Inner
  if (inner.type === 'optional') return { ...readShape(inner.wrapped!), isOptional: true, fallback: inner.default }
  const actions = allActions(inner)
  const facts = {
    meaning: actions.find(({ description }) => description !== undefined)?.description ?? '',
    isOptional: false,
    fallback: undefined,
    kind: actions.find(({ metadata }) => metadata?.kind !== undefined)?.metadata?.kind,
  }
  if (inner.entries !== undefined) return { ...facts, form: 'table', entries: inner.entries }
  if (inner.type === 'record') {
    const as = actions.find(({ metadata }) => metadata?.as !== undefined)?.metadata?.as ?? 'NAME'
    return { ...facts, form: 'named', value: inner.value!, as }
  }
  if (inner.type === 'array') return { ...facts, form: 'list', item: inner.item! }
  return { ...facts, form: 'leaf', type: inner.type, options: inner.options ?? [] }
}

/** The schema below `path`, or undefined where nothing can stand there. */
export function schemaAt(path: Path, from: GenericSchema = configSchema): GenericSchema | undefined {
  const [first, ...rest] = path
  if (first === undefined) return from
  const shape = readShape(from)
  const next =
    shape.form === 'table' && Object.hasOwn(shape.entries, first)
      ? shape.entries[first]
      : shape.form === 'named'
        ? shape.value
        : shape.form === 'list' && typeof first === 'number'
          ? shape.item
          : undefined
  return next === undefined ? undefined : schemaAt(rest, next)
}

/** `release.rcclx.variants."6.4".constraint`, as TOML writes it. */
export function formatPath(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${part}]`
    const name = /^[A-Za-z0-9_-]+$/.test(part) ? part : JSON.stringify(part)
    return text === '' ? name : `${text}.${name}`
  }, '')
}

function allActions(inner: Inner): NonNullable<Inner['pipe']> {
  return (inner.pipe ?? []).flatMap((part) => [part, ...(part.pipe === undefined ? [] : allActions(part))])
}

function typeName(schema: GenericSchema): string {
  const shape = readShape(schema)
  if (shape.form === 'list') return `list of ${typeName(shape.item)}`
  if (shape.form === 'named') return `table of ${typeName(shape.value)}`
  if (shape.form === 'table') return 'table'
  if (shape.type === 'picklist') return shape.options.map((option) => JSON.stringify(option)).join(' or ')
  if (shape.type === 'union') return `${shape.kind ?? 'text'} or list`
  if (shape.type === 'number') return 'number'
  if (shape.type === 'boolean') return 'true or false'
  return shape.kind === 'url' ? 'URL' : (shape.kind ?? 'text')
}
