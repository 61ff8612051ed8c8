import path from 'node:path'
import { Option } from 'commander'
import { Fault, keepSecret } from '../../kit/index.ts'
import { type Call, parsedOption } from '../command.ts'

/** Which runs of which workflow, and who asks. */
export interface GithubFlags {
  readonly repo?: string
  readonly workflow?: string
  readonly branch?: string
  readonly limit?: number
  readonly ghToken?: string
  readonly ghTokenStdin?: boolean
}

/** Which registry project of which GitLab, and who asks. */
export interface GitlabFlags {
  readonly gitlabHost?: string
  readonly gitlabProject?: string
  readonly gitlabToken?: string
  readonly gitlabTokenStdin?: boolean
  readonly tlsCa?: string
}

/** Where below which registry the images are, and who logs in there. */
export interface RegistryFlags {
  readonly registry?: string
  readonly registryProject?: string
  readonly registryUsername?: string
  readonly registryPassword?: string
  readonly passwordStdin?: boolean
  readonly plainHttp?: boolean
}

/** Where the steps keep what is on its way. */
export interface DownloadsFlags {
  readonly downloadsDir?: string
}

export const tagArgument = ['<tag>', 'the image tag of the run, as gh-list and xref print it'] as const

/** Those of every command that looks at runs. */
export function githubOptions(): Option[] {
  return [
    ...repoOptions(),
    new Option('--branch <name>', 'only runs of this branch'),
    parsedOption('--limit <count>', 'look at so many runs, the newest first (default: `limit` of [images], 20)', parseLimit),
    ...githubTokenOptions(),
  ]
}

export function repoOptions(): Option[] {
  return [
    new Option('--repo <owner/name>', 'the repository of the workflow (default: `repo` of [images])'),
    new Option('--workflow <file>', 'the workflow that builds the images (default: `workflow` of [images])'),
  ]
}

export function githubTokenOptions(): Option[] {
  return tokenOptions('gh-token', 'GH_TOKEN, GITHUB_TOKEN or `gh auth login`')
}

/** The same on commands that ask nobody: old command lines have them. */
export function unusedGithubOptions(): Option[] {
  return githubOptions().map((option) => option.hideHelp())
}

export function downloadsOption(): Option {
  return new Option('--downloads-dir <folder>', 'where <tag>/ lies (default: `downloads_dir` of [images], downloads)')
}

/** An absolute path; undefined where the configuration says it. */
export function downloadsDirOf({ options, host }: Call<DownloadsFlags>): string | undefined {
  return options.downloadsDir === undefined ? undefined : path.resolve(host.cwd, options.downloadsDir)
}

/** Those of every command that looks at the container registry of GitLab. */
export function gitlabOptions(): Option[] {
  return [
    new Option('--gitlab-host <host>', 'the GitLab server (default: `gitlab_host` of [images])'),
    new Option('--gitlab-project <path>', 'the project whose registry it is (default: `gitlab_project` of [images])'),
    ...tokenOptions('gitlab-token', 'GITLAB_TOKEN'),
    new Option('--tls-ca <file>', 'certificates in PEM to trust at GitLab and the registry, beside those of the system'),
  ]
}

/** Those of every command that asks the configured registry itself. */
export function registryOptions(): Option[] {
  return [
    new Option('--registry <host>', 'the registry (default: `registry` of [images])'),
    new Option('--registry-project <path>', 'repositories lie below it (default: `registry_project` of [images], or the GitLab project)'),
    new Option('--registry-username <user>', 'who logs in (also: GITLAB_REGISTRY_USERNAME, CI_REGISTRY_USER)'),
    secretOption('--registry-password <password>', 'for old scripts: better in GITLAB_REGISTRY_PASSWORD, or by --password-stdin'),
    new Option('--password-stdin', 'read the password, or a token, from standard input'),
    new Option('--plain-http', 'speak HTTP without TLS to a registry that is not on this machine (also: `insecure` of [images])'),
  ]
}

export function retagAsLatestOption(): Option {
  return new Option('--retag-as-latest', 'move `latest` of each repository along')
}

export function skipLoginOption(): Option {
  return new Option('--skip-login', 'use only what `docker login` left behind: no variable and no token')
}

export function scratchOption(): Option {
  return new Option('--scratch <folder>', 'keep layers there, up to 4 GiB, whose archive does not say what they are, to send only new ones')
}

/** `--NAME` for the sake of scripts that have it, and `--NAME-stdin`. */
function tokenOptions(name: string, better: string): Option[] {
  return [
    secretOption(`--${name} <token>`, `for old scripts: better in ${better}, or by --${name}-stdin`),
    new Option(`--${name}-stdin`, 'read the token from standard input').conflicts(
      name.replaceAll(/-(\w)/g, (_, letter: string) => letter.toUpperCase()),
    ),
  ]
}

/** From here on it is hidden in everything that is said. */
function secretOption(flags: string, description: string): Option {
  return new Option(flags, description).argParser((text: string) => {
    keepSecret(text)
    return text
  })
}

const mostRuns = 1000

function parseLimit(text: string): number {
  const limit = Number(text)
  if (/^\d+$/.test(text) && limit > 0 && limit <= mostRuns) return limit
  throw new Fault('invalid', `not a number of runs: ${JSON.stringify(text)}`, { hint: `write a number from 1 to ${mostRuns}` })
}
