import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { Readable } from 'node:stream'
import { afterEach, describe, test } from 'node:test'
import { gzipSync } from 'node:zlib'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { type Handler, type HttpServer, startHttpServer } from '../../../test/fakes/http-server.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { startHttpPeer } from '../../../test/faults/http-peer.ts'
import { ensureDebianPackages } from '../../../test/services/install.ts'
import { bytesFrom, bytesOf, bytesOnce, collect, explain, Fault, type FaultCode, isFault, systemClock } from '../index.ts'
import { createHttp, type HttpClient, type HttpOptions } from './index.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

async function server(handler: Handler, tls?: { key: string; cert: string }): Promise<HttpServer> {
  const started = await startHttpServer(handler, tls)
  open.push(started)
  return started
}

function client(options: Partial<HttpOptions> = {}): HttpClient & { notes: string[] } {
  const notes: string[] = []
  const http = createHttp({
    clock: hastyClock(Date.UTC(2026, 0, 1)),
    random: () => 0.5,
    userAgent: 'holdfast/test',
    report: (event) => void (event.kind === 'note' && notes.push(event.text)),
    ...options,
  })
  open.push(http)
  return { ...http, notes }
}

const text = async (body: AsyncIterable<Uint8Array>) => Buffer.from(await collect(body, 1 << 24)).toString()

async function faultOf(work: Promise<unknown>, code: FaultCode, message: RegExp): Promise<Fault> {
  try {
    await work
  } catch (error) {
    assert.ok(isFault(error), `no Fault: ${String(error)}`)
    assert.equal(error.code, code, error.message)
    assert.match(error.message, message)
    return error
  }
  throw new assert.AssertionError({ message: `expected ${code}` })
}

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
    open.push(peer)
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

