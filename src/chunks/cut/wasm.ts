import { cutCode } from './code.ts'
import { boundsOf, type Cutter, type CutSizes, jsCutter, masksFor } from './cut.ts'
import { gearTable } from './gear.ts'

/** What of WebAssembly is used here: Node has it, the type definitions of this project's targets do not. */
declare const WebAssembly: {
  readonly Memory: new (size: { readonly initial: number }) => { readonly buffer: ArrayBuffer }
  readonly Module: new (code: Uint8Array) => object
  readonly Instance: new (module: object, imports: object) => { readonly exports: Readonly<Record<string, unknown>> }
}

type CutFunction = (at: number, normal: number, end: number, maskBefore: number, maskAfter: number) => number

const page = 1 << 16
/** The two tables need 2 KiB; the bytes begin on a page of the memory's own. */
const dataAt = 4096

/** The faster one; where a Node without WebAssembly runs (`--jitless`), the one in JavaScript. */
export function createCutter(sizes: CutSizes, size: number): Cutter {
  return typeof WebAssembly === 'undefined' ? jsCutter(sizes, size) : wasmCutter(sizes, size)
}

/** In WebAssembly, twice as fast as JavaScript. The bytes are its memory, so that files are read into it and nothing is copied. */
export function wasmCutter(sizes: CutSizes, size: number): Cutter {
  const memory = new WebAssembly.Memory({ initial: Math.ceil((dataAt + size) / page) })
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(cutCode, 'base64')), { cut: { memory } })
  const cutFrom = exports['cut'] as CutFunction
  const gear = gearTable()
  new Int32Array(memory.buffer, 0, 256).set(gear)
  new Int32Array(memory.buffer, 1024, 256).set(gear.map((number) => number << 1))
  const { before, after } = masksFor(sizes)
  return {
    bytes: new Uint8Array(memory.buffer, dataAt, size),
    cut(start, end) {
      const { from, normal, last } = boundsOf(sizes, start, end)
      if (from >= last) return last
      return cutFrom(from + dataAt, Math.max(from, normal) + dataAt, last + dataAt, before, after) - dataAt
    },
  }
}
