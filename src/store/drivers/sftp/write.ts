import { type Bytes, Fault, temporaryBeside, throwIfAborted, untilAborted } from '../../../kit/index.ts'
import type { Condition, ObjectInfo, PutOptions, Signal } from '../../store.ts'
import { aboveOthers, belowAnother, checkState, type State } from '../layout.ts'
import { isRefusal } from './calls.ts'
import type { Link } from './connection.ts'
import { openForFlushing } from './durable.ts'
import { append, attempts, bury, checkConditional, linked } from './generations.ts'
import { look, type Sight, slotsOf } from './look.ts'
import { type Attributes, statuses } from './packet.ts'
import { generationsPath, given, lookAt, nameOf, pathOf, type Place, refusalFault, unlessAbsent, versionOf } from './place.ts'
import { beginEarly, directoriesOf, upload } from './upload.ts'

/** Bytes beside the key that are whole. */
interface Whole {
  readonly path: string
  readonly facts: Attributes
}

/** Writes bytes beside the key, has them flushed, and then shows them under the key in one step. */
export async function putFile(place: Place, key: string, body: Bytes, options: PutOptions): Promise<ObjectInfo> {
  const at = nameOf(place, key)
  const link = await place.connections.get(options.signal)
  if (options.if !== undefined) checkConditional(place, link)
  const path = temporaryBeside(pathOf(place, key))
  const opening = beginEarly(place, link, { key, path })
  let isUploading = false
  let shown: Shown | undefined
  try {
    const [sight] = await untilAborted(Promise.all([sightForWriting(place, link, key), link.learnLimits()]), options.signal)
    checkState(sight.state, options.if, at)
    const afterwards = async () => ({ since: place.clock.now(), sight: await sightForWriting(place, link, key) })
    isUploading = true
    const { facts, after } = await upload(place, link, { key, path, opening }, body, options, afterwards)
    throwIfAborted(options.signal)
    shown = await show(place, link, key, { path, facts }, options.if, after)
    return shown.info
  } finally {
    if (!isUploading) opening?.then((file) => link.release(file)).catch(() => undefined)
    // Whatever happened is told by what was thrown; what stays behind is hidden, and a sweep finds it.
    if (shown?.isMoved !== true) await link.remove(path).catch(() => undefined)
    if (shown === undefined) await removeEmptied(place, link, key).catch(() => undefined)
  }
}

/** Takes a key away, and the directories that it leaves empty. */
export async function deleteFile(place: Place, key: string, { signal }: Signal): Promise<void> {
  const at = nameOf(place, key)
  const link = await place.connections.get(signal)
  for (;;) {
    throwIfAborted(signal)
    const { way, state } = await untilAborted(look(place, link, key), signal)
    if (way !== 'open' || state.version === undefined) return
    const flushing = openForFlushing(place, link, directoriesOf(place, key))
    try {
      if (state.highest > 0) {
        const generations = openForFlushing(place, link, [generationsPath(place, key)])
        try {
          if (await bury(place, link, key, state)) return await generations.flush()
        } finally {
          generations.end()
        }
      } else {
        const removing = removePlain(place, link, key, at)
        const slots = slotsOf(place, link, key)
        slots.catch(() => undefined)
        await removing
        if ((await slots).length > 0) continue
        await removeEmptied(place, link, key)
        return await flushing.flush()
      }
    } finally {
      flushing.end()
    }
  }
}

async function removePlain(place: Place, link: Link, key: string, at: string): Promise<void> {
  const answer = await link.remove(pathOf(place, key))
  if (!isRefusal(answer) || answer.refused === statuses.noSuchFile) return
  // "Failure" is all that SFTP says of a directory, which has come since the file went.
  const isFile = answer.refused !== statuses.failure || (await lookAt(place, link, pathOf(place, key), at))?.kind !== 'directory'
  if (isFile) throw await refusalFault(place, link, answer, at, 'delete it')
}

/** What the key is now; `invalid` where a store of files cannot have such a key beside the ones that it has. */
async function sightForWriting(place: Place, link: Link, key: string): Promise<Sight> {
  const at = nameOf(place, key)
  for (;;) {
    const sight = await look(place, link, key)
    if (sight.way === 'blocked') throw belowAnother(at)
    const kind = sight.plain?.kind
    if (kind === 'other') throw new Fault('denied', `${at} is not a regular file, and is left alone`, { at })
    if (kind !== 'directory') return sight
    await freeDirectory(place, link, key)
  }
}

/** A directory where a file shall be: an empty one goes, any other has keys. */
async function freeDirectory(place: Place, link: Link, key: string): Promise<void> {
  const at = nameOf(place, key)
  const path = pathOf(place, key)
  link.seen.delete(path)
  const answer = await link.removeDirectory(path)
  if (!isRefusal(answer) || answer.refused === statuses.noSuchFile) return
  // "Failure" is all that SFTP says of a directory that is not empty.
  if (answer.refused === statuses.failure) throw aboveOthers(at)
  throw await refusalFault(place, link, answer, at, 'make room for it')
}

