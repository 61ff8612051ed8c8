import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, rmSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { type Digest, hexOf, isTemporary, systemClock } from '../../src/kit/index.ts'
import { carryOutCopy, type ImageSource, openLayoutTarget, openSource, parseManifest, parsePlace, planCopy } from '../../src/oci/index.ts'
import { copyPlace } from '../fakes/copy-place.ts'
import { type ImagePlace, imagePlace, placeImage, placeIndex } from '../fakes/image-places.ts'
import { registryDesk } from '../fakes/registry-desk.ts'
import { startRegistryPeer } from '../fakes/registry-peer.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { registryForTests } from '../services/registry.ts'
import type { CopyJob } from './images-copy-child.ts'

/** So many moments for each kind of target, in place of a few. */
const moments = Number(process.env['HOLDFAST_COPY_KILLS'] ?? 2)
const child = path.join(import.meta.dirname, 'images-copy-child.ts')
const random = seededRandom(testSeed)
const root = scratchDirectory()
const desks = new Map<string, ReturnType<typeof registryDesk>>()
after(() => desks.forEach((desk) => desk.close()))

/** Where it goes: a new place for each time it is asked, the same image to go there, and what is already there. */
interface Scene {
  readonly from: string
  readonly wanted: Digest
  readonly before: Digest | undefined
  newPlace(): Promise<string>
}

describe(`a copy killed at any moment (seed ${testSeed})`, () => {
  test('into a registry', async () => {
    const peer = await startRegistryPeer()
    let count = 0
    try {
      await play(
        await scene(
          async () => `docker://${peer.host}/app${++count}:v1`,
          () => peer.blobs.clear(),
        ),
      )
    } finally {
      await peer.close()
    }
  })

  test('into docker-registry', async (t) => {
    const real = await registryForTests(t, 'plain')
    if (real !== undefined) await play(await scene(async () => `docker://${real.host}/${real.newRepository()}:v1`))
  })

  test('into a layout', async () => await play(await scene(async () => `oci:${mkdtempSync(path.join(root, 'layout-'))}/here:v1`)))

  test('into an archive', async () =>
    await play(await scene(async () => `oci-archive:${mkdtempSync(path.join(root, 'archive-'))}/here.tar:v1`)))
})

async function play({ from, wanted, before, newPlace }: Scene): Promise<void> {
  const whole = await runChild({ from, to: await newPlace(), state: newState(), killAt: 0 })
  assert.ok(whole !== 'killed' && whole > 10, 'the child did not end')
  for (let round = 0; round < moments; round++) {
    const killAt: number = 1 + Math.floor(random() * whole)
    const how: string = `killed at ${killAt} of ${whole}`
    const to = await newPlace()
    const state = newState()
    await runChild({ from, to, state, killAt })
    const named = await digestAt(to)
    assert.ok(named === before || named === wanted, `${how}: v1 is ${named}`)
    if (named === wanted) await assertWhole(to, how)
    const there = await blobsThere(from, to)
    const { blobs } = await copyPlace({ from, to, state, registryFor })
    assert.equal(await digestAt(to), wanted, how)
    await assertWhole(to, how)
    for (const { digest, how: came } of blobs) if (there.has(digest)) assert.equal(came, 'there', `${how}: ${digest} was sent again`)
    const remembered = readdirSync(state).filter((name) => !isTemporary(name))
    assert.deepEqual(remembered, [], `${how}: an upload is still remembered`)
    if (!to.startsWith('oci-archive')) {
      const again = await copyPlace({ from, to, state, registryFor })
      assert.deepEqual([again.sentBytes, again.moved], [0, []], how)
    }
    if (!to.startsWith('docker:')) rmSync(path.dirname(parsePlaceFile(to)), { recursive: true })
  }
}

/** Two platforms that share a layer of more than a chunk, a signature, and a digest tag; and what went before under the same tag. */
async function scene(makePlace: () => Promise<string>, forget?: () => void): Promise<Scene> {
  const place = imagePlace()
  const old = placeIndex(place, 'old', ['amd64', 'arm64'], 'old').stored.digest
  const { stored } = placeIndex(place, 'v1', ['amd64', 'arm64'], `new ${bigText()}`)
  placeImage(place, ['signature'], { subject: stored })
  placeImage(place, ['cosign'], { tag: `sha256-${hexOf(stored.digest)}.sig` })
  const folder = mkdtempSync(path.join(root, 'from-'))
  for (const ref of ['old', 'v1']) await put(place, folder, ref)
  const newPlace = async (): Promise<string> => {
    forget?.()
    const to = await makePlace()
    // An archive is replaced as a whole, which a moving tag is not enough for.
    if (!to.startsWith('oci-archive')) await copyPlace({ from: `oci:${folder}:old`, to, state: newState(), registryFor })
    return to
  }
  const first = await newPlace()
  return { from: `oci:${folder}:v1`, wanted: stored.digest, before: first.startsWith('oci-archive') ? undefined : old, newPlace }
}

