import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import path from 'node:path'
import { describe, test } from 'node:test'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { ensureDebianPackages } from '../../../test/services/install.ts'
import { isFault } from '../../kit/index.ts'
import { parseFileName } from './file-name.ts'
import { evaluateMarker, parseRequirement } from './requirement.ts'
import { supportedTags } from './tags.ts'
import { markerEnvironment } from './target.ts'
import { compareVersions, isPrerelease, normaliseVersion, satisfies } from './version.ts'

const python = '/usr/bin/python3'
const script = path.resolve(import.meta.dirname, '../../../test/fakes/packaging_answers.py')
const random = seededRandom(testSeed)
const why = await whyNoPackaging()

describe(`names are read as Python's own packaging library reads them (HOLDFAST_TEST_SEED=${testSeed})`, { skip: why }, () => {
  const versions = many(3_000, () => (chance(0.05) ? mangle(version()) : version()))
  const rightVersions = versions.filter((text) => normaliseVersion(text) !== undefined)
  const pairs = many(4_000, () => [one(rightVersions), chance(0.5) ? one(rightVersions) : near(one(rightVersions))] as const)
  const specifiers = many(8_000, specifierCase)
  const mangled = new Set(many(500, () => mangle(fileName())))
  const files = [...mangled, ...many(3_000, fileName)]
  const targets = platformCases()
  const requirements = many(6_000, () => (chance(0.1) ? mangle(requirement()) : requirement()))
  const machine = { ...markerEnvironment({ python: '3.11.4', platform: 'manylinux_2_28_x86_64' }), platform_release: '5.10' }
  const extras = ['gpu', 'Dev_Tools']
  const samples = ['0.9', '1.0a1', '1.0', '1.0+rocm7.1', '1.0.post1', '1.1.dev1', '2', '3.1']
  const answers = why === false ? ask() : undefined

  function ask(): Answers {
    const input = JSON.stringify({
      version: versions,
      order: pairs,
      satisfies: specifiers,
      file: files,
      supported: targets.map(({ minor, kind, version, arch }) => [minor, kind, ...version, arch]),
      requirement: requirements.map((text) => [text, machine, extras, samples]),
    })
    const { status, stdout, stderr } = spawnSync(python, [script], { input, encoding: 'utf8', maxBuffer: 2 ** 28 })
    assert.equal(status, 0, stderr)
    return JSON.parse(stdout) as Answers
  }

  test('versions: which are some, their normal form, which are pre-releases', () => {
    agree(versions, answers!.version, (text) => {
      const normal = normaliseVersion(text)
      return normal === undefined ? null : [normal, isPrerelease(text)]
    })
  })

  test('versions: their order', () => {
    agree(pairs, answers!.order, ([a, b]) => Math.sign(compareVersions(a, b)))
  })

  test('specifiers: which are some, and which versions they admit', () => {
    agree(specifiers, answers!.satisfies, ([text, specifier, prereleases]) =>
      orNull(() => satisfies(text, specifier, prereleases === null ? {} : { prereleases })),
    )
  })

  test('file names of wheels and source distributions', () => {
    // packaging lets anything stand in tags and names, and splits source distributions at the last dash alone.
    agree(files, answers!.file, (file, theirs) => {
      const ours = fileAnswer(file)
      const isLax = ours === null || theirs === null || !/^[a-z0-9-]+$/.test((theirs as string[])[0]!)
      return mangled.has(file) && isLax ? theirs : ours
    })
  })

  test('tags that a machine supports', () => {
    agree(targets, answers!.supported, ({ minor, platform }) => [...supportedTags({ python: `3.${minor}`, platform })].sort())
  })

  test('requirements: which are some, their parts, and whether they count on a machine', () => {
    agree(requirements, answers!.requirement, (text) =>
      orNull(() => {
        const { name, extras: wanted, specifier, url, marker } = parseRequirement(text)
        return {
          name,
          extras: [...wanted].sort(),
          admits: samples.map((sample) => satisfies(sample, specifier, { prereleases: true })),
          url: url ?? null,
          counts: marker === undefined || evaluateMarker(marker, machine, extras),
        }
      }),
    )
  })
})

function fileAnswer(file: string): unknown {
  const named = parseFileName(file)
  if (named.kind === 'sdist') return [named.name, named.version]
  if (named.kind !== 'wheel') return null
  const { name, version, build, pythons, abis, platforms } = named
  const tags = pythons.flatMap((python) => abis.flatMap((abi) => platforms.map((platform) => `${python}-${abi}-${platform}`)))
  return [name, version, build?.replace(/^0+(?=\d)/, '') ?? '', tags.sort()]
}

type Answers = Readonly<Record<'version' | 'order' | 'satisfies' | 'file' | 'supported' | 'requirement', readonly unknown[]>>

