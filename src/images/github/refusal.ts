import { retryAfterOf } from '../../kit/http/index.ts'
import { Fault, type FaultDetails, isFault } from '../../kit/index.ts'

/** What a request was for. */
export interface Purpose {
  /** For people: `the runs of owner/name`. */
  readonly what: string
  readonly at: string
  readonly needs: 'actions:read' | 'actions:write'
  readonly hasToken: boolean
  readonly now: number
}

/** An error of Octokit's as a Fault that says which right is missing, or how long GitHub wants us to wait. */
export function githubFault(error: unknown, purpose: Purpose): Fault {
  if (error instanceof Error && isFault(error.cause)) return error.cause
  if (isFault(error)) return error
  const refusal = refusalIn(error)
  // Octokit makes its message of an answer that it does not know by encoding it, which integers beyond 2^53 do not survive.
  if (error instanceof TypeError && /serialize a BigInt/.test(error.message))
    return new Fault('corrupt', `${purpose.what}: GitHub refused it with an answer that cannot be read`, { at: purpose.at, cause: error })
  if (refusal === undefined)
    return new Fault('bug', `asking for ${purpose.what} failed: ${String(error)}`, { at: purpose.at, cause: error })
  const { status, headers } = refusal
  const words = refusal.words === '' ? '' : ` (${refusal.words})`
  const fail = (code: Fault['code'], text: string, details: FaultDetails = {}) =>
    new Fault(code, `${text}${words}`, { at: purpose.at, ...details })
  if (isLimit(refusal)) return limitFault(refusal, purpose, fail)
  if (status === 401 || status === 403) return deniedFault(refusal, purpose, fail)
  if (status === 404) {
    return fail(
      'not-found',
      `${purpose.what}: GitHub has none, or does not show it ${purpose.hasToken ? 'to this token' : 'to who has no token'}`,
      {
        hint: purpose.hasToken
          ? `check the names; of a private repository the token needs ${purpose.needs} (a classic one: the scope repo)`
          : 'check the names; for a private repository set GH_TOKEN, or sign in with `gh auth login`',
      },
    )
  }
  if (status === 410) return fail('not-found', `${purpose.what}: GitHub has deleted it`)
  if (status === 451) return fail('denied', `${purpose.what}: GitHub withholds it for legal reasons`)
  if (status < 400) return fail('corrupt', `${purpose.what}: GitHub answered with ${status}, which nobody asked for`)
  const retryAfter = retryAfterOf(headers['retry-after'], purpose.now)
  if (status >= 500) return fail('unavailable', `${purpose.what}: GitHub failed with ${status}`, { retryAfter })
  return fail('invalid', `${purpose.what}: GitHub does not accept the request (${status})`)
}

interface Refusal {
  readonly status: number
  readonly headers: Readonly<Record<string, string | undefined>>
  /** GitHub's own, as one line. */
  readonly words: string
}

/** The status that an error of Octokit's was made of. */
export function refusalIn(error: unknown): Refusal | undefined {
  if (!(error instanceof Error) || error.name !== 'HttpError' || !('status' in error) || typeof error.status !== 'number') return undefined
  const response = 'response' in error && error.response !== null && typeof error.response === 'object' ? error.response : {}
  const headers = 'headers' in response && response.headers !== null && typeof response.headers === 'object' ? response.headers : {}
  const words = error.message
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .replace(/ - https:\S+$/, '')
    .trim()
  return { status: error.status, headers: { ...headers } as Refusal['headers'], words: words.slice(0, 300) }
}

type Fail = (code: Fault['code'], text: string, details?: FaultDetails) => Fault

/** GitHub's limits are told with 403 or 429 ("Rate limits for the REST API"). */
function isLimit({ status, headers, words }: Refusal): boolean {
  return (
    status === 429 ||
    (status === 403 &&
      (headers['x-ratelimit-remaining'] === '0' || headers['retry-after'] !== undefined || /\bsecondary rate\b/i.test(words)))
  )
}

function limitFault({ headers }: Refusal, { what, hasToken, now }: Purpose, fail: Fail): Fault {
  const reset = headers['x-ratelimit-remaining'] === '0' ? Number(headers['x-ratelimit-reset']) * 1000 : Number.NaN
  const retryAfter = retryAfterOf(headers['retry-after'], now) ?? (Number.isFinite(reset) ? Math.max(0, reset - now) : undefined)
  const until = retryAfter === undefined ? '' : `, until ${new Date(now + Math.min(retryAfter, 1e12)).toISOString().slice(0, 19)}Z`
  return fail('unavailable', `${what}: GitHub takes no more requests for now${until}`, {
    retryAfter,
    hint: hasToken
      ? 'run it again then'
      : 'run it again then, or set GH_TOKEN: with a token there are 5,000 requests an hour in place of 60',
  })
}

function deniedFault({ status, headers }: Refusal, { what, needs, hasToken }: Purpose, fail: Fail): Fault {
  if (!hasToken) {
    return fail('denied', `${what}: GitHub wants a token`, {
      hint: `set GH_TOKEN to one that has ${needs}, or sign in with \`gh auth login\`; without one only lists of public repositories can be read`,
    })
  }
  if (status === 401) {
    return fail('denied', `${what}: GitHub does not know the token`, {
      hint: 'it may have expired or been revoked: make another, or sign in with `gh auth login`',
    })
  }
  const sso = /url=(https:[^\s;]+)/.exec(headers['x-github-sso'] ?? '')?.[1]
  if (sso !== undefined)
    return fail('denied', `${what}: the organisation wants the token to be authorised`, { hint: `authorise it at ${sso}` })
  const missing = missingRight(headers) ?? needs
  return fail('denied', `${what}: the token lacks ${missing}`, { hint: `give it ${missing}, or use another` })
}

/** `X-Accepted-GitHub-Permissions: actions=write` of fine-grained tokens and apps; the scopes of classic ones. */
function missingRight(headers: Refusal['headers']): string | undefined {
  const permissions = headers['x-accepted-github-permissions']
  if (permissions !== undefined && permissions !== '') {
    return permissions
      .split(';')
      .map((all) => all.trim().replaceAll('=', ':').replaceAll(/,\s*/g, ' and '))
      .join(', or ')
  }
  const accepted = scopesIn(headers['x-accepted-oauth-scopes'])
  const has = scopesIn(headers['x-oauth-scopes'])
  const lacking = accepted.filter((scope) => !has.includes(scope))
  return lacking.length === 0 ? undefined : `the scope ${lacking.join(' or ')}`
}

function scopesIn(header: string | undefined): string[] {
  return (header ?? '')
    .split(',')
    .map((scope) => scope.trim())
    .filter((scope) => scope !== '')
}
