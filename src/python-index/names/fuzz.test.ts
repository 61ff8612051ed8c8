import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { testSeed } from '../../../test/fakes/seeded-random.ts'
import { isFault } from '../../kit/index.ts'
import { parseFileName } from './file-name.ts'
import { isProjectName, normaliseName } from './project-name.ts'
import { evaluateMarker, parseRequirement } from './requirement.ts'
import { isCompatible, supportedTags } from './tags.ts'
import { markerEnvironment, parsePlatform, parsePythons } from './target.ts'
import { compareVersions, normaliseVersion, satisfies } from './version.ts'

const options = { seed: testSeed, numRuns: 1_500 }
const pieces = [
  '1',
  '0',
  '20251015',
  '.',
  '-',
  '_',
  '+',
  '!',
  '*',
  'a',
  'rc',
  'post',
  'dev',
  'rocm',
  '>=',
  '==',
  '===',
  '~=',
  '!=',
  '<',
  '>',
  ',',
  '(',
  ')',
  '[',
  ']',
  ';',
  '@',
  ' ',
  '\t',
  '\n',
  '\0',
  '"',
  "'",
  'python_version',
  'extra',
  'os_name',
  'and',
  'or',
  'in',
  'not in',
  '.whl',
  '.tar.gz',
  '.zip',
  'py3',
  'none',
  'any',
  'manylinux',
  'cp311',
  '3',
  '..',
  '<script>',
  '%2F',
  '/',
  'ß',
  '\u{1F600}',
  '\ud800',
  'torch',
]
const text = fc.oneof(
  fc.array(fc.constantFrom(...pieces), { maxLength: 30 }).map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 60 }),
  fc.tuple(fc.constantFrom(...pieces), fc.nat(5_000), fc.constantFrom(...pieces)).map(([one, count, end]) => one.repeat(count) + end),
)
const linux = markerEnvironment({ python: '3.11', platform: 'manylinux_2_28_x86_64' })
const tags = supportedTags({ python: '3.11', platform: 'manylinux_2_28_x86_64' })

describe(`names from anywhere (HOLDFAST_TEST_SEED=${testSeed})`, () => {
  test('file names never throw, and what is read of them is normal', () => {
    holdsFor((file) => {
      const named = parseFileName(file)
      if (named.kind !== 'wheel' && named.kind !== 'sdist') return
      assert.equal(named.name, normaliseName(named.name))
      assert.equal(named.version, normaliseVersion(named.version))
      assert.deepEqual(parseFileName(file, named.name), named)
      if (named.kind === 'wheel') isCompatible(named, tags)
    })
  })

  test('requirements, specifiers, versions, Pythons and platforms are read or refused, and nothing else', () => {
    holdsFor((one) => {
      orRefused(() => {
        const { name, specifier, marker } = parseRequirement(one)
        assert.ok(isProjectName(name))
        satisfies('1.0', specifier)
        if (marker !== undefined) evaluateMarker(marker, linux, [one])
      })
      orRefused(() => satisfies('1.0', one))
      orRefused(() => compareVersions(one, '1.0'))
      orRefused(() => parsePythons(one))
      orRefused(() => parsePlatform(one))
      orRefused(() => normaliseName(one))
    })
  })

  test('a normal version is its own normal form and equal to what it comes from', () => {
    holdsFor((one) => {
      const normal = normaliseVersion(one)
      if (normal === undefined) return
      assert.equal(normaliseVersion(normal), normal)
      assert.equal(compareVersions(one, normal), 0)
      assert.ok(satisfies(one, `==${normal}`, { prereleases: true }))
    })
  })
})

function holdsFor(check: (one: string) => void): void {
  fc.assert(fc.property(text, check), options)
}

function orRefused(work: () => void): void {
  try {
    work()
  } catch (error) {
    if (!isFault(error, 'invalid')) throw error
  }
}
