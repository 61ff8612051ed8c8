import { linkedAbort, throwIfAborted } from '../abort.ts'
import { type Bytes, bytesFrom, freeRoom, pieceSize } from '../bytes.ts'
import { Fault } from '../fault.ts'
import type { RangedSource } from './ranged-source.ts'

export interface Ahead {
  /** Ranges that are read side by side. */
  readonly parts: number
  /** Of one range; memory is both multiplied. */
  readonly partBytes: number
}

export interface AheadRange extends Partial<Ahead> {
  readonly start: number
  /** The first byte that is not read. */
  readonly end: number
  readonly signal?: AbortSignal | undefined
}

const usualAhead: Ahead = { parts: 4, partBytes: 2 << 20 }

/** A range of the source in order, of which several parts are under way at once. Each reading of it asks anew. */
export function readAhead(source: RangedSource, range: AheadRange): Bytes {
  return bytesFrom(() => readParts(source, { ...usualAhead, ...range }), range.end - range.start)
}

async function* readParts(source: RangedSource, { start, end, parts, partBytes, signal }: AheadRange & Ahead): AsyncGenerator<Uint8Array> {
  using link = linkedAbort(signal)
  const underWay: Part[] = []
  const free: Uint8Array[] = []
  let at = start
  const begin = () => {
    while (underWay.length < parts && at < end) {
      const stop = Math.min(end, at + partBytes)
      const room = free.pop() ?? new Uint8Array(Math.min(partBytes, end - start))
      underWay.push(beginPart(source, { start: at, end: stop, room, signal: link.controller.signal }))
      at = stop
    }
  }
  try {
    for (begin(); underWay.length > 0; begin()) {
      const part = underWay[0]!
      yield* part.pieces()
      underWay.shift()
      free.push(part.room)
    }
    // Not where its reader leaves early: a thread of it, such as one that inflates, may still look at a piece.
    for (const room of free) freeRoom(room.buffer)
  } finally {
    link.controller.abort()
    await Promise.all(underWay.map((part) => part.ended))
  }
}

interface Part {
  readonly room: Uint8Array
  /** As they come, in views of its room. */
  pieces(): AsyncGenerator<Uint8Array>
  /** Never fails. */
  readonly ended: Promise<void>
}

interface PartPlan {
  readonly start: number
  readonly end: number
  readonly room: Uint8Array
  readonly signal: AbortSignal
}

function beginPart(source: RangedSource, { start, end, room, signal }: PartPlan): Part {
  const size = end - start
  let filled = 0
  let failure: { readonly error: unknown } | undefined
  let wake: () => void = () => undefined
  const read = async () => {
    for await (const piece of await source.read(start, end, { signal })) {
      throwIfAborted(signal)
      if (filled + piece.byteLength > size) throw wrongSize(source, 'corrupt', `more than the ${size} bytes that were asked for`)
      room.set(piece, filled)
      filled += piece.byteLength
      wake()
    }
    if (filled < size) throw wrongSize(source, 'unavailable', `${filled} of the ${size} bytes that were asked for`)
  }
  const ended = read().catch((error: unknown) => {
    failure = { error }
    wake()
  })
  return {
    room,
    ended,
    async *pieces() {
      for (let given = 0; given < size;) {
        while (filled === given && failure === undefined) await new Promise<void>((resolve) => (wake = resolve))
        if (filled === given) throw failure!.error
        const piece = room.subarray(given, Math.min(filled, given + pieceSize))
        given += piece.byteLength
        yield piece
      }
      // What comes too much is found after the last byte.
      await ended
      if (failure !== undefined) throw failure.error
    },
  }
}

function wrongSize({ name }: RangedSource, code: 'corrupt' | 'unavailable', gave: string): Fault {
  return new Fault(code, `${name} gave ${gave}`, { at: name })
}
