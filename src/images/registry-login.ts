import type { CredentialSources } from '../oci/index.ts'
import type { ImagesSettings } from './settings.ts'

/** What the user gave beside configuration and environment, and which of both may be used. */
export interface ImagesAccess {
  readonly githubToken?: string | undefined
  readonly gitlabToken?: string | undefined
  /** For the configured registry. */
  readonly registryPassword?: string | undefined
  /** Only what a login of Docker left behind. */
  readonly isDockerLogin?: boolean | undefined
  /** Trusted at GitLab and the registry beside those of the system: in PEM. */
  readonly certificates?: string | undefined
}

/** GitLab takes any user with an access token, but not none. */
const tokenUser = 'oauth2'

type Env = Readonly<Record<string, string | undefined>>

/**
 * Who logs in at the configured registry: what was given, GITLAB_REGISTRY_PASSWORD, CI_REGISTRY_PASSWORD unless it is of another registry, and
 * GitLab's token, in this order; where there is none of them, or for any other registry, what Docker knows.
 */
export function registrySources(
  { registry, registryUsername }: Pick<ImagesSettings, 'registry' | 'registryUsername'>,
  access: ImagesAccess,
  { env, home }: { readonly env: Env; readonly home: string },
): CredentialSources {
  if (access.isDockerLogin === true) return { env: withoutCi(env), home }
  if (registry === undefined) return { env, home }
  const isOwnCi = filled(env['CI_REGISTRY']) === undefined || env['CI_REGISTRY'] === registry
  const candidates = [
    { password: access.registryPassword, from: 'the command line' },
    { password: env['GITLAB_REGISTRY_PASSWORD'], from: 'GITLAB_REGISTRY_PASSWORD' },
    { password: isOwnCi ? env['CI_REGISTRY_PASSWORD'] : undefined, from: 'CI_REGISTRY_PASSWORD', user: 'gitlab-ci-token' },
    { password: access.gitlabToken, from: 'the command line' },
    { password: env['GITLAB_TOKEN'], from: 'GITLAB_TOKEN' },
  ]
  for (const { password, from, user } of candidates) {
    if (password === undefined || password === '') continue
    const known = registryUsername ?? filled(env['GITLAB_REGISTRY_USERNAME']) ?? (isOwnCi ? filled(env['CI_REGISTRY_USER']) : undefined)
    return { env, home, given: { host: registry, user: known ?? user ?? tokenUser, password, from } }
  }
  return { env, home }
}

function withoutCi(env: Env): Env {
  return Object.fromEntries(Object.entries(env).filter(([name]) => !name.startsWith('CI_REGISTRY')))
}

function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