function agree<T>(cases: readonly T[], theirs: readonly unknown[], ours: (one: T, theirs: unknown) => unknown): void {
  const differing = cases.flatMap((one, at) => {
    if (theirs[at] === 'not said') return []
    const mine = ours(one, theirs[at])
    return JSON.stringify(mine) === JSON.stringify(theirs[at]) ? [] : [{ case: one, ours: mine, theirs: theirs[at] }]
  })
  assert.deepEqual(
    differing.slice(0, 10).map((one) => JSON.stringify(one).slice(0, 1_000)),
    [],
  )
}

function orNull<T>(work: () => T): T | null {
  try {
    return work()
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
    return null
  }
}

function chance(part: number): boolean {
  return random() < part
}

function upTo(most: number): number {
  return Math.floor(random() * (most + 1))
}

function one<T>(list: readonly T[]): T {
  return list[upTo(list.length - 1)]!
}

function many<T>(count: number, make: () => T): T[] {
  return Array.from({ length: count }, make)
}

function maybe(part: number, make: () => string): string {
  return chance(part) ? make() : ''
}

function number(): string {
  return chance(0.1) ? one(['00', '007', '20251015', '20251015123456789012', '9007199254740993']) : String(upTo(3))
}

function release(): string {
  return many(1 + upTo(3), number).join('.')
}

function separator(): string {
  return one(['', '', '.', '-', '_'])
}

function suffixes(): string {
  const pre = maybe(
    0.35,
    () => `${separator()}${one(['a', 'b', 'c', 'rc', 'alpha', 'beta', 'pre', 'preview', 'RC'])}${maybe(0.8, () => separator() + number())}`,
  )
  const post = maybe(0.25, () =>
    chance(0.2) ? `-${number()}` : `${separator()}${one(['post', 'rev', 'r'])}${maybe(0.8, () => separator() + number())}`,
  )
  return pre + post + maybe(0.25, () => `${separator()}dev${maybe(0.8, () => separator() + number())}`)
}

function local(): string {
  return `+${many(1 + upTo(2), () => one(['rocm7', '7', '07', '10', '1e5', 'abc', 'ABC', 'git0a1b', '0x10', '20251015123456789012'])).join(one(['.', '-', '_']))}`
}

function version(): string {
  return `${maybe(0.1, () => one(['v', ' ', 'V']))}${maybe(0.1, () => `${number()}!`)}${release()}${suffixes()}${maybe(0.25, local)}${maybe(0.03, () => ' ')}`
}

/** The same, or a neighbour in the order. */
function near(text: string): string {
  const normal = normaliseVersion(text)!
  const other = one([
    normal,
    normal.split('+')[0]!,
    `${normal.split('+')[0]!}+rocm7.1`,
    normal.replace(/\d+$/, number()),
    normal.replace(/^([\d!.]*\d)/, '$1.0'),
  ])
  return normaliseVersion(other) === undefined ? normal : other
}

function clause(about: string): string {
  const operator = one(['~=', '==', '!=', '<=', '>=', '<', '>'])
  const isEquality = operator === '==' || operator === '!='
  if (chance(isEquality ? 0.3 : 0.02)) return `${operator}${release()}.*`
  const wanted = chance(0.5) ? near(about) : version().trim()
  const plain = isEquality || chance(0.05) ? wanted : wanted.split('+')[0]!
  // packaging 23 splits `~=` before it has the normal form.
  return operator + maybe(0.1, () => ' ') + (operator === '~=' ? (normaliseVersion(plain) ?? plain) : plain)
}

function specifierFor(about: string): string {
  if (chance(0.05)) return `===${near(about)}`
  return many(1 + upTo(2), () => clause(about)).join(one([',', ', ', ' , ']))
}

function specifierCase(): [string, string, boolean | null] {
  const about = normaliseVersion(version()) ?? '1.0'
  const specifier = maybe(0.95, () => specifierFor(about))
  const prereleases = one([null, true, false])
  // packaging 23 does not compare epochs where it compares prefixes.
  if (!/\.\*|~=/.test(specifier)) return [about, specifier, prereleases]
  return [about.replace(/\d+!/, ''), specifier.replaceAll(/\d+!/g, ''), prereleases]
}

function project(): string {
  return one(['torch', 'Foo.Bar', 'rocm_sdk_core', 'a', 'x2', 'zope.interface', 'jax_rocm60_plugin'])
}

function tagSet(list: readonly string[]): string {
  return many(1 + upTo(1), () => one(list)).join('.')
}

function fileName(): string {
  const numbered = normaliseVersion(version()) ?? '1.0'
  if (chance(0.3)) return `${project().replaceAll('_', one(['_', '-']))}-${numbered}${one(['.tar.gz', '.zip'])}`
  const build = maybe(0.2, () => `-${upTo(20)}${one(['', 'a', '_b', '.c'])}`)
  const pythons = tagSet(['py2', 'py3', 'cp311', 'cp39', 'CP310', 'pp39'])
  return `${project()}-${numbered}${build}-${pythons}-${tagSet(['none', 'abi3', 'cp311', 'cp313t'])}-${tagSet(['any', 'linux_x86_64', 'manylinux_2_17_x86_64', 'win_amd64', 'macosx_11_0_arm64'])}.whl`
}

