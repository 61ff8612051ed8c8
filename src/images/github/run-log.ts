import type { HttpClient } from '../../kit/http/index.ts'
import { checkShape, type Clock, Fault, isFault, throwIfAborted } from '../../kit/index.ts'
import { readBlocks } from '../metadata-block.ts'
import type { MetadataKeys, RunMetadata } from '../settings.ts'
import type { Api } from './api.ts'
import type { Remembered } from './remembered.ts'
import { type Job, jobsShape, type WorkflowRun } from './shapes.ts'

export interface LogContext {
  readonly api: Api
  readonly http: HttpClient
  readonly repo: string
  readonly keys: MetadataKeys
  readonly remembered: Remembered
  readonly clock: Clock
}

/** Bytes of one job's log. Real ones have some millions. */
const longestLog = 256 << 20
/** Addresses of a log that are tried, one after another. */
const mostAddresses = 3
const mostJobs = 1000
/** Milliseconds: logs may come after the end of their run, and not at all when they are not there by then. */
const lateness = 86_400_000

/**
 * The metadata block of a finished run. What was found is remembered for ever: an attempt's logs never change. A run whose logs are deleted has
 * none; one whose logs cannot be read now is a Fault.
 */
export async function metadataOf(context: LogContext, run: WorkflowRun, signal?: AbortSignal): Promise<RunMetadata | undefined> {
  const { remembered, clock } = context
  if (run.status !== 'completed') return undefined
  const known = await remembered.metadata(run)
  if (known !== undefined) return known.metadata
  const { found, isWhole } = await searchJobs(context, run, signal)
  if (found !== undefined || isWhole || clock.now() - run.createdAt > lateness) await remembered.keepMetadata(run, found)
  return found
}

/** Looks first where the last run had it, then job by job. */
async function searchJobs(
  context: LogContext,
  run: WorkflowRun,
  signal: AbortSignal | undefined,
): Promise<{ found: RunMetadata | undefined; isWhole: boolean }> {
  const { remembered } = context
  const last = await remembered.jobName()
  const jobs = (await jobsOfRun(context, run, signal)).filter(({ conclusion }) => conclusion !== 'skipped')
  const inOrder = [...jobs.filter(({ name }) => name === last), ...jobs.filter(({ name }) => name !== last)]
  let isWhole = true
  for (const job of inOrder) {
    const log = await searchLog(context, run, job, signal)
    isWhole &&= log.isThere
    if (log.found === undefined) continue
    if (job.name !== last) await remembered.keepJobName(job.name)
    return { found: log.found, isWhole }
  }
  return { found: undefined, isWhole }
}

export async function jobsOfRun(
  { api, repo }: Pick<LogContext, 'api' | 'repo'>,
  run: WorkflowRun,
  signal: AbortSignal | undefined,
): Promise<readonly Job[]> {
  const [owner, name] = repo.split('/')
  const jobs = new Map<number, Job>()
  for (let page = 1; page <= mostJobs / 100; page++) {
    const { data, at } = await api.ask({
      route: 'GET /repos/{owner}/{repo}/actions/runs/{run_id}/attempts/{attempt_number}/jobs',
      parameters: { owner, repo: name, run_id: run.id, attempt_number: run.attempt, per_page: 100, page },
      what: `the jobs of run ${run.id}`,
      signal,
    })
    const { total_count: total, jobs: found } = checkShape(jobsShape, data, at)
    for (const job of found) jobs.set(job.id, job)
    if (found.length < 100 || jobs.size >= total) break
  }
  return [...jobs.values()]
}

interface Searched {
  readonly found: RunMetadata | undefined
  readonly isThere: boolean
}

async function searchLog(context: LogContext, run: WorkflowRun, job: Job, signal: AbortSignal | undefined): Promise<Searched> {
  const { api, repo } = context
  const [owner, name] = repo.split('/')
  const what = `the log of the job ${JSON.stringify(job.name)} of run ${run.id}`
  for (let tried = 1; ; tried++) {
    const address = await whereOrNowhere(
      api.locate({
        route: 'GET /repos/{owner}/{repo}/actions/jobs/{job_id}/logs',
        parameters: { owner, repo: name, job_id: job.id },
        what,
        signal,
      }),
    )
    if (address === undefined) return { found: undefined, isThere: false }
    const read = await readLog(context, address, what, signal)
    if (!('trouble' in read)) return { found: read.found, isThere: true }
    // An address that has expired, or a log that broke off where it cannot go on: with a new address from the start.
    if (tried === mostAddresses) throw read.trouble
  }
}

async function whereOrNowhere(asked: Promise<URL>): Promise<URL | undefined> {
  try {
    return await asked
  } catch (error) {
    if (isFault(error, 'not-found')) return undefined
    throw error
  }
}

const curable = new Set<string>(['denied', 'not-found', 'precondition', 'unavailable'])

/** Stops at the end of the first complete block. */
async function readLog(
  { http, keys }: LogContext,
  address: URL,
  what: string,
  signal: AbortSignal | undefined,
): Promise<{ readonly found: RunMetadata | undefined } | { readonly trouble: Fault }> {
  const reader = readBlocks(keys)
  let size = 0
  try {
    const { body } = await http.request({ url: address.href, signal })
    for await (const piece of body) {
      size += piece.byteLength
      if (size > longestLog) throw new Fault('corrupt', `${what} is larger than its limit of ${longestLog} bytes`)
      const found = reader.take(piece)
      if (found !== undefined) return { found }
    }
  } catch (error) {
    throwIfAborted(signal)
    if (isFault(error) && curable.has(error.code)) return { trouble: error }
    throw error
  }
  return { found: reader.end() }
}
