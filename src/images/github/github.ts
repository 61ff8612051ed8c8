import { Fault, isFault, mapBounded, throwIfAborted } from '../../kit/index.ts'
import type { RangedSource } from '../../kit/zip/index.ts'
import type { MetadataKeys, RunMetadata } from '../settings.ts'
import { type ApiOptions, openApi } from './api.ts'
import { listArtifacts, openArtifact } from './artifacts.ts'
import { type Dispatch, dispatchRun } from './dispatch.ts'
import { followRun } from './follow.ts'
import { rememberedIn } from './remembered.ts'
import { metadataOf } from './run-log.ts'
import { listRuns, type RunQuery } from './run-list.ts'
import type { Artifact, WorkflowRun } from './shapes.ts'

export interface GitHubOptions extends ApiOptions {
  /** `owner/name` */
  readonly repo: string
  /** The workflow's file. */
  readonly workflow: string
  readonly metadata: MetadataKeys
  /** What was found out about runs is kept below it. */
  readonly cacheDir: string
}

interface Stoppable {
  readonly signal?: AbortSignal | undefined
}

export interface FoundRun {
  /** The newest successful one. */
  readonly run: WorkflowRun
  readonly metadata: RunMetadata
  /** Older ones of the same tag. */
  readonly others: readonly WorkflowRun[]
}

/** One workflow on GitHub. Faults: `denied` names the right that a token lacks; limits are waited out and told, for an hour at most. */
export interface GitHub {
  /** Those that have ended, the newest first. With nothing new one question, which costs nothing of the rate limit. */
  runs(query: RunQuery): Promise<readonly WorkflowRun[]>
  /** What the run's log says; asked once ever. Undefined where it has no complete block, or its logs are deleted. */
  metadata(run: WorkflowRun, o?: Stoppable): Promise<RunMetadata | undefined>
  /** Among the runs of the query. A run whose log cannot be read is told, and is a Fault where the tag is found in no other. */
  findRun(tag: string, query: Omit<RunQuery, 'includeFailed'>): Promise<FoundRun | undefined>
  artifacts(run: WorkflowRun, o?: Stoppable): Promise<readonly Artifact[]>
  /** Throws `not-found` where it has expired. */
  openArtifact(artifact: Artifact, o?: Stoppable): Promise<RangedSource>
  /** Starts the workflow. */
  dispatch(dispatch: Dispatch): Promise<WorkflowRun>
  /** Until the run has ended. */
  follow(run: WorkflowRun, o?: Stoppable): Promise<WorkflowRun>
  /** Questions to GitHub so far, those included that cost nothing. */
  requests(): number
}

/** Logs that are read side by side. */
const width = 4

/** Nothing is asked, also not for a token, until something is wanted. */
export function openGitHub(options: GitHubOptions): GitHub {
  const { repo, workflow, metadata: keys, cacheDir, clock, report } = options
  checkNames(options)
  const api = openApi(options)
  const remembered = rememberedIn(cacheDir, [options.api, repo, workflow], keys)
  const context = { ...options, api, keys, remembered }
  const signalOf = (o: Stoppable = {}) => o.signal ?? options.signal
  const metadata: GitHub['metadata'] = (run, o) => metadataOf(context, run, signalOf(o))
  const runs: GitHub['runs'] = (query) => listRuns(api, remembered, options, { ...query, signal: signalOf(query) })
  return {
    runs,
    metadata,
    async findRun(tag, query) {
      const signal = signalOf(query)
      let trouble: Fault | undefined
      const looked = await mapBounded(
        await runs(query),
        width,
        async (run, stop) => {
          try {
            return { run, metadata: await metadata(run, { signal: stop }) }
          } catch (error) {
            throwIfAborted(stop)
            if (!isFault(error)) throw error
            trouble ??= error
            report({ kind: 'note', level: 'warning', text: `run ${run.id} is passed over: ${error.message}` })
            return { run, metadata: undefined }
          }
        },
        signal,
      )
      const [first, ...others] = looked.filter((one) => one.metadata?.tag === tag)
      if (first?.metadata !== undefined) return { run: first.run, metadata: first.metadata, others: others.map(({ run }) => run) }
      if (trouble !== undefined) throw trouble
      return undefined
    },
    artifacts: (run, o) => listArtifacts(context, run, signalOf(o)),
    openArtifact: (artifact, o) => openArtifact(context, artifact, signalOf(o)),
    dispatch: (dispatch) => dispatchRun({ api, repo, workflow, clock, report }, { ...dispatch, signal: signalOf(dispatch) }),
    follow: (run, o) => followRun({ api, repo, clock, report }, run, signalOf(o)),
    requests: () => api.requests(),
  }
}

/** Names become parts of addresses. */
function checkNames({ api, repo, workflow }: GitHubOptions): void {
  if (!/^[\w.-]+\/[\w.-]+$/.test(repo) || /(^|\/)\.{1,2}(\/|$)/.test(repo))
    throw new Fault('invalid', `not a repository: ${JSON.stringify(repo)}`, { hint: 'write owner/name' })
  if (/[\p{Cc}]/u.test(workflow) || workflow.endsWith('/') || workflow === '')
    throw new Fault('invalid', `not a workflow: ${JSON.stringify(workflow)}`, { hint: 'write its file: .github/workflows/build.yml' })
  const url = URL.parse(api)
  if (url === null || !/^https?:$/.test(url.protocol)) throw new Fault('invalid', `not the URL of an API: ${JSON.stringify(api)}`)
  if (url.protocol === 'http:' && !/^(localhost|127(\.\d+){3}|\[::1\])$/.test(url.hostname))
    throw new Fault('invalid', `${api} is not encrypted: a token would travel readable`, { hint: 'use https' })
}
