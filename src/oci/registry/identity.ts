import { Fault } from '../../kit/index.ts'
import type { RegistryCredential } from '../credentials/credential.ts'
import type { Scope } from './tokens.ts'

/** Who asks a registry, looked for when it first wants to know. */
export interface Identity {
  find(signal?: AbortSignal): Promise<RegistryCredential | undefined>
  /** It was not taken, and may be replaced meanwhile: the next to ask looks for it anew. */
  forget(): void
  /** The same refusal, with what was known of who asks, and what they would have to be allowed. */
  explained(fault: Fault, scopes: readonly Scope[]): Fault
}

export interface IdentityOptions {
  readonly host: string
  readonly credentials: (host: string, signal?: AbortSignal) => Promise<RegistryCredential | undefined>
}

export function createIdentity({ host, credentials }: IdentityOptions): Identity {
  let looking: Promise<RegistryCredential | undefined> | undefined
  let known: RegistryCredential | undefined
  return {
    async find(signal) {
      looking ??= credentials(host, signal)
      try {
        return (known = await looking)
      } catch (error) {
        looking = undefined
        throw error
      }
    },
    forget() {
      looking = undefined
    },
    explained: (fault, scopes) =>
      new Fault(fault.code, fault.message, {
        at: fault.at,
        hint:
          known === undefined
            ? `no credentials for ${host} were found: log in with \`docker login ${host}\`, or set GITLAB_TOKEN or CI_REGISTRY_PASSWORD for it`
            : `the credentials from ${known.from} were not taken: check that they are right and not expired${allowing(scopes)}`,
        cause: fault.cause,
      }),
  }
}

/** GitLab has a scope for each, and answers as if it did not know a token that lacks it. */
const rights: Readonly<Record<Scope['actions'], string>> = {
  pull: 'pull (at GitLab: read_registry)',
  'pull,push': 'push (at GitLab: read_registry and write_registry)',
  'pull,delete': 'delete',
}

/** Of what is asked for at once, the first is what is to be done, and others are where it may come from. */
function allowing([scope]: readonly Scope[]): string {
  return scope === undefined ? '' : `, and that they allow to ${rights[scope.actions]} in ${scope.repository}`
}
