import assert from 'node:assert/strict'
import { promises as fs } from 'node:fs'
import path from 'node:path'
import { collect, type Digest, digestOf, isFault } from '../../src/kit/index.ts'
import { readRef } from '../../src/refs/index.ts'
import { refNameFor, releaseRefs } from '../../src/releases/index.ts'
import type { ObjectStore } from '../../src/store/index.ts'
import { artifactName, type Scene, variant } from './scene.ts'

/** All that somebody can see from outside: published and metadata files with their digests, and where the ref is. */
export interface Shown {
  readonly files: ReadonlyMap<string, Digest>
  readonly generation: number
  /** The ref's channels and archives: release ids by name. */
  readonly names: ReadonlyMap<string, Digest>
  readonly fetched: Digest | undefined
}

export async function look(scene: Scene): Promise<Shown> {
  const files = new Map<string, Digest>()
  for (const [kind, store] of views(scene))
    for (const [key, digest] of await contentsOf(scene, store, kind)) files.set(`${kind} ${key}`, digest)
  const found = await readRef(scene.context.store, releaseRefs, refNameFor(scene.product, variant))
  const { channels = {}, archives = [] } = found?.ref.state ?? {}
  const names = new Map([...Object.entries(channels), ...archives.map(({ at, release }) => [at, release] as const)])
  return {
    files,
    generation: found?.ref.generation ?? 0,
    names,
    fetched: await digestOfFile(path.join(scene.place.root, 'fetched', artifactName)),
  }
}

/** Where a command begins and where it ends. Nobody may ever see anything else. */
export interface Allowed {
  readonly before: Shown
  readonly after: Shown
}

/** Throws where something is seen that is half done: a content that is neither the old nor the new, a name that is not a key's. */
export function checkSeen({ before, after }: Allowed, seen: Shown): void {
  for (const [key, digest] of seen.files) {
    const known = [before.files.get(key), after.files.get(key)]
    assert.ok(known.includes(digest), `${key} shows ${digest}, which is neither the old nor the new: ${known.join(', ')}`)
  }
  assert.ok([before.generation, after.generation].includes(seen.generation), `the ref is at generation ${seen.generation}`)
  assert.deepEqual(seen.names, seen.generation === after.generation ? after.names : before.names)
  assert.ok(seen.fetched === undefined || seen.fetched === after.fetched, 'a fetched file is whole')
}

/** Looks again and again until `stop`; what it saw was checked each time. `looks` says how often. */
export function watch(scene: Scene, allowed: Allowed): { stop(): Promise<void>; looks(): number } {
  let isOn = true
  let looks = 0
  let last = allowed.before.generation
  const watching = (async () => {
    while (isOn) {
      const seen = await look(scene)
      checkSeen(allowed, seen)
      assert.ok(seen.generation >= last, 'a ref never goes back')
      last = seen.generation
      looks++
    }
  })()
  watching.catch(() => undefined)
  return {
    looks: () => looks,
    async stop() {
      isOn = false
      await watching
    },
  }
}

const storeKeys =
  /^(holdfast\.json|(blobs\/sha256\/[0-9a-f]{2}\/[0-9a-f]{64})|snapshots\/[0-9a-f]{64}\.json|refs\/.+\.json|facts\/.+\.json|condemned\/.+\.json)$/

/** No list shows what is not whole, and what has a digest for its name is what the name says. */
export async function checkKeys({ context }: Scene): Promise<void> {
  for await (const { key } of context.store.list('')) {
    assert.match(key, storeKeys)
    const hex = /^(?:blobs\/sha256\/..|snapshots)\/([0-9a-f]{64})/.exec(key)?.[1]
    if (hex !== undefined) assert.equal(digestOf(await collect(await context.store.get(key), 1 << 26)), `sha256:${hex}`, `${key} is whole`)
  }
}

function views({ published, metadata }: Scene): [string, ObjectStore][] {
  return [
    ['published', published],
    ['metadata', metadata],
  ]
}

/** In a folder as any other program reads it, in a bucket through the store. What goes or changes meanwhile is left out. */
async function contentsOf(scene: Scene, store: ObjectStore, kind: string): Promise<Map<string, Digest>> {
  const contents = new Map<string, Digest>()
  const folder = kind === 'metadata' ? 'snapshots' : scene.place.s3 === undefined ? 'published' : undefined
  for await (const { key } of store.list('')) {
    assert.ok(!key.includes('.~'), `${key} is listed`)
    const digest =
      folder === undefined ? await digestOfObject(store, key) : await digestOfFile(path.join(scene.place.root, folder, ...key.split('/')))
    if (digest !== undefined) contents.set(key, digest)
  }
  return contents
}

async function digestOfObject(store: ObjectStore, key: string): Promise<Digest | undefined> {
  try {
    return digestOf(await collect(await store.get(key), 1 << 26))
  } catch (error) {
    if (isFault(error, 'not-found') || isFault(error, 'precondition')) return undefined
    throw error
  }
}

async function digestOfFile(file: string): Promise<Digest | undefined> {
  try {
    return digestOf(await fs.readFile(file))
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}
