import { type Digest, forEachBounded, type Report, silent } from '../../kit/index.ts'
import type { ObjectInfo, ObjectStore, Signal } from '../../store/index.ts'
import type { Contents } from '../contents.ts'
import { digestOfIndexKey, indexPrefix } from '../indexes/codec.ts'
import type { KnownPack } from '../indexes/pack-table.ts'
import { openChunkReader } from '../open-chunk-store.ts'
import { digestOfPackKey, packKey } from '../pack/pack.ts'
import { checkPack, idsOf } from './check-pack.ts'
import { chooseData, type ReadData } from './part.ts'

export interface VerifyOptions extends Signal {
  /** Packs whose bytes are read; with 0 only names and sizes are looked at. With a part, all that is told is of that part. */
  readonly readData: ReadData
  readonly random: () => number
  readonly cache?: string | undefined
  readonly report?: Report | undefined
}

export interface Damage {
  /** `stray`: a pack that no index knows, such as a killed writer leaves; `alien`: not put there by holdfast. Neither harms. */
  readonly kind: 'index' | 'pack' | 'missing-pack' | 'stray' | 'alien'
  readonly key: string
  /** What is wrong, as the end of a sentence. */
  readonly what: string
  /** Chunks and nodes that can be read nowhere any more: whatever reaches them is damaged. */
  readonly lost: readonly Digest[]
}

export interface VerifiedPacks {
  readonly packs: number
  readonly chunks: number
  /** Packs whose bytes were read. */
  readonly read: number
  readonly damage: readonly Damage[]
}

/** Packs that are read at once: two fit into the memory of a small machine. */
const width = 2
const ours = ['blobs/', 'snapshots/', 'refs/', 'pins/', 'leases/', 'condemned/', 'facts/', 'uploads/', 'quarantine/', 'holdfast.json']

/** Looks for damage in packs and indexes. Changes nothing. */
export async function verifyPacks(store: ObjectStore, options: VerifyOptions): Promise<VerifiedPacks> {
  const contents = await openChunkReader(store, options)
  try {
    return (await inspectPacks(contents, options)).verified
  } finally {
    await contents.close()
  }
}

/** What `verifyPacks` tells, and the packs that are not as they should be. */
export async function inspectPacks(
  contents: Contents,
  options: VerifyOptions,
): Promise<{ readonly verified: VerifiedPacks; readonly broken: readonly KnownPack[]; readonly strays: readonly ObjectInfo[] }> {
  const { store, index } = contents
  const { report = silent, signal } = options
  const choice = chooseData(options.readData, options.random)
  const around = await lookAround(contents, signal)
  const { present } = around
  const strays = around.strays.filter(({ key }) => choice.includes(digestOfPackKey(key)))
  const aliens = around.aliens.filter(() => choice.includes(undefined))
  const inUse = index.packs.filter(({ id, isGone }) => !isGone && choice.includes(id))
  const toRead = inUse.filter(({ id, size }) => present.get(id) !== size || choice.reads(id))
  const findings = new Map<KnownPack, { what: string; bad: readonly number[] }>()
  report({ kind: 'begin', task: 'verify', items: toRead.length, bytes: toRead.reduce((sum, { size }) => sum + size, 0) })
  await forEachBounded(
    toRead,
    width,
    async (pack, inner) => {
      const { damage, bad } = await checkPack(store, index, pack, { signal: inner })
      if (damage !== undefined) findings.set(pack, { what: damage, bad })
      report({ kind: 'advance', task: 'verify', items: 1, bytes: pack.size })
    },
    signal,
  )
  report({ kind: 'end', task: 'verify' })
  const broken = [...findings.keys()]
  const allBad = new Set([...findings.values()].flatMap(({ bad }) => bad))
  const lostOf = (bad: readonly number[]) =>
    idsOf(
      index,
      bad.filter((entry) => index.findAll(index.idAt(entry)).every((copy) => allBad.has(copy))),
    )
  const damage: Damage[] = [
    ...[...contents.damagedIndexes]
      .filter(([key]) => choice.includes(digestOfIndexKey(key)))
      .map(([key, { message }]) => ({ kind: 'index', key, what: message, lost: [] }) as const),
    ...[...findings].map(([pack, { what, bad }]) => {
      const kind = present.has(pack.id) ? 'pack' : 'missing-pack'
      return { kind, key: packKey(pack.id), what, lost: lostOf(bad) } as const
    }),
    ...strays.map(({ key }) => ({ kind: 'stray', key, what: 'no index knows it', lost: [] }) as const),
    ...aliens.map((key) => ({ kind: 'alien', key, what: 'it was not put there by holdfast', lost: [] }) as const),
  ]
  const chunks = inUse.reduce((sum, { firstEntry, endEntry }) => sum + endEntry - firstEntry, 0)
  return { verified: { packs: inUse.length, chunks, read: toRead.length, damage }, broken, strays }
}

/** Everything in the store by its name: packs with their sizes, packs that no index knows, and what is not ours. */
async function lookAround({ store, index }: Contents, signal: AbortSignal | undefined) {
  const present = new Map<Digest, number>()
  const strays: ObjectInfo[] = []
  const aliens: string[] = []
  for await (const info of store.list('', { signal })) {
    const pack = digestOfPackKey(info.key)
    if (pack !== undefined) {
      present.set(pack, info.size)
      if (index.pack(pack) === undefined) strays.push(info)
    } else if (
      info.key.startsWith(indexPrefix) ? digestOfIndexKey(info.key) === undefined : !ours.some((start) => info.key.startsWith(start))
    ) {
      aliens.push(info.key)
    }
  }
  return { present, strays, aliens }
}
