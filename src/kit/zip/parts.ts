import { collect } from '../bytes.ts'
import { Fault } from '../fault.ts'
import type { RangedSource } from './ranged-source.ts'

/** Parts of a source, asked for as they are needed and kept: for a directory and small entries. */
export interface Parts {
  readonly size: number
  /** A view, where the bytes are here in one piece. */
  held(start: number, end: number): Buffer | undefined
  /** Asks for what is missing of a range that lies within the source: a request for each gap. */
  fetch(start: number, end: number, signal?: AbortSignal): Promise<void>
  /** The same, and its bytes. */
  read(start: number, end: number, signal?: AbortSignal): Promise<Buffer>
}

interface Part {
  readonly start: number
  readonly bytes: Buffer
}

export function createParts(source: RangedSource): Parts {
  const parts: Part[] = []
  const held = (from: number, to: number) => {
    const part = parts.find(({ start, bytes }) => from >= start && to <= start + bytes.byteLength)
    return part?.bytes.subarray(from - part.start, to - part.start)
  }
  const fetch = async (from: number, to: number, signal?: AbortSignal) => {
    for (let at = from; at < to;) {
      const here = parts.find(({ start, bytes }) => at >= start && at < start + bytes.byteLength)
      const next =
        here === undefined
          ? Math.min(to, ...parts.map((part) => part.start).filter((start) => start > at))
          : here.start + here.bytes.byteLength
      if (here === undefined) parts.push(await fetchPart(source, at, next, signal))
      at = next
    }
  }
  return {
    size: source.size,
    held,
    fetch,
    async read(from, to, signal) {
      await fetch(from, to, signal)
      return held(from, to) ?? joined(parts, from, to)
    },
  }
}

async function fetchPart(source: RangedSource, start: number, end: number, signal: AbortSignal | undefined): Promise<Part> {
  const { name: at } = source
  const bytes = await collect(await source.read(start, end, { signal }), end - start, at)
  if (bytes.byteLength !== end - start) {
    throw new Fault('unavailable', `${at} gave ${bytes.byteLength} of the ${end - start} bytes that were asked for`, { at })
  }
  return { start, bytes: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength) }
}

function joined(parts: readonly Part[], from: number, to: number): Buffer {
  const whole = Buffer.allocUnsafe(to - from)
  for (const { start, bytes } of parts) {
    const begin = Math.max(from, start)
    const end = Math.min(to, start + bytes.byteLength)
    if (begin < end) bytes.copy(whole, begin - from, begin - start, end - start)
  }
  return whole
}
