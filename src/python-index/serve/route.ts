import { isKey } from '../../kit/index.ts'

/** What a path of the index's URL means; paths are those of the bucket. */
export type Route =
  /** The index of a prefix. */
  | { readonly kind: 'root'; readonly prefix: string; readonly form?: PageForm | undefined }
  /** A project's page, under the name as it was written. */
  | {
      readonly kind: 'project'
      readonly prefix: string
      readonly name: string
      readonly form?: PageForm | undefined
      readonly slash: boolean
    }
  /** A distribution, or what stands beside it; or a project without its slash. */
  | { readonly kind: 'file'; readonly prefix: string; readonly name: string }
  /** A folder above the prefixes of indexes; empty: the top. */
  | { readonly kind: 'folder'; readonly folder: string }
  /** The same with its slash: a relative URL. */
  | { readonly kind: 'slash'; readonly to: string }
  | { readonly kind: 'none' }
  /** Nothing that any client of an index asks for. */
  | { readonly kind: 'hostile' }

export type PageForm = 'html' | 'json'

const longestPath = 2048

/** Pure. An empty prefix is an index at the top. `path` is the path of a URL, still encoded; of several prefixes that fit, the longest is meant. */
export function routeOf(path: string, prefixes: readonly string[]): Route {
  const segments = segmentsOf(path)
  if (segments === undefined) return { kind: 'hostile' }
  const slash = segments.at(-1) === ''
  const names = slash ? segments.slice(0, -1) : segments
  const known = new Set(prefixes)
  for (let length = names.length; length > 0; length--) {
    const prefix = names.slice(0, length).join('/')
    if (known.has(prefix)) return routeWithin(prefix, names.slice(length), slash, names.at(-1)!)
  }
  if (known.has('')) return routeWithin('', names, slash, '')
  const folder = names.join('/')
  if (folder !== '' && !prefixes.some((prefix) => prefix.startsWith(`${folder}/`))) return { kind: 'none' }
  return slash ? { kind: 'folder', folder } : { kind: 'slash', to: withSlash(names.at(-1)!) }
}

/** A name as a relative URL of a folder beside it. The `./` keeps `a:b` from being a scheme. */
export function withSlash(name: string): string {
  return `./${encodeURIComponent(name)}/`
}

function routeWithin(prefix: string, [first, second, ...more]: readonly string[], slash: boolean, last: string): Route {
  if (first === undefined) return slash ? { kind: 'root', prefix } : { kind: 'slash', to: withSlash(last) }
  if (second === undefined) {
    if (slash) return { kind: 'project', prefix, name: first, slash }
    const form = formOf(first)
    return form === undefined ? { kind: 'file', prefix, name: first } : { kind: 'root', prefix, form }
  }
  const form = formOf(second)
  return form === undefined || slash || more.length > 0 ? { kind: 'none' } : { kind: 'project', prefix, name: first, form, slash: true }
}

function formOf(name: string): PageForm | undefined {
  return name === 'index.html' ? 'html' : name === 'index.json' ? 'json' : undefined
}

/** Between the slashes, decoded; the last one is empty where the path ends with a slash. Undefined for what can be no key. */
function segmentsOf(path: string): string[] | undefined {
  if (!path.startsWith('/') || path.length > longestPath) return undefined
  try {
    const segments = path.slice(1).split('/').map(decodeURIComponent)
    const inner = segments.at(-1) === '' ? segments.slice(0, -1) : segments
    const isUsable = inner.every((segment) => !segment.includes('/') && !segment.includes('\\') && isKey(segment))
    return isUsable ? segments : undefined
  } catch {
    return undefined
  }
}
