import { compareKeys, Fault, forEachBounded, type Report, silent } from '../../kit/index.ts'
import type { HttpClient } from '../../kit/http/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { normaliseName } from '../names/project-name.ts'
import { bucketAddress, clientOverBucket, clientOverHttp } from './client.ts'
import { type ClosureAnswer, type ClosureFile, findMissing } from './closure.ts'
import { createDesk, type CheckDesk, type Finding } from './desk.ts'
import { checkFile } from './files.ts'
import { jsonType } from './pages.ts'
import { checkProject, type ListedFile } from './project.ts'
import { checkRoot } from './root.ts'

export type { Finding } from './desk.ts'

/** An index at its URL, or a prefix of a bucket as it would be served. */
export type CheckTarget = { readonly url: string; readonly http: HttpClient } | { readonly bucket: ObjectStore; readonly prefix: string }

export interface CheckOptions {
  /** Only this project. */
  readonly project?: string | undefined
  /** Every byte of every file is read, and its digest compared. */
  readonly deep?: boolean | undefined
  /** Is everything installable from this index alone? */
  readonly closure?:
    | { readonly pythons: readonly string[]; readonly platforms: readonly string[]; readonly roots?: readonly string[] | undefined }
    | undefined
  readonly report?: Report | undefined
  readonly signal?: AbortSignal | undefined
}

export interface CheckReport {
  /** The URL or prefix, as people know it. */
  readonly at: string
  readonly projects: number
  readonly files: number
  readonly requests: number
  /** By where, then in the order in which they were met. */
  readonly findings: readonly Finding[]
  /** Findings beyond the limit of 10,000. */
  readonly more: number
  readonly closure?: ClosureAnswer | undefined
}

/** Requests at once. */
const width = 16

/**
 * Plays an installer against what is really there: both forms of the root and of every project's page, every link, size, digest that the
 * server tells, METADATA file, header, range and conditional request. Throws `not-found` where there is no index, and for a project that
 * it does not list; everything else that is wrong is a finding, trouble with single requests too.
 */
export async function checkIndex(target: CheckTarget, options: CheckOptions = {}): Promise<CheckReport> {
  const { report = silent, signal } = options
  const client = 'http' in target ? clientOverHttp(target.http) : clientOverBucket(target.bucket)
  const url = 'http' in target ? indexUrl(target.url) : bucketAddress(target.prefix)
  if (options.closure !== undefined && options.project !== undefined)
    throw new Fault('invalid', 'whether everything can be installed is a question about a whole index, not one project')
  // Trouble with all of it is no finding: it is thrown here.
  const first = await client.ask({ url, headers: { accept: `${jsonType}, text/html;q=0.1` }, signal })
  first.discard()
  const { desk, found } = createDesk({ client, isDeep: options.deep === true, report, signal })
  const all = await checkRoot(desk, url)
  if (all === undefined) {
    const why = found.findings[0]?.what ?? 'there is no page'
    throw new Fault('not-found', `there is no index at ${client.show(url)}: ${why}`, {
      hint: 'check how it is written; pages come with: holdfast index publish',
    })
  }
  const projects = chosen(all, options.project, client.show(url))
  report({ kind: 'begin', task: 'check', items: projects.length })
  const listed = await checkProjects(desk, url, projects)
  const shelf = await checkFiles(desk, [...listed.values()].flat())
  report({ kind: 'end', task: 'check' })
  const closure =
    options.closure === undefined
      ? undefined
      : findMissing({ ...options.closure, projects, files: (project) => shelf.get(project) ?? (listed.has(project) ? [] : undefined) })
  for (const finding of closure === undefined ? [] : missingFindings(closure)) desk.tell(url, finding)
  const findings = found.findings.toSorted((a, b) => compareKeys(a.at, b.at))
  const files = [...listed.values()].reduce((sum, each) => sum + each.length, 0)
  return { at: client.show(url), projects: projects.length, files, requests: found.requests + 1, findings, more: found.more, closure }
}

function indexUrl(text: string): string {
  const url = URL.parse(text)
  if (url === null || !/^https?:$/.test(url.protocol))
    throw new Fault('invalid', `not an http or https URL: ${JSON.stringify(text.slice(0, 200))}`)
  url.hash = ''
  url.search = ''
  return url.pathname.endsWith('/') ? url.href : `${url.href}/`
}

function chosen(all: readonly string[], project: string | undefined, at: string): readonly string[] {
  if (project === undefined) return all
  const name = normaliseName(project)
  if (all.includes(name)) return [name]
  throw new Fault('not-found', `${name} is not in the index`, { at, hint: 'check --package; the root page lists what there is' })
}

async function checkProjects(desk: CheckDesk, url: string, projects: readonly string[]): Promise<Map<string, ListedFile[]>> {
  const listed = new Map<string, ListedFile[]>(projects.map((project) => [project, []]))
  await forEachBounded(
    projects,
    width,
    async (project) => {
      listed.set(project, await checkProject(desk, url, project))
      desk.report({ kind: 'advance', task: 'check', items: 1 })
    },
    desk.signal,
  )
  return listed
}

/** Ranges are tried on the newest file of each project: they work for all of a place, or for none. Gives what a resolver needs. */
async function checkFiles(desk: CheckDesk, files: readonly ListedFile[]): Promise<Map<string, ClosureFile[]>> {
  const last = new Map(files.map((file) => [file.project, file]))
  const shelf = new Map<string, ClosureFile[]>()
  await forEachBounded(
    files,
    width,
    async (file) => {
      const core = await checkFile(desk, file, { asksRanges: last.get(file.project) === file })
      const { name, version, requiresPython, yanked, project } = file
      const known = shelf.get(project)
      const seen = { name, version, requiresPython, yanked, requires: core?.requires }
      if (known === undefined) shelf.set(project, [seen])
      else known.push(seen)
    },
    desk.signal,
  )
  return shelf
}

/** One line for each requirement, however many Pythons and platforms lack it. */
function missingFindings({ missing }: ClosureAnswer): string[] {
  const lines = new Map<string, string[]>()
  for (const { project, version, requirement, why, python, platform } of missing) {
    const who = project === undefined ? 'it is asked for' : `${project} ${version} requires`
    const line = `${who} ${requirement}: ${why}`
    lines.set(line, [...(lines.get(line) ?? []), `Python ${python} on ${platform}`])
  }
  return [...lines].map(
    ([line, places]) => `${line} (${places.slice(0, 3).join(', ')}${places.length > 3 ? ` and ${places.length - 3} more` : ''})`,
  )
}
