import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { ensureStoreFormat } from '../../src/chunks/index.ts'
import { bytesOf, collect as collectBytes, type Digest, digestOf, silent } from '../../src/kit/index.ts'
import { parseRef, readRef } from '../../src/refs/index.ts'
import { type Product, refNameFor, type ReleaseContext, releaseRefs, type VariantState } from '../../src/releases/index.ts'
import { createMemoryStore, type FaultPlan, faultyStore, type ObjectStore, retryingStore } from '../../src/store/index.ts'
import { hastyClock } from '../fakes/hasty-clock.ts'
import { yieldingStore } from './yielding-store.ts'

/** Builds on disk that the runs release: the same few again and again, so that bytes are shared, found again and taken back. */
export interface Builds {
  readonly all: readonly Build[]
  remove(): void
}

export interface Build {
  readonly artifacts: readonly string[]
  /** File name to bytes. */
  readonly files: Readonly<Record<string, string>>
}

export function makeBuilds(): Builds {
  const root = mkdtempSync(path.join(os.tmpdir(), 'holdfast-builds-'))
  const all = Array.from({ length: 6 }, (_, index): Build => {
    const files: Record<string, string> = { 'librcclx-dev.a': `library ${index} `.repeat(20) }
    // Some builds have one file more: what a later build does not have has to leave the views again.
    if (index % 3 === 1) files['rcclx.h'] = `header ${index}`
    mkdirSync(path.join(root, String(index)))
    return {
      files,
      artifacts: Object.entries(files).map(([name, content]) => {
        const file = path.join(root, String(index), name)
        writeFileSync(file, content)
        return file
      }),
    }
  })
  return { all, remove: () => rmSync(root, { recursive: true }) }
}

export interface Written {
  readonly generation: number
  readonly state: VariantState
  readonly history: readonly { readonly id: string; readonly action: string; readonly message?: string | undefined }[]
}

/** The truth below all faults, and ways to open it with faults on top. */
export interface World {
  readonly clock: ReturnType<typeof hastyClock>
  readonly product: Product
  readonly store: ObjectStore
  readonly published: ObjectStore
  readonly metadata: ObjectStore
  /** Every version of a variant's ref that was ever written, in order. */
  written(variant: string): readonly Written[]
  /** Without faults. */
  readonly plain: ReleaseContext
  open(options: OpenOptions): ReleaseContext
}

export interface OpenOptions {
  readonly by: string
  readonly random: () => number
  readonly faults: FaultPlan
  /** Wrapped as the product wraps stores: what fails for now is tried again where that is safe. */
  readonly retries: boolean
  /** Other writers get their turn between any two steps. */
  readonly yields: boolean
}

export function createWorld(random: () => number, onConflict: Product['onConflict']): World {
  const clock = hastyClock(Date.parse('2025-01-07T14:30:00Z'))
  const memory = (name: string) => createMemoryStore({ name, clock })
  const writes = new Map<string, Written[]>()
  const [store, published, metadata] = [recording(memory('memory:store'), writes), memory('memory:published'), memory('memory:metadata')]
  const product: Product = {
    name: 'rcclx',
    artifacts: [],
    variantFlag: 'rocm-version',
    variantLabel: 'ROCm version',
    variants: { '6.4': {}, '7.0': {} },
    metadata: '/metadata',
    sources: {},
    publish: { url: 'memory:published' },
    onConflict,
    root: '/',
  }
  const contextOn = (to: ObjectStore, views: Record<string, ObjectStore>, by: string, random: () => number): ReleaseContext => ({
    store: to,
    prepareStore: () => ensureStoreFormat(to, { now: clock.now(), random }),
    openView: async (url) => views[url]!,
    clock,
    random,
    by,
    env: {},
    report: silent,
  })
  return {
    clock,
    product,
    store,
    published,
    metadata,
    written: (variant) => (writes.get(`refs/releases/rcclx/${variant}.json`) ?? []).toSorted((a, b) => a.generation - b.generation),
    plain: contextOn(store, { 'memory:published': published, 'file:/metadata': metadata }, 'truth', random),
    open({ by, random, faults, retries, yields }) {
      const wrap = (inner: ObjectStore) => {
        const faulty = faultyStore(yields ? yieldingStore(inner, random, 1) : inner, faults, clock)
        return retries ? retryingStore(faulty, { clock, random, attempts: 3, base: 10, cap: 100 }) : faulty
      }
      return contextOn(wrap(store), { 'memory:published': wrap(published), 'file:/metadata': wrap(metadata) }, by, random)
    },
  }
}

/** Keeps every version of every ref that gets through to the store. */
function recording(store: ObjectStore, writes: Map<string, Written[]>): ObjectStore {
  return {
    ...store,
    async put(key, body, options) {
      if (!key.startsWith('refs/')) return await store.put(key, body, options)
      const bytes = await collectBytes(body, 1 << 24)
      const info = await store.put(key, bytesOf(bytes), options)
      writes.set(key, [...(writes.get(key) ?? []), parseRef(releaseRefs, bytes, key)])
      return info
    },
  }
}

/** A variant's state as the store has it. */
export async function truthOf(world: World, variant: string): Promise<VariantState | undefined> {
  return (await readRef(world.store, releaseRefs, refNameFor(world.product, variant)))?.ref.state
}

/** The content that `state` should show under each published key. Computed here anew, not by the code under test. */
export function shouldBePublished(variant: string, state: VariantState): Map<string, Digest> {
  const keys = new Map<string, Digest>()
  for (const [channel, id] of Object.entries(state.channels)) {
    for (const file of state.releases[id]!.files!) keys.set(`${channel.replace('-', '_')}/${variant}/${file.path}`, file.digest)
  }
  for (const { at, release } of state.archives) {
    for (const file of state.releases[release]!.files!) keys.set(`archives/${variant}/${at}_${file.path}`, file.digest)
  }
  return keys
}

/** The metadata files that `state` should have. */
export function shouldHaveMetadata(variant: string, state: VariantState): string[] {
  return [
    ...Object.keys(state.channels).map((channel) => `${channel}/${variant}/metadata.txt`),
    ...state.archives.map(({ at }) => `archives/${variant}/${at}_metadata.txt`),
  ].sort()
}

/** Every key that is there, with the digest of its bytes. */
export async function contentsOf(store: ObjectStore, prefix = ''): Promise<Map<string, Digest>> {
  const contents = new Map<string, Digest>()
  for await (const { key } of store.list(prefix)) contents.set(key, digestOf(await collectBytes(await store.get(key), 1 << 24)))
  return contents
}
