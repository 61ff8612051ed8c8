import assert from 'node:assert/strict'
import { createServer, type Socket } from 'node:net'
import { after, test } from 'node:test'
import fc from 'fast-check'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { asFault } from '../index.ts'
import { createHttp } from './index.ts'

/* A server that sends whatever comes to mind: every answer is read or refused, and nothing is a fault of ours. */
let answer: Uint8Array = new Uint8Array()
const sockets = new Set<Socket>()
const server = createServer((socket) => {
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.once('data', () => void socket.end(answer))
})
await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
const { port } = server.address() as { port: number }
const http = createHttp({ clock: hastyClock(0), random: () => 0, userAgent: 'holdfast/test', limits: { answerTime: 2000, idleTime: 2000 } })
after(() => {
  http.close()
  for (const socket of sockets) socket.destroy()
  server.close()
})

const part = fc.oneof(
  fc.constantFrom(
    'HTTP/1.1 200 OK\r\n',
    'HTTP/1.1 206 Partial\r\n',
    'HTTP/1.1 302 Found\r\n',
    'HTTP/1.1 429 Slow\r\n',
    'HTTP/1.1 100 Continue\r\n\r\n',
    'HTTP/1.1 101 Switching Protocols\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n',
    'HTTP/1.1 999 Odd\r\n',
    'content-length: 5\r\n',
    'content-length: -1\r\n',
    'content-length: 99999999999999999999\r\n',
    'transfer-encoding: chunked\r\n',
    'transfer-encoding: gzip, chunked\r\n',
    'content-encoding: gzip\r\n',
    'content-range: bytes 0-4/5\r\n',
    'etag: "a"\r\n',
    'location: /\r\n',
    'location: \u0000\r\n',
    'location: http://[::1\r\n',
    'location: //\r\n',
    'retry-after: 1\r\n',
    'set-cookie: a\r\nset-cookie: b\r\n',
    '\r\n',
    '5\r\nhello\r\n0\r\n\r\n',
    'fffffffffffffffff\r\n',
    'hello',
  ),
  fc.string({ maxLength: 12, unit: 'binary' }),
)

test(`whatever a server sends is read or refused (seed ${testSeed})`, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(part, { maxLength: 8 }), fc.boolean(), async (parts, isWhole) => {
      answer = Buffer.from((isWhole ? 'HTTP/1.1 200 OK\r\n' : '') + parts.join(''), 'latin1')
      try {
        const { bytes } = await http.read({ url: `http://127.0.0.1:${port}/` }, 1000)
        assert.ok(bytes.byteLength <= 1000)
      } catch (error) {
        const { code } = asFault(error)
        assert.ok(
          ['corrupt', 'unavailable', 'unsupported', 'invalid', 'not-found', 'denied', 'precondition'].includes(code),
          `${code}: ${String(error)}`,
        )
      }
    }),
    { seed: testSeed, numRuns: 400 },
  )
})
