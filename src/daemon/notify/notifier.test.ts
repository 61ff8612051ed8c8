import assert from 'node:assert/strict'
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { afterEach, describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { type Handler, type HttpServer, startHttpServer } from '../../../test/fakes/http-server.ts'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { createHttp } from '../../kit/http/index.ts'
import { redact } from '../../kit/index.ts'
import { testNotice } from './notice.ts'
import { notifiersOf } from './notifier.ts'
import type { Target } from './target.ts'

const secret = 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'
const clock = manualClock()
const http = createHttp({ clock, random: () => 0.5, userAgent: 'holdfast/test' })
const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
  http.close()
})

async function receiver(handler: Handler): Promise<HttpServer> {
  const server = await startHttpServer(handler)
  open.push(server)
  return server
}

function target(way: Target['way'], name: string = way.kind): Target {
  return { name, on: ['failure', 'recovery'], logLines: 10, way }
}

function notifier(way: Target['way'], env: Record<string, string> = {}) {
  const [made] = notifiersOf([target(way)], { env, http: async () => http, clock })
  return made!
}

const notice = testNotice('lab-3', clock.now(), 'salt')
const forever = new AbortController().signal

describe('a webhook', () => {
  test('gets the event once, signed, so that a receiver can check it', async () => {
    let heard: { headers: IncomingHttpHeaders; body: string } | undefined
    const { url, requests } = await receiver(async (request, response, body) => {
      heard = { headers: request.headers, body: (await body()).toString() }
      response.writeHead(204).end()
    })
    await notifier({ kind: 'webhook', url: { text: `${url}/hooks/builds` }, secretVariable: 'HOOK_SECRET' }, { HOOK_SECRET: secret }).send(
      notice,
      forever,
    )
    assert.deepEqual(requests, ['POST /hooks/builds'])
    const { headers, body } = heard!
    assert.deepEqual([headers['content-type'], headers['content-length']], ['application/json', `${body.length}`])
    assert.deepEqual([headers['webhook-id'], headers['webhook-timestamp']], [notice.id, `${Math.floor(clock.now() / 1000)}`])
    // As a receiver would: the key is what stands in base64 behind whsec_.
    const signed = `${String(headers['webhook-id'])}.${String(headers['webhook-timestamp'])}.${body}`
    const expected = createHmac('sha256', Buffer.from('MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw', 'base64')).update(signed).digest()
    const [version, signature = ''] = String(headers['webhook-signature']).split(',')
    assert.ok(version === 'v1' && timingSafeEqual(Buffer.from(signature, 'base64'), expected))
    assert.equal((JSON.parse(body) as { type: string }).type, 'notification.test')
  })

  const answers: [number, Record<string, string>, string, RegExp][] = [
    [500, {}, 'unavailable', /answered with 500/],
    [503, { 'retry-after': '90' }, 'unavailable', /answered with 503/],
    [429, { 'retry-after': '120' }, 'unavailable', /answered with 429/],
    [400, {}, 'invalid', /answered with 400/],
    [401, {}, 'denied', /answered with 401/],
    [404, {}, 'not-found', /answered with 404/],
    [410, {}, 'not-found', /answered with 410/],
  ]
  for (const [status, headers, code, says] of answers) {
    test(`that answers with ${status} was not told, and is asked once in each try`, async () => {
      const { url, requests } = await receiver((_request, response) => void response.writeHead(status, headers).end('no'))
      const fault = await faultOf(notifier({ kind: 'webhook', url: { text: url } }).send(notice, forever), code as 'invalid', says)
      assert.equal(fault.retryAfter, headers['retry-after'] === undefined ? undefined : Number(headers['retry-after']) * 1000)
      assert.equal(requests.length, 1)
    })
  }

  for (const status of [301, 302, 303, 307, 308]) {
    test(`that redirects with ${status} is not followed`, async () => {
      const other = await receiver((_request, response) => void response.writeHead(200).end())
      const { url } = await receiver((_request, response) => void response.writeHead(status, { location: other.url }).end())
      await faultOf(notifier({ kind: 'webhook', url: { text: url } }).send(notice, forever), 'invalid', /wants to redirect/)
      assert.deepEqual(other.requests, [])
    })
  }

  test('that closes the connection, sends what is no HTTP, or never ends is not told', async () => {
    const closes = await receiver((request) => void request.socket.destroy())
    await faultOf(notifier({ kind: 'webhook', url: { text: closes.url } }).send(notice, forever), 'unavailable', /broken/)
    const babbles = await receiver((request) => void request.socket.end('hello\r\n\r\n'))
    await faultOf(notifier({ kind: 'webhook', url: { text: babbles.url } }).send(notice, forever), 'corrupt', /HTTP/)
    const floods = await receiver((_request, response) => {
      response.writeHead(200)
      const pour = (): void => void (response.write('x'.repeat(65_536)) ? setImmediate(pour) : response.once('drain', pour))
      pour()
    })
    await faultOf(notifier({ kind: 'webhook', url: { text: floods.url } }).send(notice, forever), 'corrupt', /larger than its limit/)
  })

  test('that hangs is given up after half a minute, or when the daemon ends', async () => {
    const came = Promise.withResolvers<void>()
    const { url } = await receiver(() => came.resolve())
    const sent = notifier({ kind: 'webhook', url: { text: url } }).send(notice, forever)
    const failed = faultOf(sent, 'unavailable', /no answer within 30 seconds/)
    await came.promise
    await clock.advance(30_000)
    await failed
    const stop = new AbortController()
    const stopped = faultOf(notifier({ kind: 'webhook', url: { text: url } }).send(notice, stop.signal), 'aborted', /./)
    stop.abort()
    await stopped
  })
})

