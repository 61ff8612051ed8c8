import type { WheelName } from './file-name.ts'
import { legacy, parsePlatform, parsePython, type Platform, type Python } from './target.ts'

/**
 * Every tag (PEP 425) that a CPython on a machine installs: `cp311-cp311-manylinux_2_17_x86_64`, `cp39-abi3-...`,
 * `py3-none-any`. A platform stands for machines that are at least so: older glibc, musl and macOS tags are included, and
 * plain `linux`. Throws `invalid` for what is no Python 3 or no platform.
 */
export function supportedTags(target: { readonly python: string; readonly platform: string }): Set<string> {
  const python = parsePython(target.python)
  const platforms = platformTags(parsePlatform(target.platform))
  const interpreters = interpreterTags(python)
  const tags = interpreters.flatMap((interpreter) => platforms.map((platform) => `${interpreter}-${platform}`))
  const pure = [`cp3${python.minor}`, ...olderPythons(python)].map((interpreter) => `${interpreter}-none-any`)
  return new Set([...tags, ...pure])
}

/** Whether one of a wheel's tags is among them. */
export function isCompatible(wheel: WheelName, tags: ReadonlySet<string>): boolean {
  return wheel.pythons.some((python) =>
    wheel.abis.some((abi) => wheel.platforms.some((platform) => tags.has(`${python}-${abi}-${platform}`))),
  )
}

/** Whether a text is what the pattern says, where `*` stands for any characters and nothing else is special. */
export function matchesPattern(text: string, pattern: string): boolean {
  const [first = '', ...rest] = pattern.split('*')
  const last = rest.pop()
  if (last === undefined) return text === pattern
  if (!text.startsWith(first) || text.length < first.length + last.length || !text.endsWith(last)) return false
  const end = text.length - last.length
  let at = first.length
  for (const part of rest) {
    const found = text.indexOf(part, at)
    if (found === -1 || found + part.length > end) return false
    at = found + part.length
  }
  return true
}

/** Interpreter and ABI. Free-threaded builds have no stable ABI (PEP 703), those before 3.8 an `m` (PEP 3149). */
function interpreterTags(python: Python): string[] {
  const { minor, isFreeThreaded } = python
  const own = `cp3${minor}`
  const abi = `${own}${isFreeThreaded ? 't' : minor < 8 ? 'm' : ''}`
  const stable = isFreeThreaded ? [] : upTo(minor, 2).map((older) => `cp3${older}-abi3`)
  return [`${own}-${abi}`, ...stable, `${own}-none`, ...olderPythons(python).map((older) => `${older}-none`)]
}

function olderPythons({ minor }: Python): string[] {
  return ['py3', ...upTo(minor, 0).map((older) => `py3${older}`)]
}

function platformTags(platform: Platform): string[] {
  if (platform.system === 'windows') return [platform.arch]
  if (platform.system === 'macos') return macosTags(platform)
  const { libc, arch } = platform
  const plain = `linux_${arch}`
  if (libc === undefined) return [plain]
  if (libc.kind === 'musl') return [...upTo(libc.minor, 0).map((minor) => `musllinux_${libc.major}_${minor}_${arch}`), plain]
  const tags = upTo(libc.minor, /^(?:x86_64|i686)$/.test(arch) ? 5 : 17).map((minor) => `manylinux_2_${minor}_${arch}`)
  const aliases = legacy.filter(([, newer]) => tags.includes(`${newer}${arch}`)).map(([older]) => `${older}${arch}`)
  return [...tags, ...aliases, plain]
}

/** From 11 on a release is a major version; universal binaries reach back to 10.4 on both kinds of machines. */
function macosTags({ major, minor, arch }: Platform & { readonly system: 'macos' }): string[] {
  const formats = arch === 'x86_64' ? ['x86_64', 'intel', 'fat64', 'fat32', 'universal2', 'universal'] : [arch, 'universal2']
  const releases = major === 10 ? [] : upTo(major, 11).flatMap((release) => formats.map((format) => `macosx_${release}_0_${format}`))
  const before = upTo(major === 10 ? minor : 16, 4)
  const olderFormats = arch === 'x86_64' ? formats : ['universal2']
  return [...releases, ...before.flatMap((release) => olderFormats.map((format) => `macosx_10_${release}_${format}`))]
}

/** Whole numbers from the first down to the last. */
function upTo(from: number, to: number): number[] {
  return Array.from({ length: Math.max(0, from - to + 1) }, (_, at) => from - at)
}
