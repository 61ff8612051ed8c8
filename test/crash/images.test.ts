import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, test, type TestContext } from 'node:test'
import { gzipSync } from 'node:zlib'
import { digestOf, type Digest } from '../../src/kit/index.ts'
import { type BroughtImage, downloadTag, type ImagesContext, planPush, prepareTag, pushPlanned, syncTag } from '../../src/images/index.ts'
import { imageDesk, type ImageDesk, madeFamilies, runScene, runTag } from '../fakes/image-desk.ts'
import { archiveBytes, dockerMembers, type FakeImage, fakeImage, fakeLayer, ociMembers } from '../fakes/images.ts'
import { registryDesk, type RegistryDesk } from '../fakes/registry-desk.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { zipBytes } from '../fakes/zip-bytes.ts'
import { registryForTests } from '../services/registry.ts'
import type { ImageJob } from './images-child.ts'

const isSoak = process.env['HOLDFAST_SOAK'] === '1'
const syncKills = isSoak ? 100 : 3
const stepKills = isSoak ? 50 : 2
const child = path.join(import.meta.dirname, 'images-child.ts')
const random = seededRandom(testSeed)
const root = scratchDirectory()
const imageTag = 'presto-92865fbce0d2-velox-65797d572e0a'

/** How archives name their layers: by digest, or by nothing that says what they are. */
const forms = {
  'layers named by digest': (images: readonly FakeImage[]) => archiveBytes(ociMembers(images, 'gzip', true)),
  'layers without a name': (images: readonly FakeImage[]) => gzipSync(archiveBytes(dockerMembers(images)), { level: 1 }),
}

function noise(size: number): Buffer {
  return Buffer.from(Uint8Array.from({ length: size }, () => Math.floor(random() * 256)))
}

function bundle(form: (images: readonly FakeImage[]) => Buffer) {
  const shared = fakeLayer({ base: noise(300_000) })
  const members = madeFamilies.map((family) => ({
    name: `${family}-${runTag}.tar.gz`,
    content: form([fakeImage(`${family}:built`, [shared, fakeLayer({ [family]: noise(120_000) }), fakeLayer({ small: noise(900) })])]),
    isStored: true,
  }))
  const content = zipBytes(members)
  return runScene(runTag, { artifacts: [{ name: 'images', content, digest: digestOf(content) }] })
}

interface Scene {
  readonly desk: ImageDesk
  readonly registry: RegistryDesk
  newPlace(): { readonly project: string; readonly folder: string }
  /** What a process has that nobody kills. */
  context(place: Place): ImagesContext
  job(place: Place, step: ImageJob['step'], killAt: number): ImageJob
  tags(project: string, tag?: string): Promise<(Digest | undefined)[]>
}

interface Place {
  readonly project: string
  readonly folder: string
}

async function scene(t: TestContext, form: (images: readonly FakeImage[]) => Buffer): Promise<Scene | undefined> {
  const server = await registryForTests(t, 'plain')
  if (server === undefined) return undefined
  const desk = await imageDesk({ folder: mkdtempSync(path.join(root, 'desk-')), registry: server.host, runs: [bundle(form)] })
  const registry = registryDesk(server.host)
  t.after(async () => {
    registry.close()
    await desk.close()
  })
  const settingsAt = ({ project, folder }: Place) => ({
    ...desk.settings,
    registryProject: project,
    downloadsDir: path.join(folder, 'downloads'),
  })
  return {
    desk,
    registry,
    newPlace: () => ({ project: server.newRepository(), folder: mkdtempSync(path.join(root, 'place-')) }),
    context: (place) => ({ ...desk.again(path.join(place.folder, 'cache')), settings: settingsAt(place) }),
    job: (place, step, killAt) => ({
      step,
      tag: runTag,
      settings: settingsAt(place),
      githubToken: desk.github.token,
      cacheRoot: path.join(place.folder, 'cache'),
      killAt,
    }),
    tags: async (project, tag = imageTag) =>
      await Promise.all(madeFamilies.map(async (family) => (await registry.headManifest(`${project}/x86/${family}`, tag))?.digest)),
  }
}

