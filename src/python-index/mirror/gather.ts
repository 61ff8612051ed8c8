import { Fault, mapBounded } from '../../kit/index.ts'
import type { HttpClient } from '../../kit/http/index.ts'
import type { IndexContext } from '../context.ts'
import type { Dependency } from '../environment.ts'
import { keyIn } from '../publish/layout.ts'
import { allowing } from '../publish/scan.ts'
import type { Login } from '../upstream/netrc.ts'
import { openUpstream, type Upstream } from '../upstream/upstream.ts'
import type { UpstreamProject } from '../upstream/project.ts'
import { pick } from './pick.ts'
import { failureOf, type MirrorFailure, type Wanted } from './plan.ts'

export interface Gathered {
  readonly wanted: readonly Wanted[]
  readonly failures: readonly MirrorFailure[]
}

/** Pages that are read at once. */
const width = 8

/** Asks the upstreams what they have, one page for each dependency. What is wrong with one of them is a failure of that one. */
export async function gather(
  context: IndexContext,
  http: HttpClient,
  dependencies: readonly Dependency[],
  prefixes: readonly string[],
): Promise<Gathered> {
  const { environment, report, signal } = context
  const isAllowed = allowing(context)
  const open = openers(http, (await context.logins?.()) ?? [])
  report({ kind: 'begin', task: 'ask', items: dependencies.length })
  const gathered = await mapBounded(
    dependencies,
    width,
    async (dependency, inner): Promise<Gathered> => {
      try {
        if (!isAllowed(dependency.name))
          throw new Fault('invalid', 'the environment does not let it in', { hint: 'see allow in its configuration' })
        const from = open(dependency.upstream ?? environment.upstream)
        const project = await from.project(dependency.name, { signal: inner })
        if (project === undefined) throw new Fault('not-found', `${from.url} has no such project`)
        const indexes = [...new Set(prefixes)].map((prefix) =>
          dependency.target === undefined ? prefix : keyIn(prefix, dependency.target),
        )
        return choose(context, dependency, project, from, indexes)
      } catch (error) {
        return { wanted: [], failures: [failureOf(dependency.name, '', error)] }
      } finally {
        report({ kind: 'advance', task: 'ask', items: 1 })
      }
    },
    signal,
  )
  report({ kind: 'end', task: 'ask' })
  return { wanted: gathered.flatMap((each) => each.wanted), failures: gathered.flatMap((each) => each.failures) }
}

function openers(http: HttpClient, logins: readonly Login[]): (url: string) => Upstream {
  const opened = new Map<string, Upstream>()
  return (url) => {
    const upstream = opened.get(url) ?? openUpstream(http, url, logins)
    opened.set(url, upstream)
    return upstream
  }
}

function choose(
  context: IndexContext,
  dependency: Dependency,
  project: UpstreamProject,
  from: Upstream,
  indexes: readonly string[],
): Gathered {
  const { name } = dependency
  const { status, reason } = project.status
  const because = reason === undefined ? '' : `: ${reason}`
  if (status === 'quarantined') throw new Fault('denied', `${from.url} holds it in quarantine${because}`)
  const { files, missing } = pick(dependency, project)
  tell(context, project, because)
  const failures: MirrorFailure[] = missing.map(({ wanted, code, reason: why, hint }) => ({
    project: name,
    what: wanted,
    code,
    reason: why,
    hint,
  }))
  const wanted: Wanted[] = []
  for (const file of files) {
    const { digest, yanked } = file
    if (digest === undefined) {
      failures.push({
        project: name,
        what: file.name,
        code: 'unsupported',
        reason: 'the upstream tells no SHA-256 of it: nothing could prove what comes',
      })
      continue
    }
    if (yanked !== undefined)
      warn(context, `${file.name} is yanked by the upstream${yanked === '' ? '' : ` (${yanked})`}, and was asked for by its version`)
    wanted.push({ project: name, file: { ...file, digest }, from, indexes })
  }
  return { wanted, failures }
}

function tell(context: IndexContext, { name, status: { status }, dropped }: UpstreamProject, because: string): void {
  if (status !== 'active') warn(context, `${name} is ${status} upstream${because}`)
  if (dropped.length === 0) return
  const shown = dropped.slice(0, 3).map((file) => `${file.name} (${file.reason})`)
  const more = dropped.length > shown.length ? ` and ${dropped.length - shown.length} more` : ''
  warn(context, `left out of the upstream's page of ${name}: ${shown.join(', ')}${more}`)
}

function warn({ report }: IndexContext, text: string): void {
  report({ kind: 'note', level: 'warning', text })
}