describe('a redirect', () => {
  test('is followed, ten times at most', async () => {
    const { url } = await server(({ url: asked }, response) => {
      const left = Number(asked!.slice(1))
      if (left === 0) response.end('there')
      else response.writeHead(302, { location: `${left - 1}` }).end()
    })
    const answer = await client().request({ url: `${url}/10` })
    assert.equal(await text(answer.body), 'there')
    assert.equal(answer.url, `${url}/0`)
    await faultOf(client().request({ url: `${url}/11` }), 'invalid', /redirected more than 10 times/)
  })

  test('to another origin takes neither credentials nor headers that may be secret along; back home they are sent again', async () => {
    const seen: Record<string, string | undefined>[] = []
    const note: Handler = ({ headers }) => void seen.push({ ...(headers as Record<string, string>) })
    const home = await server((request, response, body) => {
      void note(request, response, body)
      if (request.url === '/back') response.end('home')
      else response.writeHead(307, { location: `${away.url}/there` }).end()
    })
    const away = await server((request, response, body) => {
      void note(request, response, body)
      response.writeHead(307, { location: `${home.url}/back` }).end()
    })
    const http = client({ credentials: [{ origin: home.url, headers: { 'private-token': 'glpat-abcdefgh12345' } }] })
    const headers = { accept: 'text/plain', range: 'bytes=0-', authorization: 'Bearer very-secret', cookie: 'a=b', 'x-key': 'c' }
    assert.equal(await text((await http.request({ url: home.url, headers })).body), 'home')
    const [first, second, third] = seen
    assert.equal(first!['authorization'], 'Bearer very-secret')
    assert.equal(first!['private-token'], 'glpat-abcdefgh12345')
    assert.deepEqual(Object.keys(second!).toSorted(), ['accept', 'accept-encoding', 'connection', 'host', 'range', 'user-agent'])
    assert.equal(third!['authorization'], 'Bearer very-secret')
  })

  test('with a user and password in it is followed without them', async () => {
    const { url } = await server(({ url: asked, headers }, response) => {
      if (asked === '/end') response.end(String(headers.authorization))
      else response.writeHead(302, { location: `http://bob:bobs-secret@${headers.host}/end` }).end()
    })
    assert.equal(await text((await client().request({ url: `${url}/start` })).body), 'undefined')
  })

  test('to something that is no web address is refused', async () => {
    for (const location of ['file:///etc/passwd', 'javascript:x', 'http://']) {
      const { url } = await server((_, response) => void response.writeHead(302, { location }).end())
      await faultOf(client().request({ url }), 'invalid', /not (a|an http or https) URL/)
    }
  })

  test('after a POST keeps it with 307, turns it into a GET with 303, and is not guessed with 302', async () => {
    const { url } = await server(async ({ method, url: asked }, response, body) => {
      const got = (await body()).toString()
      if (asked === '/end') response.end(`${method} ${got}`)
      else response.writeHead(Number(asked!.slice(1)), { location: '/end' }).end()
    })
    const post = async (status: number) => text((await client().request({ url: `${url}/${status}`, method: 'POST', body: 'b' })).body)
    assert.equal(await post(307), 'POST b')
    assert.equal(await post(303), 'GET ')
    await faultOf(post(302), 'invalid', /has moved to/)
  })
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

describe('a download that breaks off', () => {
  const content = Buffer.alloc(300_000, 'abcdefghij')
  const ranged =
    (etag: () => string | undefined): Handler =>
    ({ headers }, response) => {
      const start = headers['if-range'] === etag() ? Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0) : 0
      const said = { 'accept-ranges': 'bytes', ...(etag() === undefined ? {} : { etag: etag() }), 'content-length': content.length - start }
      if (start === 0) response.writeHead(200, said).end(content)
      else {
        response.writeHead(206, { ...said, 'content-range': `bytes ${start}-${content.length - 1}/${content.length}` })
        response.end(content.subarray(start))
      }
    }
  const behind = async (etag: () => string | undefined) => {
    const peer = await startHttpPeer((await server(ranged(etag))).url)
    open.push(peer)
    return peer
  }

  test('goes on where it broke, as often as it must', async () => {
    const peer = await behind(() => '"one"')
    void peer.plan(/GET/, { cutAfter: 1000 }, 3)
    void peer.plan(/GET/, { status: 503 })
    void peer.plan(/GET/, { cutAfter: 70_000 })
    const http = client()
    const answer = await http.request({ url: peer.url })
    assert.ok(Buffer.from(await collect(answer.body, 1 << 20)).equals(content))
    assert.equal(peer.requests.length, 6)
    assert.match(http.notes[0]!, /broke off after 1000 of 300000 bytes: trying again/)
  })

  test('ends as precondition where the content is another by now', async () => {
    let etag = '"one"'
    const peer = await behind(() => etag)
    void peer.plan(/GET/, { cutAfter: 1000 })
    const answer = await client().request({ url: peer.url })
    etag = '"two"'
    await faultOf(collect(answer.body, 1 << 20), 'precondition', /broke off after 1000 bytes, and is another by now/)
  })

  test('ends as unavailable without a strong ETag: nobody could say that the rest belongs to it', async () => {
    for (const etag of [undefined, 'W/"weak"']) {
      const peer = await behind(() => etag)
      void peer.plan(/GET/, { cutAfter: 1000 })
      const answer = await client().request({ url: peer.url })
      await faultOf(collect(answer.body, 1 << 20), 'unavailable', /broke off after 1000 of 300000 bytes/)
      assert.equal(peer.requests.length, 1)
    }
  })

  test('takes no other range than the one it asked for', async () => {
    for (const range of ['bytes 0-299999/300000', 'bytes 1000-299998/299999', 'bytes */300000', undefined]) {
      let isFirst = true
      const { url } = await server((_, response) => {
        const said = { etag: '"one"', 'content-length': content.length }
        if (!isFirst) response.writeHead(206, { ...said, ...(range === undefined ? {} : { 'content-range': range }) }).end(content)
        else response.writeHead(200, said).write(content.subarray(0, 1000), () => response.destroy())
        isFirst = false
      })
      const answer = await client().request({ url })
      await faultOf(collect(answer.body, 1 << 20), 'precondition', /the server cannot go on from there/)
    }
  })

  test('is read anew as a whole where it is a page', async () => {
    const peer = await behind(() => undefined)
    void peer.plan(/GET/, { cutAfter: 1000 }, 2)
    const page = await client().read({ url: peer.url }, 1 << 20)
    assert.ok(Buffer.from(page.bytes).equals(content))
    assert.equal(peer.requests.length, 3)
  })
})

describe('a limit', () => {
  test('is set to the time that an answer takes', async () => {
    const peer = await startHttpPeer()
    open.push(peer)
    void peer.plan(/GET/, 'stall', 5)
    await faultOf(client({ limits: { answerTime: 30 } }).request({ url: peer.url }), 'unavailable', /did not answer within 30 ms/)
    assert.equal(peer.requests.length, 5)
  })

  test('is set to the silence within a body', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { 'content-length': 10 }).write('abc'))
    const answer = await client({ limits: { idleTime: 30 } }).request({ url })
    const fault = await faultOf(collect(answer.body, 100), 'unavailable', /broke off after 3 of 10 bytes/)
    assert.match(explain(fault), /no byte came for 30 ms/)
  })

  test('is set to headers, and named', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { 'x-long': 'a'.repeat(70_000) }).end())
    await faultOf(client().request({ url }), 'corrupt', /headers are larger than their limit of 65536 bytes/)
  })

  test('is set to pages, and named, before or while they come', async () => {
    for (const stated of [true, false]) {
      const one = await server((_, response) => {
        response.writeHead(200, stated ? { 'content-length': 1001 } : {}).end('a'.repeat(1001))
      })
      await faultOf(client().read({ url: one.url }, 1000), 'corrupt', /larger than its limit of 1000 bytes/)
      assert.equal(one.requests.length, 1)
    }
  })

  test('is set to what is in a compressed page', async () => {
    const bomb = gzipSync(Buffer.alloc(50 << 20))
    const { url } = await server((_, response) => void response.writeHead(200, { 'content-encoding': 'gzip' }).end(bomb))
    await faultOf(client().read({ url }, 1 << 20), 'corrupt', /larger than its limit of 1048576 bytes/)
  })
})

