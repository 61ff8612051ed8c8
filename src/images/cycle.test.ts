import assert from 'node:assert/strict'
import { mkdtempSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { refusal, spoilt, storageRefusal } from '../../test/fakes/github/trouble.ts'
import { imageDesk, type ImageDesk, type ImageDeskOptions, madeFamilies, runScene, runTag } from '../../test/fakes/image-desk.ts'
import { registryDesk, type RegistryDesk } from '../../test/fakes/registry-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { registryForTests } from '../../test/services/registry.ts'
import { type Cycle, cycle, type CycleOptions, faultOfCycle } from './cycle.ts'
import { type DaemonEvent, runDaemon } from './run-daemon.ts'

const scratch = scratchDirectory()
const older = 'presto-111111111111-velox-222222222222-linux-amd64'
const arm = 'presto-111111111111-velox-222222222222-linux-arm64'

interface Scene extends ImageDesk {
  readonly registry: RegistryDesk
  cycle(o?: CycleOptions): Promise<Cycle>
  /** Requests to GitHub and GitLab since the last time. */
  asked(): string[]
  digestOf(repository: string, tag: string): Promise<string | undefined>
}

async function scene(t: TestContext, options: Partial<ImageDeskOptions> = {}): Promise<Scene | undefined> {
  const server = await registryForTests(t, 'plain')
  if (server === undefined) return undefined
  const project = server.newRepository()
  const desk = await imageDesk({ folder: mkdtempSync(path.join(scratch, 'cycle-')), registry: server.host, project, ...options })
  const registry = registryDesk(server.host)
  t.after(async () => {
    registry.close()
    await desk.close()
    assert.deepEqual(desk.gitlab.offences, [])
  })
  let [github, gitlab] = [0, 0]
  return {
    ...desk,
    registry,
    cycle: (o) => cycle(desk.context, o),
    asked() {
      const all = [...desk.github.requests.slice(github), ...desk.gitlab.requests.slice(gitlab)]
      github = desk.github.requests.length
      gitlab = desk.gitlab.requests.length
      return all
    },
    digestOf: async (repository, tag) => (await registry.headManifest(`${project}/${repository}`, tag))?.digest,
  }
}

const done = ({ tags }: Cycle) => tags.map(({ missing, fault }) => [missing.tag, fault?.code])

describe('a cycle', () => {
  test('brings every tag that is missing, the newest first, also of another platform', async (t) => {
    const at = await scene(t, { runs: [runScene(arm), runScene(older), runScene(runTag)] })
    if (at === undefined) return
    assert.deepEqual(done(await at.cycle()), [
      [runTag, undefined],
      [older, undefined],
      [arm, undefined],
    ])
    for (const [folder, tag] of [
      ['x86', runTag],
      ['x86', older],
      ['arm', arm],
    ] as const)
      for (const family of madeFamilies)
        assert.ok(await at.digestOf(`${folder}/${family}`, tag.replace(/-linux-.*/, '')), `${folder}/${family}`)
  })

  test('with nothing new asks GitHub once, without cost to its rate limit, and GitLab once; the registry not at all', async (t) => {
    const at = await scene(t, { runs: [runScene(older), runScene(runTag)] })
    if (at === undefined) return
    await at.cycle()
    at.asked()
    const used = at.github.used
    const again = await at.cycle()
    const asked = at.asked()
    assert.deepEqual([again.tags.length, asked.length], [0, 2], asked.join('\n'))
    assert.match(asked[0]!, / 304$/)
    assert.equal(at.github.used, used)
    // Another process, which remembers what the first one found out.
    assert.equal((await cycle(at.again())).tags.length, 0)
    assert.equal(at.asked().length, 2)
  })

  test('finishes a bundle that was brought in part, and brings nothing twice', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    const first = await at.cycle()
    const project = at.settings.registryProject
    await at.registry.deleteManifest(`${project}/x86/${madeFamilies[1]}`, first.tags[0]!.synced!.images[1]!.pushed!.digest)
    const { tags } = await at.cycle()
    assert.deepEqual(
      tags[0]!.synced!.images.map(({ image, pushed }) => [
        image.family,
        pushed!.tag,
        pushed!.layers.filter(({ how }) => how === 'sent').length,
      ]),
      [[madeFamilies[1], 'created', 0]],
    )
  })

  test('is not stopped by a tag that fails: the others are brought, and the next cycle tries it again', async (t) => {
    const damaged = runScene(older, { members: [{ name: 'x.txt', content: Buffer.from('x') }] })
    const at = await scene(t, { runs: [runScene(arm), damaged, runScene(runTag)] })
    if (at === undefined) return
    const first = await at.cycle()
    assert.deepEqual(done(first), [
      [runTag, undefined],
      [older, 'corrupt'],
      [arm, undefined],
    ])
    const fault = faultOfCycle(first)
    assert.deepEqual([fault?.code, fault?.message], ['partial', `1 of 3 tags failed: ${older}`])
    assert.match(fault?.hint ?? '', /the artifact has "x\.txt"/, 'running it again would not mend it')
    at.github.add(runScene(older))
    assert.deepEqual(done(await at.cycle()), [[older, undefined]])
  })

  test('points latest at the newest build alone, whichever comes last', async (t) => {
    const at = await scene(t, { runs: [runScene(older), runScene(runTag)] })
    if (at === undefined) return
    at.github.trouble(storageRefusal(500, { match: /artifacts/, times: 5 }))
    assert.deepEqual(
      done(await at.cycle({ retagAsLatest: true })).map(([, code]) => code),
      ['unavailable', undefined],
    )
    assert.equal(await at.digestOf('x86/presto-coordinator', 'latest'), undefined, 'only the older one is there')
    const { tags } = await at.cycle({ retagAsLatest: true })
    assert.equal(await at.digestOf('x86/presto-coordinator', 'latest'), tags[0]!.synced!.images[0]!.pushed!.digest)
    assert.equal(tags[0]!.missing.tag, runTag)
  })

  test('with force brings all images of a tag of which one is missing', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    await at.cycle()
    at.github.add(runScene(runTag, { salt: 'built again' }))
    assert.deepEqual(done(await at.cycle({ force: true })), [], 'a newer run of a tag that is there is no news')
    const digest = await at.digestOf(`x86/${madeFamilies[0]}`, runTag.replace('-linux-amd64', ''))
    await at.registry.deleteManifest(`${at.settings.registryProject}/x86/${madeFamilies[0]}`, digest as `sha256:${string}`)
    const { tags } = await at.cycle({ force: true })
    assert.deepEqual(
      tags[0]!.synced!.images.map(({ pushed }) => pushed!.tag),
      ['created', 'moved', 'moved'],
    )
  })

  test('of two at once each finds the work of the other, and both end well', async (t) => {
    const at = await scene(t, { runs: [runScene(older), runScene(runTag)] })
    if (at === undefined) return
    const both = await Promise.all([
      cycle(at.again(), { retagAsLatest: true }),
      cycle(at.again(`${scratch}/other-cache`), { retagAsLatest: true }),
    ])
    for (const one of both) assert.equal(faultOfCycle(one), undefined)
    const digests = both.map(({ tags }) => tags.flatMap(({ synced }) => synced!.images.map(({ pushed }) => pushed!.digest)))
    assert.deepEqual(digests[0], digests[1])
    assert.deepEqual((await at.cycle()).tags, [])
  })

  test('meets trouble in each of its requests, once, and gets through, or says what failed and is finished by the next', async (t) => {
    // One image is enough to meet each request.
    const fields = { 'Build native CPU': 'false', 'Build native GPU': 'false' }
    for (const [what, trouble] of Object.entries({
      'runs: 500': refusal(500, 'later', {}, { match: /\/runs\?/ }),
      'runs: 429': refusal(429, 'Too many requests', { 'retry-after': '3' }, { match: /\/runs\?/ }),
      'jobs: 502': refusal(502, 'later', {}, { match: /\/jobs/ }),
      'log: broken': spoilt({ cutAfter: 10 }, { match: /logs/ }),
      'artifacts: 503': refusal(503, 'later', {}, { match: /\/artifacts\?/ }),
      'zip: expired': storageRefusal(403, { match: /artifacts/ }),
      'zip: cut': spoilt({ cutAfter: 7 }, { match: /artifacts/, times: 3 }),
      'zip: whole instead of a part': spoilt({ ignoresRange: true }, { match: /artifacts/ }),
      'zip: lying range': spoilt({ contentRange: 'bytes 5-9/10' }, { match: /artifacts/ }),
      'zip: other bytes': spoilt({ flips: true }, { match: /artifacts/ }),
    })) {
      const at = await scene(t, { runs: [runScene(runTag, { fields })] })
      if (at === undefined) return
      at.github.trouble(trouble)
      const first = await at.cycle().catch((error: unknown) => error)
      if (first instanceof Error || faultOfCycle(first as Cycle) !== undefined) await at.cycle()
      const again = await at.cycle()
      assert.deepEqual([again.tags, again.xref.unread], [[], []], what)
    }
  })

  test('meets trouble with GitLab: waits where it is busy, else says what is wrong, and brings nothing twice', async (t) => {
    const at = await scene(t)
    if (at === undefined) return
    await at.cycle()
    for (const [kind, code] of Object.entries({
      busy: undefined,
      broken: undefined,
      truncated: 'corrupt',
      'login-page': 'corrupt',
      expired: 'denied',
      forbidden: 'denied',
    } as const)) {
      at.gitlab.misbehave(kind === 'busy' ? { kind, retryAfter: 2 } : { kind: kind as 'broken' })
      const first: unknown = await at.cycle().catch((error: unknown) => error)
      if (code === undefined) assert.deepEqual((first as Cycle).tags, [], kind)
      else assert.equal(first instanceof Error && 'code' in first ? first.code : 'none', code, kind)
      assert.deepEqual((await at.cycle()).tags, [], kind)
    }
  })
})

