import type { ArtifactScene, JobScene, RunScene } from './scene.ts'
import { jobsOf } from './scene.ts'

/** A run as the stand-in has it. */
export interface RunState {
  readonly id: number
  readonly number: number
  scene: RunScene
  /** Steps that are yet to come. */
  later: NonNullable<RunScene['later']>
}

/** Where everything is, as answers write it. */
export interface Place {
  readonly api: string
  readonly web: string
  readonly repo: string
  /** The workflow's file. */
  readonly workflow: string
  readonly workflowId: number
}

export function runAnswer(place: Place, { id, number, scene }: RunState): object {
  const url = `${place.api}/repos/${place.repo}/actions/runs/${id}`
  const at = isoTime(scene.createdAt ?? 0)
  const sha = scene.commit ?? commitOf(id)
  const status = scene.status ?? 'completed'
  const person = { name: 'Ann', email: 'ann@example.com' }
  return {
    id,
    name: 'Build images',
    node_id: `WFR_${id}`,
    head_branch: scene.branch ?? 'main',
    head_sha: sha,
    path: place.workflow,
    run_number: number,
    run_attempt: scene.attempt ?? 1,
    display_title: scene.title ?? `Build images ${number}`,
    event: scene.event ?? 'workflow_dispatch',
    status,
    conclusion: status === 'completed' ? (scene.conclusion ?? 'success') : null,
    workflow_id: place.workflowId,
    check_suite_id: id + 1,
    url,
    html_url: `${place.web}/${place.repo}/actions/runs/${id}`,
    pull_requests: [],
    created_at: at,
    updated_at: at,
    run_started_at: at,
    actor: owner(place, scene.actor ?? 'ann'),
    triggering_actor: owner(place, scene.actor ?? 'ann'),
    jobs_url: `${url}/jobs`,
    logs_url: `${url}/logs`,
    check_suite_url: `${place.api}/repos/${place.repo}/check-suites/${id + 1}`,
    artifacts_url: `${url}/artifacts`,
    cancel_url: `${url}/cancel`,
    rerun_url: `${url}/rerun`,
    workflow_url: `${place.api}/repos/${place.repo}/actions/workflows/${place.workflowId}`,
    head_commit: { id: sha, tree_id: sha, message: 'Build', timestamp: at, author: person, committer: person },
    repository: repositoryAnswer(place),
    head_repository: repositoryAnswer(place),
  }
}

export function jobAnswers(place: Place, run: RunState): { readonly id: number; readonly scene: JobScene; readonly answer: object }[] {
  return jobsOf(run.scene).map((scene, index) => {
    const id = scene.id ?? run.id * 100 + (run.scene.attempt ?? 1) * 10 + index
    return { id, scene, answer: jobAnswer(place, run, id, scene) }
  })
}

function jobAnswer(place: Place, run: RunState, id: number, job: JobScene): object {
  const at = isoTime(run.scene.createdAt ?? 0)
  const status = job.status ?? 'completed'
  const outcome = status === 'completed' ? (job.conclusion ?? 'success') : null
  const steps = job.steps ?? [{ name: 'Build', status: status === 'completed' ? ('completed' as const) : status }]
  return {
    id,
    run_id: run.id,
    workflow_name: 'Build images',
    head_branch: run.scene.branch ?? 'main',
    run_url: `${place.api}/repos/${place.repo}/actions/runs/${run.id}`,
    run_attempt: run.scene.attempt ?? 1,
    node_id: `CR_${id}`,
    head_sha: run.scene.commit ?? commitOf(run.id),
    url: `${place.api}/repos/${place.repo}/actions/jobs/${id}`,
    html_url: `${place.web}/${place.repo}/actions/runs/${run.id}/job/${id}`,
    status,
    conclusion: outcome,
    created_at: at,
    started_at: at,
    completed_at: status === 'completed' ? at : null,
    name: job.name,
    steps: steps.map((step, index) => {
      const its = step.status ?? 'completed'
      return { name: step.name, status: its, conclusion: its === 'completed' ? (step.conclusion ?? 'success') : null, number: index + 1 }
    }),
    check_run_url: `${place.api}/repos/${place.repo}/check-runs/${id}`,
    labels: ['linux-amd64-cpu16'],
    runner_id: 1,
    runner_name: 'runner-1',
    runner_group_id: 1,
    runner_group_name: 'Default',
  }
}

export function artifactAnswer(place: Place, run: RunState, id: number, artifact: ArtifactScene, size: number): object {
  const url = `${place.api}/repos/${place.repo}/actions/artifacts/${id}`
  const at = run.scene.createdAt ?? 0
  return {
    id,
    node_id: `A_${id}`,
    name: artifact.name ?? `presto-images-${run.id}`,
    size_in_bytes: size,
    url,
    archive_download_url: `${url}/zip`,
    expired: artifact.isExpired ?? false,
    digest: artifact.digest ?? null,
    created_at: isoTime(at),
    updated_at: isoTime(at),
    expires_at: isoTime(at + 90 * 86_400_000),
    workflow_run: {
      id: run.id,
      repository_id: 1,
      head_repository_id: 1,
      head_branch: run.scene.branch ?? 'main',
      head_sha: commitOf(run.id),
    },
  }
}

export function workflowAnswer(place: Place): object {
  const url = `${place.api}/repos/${place.repo}/actions/workflows/${place.workflowId}`
  return {
    id: place.workflowId,
    node_id: `W_${place.workflowId}`,
    name: 'Build images',
    path: place.workflow,
    state: 'active',
    created_at: isoTime(0),
    updated_at: isoTime(0),
    url,
    html_url: `${place.web}/${place.repo}/blob/main/${place.workflow}`,
    badge_url: `${place.web}/${place.repo}/workflows/Build%20images/badge.svg`,
  }
}

/** A commit for each run, the same every time. */
function commitOf(id: number): string {
  return id.toString(16).padStart(40, 'c')
}

function isoTime(ms: number): string {
  return new Date(ms).toISOString().replace('.000Z', 'Z')
}

function owner(place: Place, login: string): object {
  const url = `${place.api}/users/${login}`
  const below = ['events', 'followers', 'following', 'gists', 'organizations', 'received_events', 'repos', 'starred', 'subscriptions']
  return {
    login,
    id: 7,
    node_id: 'U_7',
    avatar_url: `${place.web}/avatars/7`,
    gravatar_id: '',
    url,
    html_url: `${place.web}/${login}`,
    type: 'User',
    site_admin: false,
    ...Object.fromEntries(below.map((name) => [`${name}_url`, `${url}/${name}`])),
  }
}

const repositoryLinks =
  'archive assignees blobs branches collaborators comments commits compare contents contributors deployments downloads events forks git_commits git_refs git_tags hooks issue_comment issue_events issues keys labels languages merges milestones notifications pulls releases stargazers statuses subscribers subscription tags teams trees'

function repositoryAnswer(place: Place): object {
  const url = `${place.api}/repos/${place.repo}`
  const [login = '', name = ''] = place.repo.split('/')
  return {
    id: 1,
    node_id: 'R_1',
    name,
    full_name: place.repo,
    owner: owner(place, login),
    private: false,
    html_url: `${place.web}/${place.repo}`,
    description: null,
    fork: false,
    url,
    ...Object.fromEntries(repositoryLinks.split(' ').map((link) => [`${link}_url`, `${url}/${link}`])),
  }
}
