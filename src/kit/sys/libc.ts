import { createRequire } from 'node:module'
import { Fault } from '../fault.ts'

type Koffi = Pick<typeof import('koffi'), 'load' | 'errno' | 'decode'>
type Library = ReturnType<Koffi['load']>

/** What the library for system calls is loaded with, and for which machine. Tests give their own. */
export interface LibcSource {
  readonly platform?: string
  readonly arch?: string
  readonly load?: () => Koffi
}

/** A system call has one number on each architecture. */
export type CallNumbers = Readonly<Record<'x64' | 'arm64', number>>

export interface Signature {
  /** The C function; or the numbers of a system call that not every libc has a function for. */
  readonly symbol: string | CallNumbers
  readonly returns: 'int' | 'int64_t'
  readonly takes: readonly ('int' | 'uint32_t' | 'int64_t' | 'uint64_t' | 'void *')[]
  /** What one cannot do where the call is missing, as in `cannot clone a file`. */
  readonly doing: string
}

/** Null is C's NULL. */
export type CValue = number | bigint | ArrayBufferView | null

export type CFunction = (...values: readonly CValue[]) => number

/** C functions. Nothing is loaded before the first call of one of them. */
export interface Libc {
  /** Why no function can be called on this machine; undefined where they can. */
  whyMissing(): string | undefined
  /** The function of this signature. Where it cannot be had, every call throws `unsupported`. */
  bind(signature: Signature): CFunction
  /** The error number that the last call left. */
  errorNumber(): number
  /** The text at an address, up to its NUL. */
  textAt(address: bigint): string
}

type Opened = { readonly koffi: Koffi; readonly library: Library } | { readonly why: string; readonly cause?: unknown }

export function createLibc(source: LibcSource = {}): Libc {
  const { arch = process.arch } = source
  let opened: Opened | undefined

  const demand = (doing: string) => {
    opened ??= open(source, arch)
    if (!('why' in opened)) return opened
    const { why, cause } = opened
    throw new Fault('unsupported', `cannot ${doing}: ${why}`, {
      hint: cause === undefined ? undefined : 'install holdfast again with its optional packages: npm install --include=optional',
      cause,
    })
  }

  return {
    whyMissing() {
      opened ??= open(source, arch)
      return 'why' in opened ? opened.why : undefined
    },
    bind(signature) {
      let bound: CFunction | undefined
      return (...values) => {
        bound ??= declare(demand(signature.doing).library, signature, arch)
        return bound(...values)
      }
    },
    errorNumber: () => demand('read an error number').koffi.errno(),
    textAt: (address) => demand('read a text').koffi.decode.string(address),
  }
}

function open({ platform = process.platform, load = loadKoffi }: LibcSource, arch: string): Opened {
  // The layouts of structures, the constants and the numbers of calls in this room are those of these two.
  if (platform !== 'linux' || (arch !== 'x64' && arch !== 'arm64')) {
    return { why: `it needs Linux on x64 or arm64, and this is ${platform} on ${arch}` }
  }
  try {
    const koffi = load()
    return { koffi, library: koffi.load(null) }
  } catch (cause) {
    return { why: 'the package koffi does not load', cause }
  }
}

function loadKoffi(): Koffi {
  return createRequire(import.meta.url)('koffi') as Koffi
}

function declare(library: Library, { symbol, returns, takes, doing }: Signature, arch: string): CFunction {
  const name = typeof symbol === 'string' ? symbol : 'syscall'
  try {
    if (typeof symbol === 'string') return library.func(symbol, returns, [...takes]) as CFunction
    // syscall() always gives a long.
    const call = library.func(name, 'int64_t', ['int64_t', ...takes]) as CFunction
    const number = symbol[arch as keyof CallNumbers]
    return (...values) => call(number, ...values)
  } catch (cause) {
    throw new Fault('unsupported', `cannot ${doing}: the C library of this machine has no ${name}`, { cause })
  }
}