describe(`a sync killed at any moment (seed ${testSeed})`, () => {
  for (const [form, archive] of Object.entries(forms)) {
    test(`${form}: no wrong tag, and the next sync finishes without sending a finished layer again`, async (t) => {
      const at = await scene(t, archive)
      if (at === undefined) return
      const first = at.newPlace()
      const whole = await runChild(at.job(first, 'sync', 0))
      assert.ok(typeof whole === 'number' && whole > 50, `the child did not end: ${whole}`)
      const wanted = await at.tags(first.project)
      let killed = 0
      for (let round = 0; round < syncKills; round++) {
        const killAt: number = 1 + Math.floor(random() * whole)
        const how: string = `killed at ${killAt} of ${whole}`
        const place = at.newPlace()
        if ((await runChild(at.job(place, 'sync', killAt))) === 'killed') killed++
        const tags = await at.tags(place.project)
        const latest = await at.tags(place.project, 'latest')
        tags.forEach((digest, which) => {
          assert.ok(digest === undefined || digest === wanted[which], how)
          assert.ok(latest[which] === undefined || latest[which] === wanted[which], how)
          if (digest !== undefined) assert.equal(latest[which], digest, `${how}: the tag is there, and latest is not`)
        })
        const finished = await finishedLayers(at, place, archive === forms['layers named by digest'])
        const { images } = await syncTag(at.context(place), { tag: runTag, onOther: 'refuse', isLatest: () => true })
        assertNothingTwice(images, finished, how)
        assert.deepEqual(await at.tags(place.project), wanted, how)
        assert.deepEqual(await at.tags(place.project, 'latest'), wanted, how)
        const again = await syncTag(at.context(place), { tag: runTag, onOther: 'refuse', isLatest: () => true })
        assert.ok(
          again.images.every(({ pushed }) => pushed?.tag === 'same' && pushed.sentBytes === 0),
          how,
        )
        rmSync(place.folder, { recursive: true })
      }
      t.diagnostic(`${form}: ${killed} of ${syncKills} killed, ${whole} moments`)
    })
  }
})

/** By repository. Of layers that the archive does not name, those that were remembered before the kill. */
async function finishedLayers(at: Scene, { project, folder }: Place, isNamed: boolean): Promise<Set<string>> {
  const known = path.join(folder, 'cache/images/layers.json')
  const remembered = existsSync(known) ? readFileSync(known, 'utf8') : ''
  const finished = new Set<string>()
  const [reference] = await layersOf(at)
  for (const family of madeFamilies) {
    for (const digest of reference!.get(family)!) {
      if (!isNamed && !remembered.includes(digest)) continue
      if ((await at.registry.headBlob(`${project}/x86/${family}`, digest)) !== undefined) finished.add(`${family} ${digest}`)
    }
  }
  return finished
}

const layersByScene = new WeakMap<Scene, Map<string, Digest[]>>()

/** What a clean sync puts into each repository. */
async function layersOf(at: Scene): Promise<[Map<string, Digest[]>]> {
  const known = layersByScene.get(at)
  if (known !== undefined) return [known]
  const { images } = await syncTag(at.context(at.newPlace()), { tag: runTag, onOther: 'refuse', isLatest: () => false })
  const found = new Map(images.map(({ image, pushed }) => [image.family, pushed!.layers.map(({ digest }) => digest)]))
  layersByScene.set(at, found)
  return [found]
}

function assertNothingTwice(images: readonly BroughtImage[], finished: ReadonlySet<string>, how: string): void {
  for (const { image, pushed, fault } of images) {
    assert.equal(fault, undefined, how)
    for (const { digest, how: came } of pushed!.layers)
      if (came === 'sent') assert.ok(!finished.has(`${image.family} ${digest}`), `${how}: ${digest} of ${image.family} was sent again`)
  }
}

