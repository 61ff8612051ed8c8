/**
 * Ids of 32 bytes under numbers from 0 upwards, found again by open addressing: 32 bytes an id, and about 6 for its slot. An id may
 * be there several times. Nothing is copied when it grows, but the slots.
 */
export interface IdTable {
  readonly size: number
  /** Gives it the next number. */
  add(bytes: Uint8Array, offset: number): void
  /** The numbers of that id in the order in which they were added: pass the answer as `after` for the next; -1 for none. */
  find(bytes: Uint8Array, offset: number, after?: number): number
  /** A view of the id of that number. */
  at(number: number): Uint8Array
}

const words = 8
const segmentIds = 1 << 16

export function createIdTable(): IdTable {
  const segments: Int32Array[] = []
  let slots = new Uint32Array(1 << 12)
  let size = 0
  const wanted = new Int32Array(words)
  const wantedBytes = new Uint8Array(wanted.buffer)

  const wordAt = (number: number, word: number) => segments[number >>> 16]![(number & (segmentIds - 1)) * words + word]!
  const isWanted = (number: number) => {
    for (let word = 0; word < words; word++) if (wordAt(number, word) !== wanted[word]) return false
    return true
  }
  const place = (number: number, first: number) => {
    const mask = slots.length - 1
    let slot = first & mask
    while (slots[slot] !== 0) slot = (slot + 1) & mask
    slots[slot] = number + 1
  }
  const widen = () => {
    slots = new Uint32Array(slots.length * 2)
    for (let number = 0; number < size; number++) place(number, wordAt(number, 0))
  }
  return {
    get size() {
      return size
    },
    add(bytes, offset) {
      if (size === segments.length * segmentIds) segments.push(new Int32Array(segmentIds * words))
      if ((size + 1) * 10 > slots.length * 7) widen()
      wantedBytes.set(bytes.subarray(offset, offset + 32))
      segments[size >>> 16]!.set(wanted, (size & (segmentIds - 1)) * words)
      place(size, wanted[0]!)
      size++
    },
    find(bytes, offset, after = -1) {
      wantedBytes.set(bytes.subarray(offset, offset + 32))
      const mask = slots.length - 1
      // Linear probing keeps equal ids in the order in which they were added, also after widening.
      for (let slot = wanted[0]! & mask; slots[slot] !== 0; slot = (slot + 1) & mask) {
        const number = slots[slot]! - 1
        if (number > after && isWanted(number)) return number
      }
      return -1
    },
    at: (number) => new Uint8Array(segments[number >>> 16]!.buffer, (number & (segmentIds - 1)) * 32, 32),
  }
}
