import { closeSync, constants, fstatSync, ftruncateSync, openSync, readSync, renameSync, writeSync } from 'node:fs'
import { asFault, type Digest, diskFault, Fault, pieceSize } from '../../../kit/index.ts'
import type { State } from '../state/state.ts'
import type { Wanted } from '../state/plan.ts'
import { type Seen, seenOf, type TargetFolder } from './folder.ts'
import { type Parts, setModified } from './part.ts'

/** Bytes that were proven: in memory, or in a part of the client's own. */
export type Proven = { readonly bytes: Uint8Array } | { readonly part: string; readonly hasTime?: boolean }

/** What arrived for a wanted file: all of it, or what follows its first `start` bytes here. */
export interface Arrival {
  readonly wanted: Wanted
  readonly start: number
  readonly size: number
  readonly digest: Digest
  readonly proven: Proven
}

/** Puts files in place, many at a time. */
export interface Landing {
  /** Takes the file; it is in place after the next flush. */
  add(arrival: Arrival): void
  /** Puts all in place that was taken, durably, and remembers it. */
  flush(): void
  readonly isFull: boolean
}

export interface LandingOptions {
  readonly state: State
  readonly folder: TargetFolder
  readonly parts: Parts
  readonly onLanded: (arrival: Arrival, fault: Fault | undefined) => void
}

const mostFiles = 4096
const mostHeld = 32 << 20

/**
 * The order of a batch: the new files' bytes are durable under names of the client's own; the journal says what is to be
 * written; names and tails are put in place; that is durable; the files are remembered and the journal is empty again. Killed in
 * between, the journal tells the next sync where to look.
 */
export function openLanding(options: LandingOptions): Landing {
  const { state, folder, parts } = options
  let batch: Arrival[] = []
  let held = 0
  return {
    get isFull() {
      return batch.length >= mostFiles || held >= mostHeld
    },
    add(arrival) {
      const { proven } = arrival
      if (arrival.start === 0 && 'bytes' in proven) {
        const part = parts.write(proven.bytes, arrival.wanted.modified)
        batch.push({ ...arrival, proven: { part, hasTime: true } })
        // Written, and still to be flushed: it counts for as much as a file in memory.
        held += proven.bytes.byteLength >> 2
        return
      }
      batch.push(arrival)
      held += 'bytes' in proven ? proven.bytes.byteLength : 0
    },
    flush() {
      if (batch.length === 0) return
      const arrivals = batch
      batch = []
      held = 0
      const renamed = arrivals.flatMap(({ start, proven }) => (start === 0 && 'part' in proven ? [proven.part] : []))
      if (renamed.length > 0) folder.flush(renamed)
      state.transaction(() => arrivals.forEach((arrival) => state.journal.intend(intentOf(arrival))))
      const results = arrivals.map((arrival) => place(folder, parts, arrival))
      folder.flush(results.flatMap(({ seen, arrival }) => (seen === undefined ? [] : [folder.pathOf(arrival.wanted.key)])))
      state.transaction(() => {
        state.journal.settle(results.filter(isTorn).map(({ arrival }) => arrival.wanted.key))
        for (const result of results) remember(state, result)
        state.plan.done(results.flatMap(({ arrival, seen }) => (seen === undefined ? [] : [arrival.wanted.id])))
      })
      for (const { arrival, fault } of results) options.onLanded(arrival, fault)
    },
  }
}

interface Placed {
  readonly arrival: Arrival
  readonly seen?: Seen | undefined
  readonly fault?: Fault | undefined
}

function place(folder: TargetFolder, parts: Parts, arrival: Arrival): Placed {
  const { wanted, start } = arrival
  try {
    const file = folder.pathOf(wanted.key)
    if (start === 0) folder.prepare(wanted.key)
    if (folder.look(wanted.key)?.facts !== wanted.facts) throw touched(wanted.key)
    if (start === 0) rename(arrival, file)
    else append(arrival, file)
    if ('part' in arrival.proven && start > 0) parts.drop(arrival.proven.part)
    return { arrival, seen: folder.look(wanted.key) }
  } catch (error) {
    return { arrival, fault: asFault(error) }
  }
}

function rename({ wanted, proven }: Arrival, file: string): void {
  if (!('part' in proven)) throw new Fault('bug', 'a whole file lands from a part')
  try {
    if (proven.hasTime !== true) giveTime(proven.part, wanted.modified)
    renameSync(proven.part, file)
  } catch (error) {
    throw diskFault(error, file, 'put it in place')
  }
}

function giveTime(part: string, modified: number): void {
  const descriptor = openSync(part, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    setModified(descriptor, modified)
  } finally {
    closeSync(descriptor)
  }
}

/** In place, so that whoever follows the file sees it grow. Its beginning was proven when it had these facts. */
function append({ wanted, start, proven }: Arrival, file: string): void {
  try {
    const descriptor = openSync(file, constants.O_RDWR | constants.O_NOFOLLOW)
    try {
      const seen = seenOf(fstatSync(descriptor, { bigint: true }))
      if (seen.facts !== wanted.facts) throw touched(wanted.key)
      if (seen.size > start) ftruncateSync(descriptor, start)
      if ('bytes' in proven) writeAll(descriptor, proven.bytes, start)
      else copyPart(proven.part, descriptor, start)
      setModified(descriptor, wanted.modified)
    } finally {
      closeSync(descriptor)
    }
  } catch (error) {
    throw diskFault(error, file, 'append to it')
  }
}

function copyPart(part: string, descriptor: number, start: number): void {
  const from = openSync(part, constants.O_RDONLY | constants.O_NOFOLLOW)
  try {
    const buffer = Buffer.allocUnsafe(pieceSize)
    for (let position = 0; ;) {
      const count = readSync(from, buffer, 0, buffer.byteLength, position)
      if (count === 0) return
      writeAll(descriptor, buffer.subarray(0, count), start + position)
      position += count
    }
  } finally {
    closeSync(from)
  }
}

function writeAll(descriptor: number, bytes: Uint8Array, position: number): void {
  for (let at = 0; at < bytes.byteLength;) at += writeSync(descriptor, bytes, at, bytes.byteLength - at, position + at)
}

function intentOf({ wanted, start, size, digest }: Arrival) {
  return { key: wanted.key, start, before: start === 0 ? undefined : wanted.before, size, digest, hint: wanted.hint }
}

/** A tail that may be cut off stays in the journal, for the next sync to set right. */
function isTorn({ arrival, fault }: Placed): boolean {
  return fault !== undefined && arrival.start > 0 && fault.code !== 'precondition'
}

function remember(state: State, { arrival, seen, fault }: Placed): void {
  const { wanted, size, digest } = arrival
  if (seen === undefined) return state.plan.fail(wanted.id, fault?.code ?? 'bug', fault?.message ?? 'it is not there')
  state.files.put({ run: wanted.run, path: wanted.path, size, digest, hint: wanted.hint, facts: seen.facts, state: 'ok', isGone: false })
}

function touched(key: string): Fault {
  return new Fault('precondition', `${key} was changed here while it was synced`, { hint: 'run the sync again' })
}
