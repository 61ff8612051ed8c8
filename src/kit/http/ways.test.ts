import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import path from 'node:path'
import { describe, test } from 'node:test'
import { type Handler } from '../../../test/fakes/http-server.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { ensureDebianPackages } from '../../../test/services/install.ts'
import { Fault, isFault, redact } from '../index.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { client, closeLater, server, text } from '../../../test/fakes/http-desk.ts'

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

  test('makes no word of its own a secret that is hidden everywhere from then on', async () => {
    const { url } = await server(({ url: asked, headers }, response) => {
      if (asked === '/end') response.end('there')
      else response.writeHead(302, { location: `http://corrupt:unavailable@${headers.host}/end` }).end()
    })
    await text((await client().request({ url: `${url}/start` })).body)
    assert.equal(redact('corrupt, and unavailable'), 'corrupt, and unavailable')
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
    closeLater({ close: () => new Promise((resolve) => other.close(resolve)) })
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
    closeLater({ close: () => new Promise((resolve) => other.close(resolve)) })
    const { port } = other.address() as { port: number }
    await faultOf(client().request({ url: `http://127.0.0.1:${port}/` }), 'corrupt', /gave no answer of HTTP/)
  })
})

describe('a proxy', () => {
  test('that is no URL is refused, and its password is not shown', () => {
    for (const url of ['http://ann:hunter22#x@127.0.0.1:1', 'http://ann:hunter22%zz@127.0.0.1:1'])
      assert.throws(
        () => client({ proxy: { https_proxy: url } }),
        (error) => isFault(error, 'invalid') && !JSON.stringify([error.message, error.hint, String(error.cause)]).includes('hunter22'),
        url,
      )
  })

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
    assert.match(fault.hint!, /NODE_USE_SYSTEM_CA=1.*NODE_EXTRA_CA_CERTS/)
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
