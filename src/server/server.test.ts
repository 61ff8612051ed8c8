import assert from 'node:assert/strict'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import { request as ask, type IncomingMessage } from 'node:http'
import { describe, it, type TestContext } from 'node:test'
import { manualClock } from '../../test/fakes/manual-clock.ts'
import { sayRaw } from '../../test/fakes/say-raw.ts'
import { isFault, type Progress, systemClock } from '../kit/index.ts'
import { listen, type Listening, type ListenOptions } from './index.ts'

async function listening(t: TestContext, options: Partial<ListenOptions> & Pick<ListenOptions, 'handler'>): Promise<Listening> {
  const server = await listen({ port: 0, clock: systemClock, limits: { grace: 0 }, ...options })
  t.after(() => server.close())
  return server
}

async function waits(socket: Socket): Promise<void> {
  await once(socket, 'connect')
}

describe('a server', () => {
  it('listens on loopback alone unless told otherwise, and carries requests and responses', async (t) => {
    const seen: string[] = []
    const server = await listening(t, {
      handler: async (request) => {
        seen.push(`${request.method} ${new URL(request.url).pathname} ${request.headers.get('x-two')}`)
        return new Response('hello', { status: 201, headers: { 'x-own': 'yes' } })
      },
    })
    assert.equal(server.url, `http://127.0.0.1:${server.port}`)
    const response = await fetch(`${server.url}/a%2Fb`, { headers: { 'x-two': '2' } })
    assert.deepEqual([response.status, response.headers.get('x-own'), await response.text()], [201, 'yes', 'hello'])
    assert.deepEqual(seen, ['GET /a%2Fb 2'])
  })

  it('says who is in the way where the port is taken', async (t) => {
    const handler = async () => new Response()
    const { port } = await listening(t, { handler })
    await assert.rejects(
      listen({ handler, port, clock: systemClock }),
      (error) => isFault(error, 'busy') && error.message.includes(`${port}`),
    )
    await assert.rejects(listen({ handler, host: '192.0.2.1', port: 0, clock: systemClock }), (error) => isFault(error, 'invalid'))
  })

  it('asks a body for its next piece only when the client has taken those before', async (t) => {
    let given = 0
    const piece = new Uint8Array(1 << 20)
    const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
      given++
      if (given <= 200) controller.enqueue(piece)
      else controller.close()
    }
    const server = await listening(t, { handler: async () => new Response(new ReadableStream({ pull }, { highWaterMark: 0 })) })
    const response = await new Promise<IncomingMessage>((resolve) => ask(`${server.url}/`, resolve).end())
    await once(response, 'readable')
    // Sockets' buffers take a few pieces; the body is not read ahead of them.
    for (let turn = 0; turn < 50; turn++) await new Promise((resolve) => setImmediate(resolve))
    assert.ok(given < 60, `${given} pieces were asked for`)
    let size = 0
    for await (const part of response as AsyncIterable<Buffer>) size += part.byteLength
    assert.equal(size, 200 << 20)
  })

  it('ends the work for a client that goes away', async (t) => {
    const gone = Promise.withResolvers<void>()
    const cancelled = Promise.withResolvers<void>()
    const server = await listening(t, {
      handler: async (request) => {
        request.signal.addEventListener('abort', () => gone.resolve())
        return new Response(
          new ReadableStream({ pull: (c) => c.enqueue(new Uint8Array(1 << 20)), cancel: () => cancelled.resolve() }, { highWaterMark: 0 }),
        )
      },
    })
    const response = await new Promise<IncomingMessage>((resolve) => ask(`${server.url}/`, resolve).end())
    response.destroy()
    await Promise.all([gone.promise, cancelled.promise])
  })

  it('breaks the connection where a body fails on its way, so that it does not look whole', async (t) => {
    const told: Progress[] = []
    const server = await listening(t, {
      report: (event) => told.push(event),
      handler: async () => {
        let first = true
        const pull = (controller: ReadableStreamDefaultController<Uint8Array>) => {
          if (first) controller.enqueue(new Uint8Array(10))
          else controller.error(new Error('the disk went'))
          first = false
        }
        return new Response(new ReadableStream({ pull }, { highWaterMark: 0 }), { headers: { 'content-length': '100' } })
      },
    })
    await assert.rejects(fetch(`${server.url}/`).then((response) => response.arrayBuffer()))
    assert.match(JSON.stringify(told), /the disk went/)
  })

  it('shows a visitor nothing of what went wrong inside, and tells it to the log', async (t) => {
    const told: Progress[] = []
    const server = await listening(t, { report: (event) => told.push(event), handler: () => Promise.reject(new Error('inner matters')) })
    const response = await fetch(`${server.url}/x`)
    assert.equal(response.status, 500)
    assert.doesNotMatch(await response.text(), /inner/)
    assert.match(JSON.stringify(told), /GET .*\/x.*inner matters/)
  })

  it('refuses what is no request, too many headers and URLs without end', async (t) => {
    const server = await listening(t, { handler: async () => new Response('reached') })
    const tail = 'Host: a\r\nConnection: close\r\n\r\n'
    assert.match(await sayRaw(server.port, 'HELLO\r\n\r\n'), /^HTTP\/1\.1 400/)
    assert.match(await sayRaw(server.port, `GET / HTTP/1.1\r\nHost: a/b\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 400/)
    assert.match(await sayRaw(server.port, `GET / HTTP/1.1\r\nHost: u:p@a\r\nConnection: close\r\n\r\n`), /^HTTP\/1\.1 400/)
    assert.match(await sayRaw(server.port, `GET ftp://a/ HTTP/1.1\r\n${tail}`), /^HTTP\/1\.1 400/)
    assert.match(await sayRaw(server.port, `GET /${'a'.repeat(20_000)} HTTP/1.1\r\n${tail}`), /^HTTP\/1\.1 431/)
    assert.match(await sayRaw(server.port, `GET / HTTP/1.1\r\nX: ${'a'.repeat(20_000)}\r\n${tail}`), /^HTTP\/1\.1 431/)
    assert.match(await sayRaw(server.port, `GET //elsewhere.example/ HTTP/1.1\r\n${tail}`), /^HTTP\/1\.1 200/)
  })

  it('closes a connection whose request never comes to its end', async (t) => {
    const server = await listening(t, { handler: async () => new Response('reached'), limits: { headersTime: 100, requestTime: 100 } })
    assert.match(await sayRaw(server.port, 'GET / HTTP/1.1\r\nHost: a\r\nX-Slow: '), /^HTTP\/1\.1 408/)
  })

  it('takes no body for the next request', async (t) => {
    const paths: string[] = []
    const server = await listening(t, {
      handler: async (request) => {
        paths.push(new URL(request.url).pathname)
        return new Response('no', { status: 405 })
      },
    })
    const inner = 'GET /inner HTTP/1.1\r\nHost: a\r\n\r\n'
    const said = await sayRaw(server.port, `POST /outer HTTP/1.1\r\nHost: a\r\nContent-Length: ${inner.length}\r\n\r\n${inner}`)
    assert.match(said, /^HTTP\/1\.1 405/)
    assert.deepEqual(paths, ['/outer'])
  })

  it('lets what is under way finish at its end, and takes nothing new', async (t) => {
    const reached = Promise.withResolvers<void>()
    const go = Promise.withResolvers<void>()
    const stop = new AbortController()
    const server = await listening(t, {
      signal: stop.signal,
      clock: manualClock(),
      limits: {},
      handler: async () => {
        reached.resolve()
        await go.promise
        return new Response('whole')
      },
    })
    const idle = connect(server.port, '127.0.0.1')
    await waits(idle)
    const response = fetch(`${server.url}/`)
    await reached.promise
    stop.abort()
    await once(idle.resume(), 'close')
    await assert.rejects(fetch(`${server.url}/`))
    go.resolve()
    assert.equal(await (await response).text(), 'whole')
    await server.ended
  })

  it('cuts what is not done when the grace is over', async (t) => {
    const clock = manualClock()
    const reached = Promise.withResolvers<void>()
    const handler = () => {
      reached.resolve()
      return new Promise<Response>(() => undefined)
    }
    const server = await listening(t, { clock, limits: { grace: 10_000 }, handler })
    const response = fetch(`${server.url}/`)
    await reached.promise
    const closed = server.close()
    const cut = assert.rejects(response)
    await clock.advance(10_000)
    await Promise.all([cut, closed])
  })
})
