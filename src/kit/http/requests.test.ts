import assert from 'node:assert/strict'
import { Readable } from 'node:stream'
import { describe, test } from 'node:test'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { startHttpPeer } from '../../../test/faults/http-peer.ts'
import { bytesFrom, bytesOf, bytesOnce, explain, Fault, type FaultCode, isFault } from '../index.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { client, closeLater, server, text } from '../../../test/fakes/http-desk.ts'

describe('a request', () => {
  test('gives status, headers in lower case, the address and the body with its length', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { 'X-Seen': 'yes', 'content-length': 5 }).end('hello'))
    const answer = await client().request({ url: `${url}/a#fragment` })
    assert.equal(answer.status, 200)
    assert.equal(answer.headers['x-seen'], 'yes')
    assert.equal(answer.url, `${url}/a`)
    assert.equal(answer.body.length, 5)
    assert.equal(await text(answer.body), 'hello')
  })

  test('says who asks, and that files come as they are', async () => {
    const { url } = await server(({ headers }, response) => void response.end(JSON.stringify(headers)))
    const headers = JSON.parse(await text((await client().request({ url, headers: { 'X-Own': 'a' } })).body)) as Record<string, string>
    assert.equal(headers['user-agent'], 'holdfast/test')
    assert.equal(headers['accept-encoding'], 'identity')
    assert.equal(headers['x-own'], 'a')
  })

  test('uses a connection again', async () => {
    const one = await server((_, response) => void response.end('x'))
    const http = client()
    for (let at = 0; at < 5; at++) await text((await http.request({ url: one.url })).body)
    assert.equal(one.connections, 1)
  })

  test('takes a body no faster than its reader does, and lets go of it when the reader stops', async () => {
    let made = 0
    const gone = Promise.withResolvers<void>()
    const { url } = await server((_, response) => {
      const pieces = function* () {
        for (; made < 4096; made++) yield Buffer.alloc(1 << 16)
      }
      response.on('close', gone.resolve)
      Readable.from(pieces(), { highWaterMark: 1 }).pipe(response)
    })
    for await (const piece of (await client().request({ url })).body) {
      assert.ok(piece.byteLength > 0)
      for (let turn = 0; turn < 200; turn++) await new Promise((resolve) => setImmediate(resolve))
      assert.ok(made < 2048, `${made} pieces were made for a reader of one`)
      break
    }
    await gone.promise
  })

  test('sends a body as it streams, with its length where that is known', async () => {
    const { url } = await server(async ({ headers }, response, body) => {
      const { length } = await body()
      response.end(JSON.stringify([headers['content-length'], headers['transfer-encoding'], length]))
    })
    const pieces = async function* () {
      for (let at = 0; at < 300; at++) yield new Uint8Array(10_000)
    }
    const put = async (length?: number) =>
      JSON.parse(await text((await client().request({ url, method: 'PUT', body: bytesOnce(pieces(), length) })).body)) as unknown
    assert.deepEqual(await put(3_000_000), ['3000000', null, 3_000_000])
    assert.deepEqual(await put(), [null, 'chunked', 3_000_000])
  })

  test('ends with what its own body threw', async () => {
    const { url } = await server((_, response, body) =>
      body()
        .then(() => void response.end())
        .catch(() => undefined),
    )
    const pieces = async function* () {
      yield new Uint8Array(10)
      throw new Fault('corrupt', 'the source broke')
    }
    await faultOf(client().request({ url, method: 'PUT', body: bytesOnce(pieces()) }), 'corrupt', /the source broke/)
  })

  test('hears an answer that comes before the end of its body', async () => {
    const { url } = await server((_, response) => void response.writeHead(413, { connection: 'close' }).end())
    const body = bytesFrom(async function* () {
      for (let at = 0; at < 100; at++) yield new Uint8Array(1 << 16)
    })
    const answered = client().request({ url, method: 'PUT', body })
    // A server that closes while it is sent to may break the connection before its answer is read.
    await assert.rejects(answered, (error) => isFault(error, 'invalid') || isFault(error, 'unavailable'))
  })

  test('for the head has no body, and an answer of 304 neither', async () => {
    const one = await server(
      ({ method }, response) => void response.writeHead(method === 'HEAD' ? 200 : 304, { 'content-length': 77 }).end(),
    )
    const http = client()
    const head = await http.request({ url: one.url, method: 'HEAD' })
    assert.equal(head.headers['content-length'], '77')
    assert.equal(await text(head.body), '')
    assert.equal(await text((await http.request({ url: one.url, accepts: [304] })).body), '')
    assert.equal(one.connections, 1)
  })

  test('for anything but http and https is refused', async () => {
    for (const url of ['file:///etc/passwd', 'ftp://host/x', 'nonsense', 'javascript:alert(1)', ''])
      await faultOf(client().request({ url }), 'invalid', /not (a|an http or https) URL/)
  })

  test('with a forbidden character is invalid', async () => {
    await faultOf(client().request({ url: 'http://127.0.0.1:1/', headers: { 'x-a': 'b\r\nx-c: d' } }), 'invalid', /HTTP forbids/)
  })
})