interface Shown {
  readonly info: ObjectInfo
  /** The file has the key's name now instead of its own, and not as well. */
  readonly isMoved: boolean
}

interface Seen {
  readonly sight: Sight
  /** By this machine's clock, before the look. */
  readonly since: number
}

async function show(place: Place, link: Link, key: string, whole: Whole, condition: Condition | undefined, first: Seen): Promise<Shown> {
  const at = nameOf(place, key)
  for (let seen = first; ; seen = { since: place.clock.now(), sight: await sightForWriting(place, link, key) }) {
    const { state } = seen.sight
    checkState(state, condition, at)
    const isNextGeneration = state.highest > 0 || (condition !== undefined && condition !== 'absent')
    const directories = [...directoriesOf(place, key), ...(isNextGeneration ? [generationsPath(place, key)] : [])]
    const naming = isNextGeneration
      ? appended(place, link, key, state, whole)
      : condition === undefined
        ? renamed(place, link, key, state, whole)
        : linkedAnew(place, link, key, whole, seen.since)
    naming.catch(() => undefined)
    // Sent behind the naming: a directory that this makes is opened too.
    const flushing = openForFlushing(place, link, directories)
    try {
      const shown = await naming
      if (shown === undefined) continue
      await flushing.flush()
      return shown
    } finally {
      flushing.end()
    }
  }
}

async function appended(place: Place, link: Link, key: string, state: State, whole: Whole): Promise<Shown | undefined> {
  const version = await append(place, link, key, state, whole)
  return version && { info: version.info, isMoved: false }
}

/** By a rename over the key. Its time is made later than that of what it replaces, so that the two can be told apart. */
async function renamed(place: Place, link: Link, key: string, { version }: State, { path, facts }: Whole): Promise<Shown | undefined> {
  const at = nameOf(place, key)
  const target = pathOf(place, key)
  const before = version === undefined ? undefined : Math.floor(version.info.modified / 1000)
  const isLater = before === undefined || facts.modified > before
  const modified = isLater ? facts.modified : Math.min(before + 1, 0xffff_ffff)
  const setting = isLater ? undefined : link.setTime(path, modified)
  setting?.catch(() => undefined)
  const rename = () => (link.can.posixRename ? link.posixRename(path, target) : link.rename(path, target))
  const renaming = rename()
  renaming.catch(() => undefined)
  if (setting !== undefined) await given(place, link, setting, at, 'set its time')
  for (let [attempt, trying] = [1, renaming]; ; attempt++, trying = rename()) {
    const answer = await trying
    if (!isRefusal(answer)) return { info: versionOf(key, target, 0, { ...facts, modified }).info, isMoved: true }
    const inTheWay = await lookAt(place, link, target, at)
    // A directory has come in the way: the next look says what it is.
    if (inTheWay?.kind === 'directory') return undefined
    if (inTheWay !== undefined && !link.can.posixRename) {
      throw new Fault('unsupported', `${at} exists, and its server cannot replace a file in one step`, {
        at,
        hint: 'OpenSSH’s own SFTP server can: it offers posix-rename@openssh.com',
      })
    }
    // What was in the way may have gone again.
    const mayGo = answer.refused === statuses.failure && inTheWay === undefined && attempt < attempts
    if (!mayGo) throw await refusalFault(place, link, answer, at, 'put it in place')
  }
}

/** How long a writer may have slept, in milliseconds, and still be sure that what it saw was not overtaken and tidied away. */
const wakeful = 1_800_000

/** By a link, which fails where the key is. */
async function linkedAnew(place: Place, link: Link, key: string, { path, facts }: Whole, since: number): Promise<Shown | undefined> {
  const at = nameOf(place, key)
  const target = pathOf(place, key)
  if (!(await linked(place, link, () => link.hardlink(path, target), target, at))) return undefined
  const slept = place.clock.now() - since
  // The key may have had generations meanwhile, whose plain file was removed as old: they are what counts.
  if ((slept < 0 || slept > wakeful) && (await slotsOf(place, link, key)).length > 0) {
    await unlessAbsent(place, link, link.remove(target), at, 'take it back')
    return undefined
  }
  return { info: versionOf(key, target, 0, facts).info, isMoved: false }
}

/** Removes the directories above a file that has gone, as far as they are empty, with those of its generations. Only empty ones can be removed. */
async function removeEmptied(place: Place, link: Link, key: string): Promise<void> {
  const directories = directoriesOf(place, key).slice(1).toReversed()
  if (!place.plain) directories.unshift(generationsPath(place, key))
  const removing = directories.map((directory) => {
    link.seen.delete(directory)
    return link.removeDirectory(directory)
  })
  await Promise.all(removing)
}
