import assert from 'node:assert/strict'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { loadConfig } from '../../src/config/index.ts'
import { isFault, silent, systemClock } from '../../src/kit/index.ts'
import { isNothing } from '../../src/manifest/index.ts'
import {
  createRelease,
  fetchRelease,
  historyOf,
  listReleases,
  type Product,
  reconcile,
  rollback,
  verifyReleases,
} from '../../src/releases/index.ts'
import { openWire, type Wire } from '../../src/wire/index.ts'
import { s3ForTests, type S3Server } from '../services/index.ts'

interface Shop {
  readonly wire: Wire
  readonly product: Product
  readonly root: string
  readonly server: S3Server
  release(content: string): Promise<void>
  /** Requests that the work sends, by S3's names for them. */
  requests(work: () => Promise<unknown>): Promise<Record<string, number>>
}

async function openShop(
  t: TestContext,
  options: { versionedStore?: boolean; versionedPublished?: boolean } = {},
): Promise<Shop | undefined> {
  const server = await s3ForTests(t)
  if (server === undefined) return undefined
  const [store, published] = [
    await server.newBucket({ versioned: options.versionedStore === true }),
    await server.newBucket({ versioned: options.versionedPublished === true }),
  ]
  const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-s3-'))
  await writeFile(
    path.join(root, 'holdfast.toml'),
    `[store]
url = "s3://${store}/builds"
[store.s3]
endpoint = "${server.endpoint}"
region = "${server.region}"
[release.rcclx]
artifact = "out/librcclx-dev.a"
variant_flag = "rocm-version"
variants = { "6.4" = { constraint = "6.4.2" } }
publish = "s3://${published}/tree"
`,
  )
  const env = {
    AWS_ACCESS_KEY_ID: server.accessKeyId,
    AWS_SECRET_ACCESS_KEY: server.secretAccessKey,
    XDG_CACHE_HOME: path.join(root, 'cache'),
    XDG_STATE_HOME: path.join(root, 'state'),
  }
  const config = await loadConfig({ cwd: root, env })
  const wire = await openWire({ config, env, clock: systemClock, random: Math.random, report: silent })
  t.after(async () => {
    await wire.close()
    await rm(root, { recursive: true })
  })
  const product = config.release['rcclx']!
  return {
    wire,
    product,
    root,
    server,
    async release(content) {
      await mkdir(path.join(root, 'out'), { recursive: true })
      await writeFile(path.join(root, 'out', 'librcclx-dev.a'), content)
      await createRelease(await wire.releases(), product, '6.4', { noBuild: true })
    },
    async requests(work) {
      const before = (await wire.meter()).snapshot().requests
      await work()
      const now = (await wire.meter()).snapshot().requests
      return Object.fromEntries(
        Object.entries(now).flatMap(([kind, count]) => (count === (before[kind] ?? 0) ? [] : [[kind, count - (before[kind] ?? 0)]])),
      )
    },
  }
}

test('a library is released, rotated, rolled back, verified and fetched on a real S3 server', async (t) => {
  const shop = await openShop(t)
  if (shop === undefined) return
  const { wire, product, root } = shop
  for (const content of ['one', 'two', 'three']) await shop.release(content)
  const context = await wire.releases()
  const tree = await wire.openStore(product.publish!.url)
  const keys = (await Array.fromAsync(tree.list(''))).map((info) => info.key)
  assert.match(
    keys.join(' '),
    /^archives\/6\.4\/\d{8}_\d{6}_librcclx-dev\.a last_stable\/6\.4\/librcclx-dev\.a stable\/6\.4\/librcclx-dev\.a$/,
  )
  await rollback(context, product, '6.4')
  const output = path.join(root, 'fetched.a')
  await fetchRelease(context, product, '6.4', { selector: { channel: 'stable' }, output, outputIsDirectory: false })
  assert.equal(await readFile(output, 'utf8'), 'two')
  assert.deepEqual((await verifyReleases(context, product)).problems, [])
})