/** Does not compress, so that its layer is larger than a chunk. */
function bigText(): string {
  return Array.from({ length: 22 << 10 }, () =>
    String.fromCharCode(...Array.from({ length: 1 << 10 }, () => 33 + Math.floor(random() * 90))),
  ).join('')
}

async function put(place: ImagePlace, folder: string, ref: string): Promise<void> {
  const target = await openLayoutTarget(folder, { clock: systemClock })
  await carryOutCopy(await planCopy({ source: place, target, ref, as: ref, all: true }), { source: place, target })
}

function newState(): string {
  return mkdtempSync(path.join(root, 'state-'))
}

function registryFor(host: string): ReturnType<typeof registryDesk> {
  const desk = desks.get(host) ?? registryDesk(host, { isPlain: true })
  desks.set(host, desk)
  return desk
}

async function runChild(job: CopyJob): Promise<number | 'killed'> {
  const env = { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'compiled') }
  const started = spawn(process.execPath, [child, JSON.stringify(job)], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  const [out, err] = [started.stdout.toArray(), started.stderr.toArray()]
  const [status, signal] = await new Promise<[number | null, string | null]>((resolve) => started.on('close', (...how) => resolve(how)))
  if (signal === 'SIGKILL') return 'killed'
  assert.equal(status, 0, Buffer.concat(await err).toString())
  return (JSON.parse(Buffer.concat(await out).toString()) as { points: number }).points
}

/** Undefined where there is nothing under that name, or nothing at all. */
async function withSource<T>(to: string, work: (source: ImageSource, ref: string | undefined) => Promise<T>): Promise<T | undefined> {
  try {
    const { source, ref } = await openSource(parsePlace(to), registryFor)
    return await work(source, ref)
  } catch (error) {
    if (error !== null && typeof error === 'object' && 'code' in error && error.code === 'not-found') return undefined
    throw error
  }
}

async function digestAt(to: string): Promise<Digest | undefined> {
  return await withSource(to, async (source, ref) => (await source.resolve(ref)).digest)
}

/** Every manifest and every byte of every blob. */
async function assertWhole(to: string, how: string): Promise<void> {
  await withSource(to, async (source, ref) => {
    const waiting = [await source.resolve(ref)]
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      const content = parseManifest(next)
      for await (const { digest } of source.referrers(next.digest)) waiting.push(await source.manifest(digest))
      if (content.kind === 'index') for (const { digest } of content.manifests) waiting.push(await source.manifest(digest))
      else for (const part of [content.config, ...content.layers]) for await (const _ of await source.blob(part));
    }
    const digest = (await source.resolve(ref)).digest
    assert.ok((await source.refs()).includes(`sha256-${hexOf(digest)}.sig`), `${how}: the signature is missing`)
  })
  if (to.startsWith('docker:')) return
  const left = readdirSync(path.dirname(parsePlaceFile(to))).filter(isTemporary)
  assert.ok(left.length <= 1, `${how}: left behind ${left.join(', ')}`)
}

/** Of the blobs that are to come, those that are there whole. */
async function blobsThere(from: string, to: string): Promise<Set<Digest>> {
  const place = parsePlace(to)
  if (place.kind !== 'registry') return new Set()
  const { source, ref } = await openSource(parsePlace(from), registryFor)
  const plan = await planCopy({ source, target: imagePlace(), ref, as: 'x', all: true })
  const desk = registryFor(place.name.registry)
  const found = new Set<Digest>()
  for (const { digest } of plan.blobs) if ((await desk.headBlob(place.name.repository, digest)) !== undefined) found.add(digest)
  return found
}

function parsePlaceFile(to: string): string {
  const place = parsePlace(to)
  return place.kind === 'registry' ? '' : place.kind === 'oci-layout' ? place.folder : place.file
}
