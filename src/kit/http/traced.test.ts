import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { fakeTracer } from '../../../test/fakes/tracer.ts'
import { systemClock } from '../clock.ts'
import { traced } from '../trace.ts'
import { createHttp } from './client.ts'

test('each request within a span is a span below it, and hands the trace on', async (t) => {
  const given: unknown[] = []
  const server = await startHttpServer((request, response) => {
    given.push(request.headers['traceparent'])
    if (request.url === '/moved') response.writeHead(302, { location: '/here', 'content-length': '0' }).end()
    else response.writeHead(request.url === '/here' ? 200 : 404).end('x')
  })
  t.after(() => server.close())
  const tracer = fakeTracer()
  const http = createHttp({ clock: systemClock, random: () => 0, userAgent: 'test', tracer })
  t.after(() => http.close())
  await http.read({ url: `${server.url}/here` }, 10)
  await traced(tracer, 'work', {}, async () => {
    await http.read({ url: `${server.url}/moved` }, 10)
    await assert.rejects(http.read({ url: `${server.url}/gone` }, 10))
  })
  const [work, ...requests] = tracer.spans
  assert.deepEqual(
    requests.map(({ name, above, kind, attributes, error }) => {
      return [name, above, kind, attributes['url.full'], attributes['http.response.status_code'], error]
    }),
    [
      ['GET', work!.id, 'client', `${server.url}/moved`, 302, undefined],
      ['GET', work!.id, 'client', `${server.url}/here`, 200, undefined],
      ['GET', work!.id, 'client', `${server.url}/gone`, 404, '404'],
    ],
  )
  assert.deepEqual(given, [undefined, ...requests.map(({ id }) => `00-${'1'.repeat(32)}-${id}-01`)])
  assert.deepEqual(
    [requests[0]!.attributes['server.address'], requests[0]!.attributes['server.port']],
    ['127.0.0.1', Number(new URL(server.url).port)],
  )
})
