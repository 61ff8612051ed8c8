import { type Clock, Fault, isFault, type Report, throwIfAborted } from '../../kit/index.ts'
import type { Api } from './api.ts'
import { readRun } from './dispatch.ts'
import { jobsOfRun } from './run-log.ts'
import type { Job, WorkflowRun } from './shapes.ts'

/** Milliseconds between two looks: a build takes an hour or more. */
const lookEvery = 15_000
/** Looks that fail, one after another: the run goes on without us. */
const mostFailures = 30
/** Milliseconds: GitHub itself ends a run after 35 days (its "Usage limits"). */
const longestRun = 36 * 86_400_000

/** Waits until the run has ended, and tells what its jobs do. Short trouble of GitHub does not end it. */
export async function followRun(
  context: { readonly api: Api; readonly repo: string; readonly clock: Clock; readonly report: Report },
  run: WorkflowRun,
  signal: AbortSignal | undefined,
): Promise<WorkflowRun> {
  const { clock, report } = context
  const told = new Map<string, string>()
  const start = clock.now()
  let now = run
  for (let failures = 0; ;) {
    try {
      now = await readRun(context, run.id, signal)
      if (now.status !== run.status || now.status !== 'queued') tell(await jobsOfRun(context, now, signal))
      if (now.status === 'completed') return now
      failures = 0
    } catch (error) {
      throwIfAborted(signal)
      // Jobs may be absent while they begin.
      if (!(isFault(error, 'unavailable') || isFault(error, 'not-found')) || ++failures === mostFailures) throw error
      report({ kind: 'note', level: 'warning', text: `${error.message}; the run goes on, looking again` })
    }
    if (clock.now() - start > longestRun) {
      throw new Fault('unavailable', `run #${run.number} has not ended within ${longestRun / 86_400_000} days`, {
        at: run.url,
        hint: 'look at it on GitHub: a run ends after 35 days there',
      })
    }
    await clock.sleep(lookEvery, signal)
  }

  function tell(jobs: readonly Job[]): void {
    for (const job of jobs) {
      const text = stateOf(job)
      if (told.get(job.name) === text) continue
      told.set(job.name, text)
      report({ kind: 'note', level: 'info', text: `${job.name}: ${text}` })
    }
  }
}

function stateOf({ status, conclusion, steps }: Job): string {
  if (status === 'completed') return conclusion ?? 'completed'
  const at = steps.findIndex((step) => step.status === 'in_progress')
  const words = status.replaceAll('_', ' ')
  return at === -1 ? words : `${words}, step ${at + 1} of ${steps.length}: ${steps[at]!.name}`
}
