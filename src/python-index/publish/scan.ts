import { type Digest, throwIfAborted } from '../../kit/index.ts'
import type { ObjectInfo } from '../../store/index.ts'
import type { IndexContext } from '../context.ts'
import { matchesPattern } from '../names/tags.ts'
import { listingDigest } from '../records/listing.ts'
import type { SeenFile } from '../records/project.ts'
import { type PageName, placeOf, startOf } from './layout.ts'

/** What a listing shows of one prefix, by project. Whoever writes pages and companions keeps it up to date. */
export interface Scan {
  readonly prefix: string
  readonly groups: Map<string, Group>
  readonly root: Map<PageName, SeenFile>
  /** Look like distributions, of no project that anybody could tell: by name, with the reason. */
  readonly nameless: Map<string, string>
  /** Names of projects that the environment does not let in. */
  readonly notAllowed: Set<string>
  /** Names of objects that are nobody's: the first of them, and how many there are. */
  readonly foreign: { readonly names: string[]; count: number }
}

/** All of one project in one prefix. */
export interface Group {
  /** In the order of the listing. */
  readonly files: ListedFile[]
  /** `<file>.metadata`, by file. */
  readonly companions: Map<string, SeenFile>
  readonly pages: Map<PageName, SeenFile>
  /** Files that have a `<file>.provenance`. */
  readonly provenances: Set<string>
  /** Files whose companion was compared or written by this command. */
  readonly checked: Set<string>
}

export interface ListedFile extends SeenFile {
  /** Milliseconds since 1970. */
  readonly modified: number
}

/** What a prefix holds beside its index. */
export interface Beside {
  /** By name, with the reason. */
  readonly nameless: readonly { readonly name: string; readonly reason: string }[]
  readonly notAllowed: readonly string[]
  readonly foreign: Scan['foreign']
}

const foreignNamed = 1000
const reportedAtOnce = 1000

export function besideOf({ nameless, notAllowed, foreign }: Scan): Beside {
  return { nameless: Array.from(nameless, ([name, reason]) => ({ name, reason })), notAllowed: [...notAllowed].sort(), foreign }
}

export function emptyScan(prefix: string): Scan {
  return { prefix, groups: new Map(), root: new Map(), nameless: new Map(), notAllowed: new Set(), foreign: { names: [], count: 0 } }
}

/** The group of that project, made where there is none. */
export function groupOf(scan: Scan, project: string): Group {
  let group = scan.groups.get(project)
  if (group === undefined) {
    group = { files: [], companions: new Map(), pages: new Map(), provenances: new Set(), checked: new Set() }
    scan.groups.set(project, group)
  }
  return group
}

/** Lists a prefix once. Projects that the environment does not let in have at most pages here. */
export async function scanPrefix(
  context: Pick<IndexContext, 'bucket' | 'environment' | 'signal' | 'report'>,
  prefix: string,
  isIndex: (prefix: string) => boolean,
): Promise<Scan> {
  const { bucket, signal, report } = context
  const scan = emptyScan(prefix)
  const isAllowed = allowing(context)
  const start = startOf(prefix)
  const task = `list ${prefix}`
  let listed = 0
  report({ kind: 'begin', task })
  for await (const info of bucket.list(start, { signal })) {
    throwIfAborted(signal)
    place(scan, info, info.key.slice(start.length), isIndex, isAllowed)
    if (++listed % reportedAtOnce === 0) report({ kind: 'advance', task, items: reportedAtOnce })
  }
  report({ kind: 'end', task })
  return scan
}

/** Whether a project is let in, told once for each. */
export function allowing({ environment }: Pick<IndexContext, 'environment'>): (project: string) => boolean {
  const { allow } = environment
  if (allow === undefined) return () => true
  const known = new Map<string, boolean>()
  return (project) => {
    const is = known.get(project) ?? allow.some((pattern) => matchesPattern(project, pattern))
    known.set(project, is)
    return is
  }
}

function place(
  scan: Scan,
  { size, etag, modified }: ObjectInfo,
  name: string,
  isIndex: (prefix: string) => boolean,
  isAllowed: (project: string) => boolean,
): void {
  const found = placeOf(scan.prefix, name, isIndex)
  switch (found.kind) {
    case 'file':
      if (isAllowed(found.project)) groupOf(scan, found.project).files.push({ name, size, etag, modified })
      else scan.notAllowed.add(found.project)
      break
    case 'metadata':
      if (isAllowed(found.project)) groupOf(scan, found.project).companions.set(found.file, { name, size, etag })
      break
    case 'provenance':
      if (isAllowed(found.project)) groupOf(scan, found.project).provenances.add(found.file)
      break
    case 'page':
      groupOf(scan, found.project).pages.set(found.page, { name, size, etag })
      break
    case 'root':
      scan.root.set(found.page, { name, size, etag })
      break
    case 'nameless':
      scan.nameless.set(name, found.reason)
      break
    case 'foreign':
      if (scan.foreign.count++ < foreignNamed) scan.foreign.names.push(name)
      break
    case 'inner':
  }
}

/** Whether any distribution is listed that may be published. */
export function hasFiles({ groups }: Scan): boolean {
  return groups.values().some(({ files }) => files.length > 0)
}

/** Of the project's distributions, as a catalogue has it. */
export function listedDigest(group: Group | undefined): Digest {
  return listingDigest(group?.files ?? [])
}
