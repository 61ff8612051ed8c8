import { checkShape } from '../../kit/index.ts'
import type { Api } from './api.ts'
import type { Remembered } from './remembered.ts'
import { runsShape, type WorkflowRun } from './shapes.ts'

export interface RunQuery {
  readonly branch?: string | undefined
  readonly limit: number
  /** Also those that ended otherwise than well. */
  readonly includeFailed?: boolean | undefined
  readonly signal?: AbortSignal | undefined
}

/** The most that GitHub gives at once. */
const pageSize = 100

/**
 * The newest finished runs. Each page is asked for with the ETag that it came with the last time: where nothing is new, one question without
 * cost to the rate limit.
 */
export async function listRuns(
  api: Api,
  remembered: Remembered,
  { repo, workflow }: { readonly repo: string; readonly workflow: string },
  { branch, limit, includeFailed = false, signal }: RunQuery,
): Promise<readonly WorkflowRun[]> {
  const [owner, name] = repo.split('/')
  const size = Math.min(pageSize, limit)
  const runs = new Map<number, WorkflowRun>()
  for (let page = 1; runs.size < limit && page <= Math.ceil(limit / pageSize); page++) {
    const asked = {
      ...(branch === undefined ? {} : { branch }),
      status: includeFailed ? 'completed' : 'success',
      exclude_pull_requests: true,
      per_page: size,
      page,
    }
    const query = JSON.stringify(asked)
    const known = await remembered.page(query)
    const { status, data, etag, at } = await api.ask({
      route: 'GET /repos/{owner}/{repo}/actions/workflows/{workflow_id}/runs',
      parameters: { owner, repo: name, workflow_id: workflowName(workflow), ...asked },
      what: `the runs of ${workflow} in ${repo}`,
      etag: known?.etag,
      signal,
    })
    const found = status === 304 && known !== undefined ? known.runs : checkShape(runsShape, data, at).workflow_runs
    if (status !== 304 && etag !== undefined) await remembered.keepPage(query, { etag, runs: found })
    // Pages move on when a run is added while we read.
    for (const run of found) runs.set(run.id, run)
    if (found.length < size) break
  }
  return [...runs.values()].toSorted((a, b) => b.createdAt - a.createdAt || b.id - a.id).slice(0, limit)
}

/** GitHub knows a workflow by its file's name or its number. */
export function workflowName(workflow: string): string {
  return workflow.slice(workflow.lastIndexOf('/') + 1)
}