describe('a page', () => {
  test('may come compressed', async () => {
    const { url } = await server(({ headers }, response) => {
      assert.equal(headers['accept-encoding'], 'gzip')
      response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a page'))
    })
    assert.equal(Buffer.from((await client().read({ url }, 100)).bytes).toString(), 'a page')
  })

  test('in an encoding that was not asked for, or is not what it says, is refused', async () => {
    for (const [encoding, code] of [
      ['br', 'unsupported'],
      ['gzip', 'corrupt'],
    ] as const) {
      const { url } = await server((_, response) => void response.writeHead(200, { 'content-encoding': encoding }).end('plain text'))
      await faultOf(client().read({ url }, 100), code, /came in the encoding|is not the gzip/)
    }
  })
})

describe('a signal', () => {
  test('ends a request that waits for its answer', async () => {
    const peer = await startHttpPeer()
    open.push(peer)
    const stop = new AbortController()
    const reached = peer.plan(/GET/, 'stall')
    const answer = client().request({ url: peer.url, signal: stop.signal })
    await reached
    stop.abort()
    await faultOf(answer, 'aborted', /stopped/)
  })

  test('ends a body', async () => {
    const { url } = await server((_, response) => void response.writeHead(200, { etag: '"a"', 'content-length': 9 }).write('abc'))
    const stop = new AbortController()
    const answer = await client().request({ url, signal: stop.signal })
    await faultOf(
      (async () => {
        for await (const piece of answer.body) if (piece.byteLength > 0) stop.abort()
      })(),
      'aborted',
      /stopped/,
    )
  })

  test('ends the wait before the next try', async () => {
    const stop = new AbortController()
    const { url } = await server((_, response) => void response.writeHead(429, { 'retry-after': '200' }).end())
    const http = client({ clock: systemClock, report: () => stop.abort() })
    await faultOf(http.request({ url, signal: stop.signal }), 'aborted', /stopped/)
  })

  test('that has fired sends nothing', async () => {
    const one = await server((_, response) => void response.end())
    await faultOf(client().request({ url: one.url, signal: AbortSignal.abort() }), 'aborted', /stopped/)
    assert.equal(one.requests.length, 0)
  })
})

