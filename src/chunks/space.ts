import { Fault, isFault } from '../kit/index.ts'
import { collect, type CollectOptions } from './collect.ts'
import { listCondemned } from './condemned.ts'
import { formatKey, readStoreFormat } from './format.ts'

export interface SpaceCount {
  readonly objects: number
  readonly bytes: number
}

/** What keys begin with, by what they are. */
const places = {
  blobs: 'blobs/',
  packs: 'packs/',
  indexes: 'index/',
  snapshots: 'snapshots/',
  refs: 'refs/',
  pins: 'pins/',
  leases: 'leases/',
  condemned: 'condemned/',
  quarantine: 'quarantine/',
  facts: 'facts/',
} as const
export type SpaceKind = keyof typeof places | 'other'

export interface StoreSpace {
  readonly kinds: Readonly<Record<SpaceKind, SpaceCount>>
  readonly total: SpaceCount
  /** What prunes would give back in time; why that cannot be told, where the store is damaged or holds what is not known. */
  readonly unneeded: UnneededSpace | Fault
}

export interface UnneededSpace {
  /** Found unreached by an earlier prune. */
  readonly condemned: SpaceCount
  /** Unreached and not condemned yet; what is being written now is among it. */
  readonly unreached: SpaceCount
  /** Of these, packs of which a part is needed: that part is packed anew. */
  readonly repacked: SpaceCount
}

/** What a store's objects take, by their kind, and how much of it nothing needs. Writes nothing. */
export async function measureStore(options: Omit<CollectOptions, 'grace' | 'dryRun'>): Promise<StoreSpace> {
  const { store, signal } = options
  if ((await readStoreFormat(store, { signal })) === undefined)
    throw new Fault('not-found', 'there is no holdfast store here', { at: `${store.name}/${formatKey}` })
  const kinds = Object.fromEntries([...Object.keys(places), 'other'].map((kind) => [kind, { objects: 0, bytes: 0 }])) as Record<
    SpaceKind,
    { objects: number; bytes: number }
  >
  const total = { objects: 0, bytes: 0 }
  const condemned = { objects: 0, bytes: 0 }
  const listed = new Set((await listCondemned(store, { signal })).flatMap(({ record }) => Object.keys(record.keys)))
  for await (const { key, size } of store.list('', { signal })) {
    for (const count of [kinds[kindOf(key)], total, ...(listed.has(key) ? [condemned] : [])]) {
      count.objects++
      count.bytes += size
    }
  }
  return { kinds, total, unneeded: await unneededIn(options, condemned) }
}

function kindOf(key: string): SpaceKind {
  for (const [kind, prefix] of Object.entries(places)) if (key.startsWith(prefix)) return kind as SpaceKind
  return 'other'
}

async function unneededIn(options: Omit<CollectOptions, 'grace' | 'dryRun'>, condemned: SpaceCount): Promise<UnneededSpace | Fault> {
  try {
    // Of any age: also what a writer has only just stored, and names soon.
    const { condemned: unreached, repacked } = await collect({ ...options, grace: Number.NEGATIVE_INFINITY, dryRun: true })
    return { condemned, unreached, repacked }
  } catch (error) {
    if (isFault(error, 'corrupt') || isFault(error, 'unsupported')) return error
    throw error
  }
}
