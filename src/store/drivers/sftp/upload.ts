import { type Bytes, Fault, untilAborted } from '../../../kit/index.ts'
import { takeIn } from '../../intake.ts'
import type { PutOptions } from '../../store.ts'
import { belowAnother } from '../layout.ts'
import { type Answer, type Handle, isRefusal, type Refusal } from './calls.ts'
import type { Link } from './connection.ts'
import { type Attributes, statuses } from './packet.ts'
import { given, nameOf, pathOf, type Place, refusalFault, wayTo } from './place.ts'

const onTheirWay = 8 << 20
const tries = 20

/** Begins to make the file for a body where that can be done at once: where its directories are known. */
export function beginEarly(place: Place, link: Link, { key, path }: { key: string; path: string }): Promise<Handle> | undefined {
  if (!isKnown(place, link, key)) return undefined
  const opening = makeFile(place, link, key, path)
  opening.catch(() => undefined)
  return opening
}

/**
 * A new file with the body in it, flushed and closed. `afterwards` begins what is sent right behind the last byte, in the same round
 * trip; its result is given too. Throws what the body throws, and `corrupt` where the server has another size than was sent.
 */
export async function upload<T>(
  place: Place,
  link: Link,
  { key, path, opening = makeFile(place, link, key, path) }: { key: string; path: string; opening?: Promise<Handle> | undefined },
  body: Bytes,
  options: PutOptions,
  afterwards: () => Promise<T>,
): Promise<{ facts: Attributes; after: T }> {
  const at = nameOf(place, key)
  let isClosed = false
  try {
    const file = await untilAborted(opening, options.signal)
    const sent = await sendAll(place, link, file, takeIn(body, options, at), at)
    const answers: Promise<Answer<true>>[] = [...sent.unanswered]
    if (place.durable && link.can.fsync) answers.push(link.fsync(file))
    const looking = link.fstat(file)
    answers.push(link.close(file))
    isClosed = true
    const after = afterwards()
    after.catch(() => undefined)
    looking.catch(() => undefined)
    for (const answer of await untilAborted(Promise.all(answers), options.signal)) await checkWritten(place, link, answer, at)
    const facts = await given(place, link, looking, at, 'look at it')
    if (facts.size !== sent.size) throw new Fault('corrupt', `${sent.size} bytes were sent, and the server has ${facts.size}`, { at })
    return { facts, after: await after }
  } finally {
    if (!isClosed) opening.then((file) => link.release(file)).catch(() => undefined)
  }
}

async function sendAll(
  place: Place,
  link: Link,
  file: Handle,
  pieces: AsyncIterable<Uint8Array>,
  at: string,
): Promise<{ size: number; unanswered: readonly Promise<Answer<true>>[] }> {
  let size = 0
  const waiting: { answer: Promise<Answer<true>>; bytes: number }[] = []
  let under = 0
  let failure: { why: Refusal } | { error: unknown } | undefined
  const heard = (answer: Answer<true>) => {
    if (isRefusal(answer)) failure ??= { why: answer }
  }
  const check = async () => {
    if (failure === undefined) return
    throw 'why' in failure ? await refusalFault(place, link, failure.why, at, 'write it') : failure.error
  }
  for await (const piece of pieces) {
    for (let from = 0; from < piece.byteLength; from += link.largest.write) {
      const part = piece.subarray(from, from + link.largest.write)
      const answer = link.write(file, size, part)
      answer.then(heard, (error: unknown) => (failure ??= { error }))
      waiting.push({ answer, bytes: part.byteLength })
      under += part.byteLength
      size += part.byteLength
      while (under > onTheirWay) {
        const first = waiting.shift()!
        await first.answer.catch(() => undefined)
        under -= first.bytes
      }
      await check()
    }
  }
  await check()
  return { size, unanswered: waiting.map(({ answer }) => answer) }
}

async function checkWritten(place: Place, link: Link, answer: Answer<true>, at: string): Promise<void> {
  if (isRefusal(answer)) throw await refusalFault(place, link, answer, at, 'write it')
}

/** Makes the file, and the directories down to it where they are missing. A delete may remove one of them, still empty, before the file is in it: then once more. */
async function makeFile(place: Place, link: Link, key: string, path: string): Promise<Handle> {
  const at = nameOf(place, key)
  for (let attempt = 1; ; attempt++) {
    const made = isKnown(place, link, key) ? [] : makeDirectories(place, link, key)
    const file = await link.openNew(path)
    if (!isRefusal(file)) return file
    if (file.refused !== statuses.noSuchFile || attempt === tries) {
      throw await refusalFault(place, link, (await firstDenied(made)) ?? file, at, 'write it')
    }
    const denied = await firstDenied(made)
    if (denied !== undefined) throw await refusalFault(place, link, denied, at, 'make its directory')
    if ((await wayTo(place, link, key, { anew: true })) === 'blocked') throw belowAnother(at)
    for (const directory of directoriesOf(place, key)) link.seen.delete(directory)
  }
}

function isKnown(place: Place, link: Link, key: string): boolean {
  return directoriesOf(place, key).every((directory) => link.seen.has(directory))
}

/** The directories above a key: the root first, the key's own last. */
export function directoriesOf(place: Place, key: string): string[] {
  const directories = [place.root]
  for (let slash = key.indexOf('/'); slash !== -1; slash = key.indexOf('/', slash + 1)) directories.push(pathOf(place, key.slice(0, slash)))
  return directories
}

/** Asks for every directory on the way, the root's own way too where the root has not been seen. Those that exist refuse, which is right. */
function makeDirectories(place: Place, link: Link, key: string): Promise<Answer<true>>[] {
  const directories = link.seen.has(place.root) ? directoriesOf(place, key).slice(1) : [...above(place.root), ...directoriesOf(place, key)]
  const made = directories.map((directory) => link.makeDirectory(directory))
  for (const each of made) each.catch(() => undefined)
  return made
}

function above(root: string): string[] {
  const parts = root.split('/')
  return parts
    .slice(0, -1)
    .map((_, index) => parts.slice(0, index + 1).join('/'))
    .filter((directory) => directory !== '')
}

async function firstDenied(made: readonly Promise<Answer<true>>[]): Promise<Refusal | undefined> {
  const answers = await Promise.all(made)
  return answers.filter(isRefusal).findLast(({ refused }) => refused === statuses.permissionDenied)
}