describe('a daemon', () => {
  /** Runs until it has told so many events, or `act` stops it. */
  async function run(
    t: TestContext,
    options: Partial<ImageDeskOptions>,
    until: number,
    act: (at: Scene, event: DaemonEvent) => void = () => undefined,
  ) {
    const stop = new AbortController()
    const at = await scene(t, { signal: stop.signal, ...options })
    if (at === undefined) return undefined
    const events: DaemonEvent[] = []
    const totals = await runDaemon(at.context, {
      interval: 900_000,
      onEvent(event) {
        events.push(event)
        act(at, event)
        if (events.length >= until) stop.abort()
      },
    })
    return { events, totals, at }
  }

  test('cycles, rests for the interval, and sees what came meanwhile, until it is stopped', async (t) => {
    const ran = await run(t, {}, 5, (at, event) => void (event.kind === 'cycle' && event.cycle === 2 && at.github.add(runScene(older))))
    if (ran === undefined) return
    assert.deepEqual(
      ran.events.map(({ kind, cycle: number }) => `${kind} ${number}`),
      ['tag 1', 'cycle 1', 'cycle 2', 'tag 3', 'cycle 3'],
    )
    assert.deepEqual(ran.totals, { cycles: 3, synced: 2, failed: 0 })
    const nexts = ran.events.flatMap((event) => (event.kind === 'cycle' ? [event.next] : []))
    assert.ok(nexts[1]! - nexts[0]! >= 900_000 && nexts[1]! - nexts[0]! < 910_000)
  })

  test('remarks once which of several runs counts, not in every cycle', async (t) => {
    const ran = await run(t, { runs: [runScene(), runScene()] }, 4)
    if (ran === undefined) return
    assert.equal(ran.totals.cycles, 3)
    assert.equal(ran.at.notes.filter((text) => text.includes('the newest of 2 runs counts')).length, 1)
  })

  test('tries a tag that fails less and less often, and a newer run of it at once', async (t) => {
    const damaged = runScene(runTag, { members: [{ name: 'x.txt', content: Buffer.from('x') }] })
    const ran = await run(
      t,
      { runs: [damaged] },
      15,
      (at, event) => void (event.kind === 'cycle' && event.cycle === 10 && at.github.add(runScene())),
    )
    if (ran === undefined) return
    const tried = ran.events.flatMap((event) => (event.kind === 'tag' ? [`${event.cycle} ${event.done.fault?.code ?? 'brought'}`] : []))
    assert.deepEqual(tried, ['1 corrupt', '2 corrupt', '4 corrupt', '8 corrupt', '11 brought'])
  })

  test('goes on when nobody can be asked, and rests longer each time', async (t) => {
    const ran = await run(t, {}, 6, (at, event) => {
      if (event.kind === 'cycle' && event.cycle === 1) at.github.trouble(refusal(404, 'Not Found', {}, { match: /\/runs\?/, times: 3 }))
    })
    if (ran === undefined) return
    assert.deepEqual(
      ran.events.map(({ kind }) => kind),
      ['tag', 'cycle', 'failed', 'failed', 'failed', 'cycle'],
    )
    const nexts = ran.events.flatMap((event) => (event.kind === 'tag' ? [] : [event.next]))
    const rests = nexts.slice(1).map((next, at) => Math.round((next - nexts[at]!) / 900_000))
    assert.deepEqual(rests, [1, 2, 4, 1])
  })

  test('that never had a good cycle ends where somebody has to look', async (t) => {
    const at = await scene(t, { access: { githubToken: 'ghp_wrong000000000000000000000000000000' } })
    if (at === undefined) return
    await assert.rejects(runDaemon(at.context, { interval: 1000, onEvent: () => undefined }), { code: 'denied' })
  })
})
