import { checkShape, type Clock, Fault, type Report } from '../../kit/index.ts'
import type { HttpClient } from '../../kit/http/index.ts'
import type { RangedSource } from '../../kit/zip/index.ts'
import type { Api } from './api.ts'
import { openRanges } from './ranges.ts'
import { type Artifact, artifactFrom, artifactsShape, type WorkflowRun } from './shapes.ts'

export interface ArtifactContext {
  readonly api: Api
  readonly http: HttpClient
  readonly repo: string
  readonly clock: Clock
  readonly random: () => number
  readonly report: Report
}

const mostArtifacts = 1000

/** What a run left behind, expired things too. */
export async function listArtifacts(
  { api, repo }: Pick<ArtifactContext, 'api' | 'repo'>,
  run: WorkflowRun,
  signal: AbortSignal | undefined,
): Promise<readonly Artifact[]> {
  const [owner, name] = repo.split('/')
  const artifacts = new Map<number, Artifact>()
  for (let page = 1; page <= mostArtifacts / 100; page++) {
    const { data, at } = await api.ask({
      route: 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/artifacts',
      parameters: { owner, repo: name, run_id: run.id, per_page: 100, page },
      what: `the artifacts of run ${run.id}`,
      signal,
    })
    const { total_count: total, artifacts: found } = checkShape(artifactsShape, data, at)
    for (const one of found) artifacts.set(one.id, artifactFrom(one, run.id))
    if (found.length < 100 || artifacts.size >= total) break
  }
  return [...artifacts.values()]
}

/** The artifact's zip, to be read in parts. Throws `not-found` where GitHub has deleted it. */
export async function openArtifact(context: ArtifactContext, artifact: Artifact, signal: AbortSignal | undefined): Promise<RangedSource> {
  const { api, repo } = context
  const [owner, name] = repo.split('/')
  const what = `the artifact ${artifact.name} of run ${artifact.run}`
  if (artifact.isExpired) {
    const when = artifact.expiresAt === undefined ? '' : ` on ${new Date(artifact.expiresAt).toISOString().slice(0, 10)}`
    throw new Fault('not-found', `${what} has expired${when}: GitHub has deleted it`, {
      hint: 'build it again (`holdfast images build`), and sync it before it expires',
    })
  }
  const locate = () =>
    api.locate({
      route: 'GET /repos/{owner}/{repo}/actions/artifacts/{artifact_id}/{archive_format}',
      parameters: { owner, repo: name, artifact_id: artifact.id, archive_format: 'zip' },
      what,
      signal,
    })
  return await openRanges({ ...context, name: what, locate, signal })
}
