import { checkShape, type Clock, Fault, isFault, type Report } from '../../kit/index.ts'
import type { Api } from './api.ts'
import { workflowName } from './run-list.ts'
import { dispatchedShape, runShape, runsShape, type WorkflowRun } from './shapes.ts'

export interface DispatchContext {
  readonly api: Api
  readonly repo: string
  readonly workflow: string
  readonly clock: Clock
  readonly report: Report
}

export interface Dispatch {
  /** A branch or a tag. */
  readonly ref: string
  readonly inputs: Readonly<Record<string, string>>
  readonly signal?: AbortSignal | undefined
}

/** Milliseconds between two looks for a run that was started, and looks. */
const lookEvery = 2000
const mostLooks = 30

/**
 * Starts the workflow and gives its run. GitHub tells which one it is; a server that does not is asked for runs that were not there before: where
 * someone else started one in that moment too, it is `busy`, since nobody can tell which is which.
 */
export async function dispatchRun(context: DispatchContext, { ref, inputs, signal }: Dispatch): Promise<WorkflowRun> {
  const before = new Set((await newestDispatched(context, ref, signal)).map(({ id }) => id))
  const id = await startRun(context, { ref, inputs, signal })
  if (id !== undefined) return await appearing(context, id, signal)
  for (let look = 0; look < mostLooks; look++) {
    await context.clock.sleep(lookEvery, signal)
    const [run, ...others] = (await newestDispatched(context, ref, signal)).filter((one) => !before.has(one.id))
    if (others.length > 0) {
      throw new Fault('busy', `${others.length + 1} runs on ${ref} began at once, and GitHub does not say which is ours`, {
        at: context.repo,
        hint: `look at them: ${[run!, ...others].map(({ url }) => url).join(' ')}`,
      })
    }
    if (run !== undefined) return run
  }
  throw new Fault('unavailable', `the workflow was started, and no run has appeared within ${(lookEvery * mostLooks) / 1000} s`, {
    at: context.repo,
    hint: 'look for it with `holdfast images gh-list`, or on GitHub; do not start it again in haste',
  })
}

/** A run may be known a moment before it is there. */
async function appearing(context: DispatchContext, id: number, signal: AbortSignal | undefined): Promise<WorkflowRun> {
  for (let look = 1; ; look++) {
    try {
      return await readRun(context, id, signal)
    } catch (error) {
      if (!isFault(error, 'not-found') || look === mostLooks) throw error
    }
    await context.clock.sleep(lookEvery, signal)
  }
}

export async function readRun(
  { api, repo }: Pick<DispatchContext, 'api' | 'repo'>,
  id: number,
  signal: AbortSignal | undefined,
): Promise<WorkflowRun> {
  const [owner, name] = repo.split('/')
  const { data, at } = await api.ask({
    route: 'GET /repos/{owner}/{repo}/actions/runs/{run_id}',
    parameters: { owner, repo: name, run_id: id, exclude_pull_requests: true },
    what: `run ${id}`,
    signal,
  })
  const run = checkShape(runShape, data, at)
  if (run.id !== id) throw new Fault('corrupt', `asked for run ${id}, and was told of run ${run.id}`, { at })
  return run
}

/** The run's number; undefined where the server does not tell. */
async function startRun(context: DispatchContext, { ref, inputs, signal }: Dispatch): Promise<number | undefined> {
  const { api, repo, workflow } = context
  const [owner, name] = repo.split('/')
  const send = async (more: object) =>
    await api.ask({
      route: 'POST /repos/{owner}/{repo}/actions/workflows/{workflow_id}/dispatches',
      parameters: { owner, repo: name, workflow_id: workflowName(workflow), ref, inputs, ...more },
      what: `starting ${workflow} of ${repo} on ${ref}`,
      needs: 'actions:write',
      signal,
    })
  try {
    const { status, data, at } = await send({ return_run_details: true })
    return status === 204 ? undefined : checkShape(dispatchedShape, data, at).workflow_run_id
  } catch (error) {
    // An older server: it has started nothing.
    if (!isFault(error, 'invalid') || !error.message.includes('return_run_details')) throw error
    await send({})
    return undefined
  }
}

async function newestDispatched(
  { api, repo, workflow }: DispatchContext,
  ref: string,
  signal: AbortSignal | undefined,
): Promise<readonly WorkflowRun[]> {
  const [owner, name] = repo.split('/')
  const { data, at } = await api.ask({
    route: 'GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs',
    parameters: {
      owner,
      repo: name,
      workflow_id: workflowName(workflow),
      event: 'workflow_dispatch',
      branch: ref,
      exclude_pull_requests: true,
      per_page: 30,
    },
    what: `the runs of ${workflow} in ${repo}`,
    signal,
  })
  return checkShape(runsShape, data, at).workflow_runs
}
