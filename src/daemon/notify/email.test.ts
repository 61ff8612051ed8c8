import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { after, before, describe, test, type TestContext } from 'node:test'
import tls from 'node:tls'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { type Certificate, makeCertificate, type Received, type Smtp, type SmtpOptions, startSmtp } from '../../../test/services/smtp.ts'
import { ensureDebianPackages } from '../../../test/services/install.ts'
import { Fault, isFault, systemClock } from '../../kit/index.ts'
import type { Change } from '../change.ts'
import { noticeOf, type Notice } from './notice.ts'
import { notifiersOf } from './notifier.ts'
import type { Mail } from './target.ts'

const reason = await ensureDebianPackages(['python3-aiosmtpd']).then(
  () => undefined,
  (error: unknown) => {
    if (isFault(error)) return `${error.message} (${error.hint})`
    throw error
  },
)
const folder = mkdtempSync(path.join(scratchDirectory(), 'mail-'))
const trusted = makeCertificate(folder)
const foreign = makeCertificate(folder, 'foreign')
const known = tls.getCACertificates('default')
before(() => tls.setDefaultCACertificates([...known, readFileSync(trusted.cert, 'utf8')]))
after(() => tls.setDefaultCACertificates(known))

const at = Date.UTC(2026, 0, 15, 14, 30)

function notice(more: Partial<Change> = {}, log: readonly string[] = []): Notice {
  const unit = { id: 128, words: ['store', 'verify'], state: 'failed', attempt: 1, exit: 8, message: 'bytes differ' } as const
  const change: Change = {
    id: 1,
    job: 'verify',
    firing: 1,
    kind: 'failure',
    at,
    exit: 8,
    since: at,
    failures: 1,
    failed: 1,
    units: [unit],
    ...more,
  }
  return noticeOf(change, { queue: 'q1', host: 'lab-3', log })
}

const recovery: Partial<Change> = { kind: 'recovery', at: at + 3_600_000, exit: 0, previous: at, failed: 0, units: [] }

/** A server, and how a letter is sent to it. */
async function desk(t: TestContext, options: SmtpOptions, certificate: Certificate = trusted) {
  const server: Smtp = await startSmtp(certificate, options)
  t.after(() => server.stop())
  const send = async (what: Notice, more: Partial<Mail> = {}, env: Record<string, string> = { SMTP_PASSWORD: 'correct-horse' }) => {
    const mail: Mail = {
      host: 'localhost',
      port: server.port,
      security: options.security,
      login: options.login === undefined ? undefined : { user: options.login[0], passwordVariable: 'SMTP_PASSWORD' },
      from: 'holdfast@example.com',
      to: ['ann@example.com'],
      ...more,
    }
    const target = { name: 'mail', on: ['failure'], logLines: 10, way: { kind: 'email', mail } } as const
    const [notifier] = notifiersOf([target], { env, http: () => Promise.reject(new Error('no HTTP')), clock: systemClock })
    return await notifier!.send(what, new AbortController().signal)
  }
  return { server, send, only: async () => onlyOf(await server.letters(1)) }
}

function onlyOf(received: readonly Received[]) {
  assert.equal(received.length, 1)
  const letter = received[0]!
  const header = (name: string) => letter.headers.find(([each]) => each === name)?.[1]
  return { letter, header }
}

const login = ['holdfast', 'correct-horse'] as const