describe('an address that is a secret', () => {
  test('is told of as far as its host, whatever goes wrong', async () => {
    const { url } = await receiver((_request, response) => {
      response.writeHead(404, { 'content-type': 'text/plain' }).end('no_service')
    })
    const slack = notifier(
      { kind: 'slack', url: { variable: 'SLACK_WEBHOOK_URL' } },
      { SLACK_WEBHOOK_URL: `${url}/services/T0AB/B1CD/x2YZw3\n` },
    )
    const fault = await faultOf(slack.send(notice, forever), 'not-found', /no_service/)
    const said = `${fault.message} ${fault.at} ${fault.hint} ${String(fault.cause)}`
    assert.match(said, /127\.0\.0\.1/)
    assert.doesNotMatch(said, /T0AB|x2YZw3/)
    assert.doesNotMatch(redact(`${url}/services/T0AB/B1CD/x2YZw3`), /T0AB/)
  })

  test('gets the text that Slack takes', async () => {
    let heard = ''
    const { url } = await receiver(async (_request, response, body) => {
      heard = (await body()).toString()
      response.writeHead(200).end('ok')
    })
    await notifier({ kind: 'slack', url: { variable: 'SLACK' } }, { SLACK: `${url}/services/a/b/c` }).send(notice, forever)
    assert.deepEqual(JSON.parse(heard), { text: '*a test from lab-3*\nnotifications get here' })
  })
})

test('targets whose secrets are not there, or are not what they should be, are all named before any is told', async () => {
  const targets = [
    target({ kind: 'slack', url: { variable: 'SLACK_URL' } }),
    target({ kind: 'webhook', url: { text: 'https://x.example' }, secretVariable: 'HOOK_SECRET' }),
    target({ kind: 'webhook', url: { variable: 'HOOK_URL' } }, 'other'),
  ]
  const env = { HOOK_SECRET: 'correct-horse-battery', HOOK_URL: 'ftp://hooks.example/a1b2c3d4', SLACK_URL: ' ' }
  const fault = await faultOf(
    Promise.resolve().then(() => notifiersOf(targets, { env, http: async () => http, clock })),
    'invalid',
    /slack: the variable SLACK_URL is not set.*webhook: what HOOK_SECRET holds.*other: what HOOK_URL holds is no http/s,
  )
  assert.doesNotMatch(fault.message, /correct-horse|a1b2c3d4/)
})
