import { isKey } from '../../kit/index.ts'
import type { IndexContext } from '../context.ts'
import { parseFileName, type SdistName, type WheelName } from '../names/file-name.ts'
import { isProjectName, normaliseName } from '../names/project-name.ts'

export type PageName = 'index.html' | 'index.json'

/** What an object below a prefix is to the index, told by its name alone. */
export type Place =
  /** A distribution; with `bad` one that cannot be published under this name. */
  | { readonly kind: 'file'; readonly project: string; readonly bad?: string }
  /** It looks like a distribution, of no project that anybody could tell. */
  | { readonly kind: 'nameless'; readonly reason: string }
  /** What stands beside a wheel and belongs to the view. */
  | { readonly kind: 'metadata'; readonly project: string; readonly file: string }
  | { readonly kind: 'provenance'; readonly project: string; readonly file: string }
  | { readonly kind: 'page'; readonly project: string; readonly page: PageName }
  | { readonly kind: 'root'; readonly page: PageName }
  /** In a folder that is an index of its own. */
  | { readonly kind: 'inner' }
  | { readonly kind: 'foreign' }

export function keyIn(prefix: string, name: string): string {
  return prefix === '' ? name : `${prefix}/${name}`
}

/** What all keys of a prefix begin with. */
export function startOf(prefix: string): string {
  return prefix === '' ? '' : `${prefix}/`
}

export const metadataEnd = '.metadata'
export const provenanceEnd = '.provenance'

/** `isIndex` tells whether a prefix is an index of its own. */
export function placeOf(prefix: string, name: string, isIndex: (prefix: string) => boolean): Place {
  const slash = name.indexOf('/')
  if (slash >= 0) return placeInFolder(prefix, name.slice(0, slash), name.slice(slash + 1), isIndex)
  if (isPageName(name)) return { kind: 'root', page: name }
  if (name === '' || !isKey(keyIn(prefix, name))) return { kind: 'foreign' }
  for (const [kind, end] of [
    ['metadata', metadataEnd],
    ['provenance', provenanceEnd],
  ] as const) {
    if (!name.endsWith(end)) continue
    const file = name.slice(0, -end.length)
    const distribution = distributionOf(file)
    if (distribution === undefined || (kind === 'metadata' && distribution.kind !== 'wheel')) return { kind: 'foreign' }
    return { kind, project: distribution.name, file }
  }
  return placeOfFile(prefix, name, isIndex)
}

function placeOfFile(prefix: string, name: string, isIndex: (prefix: string) => boolean): Place {
  const parsed = parseFileName(name)
  if (parsed.kind === 'foreign') return { kind: 'foreign' }
  const bad = parsed.kind === 'bad' ? parsed.reason : undefined
  const project = parsed.name === undefined || !isProjectName(parsed.name) ? undefined : normaliseName(parsed.name)
  if (project === undefined) return { kind: 'nameless', reason: bad ?? 'its name has no project' }
  if (isIndex(keyIn(prefix, project)))
    return { kind: 'nameless', reason: `the pages of ${project} would lie where the index ${keyIn(prefix, project)} has its own` }
  return bad === undefined ? { kind: 'file', project } : { kind: 'file', project, bad }
}

function placeInFolder(prefix: string, folder: string, rest: string, isIndex: (prefix: string) => boolean): Place {
  if (isIndex(keyIn(prefix, folder))) return { kind: 'inner' }
  const isProject = isPageName(rest) && isProjectName(folder) && normaliseName(folder) === folder
  return isProject ? { kind: 'page', project: folder, page: rest } : { kind: 'foreign' }
}

export function isPageName(name: string): name is PageName {
  return name === 'index.html' || name === 'index.json'
}

export function distributionOf(file: string): WheelName | SdistName | undefined {
  const parsed = parseFileName(file)
  return parsed.kind === 'wheel' || parsed.kind === 'sdist' ? parsed : undefined
}

/** Whether a prefix is an index of the environment, or was ever published as one, or leads to one. */
export function indexesOf({ environment }: Pick<IndexContext, 'environment'>, published: Iterable<string>): (prefix: string) => boolean {
  const targets = environment.dependencies.flatMap(({ target }) => (target === undefined ? [] : [target]))
  const indexes = new Set<string>()
  for (const prefix of [...environment.prefixes, ...published]) {
    for (const each of [prefix, ...targets.map((target) => keyIn(prefix, target))]) {
      for (let end = each.length; end > 0; end = each.lastIndexOf('/', end - 1)) indexes.add(each.slice(0, end))
    }
  }
  return (prefix) => indexes.has(prefix)
}