describe('what fails for now', () => {
  test('is tried again, up to five times, and told', async () => {
    const peer = await startHttpPeer((await server((_, response) => void response.end('at last'))).url)
    closeLater(peer)
    void peer.plan(/GET/, { status: 503, body: 'busy' }, 2)
    void peer.plan(/GET/, 'lose-answer')
    void peer.plan(/GET/, { status: 408 })
    const http = client()
    assert.equal(await text((await http.request({ url: peer.url })).body), 'at last')
    assert.equal(peer.requests.length, 5)
    assert.equal(http.notes.length, 4)
    assert.match(http.notes[0]!, /answered with 503: .*: trying again in 250 ms/)
  })

  test('for good is unavailable', async () => {
    const one = await server((_, response) => void response.writeHead(500).end())
    await faultOf(client().request({ url: one.url }), 'unavailable', /answered with 500: the server failed/)
    assert.equal(one.requests.length, 5)
  })

  test('is not repeated where it may have had an effect, unless told so', async () => {
    const one = await server((_, response) => void response.writeHead(500).end())
    await faultOf(client().request({ url: one.url, method: 'POST', body: 'x' }), 'unavailable', /500/)
    assert.equal(one.requests.length, 1)
    await faultOf(client().request({ url: one.url, method: 'POST', body: 'x', repeatable: true }), 'unavailable', /500/)
    assert.equal(one.requests.length, 6)
    await faultOf(client().request({ url: one.url, method: 'PUT', body: bytesOnce(bytesOf('x')) }), 'unavailable', /500/)
    assert.equal(one.requests.length, 7, 'a body that can be read once was sent twice')
  })

  for (const [form, header] of [
    ['seconds', '7'],
    ['a date', 'Thu, 01 Jan 2026 00:00:07 GMT'],
  ] as const) {
    test(`waits as long as the server wants, given as ${form}`, async () => {
      const clock = hastyClock(Date.UTC(2026, 0, 1))
      let tries = 0
      const { url } = await server((_, response) => {
        if (tries++ === 0) response.writeHead(429, { 'retry-after': header }).end()
        else response.end('yes')
      })
      const http = client({ clock })
      assert.equal(await text((await http.request({ url })).body), 'yes')
      assert.equal(clock.now(), Date.UTC(2026, 0, 1, 0, 0, 7))
      assert.match(http.notes[0]!, /429: too many requests: trying again in 7\.0 s/)
    })
  }

  test('is given up where the server wants a wait of more than five minutes', async () => {
    const one = await server((_, response) => void response.writeHead(429, { 'retry-after': '7200' }).end())
    const fault = await faultOf(client().request({ url: one.url }), 'unavailable', /wants a wait of 2h: longer than 5m/)
    assert.equal(fault.retryAfter, 7_200_000)
    assert.equal(one.requests.length, 1)
  })

  test('with a Retry-After that says nothing waits as ever', async () => {
    for (const header of ['soon', '-1', '1e9', '']) {
      let tries = 0
      const clock = hastyClock(0)
      const { url } = await server((_, response) => void response.writeHead(tries++ === 0 ? 503 : 200, { 'retry-after': header }).end())
      await text((await client({ clock }).request({ url })).body)
      assert.equal(clock.now(), 250, header)
    }
  })
})

