import type { Address, Mail, Target, Way } from '../daemon/index.ts'
import { parseDuration } from '../kit/index.ts'
import type { Problem } from './jobs.ts'
import type { WrittenNotify } from './schema.ts'

/** What each kind of target has of its own; `url` and `url_env` are one thing. */
const keysOf = {
  webhook: ['url', 'url_env', 'secret_env'],
  slack: ['url', 'url_env'],
  email: ['smtp', 'insecure', 'username', 'password_env', 'from', 'to'],
} as const satisfies Record<WrittenNotify['kind'], readonly (keyof WrittenNotify)[]>

type Offend = (key: keyof WrittenNotify, says: string) => void

/** Who is told of what, and all that is wrong with it. `jobs` are the names of those that there are. */
export function targetsFrom(written: readonly WrittenNotify[], jobs: readonly string[]): { targets: Target[]; problems: Problem[] } {
  const targets: Target[] = []
  const problems: Problem[] = []
  for (const [at, each] of written.entries()) {
    const offend: Offend = (key, says) => problems.push({ path: ['notify', at, key], says })
    const target = targetFrom(each, jobs, offend)
    if (target === undefined) continue
    if (targets.some(({ name }) => name === target.name))
      offend('name', `${JSON.stringify(target.name)} is the name of another one too; give this one its own`)
    else targets.push(target)
  }
  return { targets, problems }
}

function targetFrom(written: WrittenNotify, known: readonly string[], offend: Offend): Target | undefined {
  const { kind, name = kind, jobs, on, remind, log_lines: logLines } = written
  for (const job of jobs ?? [])
    if (!known.includes(job)) offend('jobs', `there is no job ${JSON.stringify(job)}; expected some of: ${known.join(', ')}`)
  for (const key of Object.values(keysOf).flat())
    if (isGiven(written[key]) && !(keysOf[kind] as readonly string[]).includes(key)) offend(key, `it means nothing to ${kind}`)
  if (remind !== undefined && !on.includes('failure')) offend('remind', 'it means nothing where `on` has no "failure"')
  const way = wayFrom(written, offend)
  if (way === undefined) return undefined
  return { name, jobs, on, remind: remind === undefined ? undefined : parseDuration(remind), logLines, way }
}

function isGiven(value: unknown): boolean {
  return value !== undefined && value !== false
}

function wayFrom(written: WrittenNotify, offend: Offend): Way | undefined {
  const { kind } = written
  if (kind === 'email') {
    const mail = mailFrom(written, offend)
    return mail === undefined ? undefined : { kind, mail }
  }
  const url = addressFrom(written, offend)
  if (url === undefined) return undefined
  return kind === 'slack' ? { kind, url } : { kind, url, secretVariable: written.secret_env }
}

function addressFrom({ kind, url, url_env: variable }: WrittenNotify, offend: Offend): Address | undefined {
  if (url !== undefined && variable !== undefined) offend('url_env', 'expected one of `url` and `url_env`')
  else if (variable !== undefined) return { variable }
  else if (url === undefined) offend('kind', `a ${kind} needs \`url_env\`, the variable that holds its address`)
  else if (kind === 'slack') offend('url', 'who knows it may write there: expected `url_env`, the variable that holds it')
  else return { text: url }
  return undefined
}

function mailFrom(written: WrittenNotify, offend: Offend): Mail | undefined {
  const { smtp, insecure, username: user, password_env: passwordVariable, from, to } = written
  for (const [key, value] of Object.entries({ smtp, from, to }) as [keyof WrittenNotify, unknown][])
    if (value === undefined) offend('kind', `an email needs \`${key}\``)
  if ((user === undefined) !== (passwordVariable === undefined)) offend('kind', 'expected both `username` and `password_env`, or neither')
  if (insecure && user !== undefined) offend('insecure', 'a password is never sent without TLS')
  if (smtp === undefined || from === undefined || to === undefined) return undefined
  const { protocol, hostname, port } = new URL(smtp)
  const isTls = protocol === 'smtps:'
  if (isTls && insecure) offend('insecure', 'smtps: is TLS from the first byte')
  return {
    host: hostname.replace(/^\[(.*)\]$/, '$1'),
    port: port === '' ? (isTls ? 465 : insecure ? 25 : 587) : Number(port),
    security: isTls ? 'tls' : insecure ? 'none' : 'starttls',
    login: user === undefined || passwordVariable === undefined ? undefined : { user, passwordVariable },
    from,
    to,
  }
}
