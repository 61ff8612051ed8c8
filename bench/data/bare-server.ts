/**
 * What node:http can do at most: answers that stand ready, with the headers that the other side sent. Arguments: a file of JSON,
 * `[{ path, headers, body (base64) }]`. Prints its port.
 */
import { readFileSync } from 'node:fs'
import { createServer } from 'node:http'

interface Ready {
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly body: string
}

const all = JSON.parse(readFileSync(process.argv[2]!, 'utf8')) as readonly Ready[]
const ready = new Map(
  all.map(({ path, headers, body }) => {
    const bytes = Buffer.from(body, 'base64')
    const { 'content-length': _length, 'content-type': _type, ...held } = headers
    return [path, { headers, held, bytes, etag: headers['etag'] }]
  }),
)

const server = createServer((incoming, outgoing) => {
  const found = ready.get(incoming.url ?? '')
  if (found === undefined) outgoing.writeHead(404).end()
  else if (incoming.headers['if-none-match'] === found.etag) outgoing.writeHead(304, found.held).end()
  else outgoing.writeHead(200, found.headers).end(found.bytes)
})
server.listen(0, '127.0.0.1', () => console.log((server.address() as { port: number }).port))