describe(`steps killed at any moment (seed ${testSeed})`, () => {
  const steps = ['download', 'prepare', 'push', 'clean'] as const
  for (const [which, step] of steps.entries()) {
    test(`${step}: what is there is whole, and the same command finishes`, async (t) => {
      const at = await scene(t, forms['layers without a name'])
      if (at === undefined) return
      const before = at.newPlace()
      for (const earlier of steps.slice(0, which)) await carryOut(at, before, earlier)
      const whole = await runChild(at.job(copyOf(at, before), step, 0))
      assert.ok(typeof whole === 'number' && whole > 5, `the child did not end: ${whole}`)
      let killed = 0
      for (let round = 0; round < stepKills; round++) {
        const killAt: number = 1 + Math.floor(random() * whole)
        const how: string = `killed at ${killAt} of ${whole}`
        const place = copyOf(at, before)
        if ((await runChild(at.job(place, step, killAt))) === 'killed') killed++
        assertWhole(place, how)
        await carryOut(at, place, step)
        assertWhole(place, how)
        const folder = path.join(place.folder, 'downloads', runTag)
        const names = existsSync(folder) ? readdirSync(folder).toSorted() : []
        const archive = [`metadata.json`, `${runTag}.zip`]
        const prepared = ['extracted', ...archive, 'upload-plan.json']
        assert.deepEqual(names, { download: archive, prepare: prepared, push: prepared, clean: [] }[step], how)
        if (step === 'push')
          assert.ok(
            (await at.tags(place.project)).every((digest) => digest !== undefined),
            how,
          )
        rmSync(place.folder, { recursive: true })
      }
      t.diagnostic(`${step}: ${killed} of ${stepKills} killed, ${whole} moments`)
    })
  }
})

/** To its end, in a process of its own: after a kill it is another one that goes on. */
async function carryOut(at: Scene, place: Place, step: ImageJob['step']): Promise<void> {
  const context = at.context(place)
  const { downloadsDir } = context.settings
  if (step === 'download') await downloadTag(context, { tag: runTag, downloadsDir })
  else if (step === 'prepare') await prepareTag(context, { tag: runTag, downloadsDir })
  else if (step === 'push') {
    const brought = await pushPlanned(context, await planPush(context, { tag: runTag, downloadsDir, isLatest: () => true }))
    for (const { fault } of brought) assert.equal(fault, undefined)
  } else assert.equal(typeof (await runChild(at.job(place, step, 0))), 'number')
}

function copyOf(at: Scene, { folder }: Place): Place {
  const place = at.newPlace()
  spawnSync('cp', ['-a', `${folder}/.`, place.folder])
  // Paths in metadata.json and the plan are for people: nothing is found by them.
  return place
}

/** Where a record is, what it is of is there and right. */
function assertWhole({ folder }: Place, how: string): void {
  const at = (...parts: string[]) => path.join(folder, 'downloads', runTag, ...parts)
  const read = (file: string) =>
    existsSync(at(file)) ? (JSON.parse(readFileSync(at(file), 'utf8')) as Record<string, unknown>) : undefined
  const record = read('metadata.json')
  const plan = read('upload-plan.json')
  const isBeingCleaned = !existsSync(at(`${runTag}.zip`))
  if (record !== undefined && !isBeingCleaned) assert.equal(digestOf(readFileSync(at(`${runTag}.zip`))), record['zip_digest'], how)
  for (const { name, digest } of (plan?.['artifacts'] ?? []) as { name: string; digest: string }[]) {
    if (existsSync(at('extracted', name))) assert.equal(digestOf(readFileSync(at('extracted', name))), digest, how)
  }
}

async function runChild(job: ImageJob): Promise<number | string> {
  const env = { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'compiled') }
  const running = spawn(process.execPath, [child, JSON.stringify(job)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const texts = { out: '', err: '' }
  running.stdout.on('data', (piece: Buffer) => (texts.out += piece.toString()))
  running.stderr.on('data', (piece: Buffer) => (texts.err += piece.toString()))
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    running.once('close', (...ended: [number | null, string | null]) => resolve(ended)),
  )
  if (signal === 'SIGKILL') return 'killed'
  assert.equal(status, 0, texts.err)
  return (JSON.parse(texts.out) as { points: number }).points
}
