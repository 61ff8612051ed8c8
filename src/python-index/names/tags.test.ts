import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isFault } from '../../kit/index.ts'
import { parseFileName } from './file-name.ts'
import { isCompatible, matchesPattern, supportedTags } from './tags.ts'
import { parsePythons } from './target.ts'

describe('which wheels a machine installs (PEP 425)', () => {
  test('its own Python, older stable ABIs, and pure ones', () => {
    const machine = installer('3.11', 'manylinux_2_28_x86_64')
    for (const tag of [
      'cp311-cp311-PLATFORM',
      'cp311-abi3-PLATFORM',
      'cp39-abi3-PLATFORM',
      'cp32-abi3-PLATFORM',
      'cp311-none-PLATFORM',
      'py3-none-PLATFORM',
      'py37-none-PLATFORM',
    ]) {
      assert.ok(machine(tag.replace('PLATFORM', 'manylinux_2_28_x86_64')), tag)
    }
    for (const tag of ['py3-none-any', 'py2.py3-none-any', 'py311-none-any', 'cp311-none-any']) assert.ok(machine(tag), tag)
    for (const tag of [
      'cp310-cp310-linux_x86_64',
      'cp312-abi3-linux_x86_64',
      'cp310-none-any',
      'py312-none-any',
      'py2-none-any',
      'cp311-cp311t-linux_x86_64',
      'pp311-pypy311_pp73-linux_x86_64',
    ]) {
      assert.ok(!machine(tag), tag)
    }
  })

  test('older glibc tags, under each of their names (PEP 600), and plain linux', () => {
    const machine = installer('3.11', 'manylinux_2_28_x86_64')
    for (const platform of ['manylinux_2_28', 'manylinux_2_17', 'manylinux2014', 'manylinux2010', 'manylinux1', 'manylinux_2_5', 'linux']) {
      assert.ok(machine(`cp311-cp311-${platform}_x86_64`), platform)
    }
    for (const platform of [
      'manylinux_2_29_x86_64',
      'manylinux_2_4_x86_64',
      'manylinux_2_28_aarch64',
      'musllinux_1_1_x86_64',
      'win_amd64',
    ]) {
      assert.ok(!machine(`cp311-cp311-${platform}`), platform)
    }
    assert.ok(!installer('3.11', 'manylinux_2_28_aarch64')('cp311-cp311-manylinux2010_aarch64'))
    assert.ok(!installer('3.11', 'manylinux2014_x86_64')('cp311-cp311-manylinux_2_18_x86_64'))
    assert.ok(!installer('3.11', 'linux_x86_64')('cp311-cp311-manylinux1_x86_64'))
  })

  test('older musl (PEP 656) and macOS releases, and Windows as it is', () => {
    assert.ok(installer('3.12', 'musllinux_1_2_x86_64')('cp312-cp312-musllinux_1_1_x86_64'))
    assert.ok(!installer('3.12', 'musllinux_1_1_x86_64')('cp312-cp312-musllinux_1_2_x86_64'))
    assert.ok(installer('3.12', 'macosx_14_0_arm64')('cp312-cp312-macosx_11_0_arm64'))
    assert.ok(installer('3.12', 'macosx_14_0_arm64')('cp312-cp312-macosx_10_9_universal2'))
    assert.ok(!installer('3.12', 'macosx_14_0_arm64')('cp312-cp312-macosx_10_9_x86_64'))
    assert.ok(!installer('3.12', 'macosx_11_0_arm64')('cp312-cp312-macosx_12_0_arm64'))
    assert.ok(installer('3.12', 'win_amd64')('cp312-cp312-win_amd64'))
    assert.ok(!installer('3.12', 'win_amd64')('cp312-cp312-win32'))
  })

  test('a Python without the global lock has its own ABI and no stable one (PEP 703)', () => {
    const machine = installer('3.13t', 'manylinux_2_28_x86_64')
    assert.ok(machine('cp313-cp313t-manylinux_2_28_x86_64'))
    assert.ok(machine('py3-none-any'))
    assert.ok(!machine('cp313-cp313-manylinux_2_28_x86_64'))
    assert.ok(!machine('cp39-abi3-manylinux_2_28_x86_64'))
  })

  test('what is no Python 3 and no platform is refused', () => {
    for (const python of ['', '3', '2.7', '3.11.x', '3.100', 'cp311', '3.11 '])
      assert.throws(() => supportedTags({ python, platform: 'win32' }), isInvalid, python)
    for (const platform of [
      '',
      'any',
      'linux',
      'manylinux',
      'manylinux_2_x86_64',
      'manylinux_3_1_x86_64',
      'musllinux_2_1_x86_64',
      'macosx_14_0',
      'win_x',
      'manylinux_2_999_x86_64',
      '*',
    ]) {
      assert.throws(() => supportedTags({ python: '3.11', platform }), isInvalid, platform)
    }
  })
})

describe('lists of Pythons', () => {
  test('are single ones, ranges, and both with commas', () => {
    assert.deepEqual(parsePythons('3.11'), ['3.11'])
    assert.deepEqual(parsePythons('3.9..3.11'), ['3.9', '3.10', '3.11'])
    assert.deepEqual(parsePythons('3.10..3.10, 3.10, 3.13t,3.12.4'), ['3.10', '3.13t', '3.12.4'])
  })

  test('that are empty, backwards or none are refused', () => {
    for (const text of ['', ',', '3.11,', '3.13..3.10', '3.10..', '..3.10', '3.10...3.12', '2.7..3.2', '3.10-3.12'])
      assert.throws(() => parsePythons(text), isInvalid, text)
  })
})

test('in a pattern only the star is special, and it may stand for nothing', () => {
  const cases: [string, string, boolean][] = [
    ['manylinux_2_28_x86_64', 'manylinux_*_x86_64', true],
    ['manylinux2014_x86_64', 'manylinux_*_x86_64', false],
    ['torch', 'torch', true],
    ['torch', 't*c*h', true],
    ['torch', 'torch*', true],
    ['torch', '*', true],
    ['', '*', true],
    ['', '', true],
    ['torch', '', false],
    ['aba', 'aba*aba', false],
    ['abaaba', 'aba*aba', true],
    ['xaxbx', '*a*b*', true],
    ['ab', '*b*a*', false],
    ['a.c', 'a.c', true],
    ['abc', 'a.c', false],
    ['a'.repeat(10_000), '*a'.repeat(5_000) + 'b', false],
  ]
  for (const [text, pattern, isMatch] of cases)
    assert.equal(matchesPattern(text, pattern), isMatch, `${text.slice(0, 30)} ${pattern.slice(0, 30)}`)
})

function installer(python: string, platform: string): (tag: string) => boolean {
  const tags = supportedTags({ python, platform })
  return (tag) => {
    const wheel = parseFileName(`a-1-${tag}.whl`)
    assert.equal(wheel.kind, 'wheel')
    return wheel.kind === 'wheel' && isCompatible(wheel, tags)
  }
}

function isInvalid(error: unknown): boolean {
  return isFault(error, 'invalid')
}