test('what is unchanged is noticed in one request, and lists cost one', async (t) => {
  const shop = await openShop(t)
  if (shop === undefined) return
  const { wire, product } = shop
  for (const content of ['one', 'two', 'three']) await shop.release(content)
  const context = await wire.releases()
  assert.deepEqual(await shop.requests(() => assert.rejects(shop.release('three'), (error) => isFault(error, 'nothing-to-do'))), {
    GetObject: 1,
  })
  assert.deepEqual(await shop.requests(() => listReleases(context, product, '6.4')), { GetObject: 1 })
  const idle = await shop.requests(async () => {
    const { views } = await reconcile(context, product, '6.4')
    assert.ok(views.every((view) => isNothing(view.plan)))
  })
  assert.deepEqual(idle, { GetObject: 2, ListObjectsV2: 3 })
})

test('a rotation sends no byte of an artifact', async (t) => {
  const shop = await openShop(t)
  if (shop === undefined) return
  const { wire, product } = shop
  const large = (mark: string) => mark.repeat(300_000)
  for (const mark of ['one', 'two', 'six']) await shop.release(large(mark))
  const before = (await wire.meter()).snapshot().bytes
  await rollback(await wire.releases(), product, '6.4')
  const now = (await wire.meter()).snapshot().bytes
  assert.ok(now.written - before.written < 20_000, `${now.written - before.written} bytes were written`)
  assert.ok(now.read - before.read < 40_000, `${now.read - before.read} bytes were read`)
})

test('a published bucket may be versioned', async (t) => {
  const shop = await openShop(t, { versionedPublished: true })
  if (shop === undefined) return
  for (const content of ['one', 'two']) await shop.release(content)
  assert.ok((await reconcile(await shop.wire.releases(), shop.product, '6.4')).views.every((view) => isNothing(view.plan)))
})

test('a versioned bucket that loses races is refused as a store, before anything is written to it', async (t) => {
  const shop = await openShop(t, { versionedStore: true })
  if (shop === undefined) return
  await assert.rejects(shop.release('one'), (error) => isFault(error, 'unsupported') && /exactly one|succeeded/.test(error.message))
  const left = await Array.fromAsync((await shop.wire.store()).list(''))
  assert.deepEqual(left, [])
})

test('an object that was published is whole for any other client, with its cache headers', async (t) => {
  const shop = await openShop(t)
  if (shop === undefined) return
  await shop.release('plain bytes')
  const tree = await shop.wire.openStore(shop.product.publish!.url)
  const info = await tree.head('stable/6.4/librcclx-dev.a')
  assert.equal(info?.size, 11)
  assert.equal(info?.contentType, 'application/octet-stream')
})

test('eight who release and roll back two variants at once lose nothing: each success is in the history once', async (t) => {
  const shop = await openShop(t)
  if (shop === undefined) return
  const variants = ['6.2', '6.4']
  const product: Product = { ...shop.product, variants: { '6.2': {}, '6.4': {} } }
  const done: Record<string, number> = { '6.2': 0, '6.4': 0 }
  await Promise.all(
    Array.from({ length: 8 }, async (_, person) => {
      const context = await shop.wire.releases()
      const variant = variants[person % 2]!
      for (let round = 0; round < 2; round++) {
        const file = path.join(shop.root, `person-${person}`, `${round}`, 'librcclx-dev.a')
        await mkdir(path.dirname(file), { recursive: true })
        await writeFile(file, `person ${person}, round ${round}`)
        await createRelease(context, product, variant, { artifacts: [file] })
        done[variant]!++
        if (person < 2 && round === 1) {
          await rollback(context, product, variant)
          done[variant]!++
        }
      }
    }),
  )
  const context = await shop.wire.releases()
  for (const variant of variants) {
    const history = await historyOf(context, product, variant)
    assert.equal(history.length, done[variant])
    assert.equal(new Set(history.map((row) => row.generation)).size, done[variant])
    assert.equal((await listReleases(context, product, variant)).length, 8, 'every release is in a channel or archived')
    await reconcile(context, product, variant)
    assert.ok((await reconcile(context, product, variant)).views.every((view) => isNothing(view.plan)))
  }
  const { problems, behind } = await verifyReleases(context, product)
  assert.deepEqual({ problems, behind }, { problems: [], behind: [] })
})
