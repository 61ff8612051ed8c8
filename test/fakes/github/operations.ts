import { zipBytes } from '../zip-bytes.ts'
import { artifactAnswer, jobAnswers, type Place, runAnswer, type RunState, workflowAnswer } from './answers.ts'
import { sizeOf } from './content.ts'
import type { Matched } from './description.ts'
import type { GitHubOptions, GitHubStandIn, Rights } from './github.ts'
import type { ArtifactScene } from './scene.ts'

export interface Answer {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: unknown
  readonly link?: readonly { readonly rel: string; readonly url: string }[]
}

interface Asked {
  readonly github: GitHubStandIn
  readonly options: GitHubOptions
  readonly place: Place
  readonly rights: Rights | undefined
  readonly parameters: Readonly<Record<string, string>>
  readonly query: URLSearchParams
  readonly body: unknown
  /** Of the address, without its query. */
  readonly path: string
}

/** What GitHub would answer. */
export function operate(
  github: GitHubStandIn,
  context: { readonly options: GitHubOptions; readonly place: Place; readonly rights: Rights | undefined },
  { name, parameters }: Matched,
  query: URLSearchParams,
  body: unknown,
): Answer {
  const path = name.slice(name.indexOf(' ') + 1).replaceAll(/\{(\w+)\}/g, (_, key: string) => encodeURIComponent(parameters[key]!))
  const asked: Asked = { github, ...context, parameters, query, body, path }
  const { rights, options } = asked
  if (`${parameters['owner']}/${parameters['repo']}`.toLowerCase() !== github.repo.toLowerCase()) return notFound
  const mayRead = rights !== undefined && rights.actions !== 'none'
  if (options.isPrivate === true && (rights === undefined || (rights.actions === 'none' && rights.isClassic === true))) return notFound
  if (rights !== undefined && !mayRead) return lacking(rights, 'read')
  const [method, address] = name.replace('/repos/{owner}/{repo}', '').split(' ') as [string, string]
  return (operations[`${method} ${address}`] ?? (() => notFound))(asked)
}

const notFound: Answer = { status: 404, body: { message: 'Not Found', documentation_url: 'https://docs.github.com/rest', status: '404' } }

function lacking(rights: Rights, right: string): Answer {
  return rights.isClassic === true
    ? {
        status: 403,
        body: { message: 'Must have admin rights to Repository.' },
        headers: { 'x-oauth-scopes': 'gist', 'x-accepted-oauth-scopes': 'repo' },
      }
    : {
        status: 403,
        body: { message: 'Resource not accessible by personal access token' },
        headers: { 'x-accepted-github-permissions': `actions=${right}` },
      }
}

const operations: Readonly<Record<string, (asked: Asked) => Answer>> = {
  'get ': ({ place, github }) => ({ status: 200, body: (runAnswer(place, github.runs[0]!) as { repository: object }).repository }),
  'get /actions/workflows': ({ place }) => ({ status: 200, body: { total_count: 1, workflows: [workflowAnswer(place)] } }),
  'get /actions/workflows/{workflow_id}': (asked) => (isWorkflow(asked) ? { status: 200, body: workflowAnswer(asked.place) } : notFound),
  'get /actions/workflows/{workflow_id}/runs': (asked) => (isWorkflow(asked) ? listRuns(asked) : notFound),
  'get /actions/runs': listRuns,
  'get /actions/runs/{run_id}': (asked) => ofRun(asked, (run) => ({ status: 200, body: runAnswer(asked.place, stepped(run)) })),
  'get /actions/runs/{run_id}/jobs': (asked) => ofRun(asked, (run) => listJobs(asked, run)),
  'get /actions/runs/{run_id}/attempts/{attempt_number}/jobs': (asked) =>
    ofRun(asked, (run) => (Number(asked.parameters['attempt_number']) === (run.scene.attempt ?? 1) ? listJobs(asked, run) : notFound)),
  'get /actions/runs/{run_id}/logs': (asked) => ofRun(asked, (run) => openRunLog(asked, run)),
  'get /actions/runs/{run_id}/artifacts': (asked) => ofRun(asked, (run) => listArtifacts(asked, run)),
  'get /actions/artifacts/{artifact_id}': (asked) => {
    const found = findArtifact(asked)
    return found === undefined ? notFound : { status: 200, body: artifactOf(asked, found) }
  },
  'get /actions/artifacts/{artifact_id}/{archive_format}': openArtifact,
  'get /actions/jobs/{job_id}/logs': openJobLog,
  'get /check-runs/{check_run_id}/annotations': () => ({ status: 200, body: [] }),
  'post /actions/workflows/{workflow_id}/dispatches': dispatch,
}

function isWorkflow({ parameters, place }: Asked): boolean {
  const named = parameters['workflow_id']!
  return named === String(place.workflowId) || place.workflow.endsWith(`/${named}`)
}

function ofRun(asked: Asked, then: (run: RunState) => Answer): Answer {
  const run = asked.github.runs.find(({ id }) => String(id) === asked.parameters['run_id'])
  return run === undefined ? notFound : then(run)
}

/** A run goes on each time that it is asked for. */
function stepped(run: RunState): RunState {
  const [next, ...later] = run.later
  run.later = later
  if (next !== undefined) run.scene = { ...run.scene, ...next }
  return run
}

