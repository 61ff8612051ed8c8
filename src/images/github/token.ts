import { Fault, isFault, keepSecret, type Report, run } from '../../kit/index.ts'

export interface TokenSources {
  /** What a flag or standard input gave. */
  readonly given?: string | undefined
  /** The API that it is for. */
  readonly api: string
  readonly env: Readonly<Record<string, string | undefined>>
  readonly report: Report
  readonly signal?: AbortSignal | undefined
}

/**
 * Gives the token. With the one that GitHub has just refused: another, where GitHub's own client has one by now; tokens of its apps last for hours,
 * and a daemon for weeks.
 */
export type TokenFor = (refused?: string) => Promise<string | undefined>

/**
 * The token for a GitHub, looked for when it is first wanted: what was given, `GH_TOKEN` and `GITHUB_TOKEN` (of another server than github.com
 * `GH_ENTERPRISE_TOKEN` and `GITHUB_ENTERPRISE_TOKEN`), then that of GitHub's own client. None is no fault: public lists can be read without one, and
 * that is said.
 */
export function githubToken(sources: TokenSources): TokenFor {
  let found: Promise<FoundToken> | undefined
  const look = () => {
    const looking = findToken(sources)
    found = looking
    looking.catch(() => {
      if (found === looking) found = undefined
    })
    return looking
  }
  return async (refused) => {
    const known = found ?? look()
    const { token, isOfClient } = await known
    if (refused === undefined || !isOfClient || token !== refused) return token
    // Whoever comes second finds the first one's question.
    return (await (found === known ? look() : (found ?? look()))).token
  }
}

interface FoundToken {
  readonly token: string | undefined
  /** GitHub's own client has it, and may have another later. */
  readonly isOfClient: boolean
}

async function findToken({ given, api, env, report, signal }: TokenSources): Promise<FoundToken> {
  const host = new URL(api).host
  const own = isOfGithubTokens(api, env)
  const names = own ? ['GH_TOKEN', 'GITHUB_TOKEN'] : ['GH_ENTERPRISE_TOKEN', 'GITHUB_ENTERPRISE_TOKEN']
  const name = names.find((variable) => (env[variable] ?? '') !== '')
  const token = given ?? (name === undefined ? undefined : env[name])
  if (token !== undefined) {
    return { token: checked(token.trim(), given === undefined ? name! : 'the token that was given'), isOfClient: false }
  }
  const signedIn = await askClient(hostOfClient(host), env, signal)
  if (signedIn !== undefined) return { token: checked(signedIn, '`gh auth token`'), isOfClient: true }
  const others = own ? [] : ['GH_TOKEN', 'GITHUB_TOKEN'].filter((variable) => (env[variable] ?? '') !== '')
  const text =
    others.length > 0
      ? `no token for ${host}: ${others.join(' and ')} is for github.com and not sent there; set GH_ENTERPRISE_TOKEN, or GH_HOST to that server`
      : `no token for ${host} (GH_TOKEN, GITHUB_TOKEN, \`gh auth login\`): only public lists can be read, 60 times an hour`
  report({ kind: 'note', level: 'warning', text, event: 'github_without_token' })
  return { token: undefined, isOfClient: true }
}

/**
 * Whether `GH_TOKEN` is meant for that server, as GitHub's client sees it: github.com and its tenants; and what the environment itself names. A
 * configuration that came with a repository cannot send it anywhere.
 */
function isOfGithubTokens(api: string, env: TokenSources['env']): boolean {
  const { host, hostname } = new URL(api)
  if (host === 'api.github.com' || /^api\.[\w-]+\.ghe\.com$/.test(host)) return true
  if (/^(localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)) return true
  return env['GH_HOST'] === host || ['GITHUB_API_URL', 'HOLDFAST_IMAGES_GITHUB_API'].some((name) => env[name]?.replace(/\/+$/, '') === api)
}

function hostOfClient(host: string): string {
  return host.replace(/^api\.(?=github\.com$|[\w-]+\.ghe\.com$)/, '')
}

/** `gh auth token` prints it on its standard output alone. */
async function askClient(host: string, env: TokenSources['env'], signal: AbortSignal | undefined): Promise<string | undefined> {
  try {
    const { status, stdout } = await run(['gh', 'auth', 'token', '--hostname', host], { env: { ...env }, signal })
    return status === 0 && stdout.trim() !== '' ? stdout.trim() : undefined
  } catch (error) {
    // Not installed.
    if (isFault(error, 'unsupported') || isFault(error, 'denied')) return undefined
    throw error
  }
}

function checked(token: string, from: string): string {
  keepSecret(token)
  if (/^[\x21-\x7E]{1,4096}$/.test(token)) return token
  throw new Fault('invalid', `${from} is no token: it has other characters than tokens have`)
}
