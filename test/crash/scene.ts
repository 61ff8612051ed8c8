import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { collect, ensureStoreFormat } from '../../src/chunks/index.ts'
import { Fault, isFault, silent } from '../../src/kit/index.ts'
import {
  createRelease,
  fetchRelease,
  type Product,
  promote,
  pruneArchives,
  reconcile,
  type ReleaseContext,
  rollback,
} from '../../src/releases/index.ts'
import { createFileStore, createS3Store, type ObjectStore, prefixedStore } from '../../src/store/index.ts'
import { fileMemo } from '../../src/transfer/index.ts'
import { hastyClock } from '../fakes/hasty-clock.ts'
import type { S3Server } from '../services/index.ts'
import { createDeadline, dyingDisk, dyingStore } from './dying.ts'

/** Where a scene plays. All of it can be told to another process. */
export interface Place {
  /** A folder for artifacts, metadata files, memos and what is fetched; on `file`, for the stores as well. */
  readonly root: string
  /** The time at which the command runs, the same for each playing, so that outcomes can be compared byte for byte. */
  readonly now: number
  readonly s3?: { readonly server: Omit<S3Server, 'newBucket' | 'stop'>; readonly bucket: string; readonly prefix: string } | undefined
  /** Bytes of an artifact. */
  readonly size: number
}

export interface Scene {
  readonly place: Place
  readonly context: ReleaseContext
  readonly product: Product
  readonly published: ObjectStore
  readonly metadata: ObjectStore
  readonly clock: ReturnType<typeof hastyClock>
  close(): Promise<void>
}

/**
 * What dies, and when: at an operation on a store, at one that changes something, at a request to the server, or at a call of the file
 * driver on the disk.
 */
export interface Death {
  readonly at: number
  readonly within: 'store' | 'changes' | 'requests' | 'disk'
}

export const variant = '6.4'
export const artifactName = 'librcclx-dev.a'
const minute = 60_000

export function openScene(place: Place, death?: Death): Scene & { readonly points: () => number } {
  const deadline = createDeadline(death?.at ?? 0)
  const atStores = death?.within === 'store' || death?.within === 'changes'
  const wrap = (store: ObjectStore) => (atStores ? dyingStore(store, deadline, death.within === 'changes') : store)
  const dying = death?.within === 'disk'
  const folder = (name: string) =>
    wrap(createFileStore({ root: path.join(place.root, name), durable: dying, ...(dying ? { disk: dyingDisk(deadline) } : {}) }))
  const { s3 } = place
  const meter = death?.within === 'requests' ? { request: () => deadline.pass() } : undefined
  const bucket = s3 && createS3Store({ ...s3.server, bucket: s3.bucket, env: {}, partSize: 5 << 20, meter })
  const [store, published] = ['store', 'published'].map((name) =>
    bucket === undefined ? folder(name) : wrap(prefixedStore(bucket, `${s3!.prefix}/${name}/`)),
  ) as [ObjectStore, ObjectStore]
  const metadata = folder('snapshots')
  const clock = hastyClock(place.now)
  const product: Product = {
    name: 'rcclx',
    artifacts: [],
    variantFlag: 'rocm-version',
    variantLabel: 'ROCm version',
    variants: { [variant]: {} },
    metadata: '/metadata',
    sources: {},
    publish: { url: 'published:' },
    onConflict: 'retry',
    root: place.root,
  }
  const context: ReleaseContext = {
    store,
    prepareStore: () => ensureStoreFormat(store, { now: clock.now(), random: Math.random }),
    openView: async (url) => (url === 'published:' ? published : metadata),
    clock,
    random: Math.random,
    by: 'ann@builder',
    env: {},
    report: silent,
    memoFor: (digest) => fileMemo(path.join(place.root, 'memos', digest.slice(7))),
  }
  return {
    place,
    context,
    product,
    published,
    metadata,
    clock,
    points: () => deadline.count,
    close: async () => await bucket?.close(),
  }
}

/** One command: what has to be there before, how it is run, and what it may say when it is run again after it was killed. */
export interface Play {
  setUp(scene: Scene): Promise<void>
  run(scene: Scene): Promise<unknown>
  /** The code of a second run where the first had moved the ref before it died; undefined where it just converges. */
  readonly again?: 'nothing-to-do' | 'precondition'
}

export type PlayName = keyof typeof plays

export function contentOf(mark: string, size: number): Buffer {
  return Buffer.alloc(size, `${mark} `)
}

async function release(scene: Scene, mark: string, minutesAgo: number, channel = 'stable'): Promise<void> {
  const folder = path.join(scene.place.root, `build-${mark}`)
  mkdirSync(folder, { recursive: true })
  const file = path.join(folder, artifactName)
  writeFileSync(file, contentOf(mark, scene.place.size))
  scene.clock.set(scene.place.now - minutesAgo * minute)
  await createRelease(scene.context, scene.product, variant, { artifacts: [file], channel })
}

async function releases(scene: Scene, ...marks: string[]): Promise<void> {
  for (const [index, mark] of marks.entries()) await release(scene, mark, 30 - index)
  scene.clock.set(scene.place.now)
}

async function expectationOf(scene: Scene): Promise<string> {
  const { digestOf } = await import('../../src/kit/index.ts')
  return digestOf(contentOf('three', scene.place.size))
}

export const plays = {
  'the first create': {
    setUp: async () => undefined,
    run: (scene) => release(scene, 'five', 0),
    again: 'nothing-to-do',
  },
  create: {
    setUp: (scene) => releases(scene, 'one', 'two', 'three'),
    run: (scene) => release(scene, 'five', 0),
    again: 'nothing-to-do',
  },
  rollback: {
    setUp: (scene) => releases(scene, 'one', 'two', 'three'),
    run: async (scene) => rollback(scene.context, scene.product, variant, { expect: await expectationOf(scene) }),
    again: 'precondition',
  },
  promote: {
    async setUp(scene) {
      await release(scene, 'four', 40, 'staging')
      await releases(scene, 'one', 'two', 'three')
    },
    run: (scene) => promote(scene.context, scene.product, variant, { from: 'staging', to: 'stable' }),
    again: 'nothing-to-do',
  },
  prune: {
    setUp: (scene) => releases(scene, 'one', 'two', 'three', 'four'),
    run: (scene) => pruneArchives(scene.context, scene.product, variant, { keep: 0 }),
  },
  fetch: {
    setUp: (scene) => releases(scene, 'one'),
    run: (scene) =>
      fetchRelease(scene.context, scene.product, variant, {
        selector: { channel: 'stable' },
        output: path.join(scene.place.root, 'fetched', artifactName),
        outputIsDirectory: false,
      }),
  },
  reconcile: {
    async setUp(scene) {
      await releases(scene, 'one', 'two', 'three')
      const openView = () => Promise.reject(new Fault('unavailable', 'the machine went down'))
      await rollback({ ...scene.context, openView }, scene.product, variant).catch((error: unknown) => {
        if (!isFault(error, 'partial')) throw error
      })
    },
    run: (scene) => reconcile(scene.context, scene.product, variant),
  },
  'the collection': {
    async setUp(scene) {
      await plays.prune.setUp(scene)
      await plays.prune.run(scene)
    },
    async run({ context, clock, place }) {
      // The store's own clock is the real one, which goes on while this scene's stands.
      clock.set(place.now + 86_400_000)
      await collect({ store: context.store, clock, random: context.random, grace: 0 })
    },
  },
} satisfies Record<string, Play>
