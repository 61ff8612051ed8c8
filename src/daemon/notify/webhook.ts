import { createHmac } from 'node:crypto'
import { type Clock, Fault, keepSecret } from '../../kit/index.ts'
import type { HttpClient } from '../../kit/http/index.ts'
import type { Notice } from './notice.ts'

/** Answers are read to their end up to here; nothing in them counts. */
const longestAnswer = 64 << 10
const redirects = [300, 301, 302, 303, 307, 308]

export interface Post {
  readonly http: HttpClient
  readonly url: string
  readonly headers?: Readonly<Record<string, string>> | undefined
  readonly body: string
  readonly signal: AbortSignal
}

/** One try. Throws a Fault for all but 2xx: redirects are not followed, since what is told is for one place alone. */
export async function postJson({ http, url, headers, body, signal }: Post): Promise<void> {
  const { status } = await http.read(
    {
      url,
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body,
      accepts: redirects,
      repeatable: false,
      signal,
    },
    longestAnswer,
  )
  if (redirects.includes(status))
    throw new Fault('invalid', `${new URL(url).origin} wants to redirect what it is told (${status})`, {
      hint: 'write the address that it leads to',
    })
}

/** Standard Webhooks 1.0.0: https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md */
export function webhookHeaders(id: string, body: string, keys: readonly Buffer[], clock: Pick<Clock, 'now'>): Record<string, string> {
  const timestamp = `${Math.floor(clock.now() / 1000)}`
  const sign = (key: Buffer) => `v1,${createHmac('sha256', key).update(`${id}.${timestamp}.${body}`).digest('base64')}`
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    ...(keys.length === 0 ? {} : { 'webhook-signature': keys.map(sign).join(' ') }),
  }
}

/** The keys in a variable: one, or two while one takes the place of the other. Throws `invalid`. */
export function webhookKeys(text: string, variable: string): Buffer[] {
  return text
    .trim()
    .split(/\s+/)
    .map((secret) => {
      keepSecret(secret)
      keepSecret(secret.replace(/^whsec_/, ''))
      const [, encoded = ''] = /^whsec_([A-Za-z0-9+/]+={0,2})$/.exec(secret) ?? []
      const key = Buffer.from(encoded, 'base64')
      if (key.length >= 24 && key.length <= 64) return key
      throw new Fault('invalid', `what ${variable} holds is no key for webhooks`, {
        hint: 'write whsec_ and 24 to 64 random bytes in base64: echo "whsec_$(openssl rand -base64 32)"',
      })
    })
}

/** The event as `docs/formats.md` has it. */
export function webhookBody(notice: Notice): string {
  const timestamp = new Date(notice.at).toISOString()
  if (notice.kind === 'test') return JSON.stringify({ type: 'notification.test', timestamp, data: { host: notice.host } })
  const { host, kind, job, firing, exit, since, failures, failed, units, log } = notice
  return JSON.stringify({
    type: `job.${kind}`,
    timestamp,
    data: { host, job, firing, exit, since: new Date(since).toISOString(), failures, failed, units, log },
  })
}
