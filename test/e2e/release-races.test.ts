import assert from 'node:assert/strict'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { test, type TestContext } from 'node:test'
import { asFault, collect, isFault, systemClock } from '../../src/kit/index.ts'
import { isNothing } from '../../src/manifest/index.ts'
import { readRef } from '../../src/refs/index.ts'
import { createRelease, reconcile, refNameFor, releaseRefs, rollback, type VariantState, verifyReleases } from '../../src/releases/index.ts'
import { openScene, type Place, type Scene } from '../crash/scene.ts'
import { contentsOf, shouldBePublished, shouldHaveMetadata } from '../faults/release-world.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import { s3ForTests } from '../services/index.ts'

const clients = 8
const milliseconds = process.env['HOLDFAST_SOAK'] === '1' ? 60_000 : 5000

interface Done {
  readonly variant: string
  readonly token: string
  /** Undefined where it said that it succeeded. */
  readonly code: string | undefined
  readonly created: string | undefined
}

test(`${clients} clients release and roll back at once for ${milliseconds / 1000} s on a real S3 server: nothing is lost, each move is made once`, async (t) => {
  const server = await s3ForTests(t)
  if (server === undefined) return
  const { endpoint, region, accessKeyId, secretAccessKey } = server
  const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-races-'))
  t.after(() => rm(root, { recursive: true }))
  const coordinates = { endpoint, region, accessKeyId, secretAccessKey }
  await race(t, { root, now: Date.now(), size: 0, s3: { server: coordinates, bucket: await server.newBucket(), prefix: 'race' } })
})

test(`${clients} clients do the same in a folder`, async (t) => {
  const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-races-'))
  t.after(() => rm(root, { recursive: true }))
  await race(t, { root, now: Date.now(), size: 0 })
})

async function race(t: TestContext, place: Place): Promise<void> {
  const scenes = Array.from({ length: clients + 1 }, () => withVariants(openScene(place)))
  t.after(async () => {
    for (const scene of scenes) await scene.close()
  })
  const end = performance.now() + milliseconds
  const working = scenes.slice(1).map((scene, index) => work(scene, index, () => performance.now() < end))
  const looking = readOn(scenes[0]!, () => performance.now() < end)
  const done = (await Promise.all(working)).flat()
  const looks = await looking
  for (const variant of ['6.4', '7.0']) await checkEnd(scenes[0]!, variant, done)
  assert.deepEqual((await verifyReleases(scenes[0]!.context, scenes[0]!.product)).problems, [])
  const failed = done.filter(({ code }) => code !== undefined).map(({ code }) => code)
  t.diagnostic(
    `${done.length} commands, ${failed.length} of them refused (${[...new Set(failed)].join(', ')}), ${looks} looks (seed ${testSeed})`,
  )
  assert.ok(done.length - failed.length >= clients, 'the race was run')
}

function withVariants(scene: Scene): Scene {
  return {
    ...scene,
    context: { ...scene.context, clock: systemClock },
    product: { ...scene.product, variants: { '6.4': {}, '7.0': {} } },
  }
}

async function work(scene: Scene, client: number, isOn: () => boolean): Promise<Done[]> {
  const random = seededRandom(testSeed + client)
  const folder = await mkdtemp(path.join(scene.place.root, `client-${client}-`))
  const file = path.join(folder, 'librcclx-dev.a')
  const done: Done[] = []
  for (let count = 0; isOn(); count++) {
    const token = `${client}.${count}`
    // Half of the clients release one variant, all the others both.
    const variant = client < clients / 2 || random() < 0.5 ? '6.4' : '7.0'
    let [code, created]: (string | undefined)[] = []
    try {
      if (random() < 0.7) {
        await writeFile(file, contentOf(token))
        created = (await createRelease(scene.context, scene.product, variant, { artifacts: [file], message: token })).id
      } else await rollback(scene.context, scene.product, variant, { message: token })
    } catch (error) {
      code = asFault(error).code
      if (!['nothing-to-do', 'not-found', 'precondition', 'busy'].includes(code)) throw error
    }
    done.push({ variant, token, code, created })
  }
  return done
}

function contentOf(token: string): string {
  return `build ${token} `.repeat(1000)
}

/** Whoever reads a published file at any moment gets one whole build. */
async function readOn({ published }: Scene, isOn: () => boolean): Promise<number> {
  let looks = 0
  while (isOn()) {
    for (const key of ['stable/6.4/librcclx-dev.a', 'last_stable/6.4/librcclx-dev.a', 'stable/7.0/librcclx-dev.a']) {
      try {
        const text = Buffer.from(await collect(await published.get(key), 1 << 20)).toString()
        const token = /^build (\d+\.\d+) /.exec(text)?.[1] ?? ''
        assert.ok(text === contentOf(token), `${key} shows something else than one whole build`)
        looks++
      } catch (error) {
        if (!isFault(error, 'not-found') && !isFault(error, 'precondition')) throw error
      }
    }
    await new Promise((resolve) => setImmediate(resolve))
  }
  return looks
}

async function checkEnd(scene: Scene, variant: string, done: readonly Done[]): Promise<void> {
  const found = await readRef(scene.context.store, releaseRefs, refNameFor(scene.product, variant))
  assert.ok(found !== undefined)
  const { state, history, generation } = found.ref
  assert.equal(history.length, generation)
  const counted = new Map<string | undefined, number>()
  for (const { message } of history) counted.set(message, (counted.get(message) ?? 0) + 1)
  for (const { token, code, created } of done.filter((each) => each.variant === variant)) {
    // `busy`: the ref has moved, and others moved it again and again while the views were written.
    const expected = code === undefined || code === 'busy' ? 1 : 0
    assert.equal(counted.get(token) ?? 0, expected, `${token} (${code ?? 'done'}) is in the history of ${variant}`)
    counted.delete(token)
    if (created !== undefined) assert.ok(Object.hasOwn(state.releases, created), `${token} is in a channel or an archive`)
  }
  assert.deepEqual([...counted.keys()], [], 'nobody else moved it')
  await checkViews(scene, variant, state)
  await reconcile(scene.context, scene.product, variant)
  assert.ok((await reconcile(scene.context, scene.product, variant)).views.every((view) => isNothing(view.plan)))
  await checkViews(scene, variant, state)
}

async function checkViews(scene: Scene, variant: string, state: VariantState): Promise<void> {
  const isOf = (key: string) => key.split('/')[1] === variant
  const published = [...(await contentsOf(scene.published))].filter(([key]) => isOf(key))
  assert.deepEqual(new Map(published), shouldBePublished(variant, state), `published files of ${variant}`)
  const metadata = [...(await contentsOf(scene.metadata)).keys()].filter(isOf)
  assert.deepEqual(metadata, shouldHaveMetadata(variant, state))
}
