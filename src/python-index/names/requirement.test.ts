import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isFault } from '../../kit/index.ts'
import { evaluateMarker, parseRequirement } from './requirement.ts'
import { markerEnvironment } from './target.ts'

const linux = markerEnvironment({ python: '3.11', platform: 'manylinux_2_28_x86_64' })

describe('a requirement (PEP 508)', () => {
  test('is a name with extras, versions, a URL or a marker', () => {
    assert.deepEqual(parseRequirement('A'), { name: 'a', extras: [], specifier: '' })
    assert.deepEqual(parseRequirement('A.B-C_D'), { name: 'a-b-c-d', extras: [], specifier: '' })
    assert.deepEqual(parseRequirement('name<=1'), { name: 'name', extras: [], specifier: '<=1' })
    assert.deepEqual(parseRequirement('name>=3,<2 '), { name: 'name', extras: [], specifier: '>=3,<2' })
    assert.deepEqual(parseRequirement('name (>=1.0, !=1.5)'), { name: 'name', extras: [], specifier: '>=1.0, !=1.5' })
    assert.deepEqual(parseRequirement('rocm[Libraries, devel_files] == 7.10.0a1'), {
      name: 'rocm',
      extras: ['libraries', 'devel-files'],
      specifier: '== 7.10.0a1',
    })
    assert.deepEqual(parseRequirement('name[]'), { name: 'name', extras: [], specifier: '' })
    assert.deepEqual(parseRequirement('name@http://foo.com/a;b'), { name: 'name', extras: [], specifier: '', url: 'http://foo.com/a;b' })
    const { url, marker } = parseRequirement('name [fred] @ http://foo.com ; python_version=="3.11"')
    assert.equal(url, 'http://foo.com')
    assert.ok(marker !== undefined && evaluateMarker(marker, linux, []))
  })

  test('that is none is refused, and the message says where', () => {
    for (const text of [
      '',
      ';',
      '-a',
      'a b',
      'a 1.0',
      'a[b',
      'a[b,]',
      'a[,b]',
      'a[b c]',
      'a (>=1',
      'a >=1)',
      'a >=1,,<2',
      'a ,>=1',
      'a ; ',
      'a ; x == "1"',
      'a ; os_name',
      'a ; os_name == ',
      'a ; os_name = "x"',
      'a ; os_name == "x',
      'a ; (os_name == "x"',
      'a ; os_name == "x" or',
      'a ; os_name == "x" xor os_name == "y"',
      'a ; os_name notin "x"',
      'a @ ',
      'a @ url b',
      'a\nb',
    ]) {
      assert.throws(
        () => parseRequirement(text),
        (error) => isFault(error, 'invalid'),
        text,
      )
    }
    assert.throws(() => parseRequirement('torch [gpu'), /closing bracket is expected at character 11 of "torch \[gpu"/)
  })

  test('has its limits: 8,000 characters, 50 parentheses inside each other', () => {
    assert.throws(() => parseRequirement(`a ; ${'('.repeat(7_000)}`), /at most 50 parentheses/)
    assert.throws(() => parseRequirement(`a ; os_name == "${'x'.repeat(8_000)}"`), /longer than 8000/)
    assert.ok(parseRequirement(`a ; ${'('.repeat(50)}os_name=="x"${')'.repeat(50)}`))
  })
})

describe('a marker', () => {
  test('compares versions as versions, and words as words', () => {
    const cases: Record<string, boolean> = {
      'python_version >= "3.9"': true,
      'python_version < "3.9"': false,
      '"3.9" <= python_version': true,
      'python_version == "3.11.*"': true,
      'python_version ~= "3.8"': true,
      'python_full_version < "3.11.4"': true,
      'python_version in "3.10 3.11"': true,
      'python_version not in "3.10 3.11"': false,
      'sys_platform == "linux"': true,
      'platform_system != "Windows"': true,
      'platform_machine == "x86_64" and sys_platform == "win32"': false,
      "'linux' in sys_platform": true,
      'os.name == "posix"': true,
      'python_implementation == "CPython"': true,
      'implementation_name not  in "pypy"': true,
      'platform_release >= "5"': false,
    }
    for (const [text, holds] of Object.entries(cases)) assert.equal(counts(text), holds, text)
  })

  test('binds and tighter than or', () => {
    assert.ok(counts('os_name == "posix" or os_name == "nt" and os_name == "java"'))
    assert.ok(!counts('(os_name == "posix" or os_name == "nt") and os_name == "java"'))
  })

  test('knows extras whatever their spelling (PEP 685), and what counts without one still counts with one', () => {
    assert.ok(!counts('extra == "dev-tools"'))
    assert.ok(counts('extra == "dev-tools"', ['Dev_Tools']))
    assert.ok(counts('extra == "DEV.tools" and sys_platform == "linux"', ['gpu', 'dev-tools']))
    assert.ok(counts('extra != "gpu"', ['gpu']))
  })

  test('without a meaning is a fault when it is asked', () => {
    assert.throws(
      () => counts('os_name ~= "posix"'),
      (error) => isFault(error, 'invalid'),
    )
  })

  test('sees each kind of machine as its Python does', () => {
    const windows = markerEnvironment({ python: '3.12.3', platform: 'win_amd64' })
    assert.deepEqual(
      [windows.sys_platform, windows.platform_machine, windows.os_name, windows.python_full_version],
      ['win32', 'AMD64', 'nt', '3.12.3'],
    )
    const mac = markerEnvironment({ python: '3.13t', platform: 'macosx_14_0_arm64' })
    assert.deepEqual(
      [mac.sys_platform, mac.platform_system, mac.platform_machine, mac.python_version],
      ['darwin', 'Darwin', 'arm64', '3.13'],
    )
    assert.equal(markerEnvironment({ python: '3.12', platform: 'musllinux_1_2_aarch64' }).platform_machine, 'aarch64')
    assert.equal(markerEnvironment({ python: '3.12', platform: 'manylinux2014_x86_64' }).platform_machine, 'x86_64')
  })

  function counts(text: string, extras: readonly string[] = []): boolean {
    return evaluateMarker(parseRequirement(`a ; ${text}`).marker!, linux, extras)
  }
})
