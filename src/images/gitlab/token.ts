/** A token and the header that GitLab reads it from. */
export interface GitLabToken {
  readonly value: string
  readonly header: 'private-token' | 'job-token' | 'deploy-token'
  /** Where it was found, for people. */
  readonly from: string
}

export interface TokenSources {
  /** What the command line or standard input gave. */
  readonly given?: string | undefined
  readonly env: Readonly<Record<string, string | undefined>>
  /** The server that it is for: the token of a CI job is for the server that runs the job alone. */
  readonly host: string
}

/** What was given, GITLAB_TOKEN, or the token of the CI job that this is; undefined where there is none. */
export function findGitLabToken({ given, env, host }: TokenSources): GitLabToken | undefined {
  if (given !== undefined && given !== '') return tokenOf(given, 'the command line')
  if (env['GITLAB_TOKEN']) return tokenOf(env['GITLAB_TOKEN'], 'GITLAB_TOKEN')
  const server = env['CI_SERVER_URL'] ?? env['CI_SERVER_HOST']
  if (!env['CI_JOB_TOKEN'] || server === undefined || withoutScheme(server) !== withoutScheme(host)) return undefined
  return { value: env['CI_JOB_TOKEN'].trim(), header: 'job-token', from: 'CI_JOB_TOKEN' }
}

/** Kinds of tokens are told by their beginning: gitlab.com, "Token prefixes". Older ones have none and are personal ones. */
function tokenOf(text: string, from: string): GitLabToken {
  const value = text.trim()
  const header = value.startsWith('glcbt-') ? 'job-token' : value.startsWith('gldt-') ? 'deploy-token' : 'private-token'
  return { value, header, from }
}

function withoutScheme(host: string): string {
  return host
    .replace(/^https?:\/\//, '')
    .replace(/\/+$/, '')
    .toLowerCase()
}
