import { Fault } from '../../kit/index.ts'
import type { MarkerEnvironment } from './marker.ts'

/** A CPython that files are chosen for. */
export interface Python {
  readonly minor: number
  /** `3.11.4`; where no third number was given, 0. */
  readonly full: string
  /** Built without the global lock: `3.13t`. */
  readonly isFreeThreaded: boolean
}

/** A machine that files are chosen for. */
export type Platform =
  | {
      readonly system: 'linux'
      readonly libc?: { readonly kind: 'glibc' | 'musl'; readonly major: number; readonly minor: number }
      readonly arch: string
    }
  | { readonly system: 'macos'; readonly major: number; readonly minor: number; readonly arch: string }
  | { readonly system: 'windows'; readonly arch: string }

/** Reads `3.11`, `3.11.4` or `3.13t`. Throws `invalid` for others. */
export function parsePython(text: string): Python {
  const match = /^3\.(\d{1,2})(?:\.(\d{1,3}))?(t?)$/.exec(text)
  if (match === null)
    throw new Fault('invalid', `not a version of Python 3: ${JSON.stringify(text.slice(0, 50))}`, {
      hint: 'write 3.11, or 3.13t without the global lock',
    })
  const [, minor, micro, mark] = match
  return { minor: Number(minor), full: `3.${Number(minor)}.${Number(micro ?? 0)}`, isFreeThreaded: mark === 't' }
}

/** Reads lists and ranges: `3.10..3.13`, `3.9,3.11`. Throws `invalid` for what is none, empty, or runs backwards. */
export function parsePythons(text: string): string[] {
  const listed = text.split(',').flatMap((part) => {
    const [, first, last] = /^\s*3\.(\d{1,2})\s*\.\.\s*3\.(\d{1,2})\s*$/.exec(part) ?? []
    if (first === undefined || last === undefined) return [parsed(part.trim())]
    const count = Number(last) - Number(first) + 1
    if (count < 1)
      throw new Fault('invalid', `not a range of Python versions: ${JSON.stringify(part)}`, {
        hint: 'write the older one first: 3.10..3.13',
      })
    return Array.from({ length: count }, (_, at) => `3.${Number(first) + at}`)
  })
  return [...new Set(listed)]
}

function parsed(python: string): string {
  parsePython(python)
  return python
}

/** Reads a platform tag as what a machine is: `manylinux_2_28_x86_64` is Linux with glibc 2.28. Throws `invalid` for others. */
export function parsePlatform(text: string): Platform {
  const plain = legacy.reduce((tag, [older, newer]) => (tag.startsWith(older) ? newer + tag.slice(older.length) : tag), text)
  const libc = /^(manylinux|musllinux)_([12])_(\d{1,2})_([a-z0-9_]{1,20})$/.exec(plain)
  if (libc !== null && (libc[1] === 'manylinux') === (libc[2] === '2')) {
    const kind = libc[1] === 'manylinux' ? 'glibc' : 'musl'
    return { system: 'linux', libc: { kind, major: Number(libc[2]), minor: Number(libc[3]) }, arch: libc[4]! }
  }
  const linux = /^linux_([a-z0-9_]{1,20})$/.exec(plain)
  if (linux !== null) return { system: 'linux', arch: linux[1]! }
  const macos = /^macosx_(1\d|2\d)_(\d{1,2})_(x86_64|arm64)$/.exec(plain)
  if (macos !== null) return { system: 'macos', major: Number(macos[1]), minor: Number(macos[2]), arch: macos[3]! }
  const windows = /^(win32|win_amd64|win_arm64)$/.exec(plain)
  if (windows !== null) return { system: 'windows', arch: windows[1]! }
  throw new Fault('invalid', `not a platform that files are chosen for: ${JSON.stringify(text.slice(0, 80))}`, {
    hint: 'write manylinux_2_28_x86_64, musllinux_1_2_aarch64, linux_x86_64, macosx_14_0_arm64 or win_amd64',
  })
}

/** PEP 600: names from before it. */
export const legacy: readonly (readonly [string, string])[] = [
  ['manylinux1_', 'manylinux_2_5_'],
  ['manylinux2010_', 'manylinux_2_12_'],
  ['manylinux2014_', 'manylinux_2_17_'],
]

/** What such a Python on such a machine says of itself. Its kernel is not known: release and version are empty. */
export function markerEnvironment(target: { readonly python: string; readonly platform: string }): MarkerEnvironment {
  const python = parsePython(target.python)
  const platform = parsePlatform(target.platform)
  const system = systems[platform.system]
  return {
    ...system,
    platform_machine: platform.system === 'windows' ? machines[platform.arch]! : platform.arch,
    platform_release: '',
    platform_version: '',
    platform_python_implementation: 'CPython',
    implementation_name: 'cpython',
    implementation_version: python.full,
    python_version: `3.${python.minor}`,
    python_full_version: python.full,
  }
}

const systems = {
  linux: { os_name: 'posix', sys_platform: 'linux', platform_system: 'Linux' },
  macos: { os_name: 'posix', sys_platform: 'darwin', platform_system: 'Darwin' },
  windows: { os_name: 'nt', sys_platform: 'win32', platform_system: 'Windows' },
}

const machines: Readonly<Record<string, string>> = { win32: 'x86', win_amd64: 'AMD64', win_arm64: 'ARM64' }
