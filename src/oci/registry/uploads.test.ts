import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { afterEach, describe, test } from 'node:test'
import { hastyClock } from '../../../test/fakes/hasty-clock.ts'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { registryDesk, type RegistryDesk, type RegistryDeskOptions } from '../../../test/fakes/registry-desk.ts'
import { cutAfter, type RegistryPeer, refuse, say, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { bytesOf, bytesOnce, digestOf, Fault } from '../../kit/index.ts'
import type { ResumeMemo } from '../../store/index.ts'

const open: { close(): unknown }[] = []
afterEach(async () => {
  for (const one of open.splice(0)) await one.close()
})

const repository = 'team/app'
const chunk = 16 << 20
/** Two chunks. */
const large = Buffer.alloc(chunk + 5_012_345)
for (let at = 0; at < large.byteLength; at += 32) createHash('sha256').update(String(at)).digest().copy(large, at)
const digest = digestOf(large)
const small = large.subarray(0, 100_000)

async function scene(options?: RegistryDeskOptions): Promise<{ peer: RegistryPeer; registry: RegistryDesk }> {
  const peer = await startRegistryPeer()
  const registry = registryDesk(peer.host, { isPlain: true, clock: hastyClock(0), ...options })
  open.push(registry, peer)
  return { peer, registry }
}

const has = (peer: RegistryPeer, content: Buffer) =>
  assert.ok(peer.blobs.get(digestOf(content))?.equals(content), 'the registry has other bytes')
const methods = (peer: RegistryPeer) => peer.requests.map((line) => line.split(' ')[0]).join(' ')

function memo(): ResumeMemo & { text: string | undefined } {
  return {
    text: undefined,
    async load() {
      return this.text
    },
    async save(text) {
      this.text = text
    },
    async clear() {
      this.text = undefined
    },
  }
}

describe('a blob that is sent', () => {
  test('goes in two requests where it is small, and in chunks where it is large', async () => {
    const { peer, registry } = await scene()
    await registry.putBlob(repository, digestOf(small), bytesOf(small))
    assert.equal(methods(peer), 'POST PUT')
    await registry.putBlob(repository, digest, bytesOf(large))
    assert.equal(methods(peer), 'POST PUT POST PATCH PATCH PUT')
    has(peer, small)
    has(peer, large)
    assert.equal(peer.received, small.byteLength + large.byteLength)
  })

  test('goes in larger chunks where the registry wants them, and not in any size', async () => {
    const { peer, registry } = await scene()
    const wanting = (bytes: number) => (_: unknown, response: import('node:http').ServerResponse) => {
      peer.uploads.set('u', Buffer.alloc(0))
      response.writeHead(202, { location: `/v2/${repository}/blobs/uploads/u`, 'oci-chunk-min-length': bytes }).end()
    }
    peer.instead(/POST/, wanting(chunk + 8_000_000))
    await registry.putBlob(repository, digest, bytesOf(large))
    assert.equal(methods(peer), 'POST PATCH PUT')
    peer.instead(/POST/, wanting(2 ** 40))
    await faultOf(registry.putBlob(repository, digest, bytesOf(large)), 'unsupported', /chunks of 1099511627776 bytes/)
  })

  test('of other bytes than its digest is corrupt, and no blob', async () => {
    const { peer, registry } = await scene()
    await faultOf(registry.putBlob(repository, digestOf('other'), bytesOf(small)), 'corrupt', /are not sha256:/)
    await faultOf(registry.putBlob(repository, digestOf('other'), bytesOf(large)), 'corrupt', /are not sha256:/)
    assert.equal(peer.blobs.size, 0)
    peer.instead(/PUT/, say(201, { 'docker-content-digest': digestOf('lie') }))
    await faultOf(registry.putBlob(repository, digestOf(small), bytesOf(small)), 'corrupt', /the registry has sha256:/)
  })

  test('whose source fails or gives another length ends so, and its upload is let go', async () => {
    const { peer, registry } = await scene()
    const broken = async function* () {
      yield large.subarray(0, chunk + 1000)
      throw new Fault('corrupt', 'the source broke')
    }
    await faultOf(registry.putBlob(repository, digest, bytesOnce(broken(), large.byteLength)), 'corrupt', /the source broke/)
    await faultOf(registry.putBlob(repository, digest, bytesOnce(bytesOf(large), large.byteLength + 1)), 'corrupt', /got/)
    await faultOf(registry.putBlob(repository, digestOf(small), bytesOnce(bytesOf(small), small.byteLength + 1)), 'corrupt', /got/)
    await faultOf(registry.putBlob(repository, digest, bytesOnce(bytesOf(large), large.byteLength - 1)), 'corrupt', /more came/)
    assert.equal(peer.uploads.size, 0)
  })
})

describe('an upload that breaks off', () => {
  test('in mid-chunk goes on after what the registry has', async () => {
    const { peer, registry } = await scene()
    peer.instead(/PATCH/, (...all) => all[3]())
    peer.instead(/PATCH/, cutAfter(peer, 2_000_000), 2)
    await registry.putBlob(repository, digest, bytesOnce(bytesOf(large), large.byteLength))
    has(peer, large)
    assert.equal(methods(peer), 'POST PATCH PATCH GET PATCH GET PATCH PUT')
  })

  test('before a byte of it, or after the last, is as good', async () => {
    const { peer, registry } = await scene()
    peer.instead(/PATCH/, (request) => void request.socket.destroy())
    peer.instead(/PATCH/, cutAfter(peer, chunk))
    await registry.putBlob(repository, digest, bytesOnce(bytesOf(large), large.byteLength))
    has(peer, large)
    assert.equal(methods(peer), 'POST PATCH GET PATCH GET PATCH PUT')
  })

  test('waits as long as the registry wants, but not for days', async () => {
    const clock = hastyClock(0)
    const { peer, registry } = await scene({ clock })
    peer.instead(/PATCH/, say(429, { 'retry-after': '77' }))
    await registry.putBlob(repository, digest, bytesOf(large))
    assert.equal(clock.now(), 77_000)
    peer.instead(/PATCH/, say(503, { 'retry-after': '86400' }))
    await faultOf(registry.putBlob(repository, digest, bytesOf(large)), 'unavailable', /503/)
    assert.equal(clock.now(), 77_000)
  })

  test('and that the registry has lost begins anew where its body can', async () => {
    const { peer, registry } = await scene()
    const lose: Parameters<RegistryPeer['instead']>[1] = (request) => {
      peer.uploads.clear()
      request.socket.destroy()
    }
    peer.instead(/PATCH .*upload-1/, lose)
    await registry.putBlob(repository, digest, bytesOf(large))
    has(peer, large)
    assert.ok(registry.notes.some((note) => /has lost an upload .*from the beginning/.test(note)))
    peer.instead(/PATCH/, lose)
    await faultOf(registry.putBlob(repository, digest, bytesOnce(bytesOf(large), large.byteLength)), 'precondition', /has lost/)
    peer.instead(/PATCH/, lose, 3)
    await faultOf(registry.putBlob(repository, digest, bytesOf(large)), 'precondition', /has lost/)
  })

  test('and of which the registry says to have more than was sent, or less than it had, is lost', async () => {
    const { peer, registry } = await scene()
    const saying =
      (range: string): Parameters<RegistryPeer['instead']>[1] =>
      async (request, response, body) => {
        await body()
        response.writeHead(202, { location: request.url!, range }).end()
      }
    peer.instead(/PATCH/, saying(`0-${1 << 30}`))
    const tooMuch = await registry.openUpload(repository)
    await faultOf(tooMuch.write(small), 'precondition', /says to have 1073741825 of 100000 bytes/)
    const upload = await registry.openUpload(repository)
    await upload.write(small)
    peer.instead(/PATCH/, saying('0-5'))
    await faultOf(upload.write(small), 'precondition', /says to have 6 of 200000 bytes/)
  })

  test('and of which the registry took a part is sent the rest', async () => {
    const { peer, registry } = await scene()
    peer.instead(/PATCH/, async (request, response, body) => {
      peer.uploads.set('upload-1', (await body()).subarray(0, 6))
      response.writeHead(202, { location: request.url!, range: '0-5' }).end()
    })
    const upload = await registry.openUpload(repository)
    await upload.write(small)
    await upload.finish(digestOf(small))
    assert.equal(methods(peer), 'POST PATCH PATCH PUT')
  })

  test('at its end, with the answer lost, is found to be whole', async () => {
    const { peer, registry } = await scene()
    const lost: Parameters<RegistryPeer['instead']>[1] = async (request, _response, body) => {
      const whole = Buffer.concat([peer.uploads.get(/uploads\/([\w-]+)/.exec(request.url!)![1]!)!, await body()])
      peer.blobs.set(digestOf(whole), whole)
      request.socket.destroy()
    }
    peer.instead(/PUT/, lost)
    await registry.putBlob(repository, digestOf(small), bytesOf(small))
    assert.equal(methods(peer), 'POST PUT HEAD')
    peer.instead(/PUT/, lost)
    await registry.putBlob(repository, digest, bytesOf(large))
    assert.equal(methods(peer), 'POST PUT HEAD POST PATCH PATCH PUT HEAD')
    peer.instead(/PUT/, (request) => void request.socket.destroy(), 2)
    const upload = await registry.openUpload(repository)
    await upload.write(Buffer.from('x'))
    await upload.finish(digestOf('x'))
    assert.ok(peer.blobs.has(digestOf('x')))
  })

  test('in one piece is sent anew, whole, in a new upload', async () => {
    const { peer, registry } = await scene()
    peer.instead(/PUT/, cutAfter(peer, 50_000), 2)
    await registry.putBlob(repository, digestOf(small), bytesOnce(bytesOf(small), small.byteLength))
    has(peer, small)
    assert.equal(methods(peer), 'POST PUT HEAD POST PUT HEAD POST PUT')
  })

  test('is let go where it fails for good', async () => {
    const { peer, registry } = await scene()
    peer.instead(/PATCH/, (_, response) => refuse(response, 413, 'SIZE_INVALID'))
    await faultOf(registry.putBlob(repository, digest, bytesOf(large)), 'invalid', /413/)
    assert.equal(methods(peer), 'POST PATCH DELETE')
  })
})

describe('an upload whose program was killed', () => {
  /** Ends in the middle of the second chunk, as a program that is gone. */
  const killed = async (peer: RegistryPeer, kept: ResumeMemo, bytes = 1_000_000) => {
    const gone = new AbortController()
    const first = registryDesk(peer.host, { isPlain: true, clock: hastyClock(0) })
    open.push(first)
    peer.instead(/PATCH/, (...all) => all[3]())
    peer.instead(/PATCH/, async (...all) => {
      const cut = cutAfter(peer, bytes)
      await cut(...all)
      gone.abort()
    })
    await faultOf(first.putBlob(repository, digest, bytesOf(large), { resume: kept, signal: gone.signal }), 'aborted', /./)
    peer.requests.length = 0
  }

  test('goes on in the next, which sends only the rest', async () => {
    const { peer, registry } = await scene()
    const kept = memo()
    await killed(peer, kept)
    const before = peer.received
    await registry.putBlob(repository, digest, bytesOf(large), { resume: kept })
    has(peer, large)
    assert.equal(methods(peer), 'GET PATCH PUT')
    assert.equal(peer.received - before, large.byteLength - chunk - 1_000_000)
    assert.equal(kept.text, undefined)
    assert.ok(registry.notes.some((note) => /going on .* after 17777216 bytes/.test(note)))
  })

  test('begins anew, and says so, where the registry has lost it', async () => {
    const { peer, registry } = await scene()
    const kept = memo()
    await killed(peer, kept)
    peer.uploads.clear()
    await registry.putBlob(repository, digest, bytesOf(large), { resume: kept })
    has(peer, large)
    assert.ok(registry.notes.some((note) => /has lost the upload .* that was interrupted/.test(note)))
  })

  test('is not gone on with for another blob, another repository, or by a memo that is none', async () => {
    const { peer, registry } = await scene()
    const kept = memo()
    await killed(peer, kept)
    const { text } = kept
    for (const wrong of ['', 'nonsense', '{}', text!.replace(repository, 'team/other'), text!.replace(digest, digestOf('x'))]) {
      kept.text = wrong
      peer.requests.length = 0
      await registry.putBlob(repository, digestOf(small), bytesOf(small), { resume: kept })
      assert.equal(methods(peer), 'POST PUT', wrong)
    }
  })

  test('of other content than it is now goes through from the beginning', async () => {
    const { peer, registry } = await scene()
    const kept = memo()
    await killed(peer, kept)
    peer.uploads.get('upload-1')!.fill(0, 0, 10)
    await registry.putBlob(repository, digest, bytesOf(large), { resume: kept })
    has(peer, large)
  })
})

describe('the place of an upload', () => {
  test('on another host gets nothing', async () => {
    const { peer, registry } = await scene()
    peer.instead(/POST/, say(202, { location: 'http://elsewhere.example/v2/x' }))
    await faultOf(registry.putBlob(repository, digestOf(small), bytesOf(small)), 'denied', /another host: elsewhere\.example/)
    const doubled = peer.requests.length
    peer.instead(/POST/, say(202, { location: `${peer.url}//elsewhere.example/v2/x` }))
    await faultOf(registry.putBlob(repository, digestOf(small), bytesOf(small)), 'not-found', /404/)
    assert.match(peer.requests[doubled + 1]!, /^PUT \/\/elsewhere\.example/)
    peer.instead(/POST/, say(202, { location: 'http://' }))
    await faultOf(registry.putBlob(repository, digestOf(small), bytesOf(small)), 'corrupt', /no URL/)
    peer.instead(/POST/, say(202))
    await faultOf(registry.putBlob(repository, digestOf(small), bytesOf(small)), 'corrupt', /does not say where/)
  })

  test('at an inner address of the same host is asked for at the one that is known', async () => {
    const { peer, registry } = await scene()
    peer.instead(/POST/, (_, response) => {
      peer.uploads.set('inner', Buffer.alloc(0))
      response.writeHead(202, { location: `https://127.0.0.1/v2/${repository}/blobs/uploads/inner?_state=a%2Fb` }).end()
    })
    await registry.putBlob(repository, digestOf(small), bytesOf(small))
    assert.equal(peer.requests[1], `PUT /v2/${repository}/blobs/uploads/inner?_state=a%2Fb&digest=${encodeURIComponent(digestOf(small))}`)
  })
})

describe('a mount', () => {
  test('takes a blob over from another repository, without its bytes', async () => {
    const { peer, registry } = await scene()
    peer.blobs.set(digestOf(small), small)
    assert.equal(await registry.mountBlob(repository, digestOf(small), 'other/app'), true)
    assert.deepEqual(peer.requests, [`POST /v2/${repository}/blobs/uploads/?mount=${encodeURIComponent(digestOf(small))}&from=other%2Fapp`])
  })

  test('that the registry does not make is no fault, and leaves no upload behind', async () => {
    const { peer, registry } = await scene()
    assert.equal(await registry.mountBlob(repository, digestOf(small), 'other/app'), false)
    assert.equal(methods(peer), 'POST DELETE')
    assert.equal(peer.uploads.size, 0)
    peer.instead(/POST/, say(403))
    assert.equal(await registry.mountBlob(repository, digestOf(small), 'secret/app'), false)
    peer.instead(/POST/, say(500), 5)
    await faultOf(registry.mountBlob(repository, digestOf(small), 'other/app'), 'unavailable', /500/)
  })
})
