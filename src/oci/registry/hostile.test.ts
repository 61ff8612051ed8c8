import assert from 'node:assert/strict'
import { randomBytes } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { registryDesk, type RegistryDesk } from '../../../test/fakes/registry-desk.ts'
import { type RegistryPeer, refuse, say, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { collect, digestOf } from '../../kit/index.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const ociManifest = 'application/vnd.oci.image.manifest.v1+json'
const ociIndex = 'application/vnd.oci.image.index.v1+json'
const repository = 'team/app'

async function scene(): Promise<{ peer: RegistryPeer; registry: RegistryDesk }> {
  const peer = await startRegistryPeer()
  const registry = registryDesk(peer.host, { isPlain: true, clock: hastyClock(0) })
  open.push(registry, peer)
  return { peer, registry }
}

const hold = (peer: RegistryPeer, tag: string, content: unknown, type = ociManifest) => {
  const bytes = Buffer.from(typeof content === 'string' ? content : JSON.stringify(content))
  peer.manifests.set(`${repository}:${tag}`, { bytes, type })
  peer.manifests.set(`${repository}@${digestOf(bytes)}`, { bytes, type })
  return digestOf(bytes)
}

describe('a registry that speaks TLS alone', () => {
  test('is known by its answer to whom speaks none, and what to leave out is said', async () => {
    const { peer, registry } = await scene()
    // What Go's server says, and with it most registries.
    peer.instead(/tags/, say(400, { 'content-type': 'text/plain; charset=utf-8' }, 'Client sent an HTTP request to an HTTPS server.\n'))
    const tags = async () => await Array.fromAsync(registry.tags(repository))
    assert.match((await faultOf(tags(), 'invalid', /was answered with 400/)).hint ?? '', /may speak TLS alone: leave out --plain-http/)
  })
})

describe('a manifest', () => {
  test('of other bytes than its digest is corrupt, asked for by digest or by tag', async () => {
    const { peer, registry } = await scene()
    const digest = digestOf('{"right":1}')
    peer.manifests.set(`${repository}@${digest}`, { bytes: Buffer.from('{"wrong":1}'), type: ociManifest })
    await faultOf(registry.manifest(repository, digest), 'corrupt', /expected sha256:.*, got sha256:/)
    peer.instead(/manifests\/v1/, say(200, { 'content-type': ociManifest, 'docker-content-digest': digest }, '{"wrong":1}'))
    await faultOf(registry.manifest(repository, 'v1'), 'corrupt', /expected sha256:/)
    peer.instead(/HEAD .*manifests/, say(200, { 'content-type': ociManifest, 'docker-content-digest': digest, 'content-length': '5' }))
    await faultOf(registry.headManifest(repository, digestOf('other')), 'corrupt', /expected sha256:/)
  })

  test('that the registry calls other than it calls itself is corrupt', async () => {
    const { peer, registry } = await scene()
    hold(peer, 'v1', { schemaVersion: 2, mediaType: ociManifest }, ociIndex)
    await faultOf(registry.manifest(repository, 'v1'), 'corrupt', /calls it .*index.*, and it calls itself .*manifest/)
  })

  test('without a type in the answer has the one that it names, and none is unsupported', async () => {
    const { peer, registry } = await scene()
    hold(peer, 'v1', { schemaVersion: 2, mediaType: ociManifest }, 'text/plain; charset=utf-8')
    assert.equal((await registry.manifest(repository, 'v1')).mediaType, ociManifest)
    hold(peer, 'old', { schemaVersion: 1 }, 'application/vnd.docker.distribution.manifest.v1+prettyjws')
    await faultOf(registry.manifest(repository, 'old'), 'unsupported', /neither a manifest nor an index/)
  })

  test('that is no JSON, or larger than 4 MiB, is corrupt, and the limit is named', async () => {
    const { peer, registry } = await scene()
    hold(peer, 'v1', '<html>')
    await faultOf(registry.manifest(repository, 'v1'), 'corrupt', /not valid JSON/)
    hold(peer, 'v2', `{"a":"${'x'.repeat(4 << 20)}"}`)
    await faultOf(registry.manifest(repository, 'v2'), 'corrupt', /limit of 4194304 bytes/)
    await faultOf(
      registry.putManifest(repository, 'v3', { bytes: Buffer.from(`{"a":"${'x'.repeat(4 << 20)}"}`), mediaType: ociManifest }),
      'invalid',
      /larger/,
    )
  })

  test('of no end at all ends at the limit', async () => {
    const { peer, registry } = await scene()
    const gone = Promise.withResolvers<void>()
    peer.instead(/manifests/, (_, response) => {
      response.writeHead(200, { 'content-type': ociManifest })
      response.on('close', gone.resolve)
      const pour = () => {
        while (response.write(Buffer.alloc(1 << 16)));
      }
      response.on('drain', pour)
      pour()
    })
    await faultOf(registry.manifest(repository, 'v1'), 'corrupt', /limit of 4194304 bytes/)
    await gone.promise
  })

  test('that the registry stores under another digest is corrupt', async () => {
    const { peer, registry } = await scene()
    peer.instead(/PUT .*manifests/, say(201, { 'docker-content-digest': digestOf('other') }))
    await faultOf(
      registry.putManifest(repository, 'v1', { bytes: Buffer.from('{}'), mediaType: ociManifest }),
      'corrupt',
      /stored .* as sha256:/,
    )
    const wrong = registry.putManifest(repository, digestOf('other'), { bytes: Buffer.from('{}'), mediaType: ociManifest })
    await faultOf(wrong, 'invalid', /the manifest is sha256:/)
  })

  test('whose blobs the registry lacks is refused with its words, without what plays tricks on terminals', async () => {
    const { peer, registry } = await scene()
    const body = JSON.stringify({
      errors: [{ code: 'MANIFEST_BLOB_UNKNOWN', message: 'blob \u001b[31munknown', detail: { digest: 'sha256:77' } }],
    })
    peer.instead(/PUT .*manifests/, say(400, { 'content-type': 'application/json' }, body))
    const put = registry.putManifest(repository, 'v1', { bytes: Buffer.from('{}'), mediaType: ociManifest })
    const fault = await faultOf(put, 'invalid', /MANIFEST_BLOB_UNKNOWN: blob \[31munknown \(\{"digest":"sha256:77"\}\)/)
    assert.doesNotMatch(fault.message, /\p{Cc}/u)
  })

  test('asked for by what is neither a tag nor a digest, or in no repository, is never asked for', async () => {
    const { peer, registry } = await scene()
    for (const reference of ['', '..', 'a/b', 'sha256:abc', 'a?b', 'x'.repeat(129)])
      await faultOf(registry.manifest(repository, reference), 'invalid', /tag/)
    for (const other of ['', '../x', 'A', 'a//b', 'a/../b', 'a?x', 'a#'])
      await faultOf(registry.manifest(other, 'v1'), 'invalid', /repository/)
    assert.deepEqual(peer.requests, [])
  })

  test('is absent only where the registry says so: trouble is none', async () => {
    const { peer, registry } = await scene()
    assert.equal(await registry.headManifest(repository, 'v1'), undefined)
    peer.instead(/HEAD/, say(403))
    await faultOf(registry.headManifest(repository, 'v1'), 'denied', /403/)
    peer.instead(/HEAD/, say(500), 5)
    await faultOf(registry.headManifest(repository, 'v1'), 'unavailable', /500/)
  })

  test('whose head says too little is read whole', async () => {
    const { peer, registry } = await scene()
    const digest = hold(peer, 'v1', { mediaType: ociManifest })
    peer.instead(/HEAD/, say(200, { 'content-type': 'application/json' }))
    const size = JSON.stringify({ mediaType: ociManifest }).length
    assert.deepEqual(await registry.headManifest(repository, 'v1'), { digest, mediaType: ociManifest, size })
  })

  test('that cannot be deleted is told apart from one that is not there', async () => {
    const { peer, registry } = await scene()
    const digest = hold(peer, 'v1', { mediaType: ociManifest })
    peer.instead(/DELETE/, (_, response) => refuse(response, 405, 'UNSUPPORTED'))
    assert.match((await faultOf(registry.deleteManifest(repository, digest), 'unsupported', /405/)).hint ?? '', /turned off/)
    peer.instead(/DELETE/, (_, response) => refuse(response, 400, 'DIGEST_INVALID'))
    assert.match((await faultOf(registry.deleteTag(repository, 'v1'), 'unsupported', /400/)).hint ?? '', /by digest only/)
    await registry.deleteManifest(repository, digest)
    await faultOf(registry.deleteManifest(repository, digest), 'not-found', /404/)
  })
})

describe('a blob', () => {
  const content = randomBytes(3_000_000)
  const digest = digestOf(content)
  const read = async (registry: RegistryDesk, size?: number) => {
    const bytes = await registry.blob(repository, digest, size)
    return Buffer.from(await collect(bytes, 1 << 24))
  }

  test('of other bytes is corrupt, and its last piece is never given', async () => {
    const { peer, registry } = await scene()
    const wrong = Buffer.from(content)
    wrong[1_500_000]! ^= 1
    peer.blobs.set(digest, wrong)
    let given = 0
    const drain = async () => {
      for await (const piece of await registry.blob(repository, digest, content.byteLength)) given += piece.byteLength
    }
    await faultOf(drain(), 'corrupt', /expected sha256:/)
    assert.ok(given < content.byteLength)
  })

  test('of another length than it is to have is corrupt before its first byte', async () => {
    const { peer, registry } = await scene()
    peer.blobs.set(digest, content)
    await faultOf(registry.blob(repository, digest, 5), 'corrupt', /has 5 bytes, and the registry wants to give 3000000/)
    peer.instead(/blobs/, (_, response) => void response.writeHead(200).end(content))
    await faultOf(registry.blob(repository, digest), 'corrupt', /does not say how large/)
  })

  test('without end ends where it is to end', async () => {
    const { peer, registry } = await scene()
    const gone = Promise.withResolvers<void>()
    peer.instead(/blobs/, (_, response) => {
      response.writeHead(200)
      response.on('close', gone.resolve)
      const pour = () => {
        while (response.write(Buffer.alloc(1 << 16)));
      }
      response.on('drain', pour)
      pour()
    })
    await faultOf(read(registry, content.byteLength), 'corrupt', /more than the 3000000 bytes/)
    await gone.promise
  })

  test('that breaks off goes on where it was, as often as it gets on', async () => {
    const { peer, registry } = await scene()
    peer.blobs.set(digest, content)
    let cuts = 0
    peer.instead(
      /blobs/,
      ({ headers }, response) => {
        const start = Number(/^bytes=(\d+)-$/.exec(headers.range ?? '')?.[1] ?? 0)
        const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${content.byteLength - 1}/${content.byteLength}` }
        response.writeHead(start === 0 ? 200 : 206, { 'content-length': content.byteLength - start, ...range })
        response.write(content.subarray(start, start + 200_000), () => response.destroy())
        cuts++
      },
      7,
    )
    assert.ok((await read(registry, content.byteLength)).equals(content))
    assert.equal(cuts, 7)
  })

  test('goes on also where the registry knows no ranges, and not with other bytes than it asked for', async () => {
    const { peer, registry } = await scene()
    const cut = (_: unknown, response: import('node:http').ServerResponse) => {
      response.writeHead(200, { 'content-length': content.byteLength })
      response.write(content.subarray(0, 200_000), () => response.destroy())
    }
    peer.instead(/blobs/, cut)
    peer.instead(/blobs/, say(200, { 'content-length': String(content.byteLength) }, content))
    assert.ok((await read(registry, content.byteLength)).equals(content))
    peer.instead(/blobs/, cut)
    peer.instead(/blobs/, say(206, { 'content-range': 'bytes 5-10/3000000' }, content.subarray(5, 11)))
    await faultOf(read(registry, content.byteLength), 'corrupt', /got others/)
  })

  test('can be read again from its beginning', async () => {
    const { peer, registry } = await scene()
    peer.blobs.set(digest, content)
    const bytes = await registry.blob(repository, digest, content.byteLength)
    for (let time = 0; time < 2; time++) assert.ok(Buffer.from(await collect(bytes, 1 << 24)).equals(content))
    assert.equal(peer.requests.length, 2)
  })

  test('kept on another host is got there without credentials, and where its address expires, by a new one', async () => {
    const { peer, registry: plain } = await scene()
    plain.close()
    const seen: (string | undefined)[] = []
    const store = await startHttpServer((request, response) => {
      seen.push(request.headers.authorization)
      if (request.url !== `/signed-${seen.length}`) return void response.writeHead(403).end('expired')
      const start = Number(/^bytes=(\d+)-$/.exec(request.headers.range ?? '')?.[1] ?? 0)
      const range = start === 0 ? {} : { 'content-range': `bytes ${start}-${content.byteLength - 1}/${content.byteLength}` }
      response.writeHead(start === 0 ? 200 : 206, { 'content-length': content.byteLength - start, ...range })
      if (seen.length > 1) return void response.end(content.subarray(start))
      response.write(content.subarray(0, 400_000), () => response.destroy())
    })
    open.push(store)
    const registry = registryDesk(peer.host, { isPlain: true, clock: hastyClock(0), login: { user: 'u', password: 'hunter2' } })
    open.push(registry)
    peer.instead(/blobs/, say(401, { 'www-authenticate': 'Basic realm="x"' }))
    peer.instead(/blobs/, say(307, { location: `${store.url}/signed-1` }))
    peer.instead(/blobs/, say(307, { location: `${store.url}/signed-2` }))
    assert.ok((await read(registry, content.byteLength)).equals(content))
    assert.deepEqual(seen, [undefined, undefined])
    assert.deepEqual(
      peer.headers.map(({ authorization }) => authorization?.slice(0, 5)),
      [undefined, 'Basic', 'Basic'],
    )
  })

  test('whose other host wants credentials does not get those of the registry', async () => {
    const { peer, registry } = await scene()
    const store = await startHttpServer((_, response) => void response.writeHead(401, { 'www-authenticate': 'Basic realm="give"' }).end())
    open.push(store)
    peer.instead(/blobs/, say(307, { location: `${store.url}/x` }), 2)
    await faultOf(registry.blob(repository, digest), 'denied', /401/)
    assert.equal(store.requests.length, 1)
  })
})

describe('a list of tags', () => {
  const list = (registry: RegistryDesk) => Array.fromAsync(registry.tags(repository))
  const page = (tags: unknown, link?: string) =>
    say(200, { 'content-type': 'application/json', ...(link === undefined ? {} : { link }) }, JSON.stringify({ name: repository, tags }))

  test('comes in as many pages as the registry makes', async () => {
    const { peer, registry } = await scene()
    for (let tag = 0; tag < 2500; tag++) hold(peer, `t${String(tag).padStart(4, '0')}`, '{}')
    assert.equal((await list(registry)).length, 2500)
    assert.equal(peer.requests.length, 3)
  })

  test('may be none at all', async () => {
    const { peer, registry } = await scene()
    peer.instead(/tags/, page(null))
    assert.deepEqual(await list(registry), [])
    await faultOf(list(registry), 'not-found', /NAME_UNKNOWN/)
  })

  test('that goes in circles, points elsewhere, or has a tag that is none is corrupt or denied', async () => {
    const { peer, registry } = await scene()
    const next = (path: string) => `<${path}>; rel="next"`
    peer.instead(/tags/, page(['a'], next(`/v2/${repository}/tags/list?n=1000&last=a`)), 2)
    await faultOf(list(registry), 'corrupt', /again and again/)
    peer.instead(/tags/, page(['a'], next('https://elsewhere.example/v2/x/tags/list')))
    await faultOf(list(registry), 'denied', /another host: elsewhere\.example/)
    peer.instead(/tags/, page(['a'], next('file:///etc/passwd')))
    await faultOf(list(registry), 'corrupt', /no URL/)
    for (const tag of ['../../etc', '', 'a\nb', 'x'.repeat(200)]) {
      peer.instead(/tags/, page([tag]))
      await faultOf(list(registry), 'corrupt', /a tag that is none/)
    }
    peer.instead(/tags/, page([7]))
    await faultOf(list(registry), 'corrupt', /unexpected content/)
  })

  test('that never ends, ends', async () => {
    const { peer, registry } = await scene()
    let pages = 0
    const endless = (_: unknown, response: import('node:http').ServerResponse) =>
      void response.writeHead(200, { link: `</v2/${repository}/tags/list?last=${++pages}>; rel=next` }).end('{"tags":["a"]}')
    peer.instead(/tags/, endless, Infinity)
    const listed = registry.tags(repository)[Symbol.asyncIterator]()
    const drain = async () => {
      while ((await listed.next()).done !== true);
    }
    await faultOf(drain(), 'corrupt', /more than \d+ pages/)
  })
})