function listRuns(asked: Asked): Answer {
  const { github, query, place } = asked
  const wanted = (key: string, value: string | undefined) => query.get(key) === null || query.get(key) === value
  const runs = github.runs
    .filter(({ scene }) => {
      const status = scene.status ?? 'completed'
      const conclusion = status === 'completed' ? (scene.conclusion ?? 'success') : undefined
      return (
        wanted('branch', scene.branch ?? 'main') &&
        wanted('event', scene.event ?? 'workflow_dispatch') &&
        wanted('actor', scene.actor ?? 'ann') &&
        (wanted('status', status) || wanted('status', conclusion))
      )
    })
    .toReversed()
  return paged(asked, 'workflow_runs', runs, (run) => runAnswer(place, run))
}

function listJobs(asked: Asked, run: RunState): Answer {
  return paged(asked, 'jobs', jobAnswers(asked.place, run), ({ answer }) => answer)
}

interface Found {
  readonly run: RunState
  readonly id: number
  readonly artifact: ArtifactScene
}

function artifactsOf(run: RunState): Found[] {
  return (run.scene.artifacts ?? []).map((artifact, index) => ({ run, artifact, id: artifact.id ?? run.id * 10 + index }))
}

function artifactOf({ place }: Asked, { run, id, artifact }: Found): object {
  return artifactAnswer(place, run, id, artifact, sizeOf(artifact.content) ?? 0)
}

function listArtifacts(asked: Asked, run: RunState): Answer {
  return paged(asked, 'artifacts', artifactsOf(run), (found) => artifactOf(asked, found))
}

function findArtifact({ github, parameters }: Asked): Found | undefined {
  return github.runs.flatMap(artifactsOf).find(({ id }) => String(id) === parameters['artifact_id'])
}

function openArtifact(asked: Asked): Answer {
  if (asked.rights === undefined) return { status: 401, body: { message: 'Requires authentication' } }
  const found = findArtifact(asked)
  if (found === undefined || asked.parameters['archive_format'] !== 'zip') return notFound
  if (found.artifact.isExpired === true) return { status: 410, body: { message: 'Artifact has expired' } }
  return { status: 302, headers: { location: asked.github.storage.sign(`artifacts/${found.id}.zip`, found.artifact.content, 'zip') } }
}

function openJobLog(asked: Asked): Answer {
  if (asked.rights === undefined) return { status: 403, body: { message: 'Must have admin rights to Repository.' } }
  const job = asked.github.runs.flatMap((run) => jobAnswers(asked.place, run)).find(({ id }) => String(id) === asked.parameters['job_id'])
  if (job?.scene.log === undefined) return notFound
  return { status: 302, headers: { location: asked.github.storage.sign(`logs/${job.id}.txt`, job.scene.log, 'text/plain; charset=utf-8') } }
}

/** A zip with a file for each job, and one for each of its steps: what a job printed is told of its first. */
function openRunLog({ github, place, rights }: Asked, run: RunState): Answer {
  if (rights === undefined) return { status: 403, body: { message: 'Must have admin rights to Repository.' } }
  const members = jobAnswers(place, run).flatMap(({ scene }, at) => {
    const content = typeof scene.log === 'string' ? Buffer.from(scene.log) : undefined
    if (content === undefined) return []
    return [`${at}_${scene.name}.txt`, `${scene.name}/1_${scene.steps?.[0]?.name ?? 'Build'}.txt`].map((name) => ({ name, content }))
  })
  return { status: 302, headers: { location: github.storage.sign(`logs/run-${run.id}.zip`, zipBytes(members), 'zip') } }
}

function dispatch(asked: Asked): Answer {
  const { options, github, place, rights } = asked
  if (rights === undefined) return { status: 401, body: { message: 'Requires authentication' } }
  if (rights.actions !== 'write') return lacking(rights, 'write')
  if (!isWorkflow(asked)) return notFound
  const {
    ref,
    inputs = {},
    return_run_details: wantsRun = false,
  } = asked.body as { ref: string; inputs?: Record<string, string>; return_run_details?: boolean }
  if (ref === 'no-such-branch') return { status: 422, body: { message: `No ref found for: ${ref}` } }
  if (wantsRun && options.dispatch === 'refuses')
    return { status: 422, body: { message: 'Invalid request. "return_run_details" is not a permitted key.' } }
  const scene = options.onDispatch?.(inputs, ref) ?? { status: 'queued' as const }
  const run = github.add({ branch: ref, event: 'workflow_dispatch', createdAt: (options.now ?? Date.now)(), ...scene })
  if (!wantsRun || options.dispatch === 'passes-over') return { status: 204 }
  const { url, html_url } = runAnswer(place, run) as { url: string; html_url: string }
  return { status: 200, body: { workflow_run_id: run.id, run_url: url, html_url } }
}

function paged<T>({ query, path }: Asked, key: string, all: readonly T[], write: (one: T) => unknown): Answer {
  const size = Math.min(100, Number(query.get('per_page') ?? 30))
  const page = Number(query.get('page') ?? 1)
  const pages = Math.max(1, Math.ceil(all.length / size))
  const to = (rel: string, number: number) => ({
    rel,
    url: `${path}?${new URLSearchParams([...without(query), ['page', String(number)]]).toString()}`,
  })
  const link = [...(page > 1 ? [to('prev', page - 1)] : []), ...(page < pages ? [to('next', page + 1), to('last', pages)] : [])]
  const body = { total_count: all.length, [key]: all.slice((page - 1) * size, page * size).map(write) }
  return { status: 200, body, ...(link.length === 0 ? {} : { link }) }
}

function without(query: URLSearchParams): [string, string][] {
  return [...query].filter(([key]) => key !== 'page')
}
