/** Numbers from 0 to 2^32 - 1 that become more: doubled when they are full. */
export interface GrowingNumbers {
  readonly length: number
  at(index: number): number
  push(value: number): void
}

export function growingNumbers(): GrowingNumbers {
  let values = new Uint32Array(1024)
  let length = 0
  return {
    get length() {
      return length
    },
    at: (index) => values[index]!,
    push(value) {
      if (length === values.length) {
        const wider = new Uint32Array(length * 2)
        wider.set(values)
        values = wider
      }
      values[length++] = value
    },
  }
}
