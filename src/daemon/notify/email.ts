import { type Clock, Fault, type FaultCode, throwIfAborted } from '../../kit/index.ts'
import { messageOf, type Notice } from './notice.ts'
import type { Mail } from './target.ts'

/** Milliseconds, each for itself. */
const limits = { connectionTimeout: 10_000, greetingTimeout: 10_000, dnsTimeout: 10_000, socketTimeout: 20_000 }

export interface Letter {
  readonly mail: Mail
  readonly password: string | undefined
  readonly notice: Notice
  readonly clock: Pick<Clock, 'now'>
  readonly signal: AbortSignal
}

/** One try. Gives what is to be said of it besides: who of several was refused. */
export async function sendMail({ mail, password, notice, clock, signal }: Letter): Promise<string | undefined> {
  const { createTransport } = await import('nodemailer')
  const { host, port, security, login } = mail
  const transport = createTransport({
    ...limits,
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(login === undefined ? {} : { auth: { user: login.user, pass: password ?? '' } }),
    disableFileAccess: true,
    disableUrlAccess: true,
  })
  try {
    const { rejected } = await transport.sendMail({ ...letterOf(mail, notice, clock), signal })
    return rejected.length === 0 ? undefined : `the mail server does not take mail for ${rejected.join(', ')}`
  } catch (error) {
    throwIfAborted(signal)
    throw mailFault(error, `${host}:${port}`)
  } finally {
    transport.close()
  }
}

function letterOf({ from, to }: Mail, notice: Notice, clock: Pick<Clock, 'now'>) {
  const { title, facts, log, next } = messageOf(notice)
  const id = (name: string) => `<${name}${from.slice(from.lastIndexOf('@'))}>`
  const thread = notice.kind === 'test' || notice.thread === notice.id ? undefined : id(notice.thread)
  const said = log === undefined ? [] : ['', `The last that ${log.of} said:`, ...log.lines.map((line) => `  ${line}`)]
  return {
    from: { name: 'holdfast', address: from },
    to: to.map((address) => ({ name: '', address })),
    subject: `[holdfast] ${title}`,
    text: [`${title}.`, '', ...facts, ...said, ...(next === undefined ? [] : ['', next]), ''].join('\n'),
    date: new Date(clock.now()),
    messageId: id(notice.id),
    // RFC 5322, 3.6.4: programs that show mail put the recovery below the failure.
    ...(thread === undefined ? {} : { inReplyTo: thread, references: [thread] }),
    // RFC 3834: nobody who is away answers it.
    headers: { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' },
  }
}

/** Codes of nodemailer, replies of SMTP (RFC 5321, 4.2.1): a 4yz may pass, a 5yz is for good. */
function mailFault(error: unknown, at: string): Fault {
  if (error instanceof Fault) return error
  const { code, responseCode, message } = error as { code?: string; responseCode?: number; message?: string }
  const fail = (kind: FaultCode, says: string, hint?: string) =>
    new Fault(kind, `the mail server ${at} ${says}`, { at, hint, cause: error })
  const why = `: ${(message ?? String(error)).replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ').slice(0, 200)}`
  if (/certificate|altnames/i.test(message ?? ''))
    return fail('denied', `is not trusted${why}`, 'if it is yours, name the file of its certificate authority in NODE_EXTRA_CA_CERTS')
  if (code === 'ETLS') return fail('denied', `does not speak TLS as it should${why}`, 'check the port')
  if (responseCode !== undefined && responseCode < 500) return fail('unavailable', `does not take it now${why}`)
  if (code === 'EAUTH' || code === 'ENOAUTH')
    return fail('denied', `refuses the login${why}`, 'check the user, the password and its variable')
  if (responseCode !== undefined) return fail('denied', `refuses it${why}`)
  return fail('unavailable', `cannot be reached${why}`)
}
