import path from 'node:path'
import { keepSecret } from '../../kit/index.ts'
import type { RegistryCredential } from './credential.ts'
import { credentialOf, readDockerConfig } from './docker-config.ts'
import { askHelper } from './credential-helper.ts'

interface GivenLogin {
  readonly host: string
  readonly user?: string | undefined
  readonly password: string
  /** The command line, unless told. */
  readonly from?: string | undefined
}

export interface CredentialSources {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly home: string
  /** The registry of one's GitLab: `GITLAB_REGISTRY_USERNAME`, `GITLAB_REGISTRY_PASSWORD` and `GITLAB_TOKEN` are for it alone. */
  readonly gitlabRegistry?: string | undefined
  /** What the user gave for one registry: it goes before all else. */
  readonly given?: GivenLogin | undefined
}

/**
 * Finds what is known for a registry, and nothing of another: what was given, GitLab's and its CI's variables, then Docker's config.json with its
 * credential helpers. Undefined where there is none; trouble with a source that names the registry is a Fault, and no other source is tried.
 */
export function findCredentials(
  sources: CredentialSources,
): (host: string, signal?: AbortSignal) => Promise<RegistryCredential | undefined> {
  return async (host, signal) => {
    const found = fromUser(sources, host) ?? fromGitlab(sources, host) ?? fromCi(sources, host) ?? (await fromDocker(sources, host, signal))
    keepSecret(found?.kind === 'password' ? found.password : found?.token)
    return found
  }
}

/** GitLab takes any user with an access token, but not none. */
const tokenUser = 'oauth2'

function fromUser({ given, env }: CredentialSources, host: string): RegistryCredential | undefined {
  if (given === undefined || given.host !== host) return undefined
  const user = given.user ?? env['GITLAB_REGISTRY_USERNAME'] ?? env['CI_REGISTRY_USER'] ?? tokenUser
  return { kind: 'password', user, password: given.password, from: given.from ?? 'the command line' }
}

function fromGitlab({ env, gitlabRegistry }: CredentialSources, host: string): RegistryCredential | undefined {
  if (gitlabRegistry !== host) return undefined
  const user = filled(env['GITLAB_REGISTRY_USERNAME']) ?? tokenUser
  const password = filled(env['GITLAB_REGISTRY_PASSWORD'])
  if (password !== undefined) return { kind: 'password', user, password, from: 'GITLAB_REGISTRY_PASSWORD' }
  const token = filled(env['GITLAB_TOKEN'])
  return token === undefined ? undefined : { kind: 'password', user, password: token, from: 'GITLAB_TOKEN' }
}

/** GitLab's CI says which registry its password is of. */
function fromCi({ env }: CredentialSources, host: string): RegistryCredential | undefined {
  const password = filled(env['CI_REGISTRY_PASSWORD'])
  if (password === undefined || env['CI_REGISTRY'] !== host) return undefined
  return { kind: 'password', user: filled(env['CI_REGISTRY_USER']) ?? 'gitlab-ci-token', password, from: 'CI_REGISTRY_PASSWORD' }
}

async function fromDocker(
  { env, home }: CredentialSources,
  host: string,
  signal: AbortSignal | undefined,
): Promise<RegistryCredential | undefined> {
  const file = path.join(filled(env['DOCKER_CONFIG']) ?? path.join(home, '.docker'), 'config.json')
  const config = await readDockerConfig(file)
  if (config === undefined) return undefined
  const found = credentialOf(config, host, file)
  return found !== undefined && 'helper' in found ? await askHelper(found.helper, found.server, env, signal) : found
}

function filled(value: string | undefined): string | undefined {
  return value === '' ? undefined : value
}