interface PlatformCase {
  readonly minor: number
  readonly kind: string
  readonly version: readonly [number, number]
  readonly arch: string
  readonly platform: string
}

function platformCases(): PlatformCase[] {
  const places = [
    ...many(20, () => ['manylinux', 2, 3 + upTo(40), one(['x86_64', 'i686', 'aarch64', 'ppc64le'])] as const),
    ...many(8, () => ['musllinux', 1, upTo(3), one(['x86_64', 'aarch64'])] as const),
    ...many(8, () => ['macosx', 11 + upTo(5), upTo(4), one(['x86_64', 'arm64'])] as const),
    ...many(4, () => ['macosx', 10, 4 + upTo(12), 'x86_64'] as const),
  ]
  return [
    ...places.map(([kind, major, minor, arch]) => ({
      kind,
      version: [major, minor] as const,
      arch,
      platform: `${kind}_${major}_${minor}_${arch}`,
      minor: 6 + upTo(8),
    })),
    ...['win_amd64', 'win32', 'win_arm64', 'linux_x86_64'].map((kind) => ({
      kind,
      version: [0, 0] as const,
      arch: '',
      platform: kind,
      minor: 6 + upTo(8),
    })),
  ]
}

function comparison(): string {
  const operator = one(['==', '!=', '<', '<=', '>', '>='])
  const [variable, literal] = one<() => [string, string]>([
    () => [
      one(['python_version', 'python_full_version', 'implementation_version', 'platform_release']),
      one(['3.11', '3.9', '3.11.4', '4', '3.11.0rc1', '5.10', '5.4']),
    ],
    () => [
      one([
        'os_name',
        'sys_platform',
        'platform_system',
        'platform_machine',
        'os.name',
        'python_implementation',
        'implementation_name',
        'platform.python_implementation',
      ]),
      one(['posix', 'linux', 'Linux', 'x86_64', 'CPython', 'cpython', 'win32', 'aarch64']),
    ],
    () => ['extra', one(['gpu', 'GPU', 'dev-tools', 'dev.tools', 'docs'])],
  ])()
  const quoted = chance(0.5) ? `"${literal}"` : `'${literal}'`
  if (chance(0.15)) return `${quoted} ${one(['in', 'not in', 'not  in'])} ${variable}`
  if (chance(0.1) && variable.startsWith('python_')) return `${variable} in "3.9 3.10 3.11"`
  if (chance(0.1) && variable.startsWith('python_') && literal.includes('.')) return `${variable} ~= ${quoted}`
  const space = maybe(0.8, () => ' ')
  return chance(0.8) ? `${variable}${space}${operator}${space}${quoted}` : `${quoted}${space}${operator}${space}${variable}`
}

function marker(depth = 0): string {
  if (depth > 2 || chance(0.5)) return comparison()
  const joined = many(2 + upTo(1), () => marker(depth + 1)).reduce((all, next) => `${all} ${one(['and', 'or'])} ${next}`)
  return chance(0.5) ? `(${maybe(0.3, () => ' ')}${joined})` : joined
}

function requirement(): string {
  const extras = maybe(
    0.3,
    () => `${maybe(0.3, () => ' ')}[${many(upTo(2), () => one(['gpu', 'Dev_Tools', 'a.b'])).join(one([',', ', ']))}]`,
  )
  const counts = maybe(0.6, () => `${one([' ; ', '; ', ' ;'])}${marker()}`)
  if (chance(0.1)) return `${project()}${extras} @ https://example.org/a;b.whl${counts.replace(/^;/, ' ;')}`
  const plain = maybe(0.8, () => specifierFor('1.0').replaceAll(/\d+!/g, ''))
  const specifier = chance(0.3) ? ` (${plain})` : `${maybe(0.5, () => ' ')}${plain}`
  return `${maybe(0.1, () => ' ')}${project()}${extras}${specifier}${counts}`
}

/**
 * One character more, less or other. Left out is where packaging 23 stands alone: it checks URLs, takes names that end with `_`,
 * and reads what follows `===` over commas.
 */
function mangle(text: string): string {
  const at = upTo(text.length)
  const mangled = text.slice(0, at) + maybe(0.7, () => one([...'.-_+!*()[],;<>=~ \'"a1~/'])) + text.slice(at + upTo(1))
  return text.includes('://') || /_(?![A-Za-z0-9])|===.*,/.test(mangled) ? text : mangled
}

async function whyNoPackaging(): Promise<string | false> {
  try {
    await ensureDebianPackages(['python3-packaging'])
    return false
  } catch (error) {
    if (!isFault(error)) throw error
    return `${error.message}${error.hint === undefined ? '' : ` (${error.hint})`}`
  }
}
