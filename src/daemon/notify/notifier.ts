import { type Clock, Fault, keepSecret, linkedAbort } from '../../kit/index.ts'
import { type HttpClient, parseHttpUrl } from '../../kit/http/index.ts'
import { sendMail } from './email.ts'
import type { Notice } from './notice.ts'
import { slackBody } from './slack.ts'
import type { Address, Target } from './target.ts'
import { postJson, webhookBody, webhookHeaders, webhookKeys } from './webhook.ts'

/** A target that can be told something. */
export interface Notifier {
  readonly target: Target
  /** One try, which ends within half a minute. Gives what is to be said of it besides. Throws a Fault where it was in vain. */
  send(notice: Notice, signal: AbortSignal): Promise<string | undefined>
}

export interface NotifierOptions {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly http: () => Promise<HttpClient>
  readonly clock: Clock
}

/** Milliseconds for a try: Standard Webhooks recommends 15 to 30 seconds. */
const longestTry = 30_000

/** With their secrets, which are in the environment. Throws `invalid` with all that is not there, or is not what it should be. */
export function notifiersOf(targets: readonly Target[], options: NotifierOptions): Notifier[] {
  const problems: string[] = []
  const notifiers = targets.flatMap((target) => {
    try {
      return [{ target, send: limited(options, senderOf(target, options)) }]
    } catch (error) {
      if (!(error instanceof Fault)) throw error
      problems.push(`${target.name}: ${error.message}${error.hint === undefined ? '' : `; ${error.hint}`}`)
      return []
    }
  })
  if (problems.length === 0) return notifiers
  throw new Fault('invalid', `who is to be told cannot be: ${problems.join('; ')}`, {
    hint: 'secrets come from the environment: of a service, its environment file',
  })
}

type Send = Notifier['send']

function senderOf({ way }: Target, { env, http, clock }: NotifierOptions): Send {
  if (way.kind === 'email') {
    const { mail } = way
    const password = mail.login === undefined ? undefined : secretIn(env, mail.login.passwordVariable)
    return (notice, signal) => sendMail({ mail, password, notice, clock, signal })
  }
  const url = addressIn(env, way.url)
  const post = async (signal: AbortSignal, body: string, headers?: Readonly<Record<string, string>>) => {
    await postJson({ http: await http(), url, headers, body, signal })
    return undefined
  }
  if (way.kind === 'slack') return (notice, signal) => post(signal, slackBody(notice))
  const { secretVariable } = way
  const keys = secretVariable === undefined ? [] : webhookKeys(secretIn(env, secretVariable), secretVariable)
  return (notice, signal) => {
    const body = webhookBody(notice)
    return post(signal, body, webhookHeaders(notice.id, body, keys, clock))
  }
}

function valueOf(env: NotifierOptions['env'], variable: string): string {
  const value = env[variable]?.trim()
  if (value !== undefined && value !== '') return value
  throw new Fault('invalid', `the variable ${variable} is not set`)
}

function secretIn(env: NotifierOptions['env'], variable: string): string {
  const value = valueOf(env, variable)
  keepSecret(value)
  return value
}

/** Of an address that is a secret only the host is shown, not the path there. */
function addressIn(env: NotifierOptions['env'], address: Address): string {
  if ('text' in address) return address.text
  const text = valueOf(env, address.variable)
  try {
    const { pathname, search } = parseHttpUrl(text).url
    for (const part of [pathname, pathname.split('/').at(-1), search]) keepSecret(part)
    return text
  } catch {
    keepSecret(text)
    throw new Fault('invalid', `what ${address.variable} holds is no http or https URL`)
  }
}

function limited({ clock }: NotifierOptions, send: Send): Send {
  return async (notice, signal) => {
    using link = linkedAbort(signal)
    const over = new AbortController()
    clock.sleep(longestTry, over.signal).then(
      () => link.controller.abort(new Fault('unavailable', `there was no answer within ${longestTry / 1000} seconds`)),
      () => undefined,
    )
    try {
      return await send(notice, link.controller.signal)
    } finally {
      over.abort()
    }
  }
}
