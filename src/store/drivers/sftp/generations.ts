import { Fault } from '../../../kit/index.ts'
import { canHaveGenerations, keptGenerations, nameTooLong, sparedFor, type State, tombstone, type Version } from '../layout.ts'
import { type Answer, isRefusal } from './calls.ts'
import type { Link } from './connection.ts'
import { type Slot, slotsOf } from './look.ts'
import { type Attributes, statuses } from './packet.ts'
import { generationsPath, nameOf, pathOf, type Place, refusalFault, slotPath, unlessAbsent, versionOf } from './place.ts'

/* A key's generations over SFTP, by the rules that docs/formats.md has for files. */

/** Makes the whole file at `temporary` the version after `base`; undefined where another writer was first. */
export async function append(
  place: Place,
  link: Link,
  key: string,
  base: State,
  temporary: { readonly path: string; readonly facts: Attributes },
): Promise<Version | undefined> {
  checkConditional(place, link)
  const slot = base.highest + 1
  const target = slotPath(place, key, slot)
  if (!(await make(place, link, key, slot, () => link.hardlink(temporary.path, target)))) return undefined
  if (!(await isNext(place, link, key, base, slot))) return undefined
  if (slot > keptGenerations) await prune(place, link, key, temporary.facts.modified)
  return versionOf(key, target, slot, temporary.facts)
}

/** Makes the version after `base` say that the key is deleted; false where another writer was first. */
export async function bury(place: Place, link: Link, key: string, base: State): Promise<boolean> {
  const slot = base.highest + 1
  if (!(await make(place, link, key, slot, () => mark(link, slotPath(place, key, slot))))) return false
  if (!(await isNext(place, link, key, base, slot))) return false
  if (slot > keptGenerations) {
    const now = await link.lstat(slotPath(place, key, slot))
    if (!isRefusal(now)) await prune(place, link, key, now.modified)
  }
  return true
}

/** Throws `unsupported` where nothing can be put conditionally. */
export function checkConditional(place: Place, link: Link): void {
  const why = place.plain
    ? 'it is a tree that others keep'
    : link.can.hardlink
      ? undefined
      : 'its server does not offer hardlink@openssh.com'
  if (why === undefined) return
  throw new Fault('unsupported', `nothing can be put conditionally in ${place.name}: ${why}`, { at: place.name })
}

/** How often something that the server refused, with nothing to be seen in its way any more, is asked for. */
export const attempts = 5

/** The outcome of making a file by a link, which fails where the name is taken: false then. Sends one packet, and one more where it was refused. */
export async function linked(
  place: Place,
  link: Link,
  make: () => Promise<Answer<true>>,
  target: string,
  at: string,
  made: Promise<Answer<true>> = make(),
): Promise<boolean> {
  for (let [attempt, making] = [1, made]; ; attempt++, making = make()) {
    const answer = await making
    if (!isRefusal(answer)) return true
    // "Failure" is all that SFTP says of a name that is taken, and a delete may have freed it again by now.
    const mayBeTaken = answer.refused === statuses.failure
    if (mayBeTaken && !isRefusal(await link.lstat(target))) return false
    if (!mayBeTaken || attempt === attempts) throw await refusalFault(place, link, answer, at, 'give it its name')
  }
}

async function mark(link: Link, path: string): Promise<Answer<true>> {
  return await link.symlink(tombstone, path)
}

/** Makes one slot; false where it is taken. Its directory is made where it is missing, also where a delete removes it again meanwhile. */
async function make(place: Place, link: Link, key: string, slot: number, makeSlot: () => Promise<Answer<true>>): Promise<boolean> {
  const at = nameOf(place, key)
  if (!canHaveGenerations(key)) throw nameTooLong(at)
  for (let attempt = 1; ; attempt++) {
    const directory = link.makeDirectory(generationsPath(place, key))
    const making = makeSlot()
    making.catch(() => undefined)
    const [answer] = [await making, await directory]
    const isGone = isRefusal(answer) && answer.refused === statuses.noSuchFile && attempt < 10
    if (!isGone) return await linked(place, link, makeSlot, slotPath(place, key, slot), at, Promise.resolve(answer))
  }
}

/**
 * Whether a slot that was just made is what it seems. A writer that slept while others went on may have made one that had
 * been removed as old; its base is gone then too, since the lowest goes first. The plain file can also go because it was deleted.
 */
async function isNext(place: Place, link: Link, key: string, base: State, slot: number): Promise<boolean> {
  if (await baseHolds(place, link, key, base)) return true
  const at = nameOf(place, key)
  if ((await slotsOf(place, link, key)).at(-1)?.slot !== slot) {
    await unlessAbsent(place, link, link.remove(slotPath(place, key, slot)), at, 'take back a late generation')
    return false
  }
  if (base.highest === 0) {
    const next = slotPath(place, key, slot + 1)
    await linked(place, link, () => mark(link, next), next, at)
  }
  return base.highest > 0
}

async function baseHolds(place: Place, link: Link, key: string, { version, highest }: State): Promise<boolean> {
  const at = nameOf(place, key)
  const path = version?.path ?? slotPath(place, key, highest)
  const now = await unlessAbsent(place, link, link.lstat(path), at, 'look at the version before')
  if (version === undefined) return now?.kind === 'link'
  return now !== undefined && versionOf(key, path, version.slot, now).info.etag === version.info.etag
}

/**
 * Removes old generations, lowest first and the plain file before them all: never one of the newest eight, and none that was
 * the newest within the last hour, so that whoever reads it can finish. It only tidies: the next write tries again.
 */
async function prune(place: Place, link: Link, key: string, now: number): Promise<void> {
  try {
    const slots = await slotsOf(place, link, key)
    const old = slots.slice(0, Math.max(0, slots.length + 1 - keptGenerations))
    let path = pathOf(place, key)
    for (const { slot, attributes } of old satisfies Slot[]) {
      if ((now - attributes.modified) * 1000 < sparedFor) return
      await unlessAbsent(place, link, link.remove(path), nameOf(place, key), 'remove it')
      path = slotPath(place, key, slot)
    }
  } catch {
    // What was put stands, and old generations hurt nobody.
  }
}
