import * as v from 'valibot'
import { type Digest, isDigest, type Shape } from '../../kit/index.ts'

/** One run of the workflow, in its latest attempt. */
export interface WorkflowRun {
  readonly id: number
  readonly number: number
  readonly attempt: number
  readonly branch: string
  /** Forty hexadecimal digits. */
  readonly commit: string
  /** `completed`, `in_progress`, `queued`, `waiting` and so on. */
  readonly status: string
  /** Of a completed run: `success`, `failure`, `cancelled` and so on. */
  readonly conclusion: string | undefined
  readonly title: string
  readonly actor: string | undefined
  /** Milliseconds since 1970. */
  readonly createdAt: number
  /** For people. */
  readonly url: string
}

export interface Job {
  readonly id: number
  readonly name: string
  readonly status: string
  readonly conclusion: string | undefined
  readonly steps: readonly { readonly name: string; readonly status: string }[]
}

/** What a run left behind: a zip. */
export interface Artifact {
  readonly id: number
  readonly run: number
  readonly name: string
  /** Bytes, as GitHub says; of old artifacts those of the content. `openArtifact` knows the zip's own. */
  readonly size: number
  /** Of the zip; older artifacts have none. */
  readonly digest: Digest | undefined
  readonly isExpired: boolean
  /** Milliseconds since 1970. */
  readonly expiresAt: number | undefined
}

/** Numbers that a JSON reader gives as they are. */
const id = v.pipe(v.number(), v.safeInteger(), v.minValue(1))
const time = v.pipe(
  v.string(),
  v.check((text) => !Number.isNaN(Date.parse(text)), 'expected a time'),
  v.transform((text) => Date.parse(text)),
)
const word = v.pipe(v.string(), v.maxLength(100))
const line = v.pipe(v.string(), v.maxLength(10_000))

const run = v.pipe(
  v.object({
    id,
    run_number: v.pipe(v.number(), v.safeInteger()),
    run_attempt: v.optional(id, 1),
    head_branch: v.nullish(line),
    head_sha: v.pipe(v.string(), v.regex(/^[0-9a-f]{40,64}$/, 'expected a commit')),
    status: v.nullish(word),
    conclusion: v.nullish(word),
    display_title: v.optional(line, ''),
    actor: v.nullish(v.object({ login: word })),
    created_at: time,
    html_url: line,
  }),
  v.transform((one): WorkflowRun => ({
    id: one.id,
    number: one.run_number,
    attempt: one.run_attempt,
    branch: one.head_branch ?? '',
    commit: one.head_sha,
    status: one.status ?? 'unknown',
    conclusion: one.conclusion ?? undefined,
    title: one.display_title,
    actor: one.actor?.login,
    createdAt: one.created_at,
    url: one.html_url,
  })),
)

const job = v.pipe(
  v.object({
    id,
    name: line,
    status: word,
    conclusion: v.nullish(word),
    steps: v.nullish(v.array(v.object({ name: line, status: word }))),
  }),
  v.transform((one): Job => ({
    id: one.id,
    name: one.name,
    status: one.status,
    conclusion: one.conclusion ?? undefined,
    steps: one.steps ?? [],
  })),
)

const artifact = v.object({
  id,
  name: line,
  size_in_bytes: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  digest: v.nullish(v.custom<Digest>(isDigest, 'expected sha256:<64 hexadecimal digits>')),
  expired: v.boolean(),
  expires_at: v.nullish(time),
})

const most = 100
export const runShape = run as unknown as Shape<WorkflowRun>
export const runsShape = v.object({ workflow_runs: v.pipe(v.array(run), v.maxLength(most)) }) as unknown as Shape<{
  readonly workflow_runs: readonly WorkflowRun[]
}>
export const jobsShape = v.object({ total_count: v.number(), jobs: v.pipe(v.array(job), v.maxLength(most)) }) as unknown as Shape<{
  readonly total_count: number
  readonly jobs: readonly Job[]
}>
export const artifactsShape = v.object({
  total_count: v.number(),
  artifacts: v.pipe(v.array(artifact), v.maxLength(most)),
}) as unknown as Shape<{ readonly total_count: number; readonly artifacts: readonly v.InferOutput<typeof artifact>[] }>
export const dispatchedShape = v.object({ workflow_run_id: id }) as unknown as Shape<{ readonly workflow_run_id: number }>

export function artifactFrom(one: v.InferOutput<typeof artifact>, runId: number): Artifact {
  return {
    id: one.id,
    run: runId,
    name: one.name,
    size: one.size_in_bytes,
    digest: one.digest ?? undefined,
    isExpired: one.expired,
    expiresAt: one.expires_at ?? undefined,
  }
}