describe('an answer that refuses', () => {
  const cases: [number, FaultCode, RegExp][] = [
    [400, 'invalid', /does not accept/],
    [401, 'denied', /credentials are needed/],
    [403, 'denied', /not allowed/],
    [404, 'not-found', /not there/],
    [405, 'unsupported', /does not do this/],
    [410, 'not-found', /gone/],
    [412, 'precondition', /not what was expected/],
    [302, 'corrupt', /nobody asked/],
    [304, 'corrupt', /nobody asked/],
    [501, 'unsupported', /does not do this/],
  ]
  for (const [status, code, message] of cases) {
    test(`with ${status} is ${code}`, async () => {
      const one = await server((_, response) => void response.writeHead(status).end())
      await faultOf(client().request({ url: one.url }), code, message)
      assert.equal(one.requests.length, 1)
    })
  }

  test('is an answer where the caller accepts it', async () => {
    const { url } = await server((_, response) => void response.writeHead(404).end('nothing here'))
    const answer = await client().request({ url, accepts: [404] })
    assert.equal(answer.status, 404)
    assert.equal(await text(answer.body), 'nothing here')
  })

  test('says what the server says, on one line, cut, and without tricks for a terminal', async () => {
    const { url } = await server((_, response) => {
      response
        .writeHead(422, { 'content-type': 'application/problem+json' })
        .end(`{"message":\n"no \u001b[31mred\u0007 ${'x'.repeat(9000)}"}`)
    })
    const fault = await faultOf(client().request({ url }), 'invalid', /\(\{"message": "no \[31mred x+…\)/)
    assert.ok(fault.message.length < 400)
    // oxlint-disable-next-line no-control-regex
    assert.doesNotMatch(fault.message, /[\u0000-\u001f]/)
  })

  test('says whether credentials were sent', async () => {
    const { url } = await server((_, response) => void response.writeHead(401).end())
    const without = await faultOf(client().request({ url }), 'denied', /401/)
    assert.match(without.hint!, /no credentials were sent/)
    const own = await faultOf(client().request({ url: url.replace('//', '//ann:hunter-22@') }), 'denied', /401/)
    assert.match(own.hint!, /the credentials that were sent do not allow it/)
  })
})

test('every request that is sent is counted: tries and redirects too', async () => {
  let tries = 0
  const { url } = await server(({ url: at }, response) => {
    if (at === '/moved') response.writeHead(302, { location: '/' }).end()
    else response.writeHead(tries++ === 0 ? 503 : 200).end()
  })
  const counted: string[] = []
  const http = client({ onRequest: (method) => void counted.push(method) })
  await text((await http.request({ url: `${url}/moved` })).body)
  await http.request({ url, method: 'HEAD' })
  assert.deepEqual(counted, ['GET', 'GET', 'GET', 'GET', 'HEAD'])
})

describe('a user and password in an address', () => {
  test('are sent as Basic, decoded, and are in no message', async () => {
    const one = await server(({ headers, url }, response) => void response.writeHead(url === '/ok' ? 200 : 500).end(headers.authorization))
    const secret = one.url.replace('//', '//ann:p%40ss-word@')
    const expected = `Basic ${Buffer.from('ann:p@ss-word').toString('base64')}`
    const answer = await client().request({ url: `${secret}/ok` })
    assert.equal(await text(answer.body), expected)
    assert.equal(answer.url, `${one.url}/ok`)
    const http = client()
    const fault = await faultOf(http.request({ url: `${secret}/broken` }), 'unavailable', /500/)
    for (const shown of [explain(fault), JSON.stringify(fault), ...http.notes]) assert.doesNotMatch(shown, /p@ss|p%40ss|ann:/)
  })

  test('stay out of the message for an address that is none', async () => {
    const fault = await faultOf(client().request({ url: 'ftp://ann:topsecret1@host/' }), 'invalid', /not an http/)
    assert.doesNotMatch(explain(fault), /topsecret1/)
  })
})
