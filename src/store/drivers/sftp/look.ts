import { canHaveGenerations, slotNumber, type State } from '../layout.ts'
import type { Handle, Named } from './calls.ts'
import { isRefusal } from './calls.ts'
import type { Link } from './connection.ts'
import { brokenProtocol, type Attributes } from './packet.ts'
import {
  generationsPath,
  lookAt,
  nameOf,
  pathOf,
  type Place,
  refusalFault,
  slotPath,
  unlessAbsent,
  versionOf,
  type Way,
  wayTo,
} from './place.ts'

/** What lies where a key is, as one look shows it. */
export interface Sight {
  readonly way: Way
  /** What is at the key's own path. */
  readonly plain: Attributes | undefined
  readonly state: State
}

const nothing: State = { version: undefined, highest: 0 }

/** What a key is now: one round trip where it has no generations, two where it has. */
export async function look(place: Place, link: Link, key: string): Promise<Sight> {
  const way = wayTo(place, link, key)
  const settled = settledSight(place, link, key)
  // On a way that is closed what lies behind it is of no interest.
  settled.catch(() => undefined)
  const found = await way
  return found === 'open' ? { way: found, ...(await settled) } : { way: found, plain: undefined, state: nothing }
}

/**
 * The same, where the way to the key is known. The plain file is looked at before the generations: these never go once they are there, so
 * that both together were true at the moment of the first look, or the generations are newer and count.
 */
export async function settledSight(place: Place, link: Link, key: string): Promise<Omit<Sight, 'way'>> {
  const at = nameOf(place, key)
  for (;;) {
    const looking = lookAt(place, link, pathOf(place, key), at)
    looking.catch(() => undefined)
    const highest = (await slotsOf(place, link, key)).at(-1)
    if (highest === undefined) {
      const plain = await looking
      const isFile = plain !== undefined && (plain.kind === 'file' || plain.kind === undefined)
      return { plain, state: isFile ? { version: versionOf(key, pathOf(place, key), 0, plain), highest: 0 } : nothing }
    }
    const path = slotPath(place, key, highest.slot)
    const newest =
      highest.attributes.kind === undefined
        ? await unlessAbsent(place, link, link.lstat(path), at, 'look at a generation')
        : highest.attributes
    // Gone: newer ones have been made, and this one was removed.
    if (newest === undefined) continue
    const plain = await looking.catch(() => undefined)
    const version = newest.kind === 'link' ? undefined : versionOf(key, path, highest.slot, newest)
    return { plain, state: { version, highest: highest.slot } }
  }
}

export interface Slot {
  readonly slot: number
  readonly attributes: Attributes
}

/** A key's generations, lowest first. */
export async function slotsOf(place: Place, link: Link, key: string): Promise<Slot[]> {
  if (place.plain || !canHaveGenerations(key)) return []
  const at = nameOf(place, key)
  const directory = generationsPath(place, key)
  const handle = await unlessAbsent(place, link, link.openDirectory(directory), at, 'list its generations')
  if (handle === undefined) return []
  const [entries] = await Promise.all([readEntries(place, link, handle, at), lookAt(place, link, directory, at)])
  return entries
    .flatMap(({ name, attributes }) => {
      const slot = slotNumber(name.toString('latin1'))
      return slot === undefined ? [] : [{ slot, attributes }]
    })
    .sort((a, b) => a.slot - b.slot)
}

/** No directory of a store has more entries; a server that goes on and on is not followed. */
const mostEntries = 2_000_000
const mostAhead = 8

/** Everything in a directory that is open, which is then let go of. Asks for its end along with its beginning, and ahead where it is longer. */
export async function readEntries(place: Place, link: Link, handle: Handle, at: string): Promise<Named[]> {
  const entries: Named[] = []
  const asked: ReturnType<Link['readDirectory']>[] = []
  const ask = () => {
    const answer = link.readDirectory(handle)
    answer.catch(() => undefined)
    asked.push(answer)
  }
  try {
    ask()
    ask()
    for (let ahead = 1; ; ahead = Math.min(mostAhead, ahead * 2)) {
      const some = await asked.shift()!
      if (some === undefined) return entries
      if (isRefusal(some)) throw await refusalFault(place, link, some, at, 'list it')
      for (const entry of some) entries.push(entry)
      if (entries.length > mostEntries) throw brokenProtocol(`a directory of more than ${mostEntries} entries: ${at}`)
      while (asked.length < ahead) ask()
    }
  } finally {
    link.release(handle)
  }
}
