import { type Bytes, bytesOfFile } from '../bytes.ts'

/** Bytes that lie somewhere and can be asked for in parts, of which none changes while they are read. */
export interface RangedSource {
  /** What messages call it. */
  readonly name: string
  readonly size: number
  /** From the byte `start` up to `end`, which is not read. Faults are those of the place. */
  read(start: number, end: number, o?: { readonly signal?: AbortSignal | undefined }): Promise<Bytes>
}

export function rangesOfFile(file: string, size: number): RangedSource {
  return { name: file, size, read: (start, end) => Promise.resolve(bytesOfFile(file, size, { start, end })) }
}