describe('a network that fails', () => {
  test('is unavailable, with what is wrong', async () => {
    const one = await server(() => undefined)
    await one.close()
    const closed = await faultOf(client().request({ url: one.url }), 'unavailable', /nothing listens there/)
    assert.match(closed.hint ?? '', /whether the server runs/)
    const unknown = await faultOf(client().request({ url: 'http://nobody.invalid/' }), 'unavailable', /the name of the host/)
    assert.match(unknown.hint ?? '', /how the address is written|the network/)
  })

  test('where something else than HTTP answers is corrupt', async () => {
    const other = createServer((socket) => void socket.resume().end('220 mail.example ESMTP\r\n'))
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => new Promise((resolve) => other.close(resolve)) })
    const { port } = other.address() as { port: number }
    await faultOf(client().request({ url: `http://127.0.0.1:${port}/` }), 'corrupt', /does not speak HTTP/)
  })

  test('where somebody would rather speak another protocol is corrupt, and nobody waits for ever', async () => {
    const other = createServer((socket) => {
      socket.once(
        'data',
        () => void socket.resume().write('HTTP/1.1 101 Switching Protocols\r\nupgrade: chat\r\nconnection: upgrade\r\n\r\n'),
      )
    })
    await new Promise<void>((resolve) => other.listen(0, '127.0.0.1', resolve))
    open.push({ close: () => new Promise((resolve) => other.close(resolve)) })
    const { port } = other.address() as { port: number }
    await faultOf(client().request({ url: `http://127.0.0.1:${port}/` }), 'corrupt', /gave no answer of HTTP/)
  })
})

describe('a proxy', () => {
  test('is used where the variables say so, and not where NO_PROXY says so', async () => {
    const proxy = await server(({ url }, response) => void response.end(`through: ${url}`))
    const http = client({ proxy: { http_proxy: proxy.url, no_proxy: '127.0.0.1' } })
    assert.equal(
      await text((await http.request({ url: 'http://upstream.example/simple/' })).body),
      'through: http://upstream.example/simple/',
    )
    assert.equal(proxy.requests.length, 1)
    const direct = await server((_, response) => void response.end('direct'))
    assert.equal(await text((await http.request({ url: direct.url })).body), 'direct')
  })
})

describe('over https', { skip: await whyNoOpenssl() }, () => {
  const scratch = scratchDirectory()
  const file = (name: string) => path.join(scratch, name)
  const options = ['-x509', '-nodes', '-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
  execFileSync('openssl', ['req', ...options, ...subject, '-keyout', file('key.pem'), '-out', file('cert.pem')], { stdio: 'ignore' })
  const tls = { key: readFileSync(file('key.pem'), 'utf8'), cert: readFileSync(file('cert.pem'), 'utf8') }

  test('a certificate that nobody vouches for is denied at once, with what to do', async () => {
    const one = await server((_, response) => void response.end('secret'), tls)
    const fault = await faultOf(client().request({ url: one.url }), 'denied', /certificate of the server is not trusted/)
    assert.match(fault.hint!, /NODE_EXTRA_CA_CERTS/)
    assert.equal(one.connections, 1)
  })

  test('an authority that is named is trusted, for its own hosts', async () => {
    const one = await server((_, response) => void response.end('secret'), tls)
    const http = client({ ca: [tls.cert] })
    assert.equal(await text((await http.request({ url: one.url })).body), 'secret')
    const fault = await faultOf(http.request({ url: one.url.replace('127.0.0.1', 'localhost') }), 'denied', /not trusted/)
    assert.match(fault.hint!, /for another host/)
  })

  test('a redirect to http is refused', async () => {
    const plain = await server((_, response) => void response.end('plain'))
    const one = await server((_, response) => void response.writeHead(302, { location: plain.url }).end(), tls)
    await faultOf(client({ ca: [tls.cert] }).request({ url: one.url }), 'denied', /redirected to http:\/\/127.*away from https/)
    assert.equal(plain.requests.length, 0)
  })

  test('a port that speaks no TLS is unavailable', async () => {
    const plain = await server((_, response) => void response.end('plain'))
    await faultOf(client().request({ url: plain.url.replace('http:', 'https:') }), 'unavailable', /do not agree on TLS/)
  })
})

async function whyNoOpenssl(): Promise<string | false> {
  try {
    await ensureDebianPackages(['openssl'])
    return false
  } catch (error) {
    return error instanceof Fault ? `needs openssl: ${error.hint}` : String(error)
  }
}
