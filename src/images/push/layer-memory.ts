import * as v from 'valibot'
import { asFault, type Digest, isDigest, parseJson, readSmallFile, replaceFile, type Report, silent } from '../../kit/index.ts'
import { type CompressedLayer, layerMap } from '../../oci/index.ts'

/** A layer as it lies in an archive, and as registries have it. */
export interface KnownLayer {
  /** Of its bytes in the archive. */
  readonly archived: Digest
  /** Of its bytes without compression. */
  readonly diffId: Digest
  /** Of its bytes in a registry. */
  readonly digest: Digest
  readonly size: number
  readonly form: 'gzip' | 'zstd'
}

/**
 * What was found out about layers, kept from one run to the next. It may be deleted, or of another machine: whatever it says is compared with
 * the bytes, so that it only saves compressing and sending.
 */
export interface LayerMemory {
  /** By what archives call it. */
  named(name: string): KnownLayer | undefined
  /** What a plain layer becomes when it is compressed here. */
  packed(diffId: Digest): CompressedLayer | undefined
  /** Where a blob was put or seen, the latest first: `host/repository`. */
  placesOf(digest: Digest): readonly string[]
  /** Resolves when it would be known after this process was killed, or when it was told that it would not be. */
  add(layer: KnownLayer, found: { readonly name?: string | undefined; readonly place?: string | undefined }): Promise<void>
  /** What was said of a name was wrong. */
  forget(name: string): void
  /** Whether all of an artifact was compared with its digest once. */
  isVerified(artifact: Digest): boolean
  addVerified(artifact: Digest): Promise<void>
}

const maxFileBytes = 32 << 20
/** The newest are kept. */
const maxNames = 10_000
const maxPlaces = 10_000
const maxPlacesOfOne = 4
const maxArtifacts = 1000

const digest = v.custom<Digest>(isDigest, 'not a digest of SHA-256')
const layerShape = v.object({
  archived: digest,
  diffId: digest,
  digest,
  size: v.pipe(v.number(), v.safeInteger(), v.minValue(0)),
  form: v.picklist(['gzip', 'zstd']),
})
const fileShape = v.object({
  format: v.literal(1),
  /** What `layerMap` keeps. */
  packed: v.string(),
  names: v.array(v.tuple([v.string(), layerShape])),
  places: v.array(v.tuple([digest, v.array(v.string())])),
  artifacts: v.array(digest),
})

/** In a file that may be deleted; one that is damaged is told, and written anew. */
export async function openLayerMemory(file: string, report: Report = silent): Promise<LayerMemory> {
  const text = await readSmallFile(file, maxFileBytes)
  let kept: v.InferOutput<typeof fileShape> | undefined
  let map = layerMap()
  try {
    kept = text === undefined ? undefined : parseJson(fileShape, text, file)
    map = layerMap(kept?.packed, file)
  } catch {
    const note = `${file} is damaged and is written anew: what is known of layers is found out again`
    report({ kind: 'note', level: 'warning', text: note, event: 'layer_memory_damaged' })
  }
  const names = new Map(kept?.names)
  const places = new Map<Digest, readonly string[]>(kept?.places)
  const artifacts = new Map<Digest, true>(kept?.artifacts.map((artifact) => [artifact, true]))
  let isToldOf = false
  const write = oneAtATime(async () => {
    const content = { format: 1, packed: map.toJson(), names: [...names], places: [...places], artifacts: [...artifacts.keys()] }
    try {
      await replaceFile(file, JSON.stringify(content))
    } catch (error) {
      // It only saves work: what is pushed does not need it.
      const note = `${asFault(error).message}: what is known of layers is not kept for the next run`
      if (!isToldOf) report({ kind: 'note', level: 'warning', text: `${file}: ${note}`, event: 'layer_memory_unwritten' })
      isToldOf = true
    }
  })
  return {
    named: (name) => names.get(name),
    packed: map.find,
    placesOf: (of) => places.get(of) ?? [],
    async add(layer, { name, place }) {
      if (layer.archived === layer.diffId && layer.form === 'gzip') map.add(layer)
      if (name !== undefined) setNewest(names, name, layer, maxNames)
      if (place !== undefined) {
        const others = (places.get(layer.digest) ?? []).filter((other) => other !== place)
        setNewest(places, layer.digest, [place, ...others].slice(0, maxPlacesOfOne), maxPlaces)
      }
      await write()
    },
    forget: (name) => void names.delete(name),
    isVerified: (artifact) => artifacts.has(artifact),
    async addVerified(artifact) {
      setNewest(artifacts, artifact, true, maxArtifacts)
      await write()
    },
  }
}

function setNewest<K, V>(map: Map<K, V>, key: K, value: V, most: number): void {
  map.delete(key)
  map.set(key, value)
  for (const oldest of map.keys()) {
    if (map.size <= most) break
    map.delete(oldest)
  }
}

/** Whoever asks waits for work that began after asking; those who ask meanwhile share one. */
function oneAtATime(work: () => Promise<void>): () => Promise<void> {
  let running: Promise<void> = Promise.resolve()
  let next: Promise<void> | undefined
  const begin = async (before: Promise<void>) => {
    await before.catch(() => undefined)
    next = undefined
    running = work()
    await running
  }
  return () => (next ??= begin(running))
}
