import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { type Report, silent } from '../../src/kit/index.ts'
import { ensureStoreFormat } from '../../src/chunks/index.ts'
import type { Product, ReleaseContext } from '../../src/releases/index.ts'
import { createFileStore, createMemoryStore, type ObjectStore, readAll } from '../../src/store/index.ts'
import { hastyClock } from './hasty-clock.ts'
import { seededRandom, testSeed } from './seeded-random.ts'

/** All that a release needs, in memory and one temporary folder: a store, a published bucket, a work tree, a clock. */
export interface ReleaseDesk {
  readonly context: ReleaseContext
  readonly product: Product
  readonly store: ObjectStore
  readonly published: ObjectStore
  readonly clock: ReturnType<typeof hastyClock>
  readonly root: string
  /** Writes the artifact that the next release takes. */
  build(content: string): Promise<void>
  publishedText(key: string): Promise<string | undefined>
  publishedKeys(): Promise<string[]>
  metadata(file: string): Promise<string | undefined>
  remove(): Promise<void>
}

export interface DeskOptions {
  readonly product?: Partial<Product>
  readonly wrapStore?: (store: ObjectStore) => ObjectStore
  readonly wrapPublished?: (store: ObjectStore) => ObjectStore
  readonly report?: Report
}

export async function releaseDesk(options: DeskOptions = {}): Promise<ReleaseDesk> {
  const root = await mkdtemp(path.join(os.tmpdir(), 'holdfast-releases-'))
  const clock = hastyClock(Date.parse('2025-01-07T14:30:00Z'))
  const store = (options.wrapStore ?? asIs)(createMemoryStore({ name: 'memory:store', clock }))
  const published = (options.wrapPublished ?? asIs)(createMemoryStore({ name: 'memory:published', clock }))
  const product: Product = {
    name: 'rcclx',
    artifacts: [path.join(root, 'out', 'librcclx-dev.a')],
    variantFlag: 'rocm-version',
    variantLabel: 'ROCm version',
    variants: { '6.2': { constraint: '6.2.1' }, '6.4': { constraint: '6.4.2' }, '7.0': { constraint: '7.0' } },
    metadata: path.join(root, 'snapshots'),
    sources: {},
    publish: { url: 'memory:published' },
    onConflict: 'retry',
    root,
    ...options.product,
  }
  const context: ReleaseContext = {
    store,
    prepareStore: async () => ensureStoreFormat(store, { now: clock.now(), random: seededRandom(testSeed) }),
    openView: async (url) =>
      url === 'memory:published' ? published : createFileStore({ root: url.slice('file:'.length), durable: false }),
    clock,
    random: seededRandom(testSeed),
    by: 'ann@builder',
    env: process.env,
    report: options.report ?? silent,
  }
  return {
    context,
    product,
    store,
    published,
    clock,
    root,
    async build(content) {
      await mkdir(path.join(root, 'out'), { recursive: true })
      await writeFile(path.join(root, 'out', 'librcclx-dev.a'), content)
    },
    async publishedText(key) {
      const info = await published.head(key)
      return info === undefined ? undefined : Buffer.from((await readAll(published, key, { limit: 1 << 20 })).bytes).toString()
    },
    publishedKeys: async () => (await Array.fromAsync(published.list(''))).map((info) => info.key),
    metadata: (file) => readFile(path.join(root, 'snapshots', file), 'utf8').catch(() => undefined),
    remove: () => rm(root, { recursive: true }),
  }
}

function asIs(store: ObjectStore): ObjectStore {
  return store
}
