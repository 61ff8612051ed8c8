import assert from 'node:assert/strict'
import { after, before, describe, it } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { type ServerDesk, serverDesk } from '../../../test/fakes/server-desk.ts'
import type { ImagesContext } from '../../images/index.ts'
import { type Digest, digestOf, systemClock } from '../../kit/index.ts'
import { createApp, listen, type Listening } from '../index.ts'

const scratch = scratchDirectory()

/** As much of a registry as a tag needs to move within one repository. */
function fakeRegistry(tags: Map<string, Digest>) {
  const named = (repository: string, reference: string) =>
    reference.startsWith('sha256:') ? (reference as Digest) : tags.get(`${repository}:${reference}`)
  return {
    host: 'registry.example',
    async manifest(repository: string, reference: string) {
      return { digest: named(repository, reference)! }
    },
    async headManifest(repository: string, reference: string) {
      const digest = named(repository, reference)
      return digest && { digest }
    },
    async putManifest(repository: string, tag: string, { digest }: { digest: Digest }) {
      tags.set(`${repository}:${tag}`, digest)
    },
  }
}

describe('a tag of an image', () => {
  const [old, build] = [digestOf('old'), digestOf('build')]
  const tags = new Map<string, Digest>()
  let desk: ServerDesk
  let server: Listening
  before(async () => {
    desk = await serverDesk(scratch)
    const images = { settings: { registryProject: 'group/project', moving: ['latest'] }, registry: async () => fakeRegistry(tags) }
    const served = { ...desk.served, images: async () => images as unknown as ImagesContext }
    const respond = createApp(served, { rate: 0, isTls: false, state: desk.state, openapi: new Uint8Array() })
    server = await listen({ handler: { respond }, port: 0, clock: systemClock, limits: { grace: 0 } })
  })
  after(async () => {
    await server.close()
    await desk.close()
  })

  const act = async (body: object) => {
    const headers = { ...desk.token('images:retag'), 'content-type': 'application/json' }
    const response = await fetch(`${server.url}/api/v1/actions/image-retag`, { method: 'POST', headers, body: JSON.stringify(body) })
    return { status: response.status, ...((await response.json()) as { plan: string; lines: string[]; after?: unknown }) }
  }
  const latest = { from: { repository: 'x86/app', tag: 'build-1' }, to: { repository: 'x86/app', tag: 'latest' } }
  const set = (names: Record<string, Digest>) => {
    tags.clear()
    for (const [name, digest] of Object.entries(names)) tags.set(`group/project/x86/app:${name}`, digest)
  }

  it('moves to what was confirmed', async () => {
    set({ 'build-1': build, latest: old })
    const { plan, lines } = await act({ ...latest, dryRun: true })
    assert.deepEqual(lines, [`x86/app:latest: ${old} -> ${build}`])
    assert.equal(tags.get('group/project/x86/app:latest'), old)
    const done = await act({ ...latest, plan })
    assert.deepEqual([done.status, done.after], [200, { digest: build }])
    assert.equal(tags.get('group/project/x86/app:latest'), build)
    assert.equal((await act({ ...latest, dryRun: true })).status, 409)
  })

  it('stays where it is when it, or the image, was another one by then', async () => {
    set({ 'build-1': build, latest: old })
    const { plan } = await act({ ...latest, dryRun: true })
    set({ 'build-1': build, latest: digestOf('somebody else') })
    assert.equal((await act({ ...latest, plan })).status, 412)
    set({ 'build-1': digestOf('built anew'), latest: old })
    assert.equal((await act({ ...latest, plan })).status, 412)
    assert.equal((await act({ ...latest, expect: build, dryRun: true })).status, 412)
  })

  it('never moves where it is not one of those that may', async () => {
    set({ 'build-1': build, 'build-0': old })
    const fixed = { ...latest, to: { repository: 'x86/app', tag: 'build-0' } }
    const { plan } = await act({ ...fixed, dryRun: true })
    const { status } = await act({ ...fixed, plan })
    assert.deepEqual([status, tags.get('group/project/x86/app:build-0')], [412, old])
  })

  it('is named within the project alone', async () => {
    for (const repository of ['../other', '/etc', 'X86/app', 'a//..', ''])
      assert.equal((await act({ ...latest, to: { repository, tag: 'latest' }, dryRun: true })).status, 400, repository)
  })
})
