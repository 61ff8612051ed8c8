import { Fault } from '../../kit/index.ts'
import type { GitLabToken } from './token.ts'

export interface GitLabRefusal {
  readonly host: string
  readonly project: string
  /** 401, 403 or 404. */
  readonly status: number
  readonly body: Uint8Array
  readonly token: GitLabToken | undefined
  readonly url: string
}

const scopes = 'read_api, and read_registry to read images'

/** Why GitLab gives nothing, with what to do about it: a scope that is missing is named. */
export function gitlabRefusal({ host, project, status, body, token, url }: GitLabRefusal): Fault {
  const said = readWords(body)
  const who = token === undefined ? 'without a token' : `with the token of ${token.from}`
  if (status === 404) {
    return new Fault('not-found', `${host} has no project ${project}, or does not show it ${who}`, {
      at: url,
      hint:
        token === undefined
          ? `check gitlab_project; a private one needs GITLAB_TOKEN, with the scope ${scopes}`
          : 'check gitlab_project, and that whom the token belongs to is a member with the role Reporter or more',
    })
  }
  if (said.error === 'insufficient_scope') {
    const wanted = said.scope?.split(/[\s,]+/).filter((scope) => /^[a-z_]{2,40}$/.test(scope)) ?? []
    const lacking = wanted.includes('read_api') || wanted.length === 0 ? 'read_api' : wanted.join(' or ')
    return new Fault(
      'denied',
      `the token of ${token?.from ?? 'nobody'} may not read ${project} at ${host}: it lacks the scope ${lacking}`,
      {
        at: url,
        hint: `make a token with the scope ${scopes}; pushing needs write_registry too`,
      },
    )
  }
  const why = said.words === undefined ? '' : ` (${said.words})`
  if (status === 401) {
    return new Fault('denied', `${host} refuses who asks ${who}${why}`, { at: url, hint: hint401(token) })
  }
  return new Fault('denied', `${host} does not show the container registry of ${project} ${who}${why}`, {
    at: url,
    hint: 'the role Reporter or more is needed in the project, and its container registry must be switched on',
  })
}

function hint401(token: GitLabToken | undefined): string {
  if (token === undefined) return `set GITLAB_TOKEN to a token with the scope ${scopes}`
  if (token.header === 'deploy-token')
    return `deploy tokens log in at the registry and do not read the API: use one with the scope ${scopes}`
  return `the token is wrong, expired or revoked: make one with the scope ${scopes}`
}

interface Words {
  readonly error?: string | undefined
  readonly scope?: string | undefined
  readonly words?: string | undefined
}

/** `{"message":"401 Unauthorized"}` or RFC 6750's `{"error":…,"error_description":…,"scope":…}`; anything else says nothing. */
function readWords(body: Uint8Array): Words {
  try {
    const parsed = JSON.parse(Buffer.from(body.subarray(0, 4096)).toString('utf8')) as Record<string, unknown> | null
    const text = (name: string) => {
      const value = parsed?.[name]
      return typeof value === 'string' ? value.replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 200) : undefined
    }
    return { error: text('error'), scope: text('scope'), words: text('error_description') ?? text('message') ?? text('error') }
  } catch {
    return {}
  }
}
