import { type Digest, Fault, isFault } from '../../kit/index.ts'
import type { ArchiveLayer, Registry } from '../../oci/index.ts'
import type { Flight, LayerFlights } from './layer-flights.ts'
import type { KnownLayer, LayerMemory } from './layer-memory.ts'
import type { Scratch } from './scratch.ts'
import { type LayerTarget, type LayerToSend, measureLayer, sendLayer, smallBytes } from './send-layer.ts'

/** A layer of an image, in its repository. */
export interface PlacedLayer {
  readonly layer: KnownLayer
  /** It was there, was taken over from another repository, or had to be sent. */
  readonly how: 'there' | 'mounted' | 'sent'
  /** How its digest was known: by its name in the archive, from earlier runs or other images, after keeping it on the disk, or by compressing it. */
  readonly by: 'name' | 'memory' | 'scratch' | 'reading'
}

/** Known when the whole archive was read. Undefined where what was said of the layer was not true: then it has to be read again. */
export type PlacingLayer = () => Promise<PlacedLayer | undefined>

export interface Placing {
  readonly registry: Registry
  readonly repository: string
  readonly memory: LayerMemory
  readonly flights: LayerFlights
  readonly scratch: Scratch | undefined
  /** Finds out what layers become, and sends nothing. */
  readonly isMeasuring: boolean
  /** Where the archive comes from; undefined where that says nothing of its content. */
  readonly archiveName: string | undefined
  /** Members of which others said what is not true. */
  readonly distrusted: Set<string>
  readonly mountFrom: readonly string[]
  /** Of images side by side: how often in a row a repository did not have what was asked of it. */
  readonly misses: Map<string, number>
  readonly signal: AbortSignal | undefined
  /** The work that goes on while the archive is read on. */
  readonly underWay: Promise<unknown>[]
}

/** Resolves when the archive may be read on. */
export async function placeLayer(placing: Placing, member: ArchiveLayer): Promise<PlacingLayer> {
  const { isMeasuring, scratch } = placing
  const said = digestByName(member)
  const name = placing.distrusted.has(member.name) ? undefined : nameOf(placing, member)
  const found = await findLayer(placing, member, { archived: said, name, by: said === undefined ? 'memory' : 'name' })
  if (found !== undefined) return found
  const isOfUse = said === undefined && member.form === 'plain' && member.size > smallBytes && !isMeasuring
  const kept = isOfUse ? await scratch?.keep(member.content, member.size) : undefined
  if (kept === undefined) {
    const by = said === undefined || member.form === 'plain' ? 'reading' : 'name'
    return await startSending(placing, member, { content: member.content, archived: said, name, by })
  }
  try {
    const archived = member.facts().digest
    const known = await findLayer(placing, member, { archived, name: undefined, by: 'scratch' })
    if (known !== undefined) {
      await kept.remove()
      return known
    }
    const placed = await startSending(placing, member, { content: kept.bytes, archived, name, by: 'scratch' })
    return async () => {
      try {
        return await placed()
      } finally {
        await kept.remove()
      }
    }
  } catch (error) {
    await kept.remove()
    throw error
  }
}

interface Clue {
  /** What the layer's digest in the archive is, or is said to be. */
  readonly archived: Digest | undefined
  /** What the memory knows it by, where it is not known by its digest. */
  readonly name: string | undefined
  readonly by: PlacedLayer['by']
}

/** Without reading it: from another image that sends it just now, or in the registry. */
async function findLayer(placing: Placing, member: ArchiveLayer, clue: Clue): Promise<PlacingLayer | undefined> {
  const { archived, name, by } = clue
  const { memory, isMeasuring, distrusted, repository, registry } = placing
  const flight = isMeasuring || distrusted.has(member.name) ? undefined : flightOf(placing, clue)
  if (flight !== undefined) return () => takeFromFlight(placing, member, flight, name)
  const guess = guessLayer(memory, member, archived, name)
  if (guess === undefined) return undefined
  const how = isMeasuring ? 'there' : await askFor(placing, guess)
  if (how === undefined) return undefined
  return async () => {
    const { digest: actual, diffId } = member.facts()
    if (guess.archived !== actual) return lied(placing, member, name)
    const layer = { ...guess, diffId }
    if (!isMeasuring) await memory.add(layer, { name, place: `${registry.host}/${repository}` })
    return { layer, how, by }
  }
}

/** What archives of Docker before 25 call a layer follows from what it is and lies upon; other names are of their archive alone. */
function nameOf({ archiveName }: Placing, { name, named }: ArchiveLayer): string | undefined {
  if (named !== undefined) return undefined
  if (/^[0-9a-f]{64}\/layer\.tar$/.test(name)) return name
  return archiveName === undefined ? undefined : `${archiveName} ${name}`
}

function digestByName({ named, form }: ArchiveLayer): Digest | undefined {
  if (named === undefined) return undefined
  return 'digest' in named ? named.digest : form === 'plain' ? named.diffId : undefined
}

type Guess = Omit<KnownLayer, 'diffId'>