describe('mail', { skip: reason }, () => {
  test('goes over STARTTLS with a login, in plain text, and says that a program wrote it', async (t) => {
    const { send, only } = await desk(t, { security: 'starttls', login })
    await send(notice({}, ['reads', 'error: bytes differ']))
    const { letter, header } = await only()
    assert.deepEqual([letter.isTls, letter.login, letter.from, letter.to], [true, 'holdfast', 'holdfast@example.com', ['ann@example.com']])
    assert.deepEqual([letter.parts, letter.type], [1, 'text/plain'])
    assert.equal(header('subject'), '[holdfast] verify failed on lab-3')
    assert.equal(header('auto-submitted'), 'auto-generated')
    assert.equal(header('from'), 'holdfast <holdfast@example.com>')
    assert.equal(header('in-reply-to'), undefined)
    assert.equal(
      letter.text.replaceAll('\r\n', '\n'),
      [
        'verify failed on lab-3.',
        '',
        'exit status 8 at 2026-01-15 14:30:00 UTC',
        '#128 store verify: failed: bytes differ',
        '',
        'The last that #128 said:',
        '  reads',
        '  error: bytes differ',
        '',
        'holdfast jobs log 128',
        '',
      ].join('\n'),
    )
  })

  test('goes over TLS from the first byte', async (t) => {
    const { send, only } = await desk(t, { security: 'tls', login })
    await send(notice())
    const { letter } = await only()
    assert.deepEqual([letter.isTls, letter.login], [true, 'holdfast'])
  })

  test('goes without TLS where that is configured', async (t) => {
    const { send, only } = await desk(t, { security: 'none' })
    await send(notice())
    assert.equal((await only()).letter.isTls, false)
  })

  test('of a recovery answers that of the failure', async (t) => {
    const { send, server } = await desk(t, { security: 'starttls' })
    await send(notice())
    await send(notice(recovery))
    const [failed, recovered] = (await server.letters(2)).map((letter) => new Map(letter.headers))
    assert.match(failed!.get('message-id')!, /^<msg_[0-9a-f]{32}@example\.com>$/)
    assert.equal(recovered?.get('in-reply-to'), failed?.get('message-id'))
    assert.equal(recovered?.get('references'), failed?.get('message-id'))
    assert.notEqual(recovered?.get('message-id'), failed?.get('message-id'))
  })

  test('has no header that a job’s name or its words bring along', async (t) => {
    const { send, only } = await desk(t, { security: 'starttls' })
    const evil = 'x\r\nBcc: all@example.com\r\n\r\nhello\u2028\u0000'
    await send(noticeOf({ ...changeOf(evil), job: evil }, { queue: 'q1', host: evil, log: [evil, '.', `.\r\nMAIL FROM:<x@example.com>`] }))
    const { letter, header } = await only()
    assert.deepEqual(letter.to, ['ann@example.com'])
    assert.equal(header('bcc'), undefined)
    const names = letter.headers.map(([name]) => name).toSorted()
    assert.deepEqual(
      names,
      [
        'auto-submitted',
        'content-transfer-encoding',
        'content-type',
        'date',
        'from',
        'message-id',
        'mime-version',
        'subject',
        'to',
        'x-auto-response-suppress',
      ].toSorted(),
    )
    assert.doesNotMatch(header('subject')!, /[\r\n]/)
  })

  test('takes words of every script, and long lines', async (t) => {
    const { send, only } = await desk(t, { security: 'starttls' })
    await send(notice({}, [`${'é'.repeat(200)} 日本 🦀`, 'x'.repeat(299)]))
    const { letter } = await only()
    assert.match(letter.text, /é{200} 日本 🦀/)
    assert.ok(letter.raw.split('\r\n').every((line) => line.length <= 998))
  })

  test('says who of several did not get it, and fails where nobody did', async (t) => {
    const { send, server } = await desk(t, { security: 'starttls', refused: ['gone@example.com'] })
    const remark = await send(notice(), { to: ['gone@example.com', 'ann@example.com'] })
    assert.match(remark!, /does not take mail for gone@example\.com/)
    assert.deepEqual((await server.letters(1))[0]?.to, ['ann@example.com'])
    await faultOf(send(notice(), { to: ['gone@example.com'] }), 'denied', /no such mailbox/)
  })

  test('is not sent to a server that nobody vouches for, and the password is not either', async (t) => {
    for (const security of ['starttls', 'tls'] as const) {
      const { send, server } = await desk(t, { security, login }, foreign)
      const fault = await faultOf(send(notice()), 'denied', /is not trusted/)
      assert.match(fault.hint!, /NODE_EXTRA_CA_CERTS/)
      assert.equal(server.received.length, 0)
    }
  })

  test('is not sent to a server that cannot do STARTTLS', async (t) => {
    const { send, server } = await desk(t, { security: 'none' })
    await faultOf(send(notice(), { security: 'starttls' }), 'denied', /TLS/)
    assert.equal(server.received.length, 0)
  })

  test('that is refused says why, without the password; what may pass can be told from what may not', async (t) => {
    const wrong = await desk(t, { security: 'starttls', login: ['holdfast', 'other'] })
    const denied = await faultOf(wrong.send(notice()), 'denied', /refuses the login/)
    assert.doesNotMatch(`${denied.message}${denied.hint}${String(denied.cause)}`, /correct-horse|Y29ycmVjdC1ob3JzZ/)
    const busy = await desk(t, { security: 'starttls', busy: true })
    await faultOf(busy.send(notice()), 'unavailable', /come again later/)
    const gone = await desk(t, { security: 'starttls' })
    await gone.server.stop()
    await faultOf(gone.send(notice()), 'unavailable', /cannot be reached/)
  })

  test('that a server never takes ends with the daemon’s signal', async (t) => {
    const mute = createServer((socket) => {
      socket.resume()
      stop.abort(new Fault('aborted', 'the daemon ends'))
    })
    const stop = new AbortController()
    await new Promise<void>((resolve) => mute.listen(0, '127.0.0.1', resolve))
    t.after(() => mute.close())
    const { port } = mute.address() as { port: number }
    const mail: Mail = { host: '127.0.0.1', port, security: 'starttls', from: 'a@example.com', to: ['b@example.com'] }
    const target = { name: 'mail', on: ['failure'], logLines: 10, way: { kind: 'email', mail } } as const
    const [notifier] = notifiersOf([target], { env: {}, http: () => Promise.reject(new Error('no HTTP')), clock: systemClock })
    await faultOf(notifier!.send(notice(), stop.signal), 'aborted', /the daemon ends/)
  })
})

function changeOf(message: string): Change {
  const unit = { id: 1, words: [message], state: 'failed', attempt: 1, exit: 8, message } as const
  return { id: 1, job: 'x', firing: 1, kind: 'failure', at, exit: 8, since: at, failures: 1, failed: 1, units: [unit] }
}