function guessLayer(
  memory: LayerMemory,
  { form, size }: ArchiveLayer,
  archived: Digest | undefined,
  name: string | undefined,
): Guess | undefined {
  if (archived === undefined) return name === undefined ? undefined : memory.named(name)
  if (form !== 'plain') return { archived, digest: archived, size, form }
  const packed = memory.packed(archived)
  return packed === undefined ? undefined : { archived, digest: packed.digest, size: packed.size, form: 'gzip' }
}

function flightOf({ flights }: Placing, { archived, name }: Clue): Flight | undefined {
  return (archived === undefined ? undefined : flights.find(archived)) ?? (name === undefined ? undefined : flights.find(name))
}

async function takeFromFlight(
  placing: Placing,
  member: ArchiveLayer,
  flight: Flight,
  name: string | undefined,
): Promise<PlacedLayer | undefined> {
  const layer = await flight.arrived
  if (layer?.archived !== member.facts().digest) return lied(placing, member, name)
  const how = await askFor(placing, layer, [flight.repository])
  if (how === undefined) return lied(placing, member, undefined)
  await placing.memory.add(layer, { name, place: `${placing.registry.host}/${placing.repository}` })
  return { layer, how, by: 'memory' }
}

function lied({ memory, flights, distrusted }: Placing, member: ArchiveLayer, name: string | undefined): undefined {
  distrusted.add(member.name)
  if (name === undefined) return
  memory.forget(name)
  flights.forget(name)
}

interface ToSend extends Clue {
  readonly content: AsyncIterable<Uint8Array>
}

/** Until the content was read from the archive: what is still to be done with it goes on meanwhile, one layer at a time. */
async function startSending(placing: Placing, member: ArchiveLayer, { content, archived, name, by }: ToSend): Promise<PlacingLayer> {
  const { registry, repository, memory, flights, isMeasuring, signal, underWay } = placing
  const { promise: arrived, resolve: arrive } = Promise.withResolvers<KnownLayer | undefined>()
  const names = [archived, name].filter((each) => each !== undefined)
  // Before anything is waited for: another image with the same layer is not to send it too.
  if (!isMeasuring) flights.begin(names, { repository, arrived })
  try {
    await underWay.at(-1)
  } catch (error) {
    arrive(undefined)
    throw error
  }
  const { promise: hasBeenRead, resolve: noticeEnd } = Promise.withResolvers<void>()
  const layer: LayerToSend = { content: noticingEnd(content, noticeEnd), form: member.form, facts: member.facts }
  const send = async (): Promise<PlacedLayer> => {
    if (isMeasuring) return { layer: await measureLayer(layer), how: 'there', by }
    const target: LayerTarget = { registry, repository, signal, ask: (blob) => askFor(placing, blob) }
    const sent = await sendLayer(layer, target)
    const wasNamed = member.named !== undefined
    await memory.add(sent.layer, { name: wasNamed ? undefined : nameOf(placing, member), place: `${registry.host}/${repository}` })
    return { ...sent, by }
  }
  const work = send()
  underWay.push(work)
  work.then(
    (placed) => arrive(placed.layer),
    () => arrive(undefined),
  )
  if (by !== 'scratch') await Promise.race([hasBeenRead, work])
  return () => work
}

async function* noticingEnd(content: AsyncIterable<Uint8Array>, notice: () => void): AsyncGenerator<Uint8Array> {
  yield* content
  notice()
}

/** After so many misses in a row a repository is asked no more: for a small blob, which is sent as soon as asked for, and for others. */
const patience = { small: 2, large: 8 }

/** HEAD, then a mount from wherever the blob may be. Throws `corrupt` where the registry has it with another size. */
async function askFor(
  { registry, repository, memory, mountFrom, misses, signal }: Placing,
  { digest, size }: Pick<KnownLayer, 'digest' | 'size'>,
  likely: readonly string[] = [],
): Promise<'there' | 'mounted' | undefined> {
  const head = await registry.headBlob(repository, digest, { signal })
  if (head !== undefined && head.size !== size) {
    throw new Fault('corrupt', `${digest} has ${size} bytes, and the registry has ${head.size} of it`, {
      at: `${registry.host}/${repository}`,
    })
  }
  if (head !== undefined) return 'there'
  const host = `${registry.host}/`
  const known = memory.placesOf(digest).flatMap((place) => (place.startsWith(host) ? [place.slice(host.length)] : []))
  const told = new Set([...likely, ...known])
  for (const from of told) if (from !== repository && (await registry.mountBlob(repository, digest, from, { signal }))) return 'mounted'
  const most = size <= smallBytes ? patience.small : patience.large
  for (const from of mountFrom) {
    const missed = misses.get(from) ?? 0
    if (from === repository || told.has(from) || missed >= most) continue
    // A mount in vain begins an upload, which has to be taken back.
    const isThere = await isIn(registry, from, digest, signal)
    if (isThere && (await registry.mountBlob(repository, digest, from, { signal }))) {
      misses.set(from, 0)
      return 'mounted'
    }
    // Others have asked meanwhile.
    misses.set(from, (misses.get(from) ?? 0) + 1)
  }
  return undefined
}

/** Who may not read there does without. */
async function isIn(registry: Registry, repository: string, digest: Digest, signal: AbortSignal | undefined): Promise<boolean> {
  try {
    return (await registry.headBlob(repository, digest, { signal })) !== undefined
  } catch (error) {
    if (isFault(error, 'denied')) return false
    throw error
  }
}
