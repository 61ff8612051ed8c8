import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { isFault } from '../../kit/index.ts'
import { compareVersions, isPrerelease, normaliseVersion, satisfies } from './version.ts'

describe('versions (PEP 440)', () => {
  test('have one spelling', () => {
    const spellings = {
      '1.1RC1': '1.1rc1',
      '00.01': '0.1',
      '1.1.a1': '1.1a1',
      '1.1alpha_1': '1.1a1',
      '1.2c3': '1.2rc3',
      '1.2-preview': '1.2rc0',
      '1.2.post-2': '1.2.post2',
      '1.0-1': '1.0.post1',
      '1.0-r4': '1.0.post4',
      '1.2.DEV': '1.2.dev0',
      '1.0+Ubuntu-1_X': '1.0+ubuntu.1.x',
      'v1.0': '1.0',
      '0!1.0': '1.0',
      ' 1.0\n': '1.0',
      '7.10.0a20251015+rocm7.10': '7.10.0a20251015+rocm7.10',
      '1.0+1e5': '1.0+1e5',
    }
    for (const [text, normal] of Object.entries(spellings)) assert.equal(normaliseVersion(text), normal)
  })

  test('keep numbers that are longer than a double', () => {
    assert.equal(normaliseVersion('1.0.dev20251015123456789012'), '1.0.dev20251015123456789012')
    assert.equal(compareVersions('1.20251015123456789012', '1.20251015123456789013'), -1)
  })

  test('are not: words, empty parts, other digits, and texts past 200 characters', () => {
    for (const text of ['', 'latest', '1.', '1..0', '1.0-', '1.0+', '1.0+a..b', '1.0 .1', '1.0*', '１.0', '1'.repeat(201)]) {
      assert.equal(normaliseVersion(text), undefined, text)
      assert.throws(
        () => compareVersions(text, '1'),
        (error) => isFault(error, 'invalid'),
      )
      assert.throws(
        () => isPrerelease(text),
        (error) => isFault(error, 'invalid'),
      )
      assert.throws(
        () => satisfies(text, ''),
        (error) => isFault(error, 'invalid'),
      )
    }
  })

  test('stand in this order, each before the next', () => {
    const ordered = [
      '1.dev0',
      '1.0.dev456',
      '1.0a1',
      '1.0a2.dev456',
      '1.0a12.dev456',
      '1.0a12',
      '1.0b1.dev456',
      '1.0b2',
      '1.0b2.post345.dev456',
      '1.0b2.post345',
      '1.0rc1.dev456',
      '1.0rc1',
      '1.0',
      '1.0+abc.5',
      '1.0+abc.7',
      '1.0+5',
      '1.0+5.0',
      '1.0.post456.dev34',
      '1.0.post456',
      '1.0.15',
      '1.1.dev1',
      '2.9.0+rocm7.0',
      '2.9.0+rocm7.1',
      '10',
      '1!0.1',
    ]
    for (const [at, version] of ordered.entries()) {
      for (const [other, than] of ordered.entries())
        assert.equal(Math.sign(compareVersions(version, than)), Math.sign(at - other), `${version} ${than}`)
    }
  })

  test('are equal whatever zeros end the release', () => {
    assert.equal(compareVersions('1.0', '1.0.0'), 0)
    assert.equal(compareVersions('1.0.0rc1', '1rc1'), 0)
  })

  test('are pre-releases where they are alpha, beta, candidate or development', () => {
    for (const version of ['1a1', '1b1', '1rc1', '1.dev1', '1.post1.dev1']) assert.ok(isPrerelease(version), version)
    for (const version of ['1', '1.post1', '1+a1']) assert.ok(!isPrerelease(version), version)
  })
})

describe('specifiers (PEP 440)', () => {
  const admitted = [
    ['~=2.2', '2.3', true],
    ['~=2.2', '3.0', false],
    ['~=2.2', '2.1', false],
    ['~=1.4.5', '1.4.6', true],
    ['~=1.4.5', '1.5', false],
    ['~=2.2.post3', '2.3', true],
    ['~=1!2.2', '2.3', false],
    ['==1.1', '1.1.0', true],
    ['==1.1', '1.1.post1', false],
    ['==1.1.*', '1.1.post1', true],
    ['==1.1.*', '1.1a1', true],
    ['==1.1.*', '1', false],
    ['==1.0.*', '1', true],
    ['==0.0.*', '3!0', false],
    ['!=1.1.*', '1.1.post1', false],
    ['!=1.1', '1.1.post1', true],
    ['>1.7', '1.7.0.post1', false],
    ['>1.7', '1.7.1', true],
    ['>1.7.post1', '1.7.post2', true],
    ['>1.7', '1.7+local', false],
    ['<3.1', '3.1.dev0', false],
    ['<3.1', '3.0.dev0', true],
    ['<3.1rc1', '3.1b1', true],
    ['<=1.0', '1.0+local', true],
    ['===1.0', '1.0', true],
    ['===1.0', '1.0.0', false],
    ['===1.0+ROCM', '1.0+rocm', true],
    ['===whatever', '1.0', false],
    ['>=1,<2', '1.5', true],
    ['>=1,<2', '2', false],
    ['>=1, ', '1', true],
    ['', '1', true],
  ] as const

  test('admit what the PEP says', () => {
    for (const [specifier, version, isAdmitted] of admitted) {
      assert.equal(satisfies(version, specifier, { prereleases: true }), isAdmitted, `${version} ${specifier}`)
    }
  })

  test('tell local builds apart where they name one, and take them all where they do not', () => {
    assert.ok(satisfies('2.9.0+rocm7.1', '==2.9.0'))
    assert.ok(satisfies('2.9.0+rocm7.1', '==2.9.0+rocm7.1'))
    assert.ok(!satisfies('2.9.0+rocm7.1', '==2.9.0+rocm7.0'))
    assert.ok(!satisfies('2.9.0', '==2.9.0+rocm7.0'))
  })

  test('take pre-releases where they name one or are told to', () => {
    assert.ok(!satisfies('2.0a1', '>=1.0'))
    assert.ok(!satisfies('2.0a1', ''))
    assert.ok(satisfies('2.0a1', '>=1.0', { prereleases: true }))
    assert.ok(satisfies('7.10.0a20251015', '>=7.10.0a20251014'))
    assert.ok(!satisfies('7.10.0a20251015', '>=7.10.0a20251014', { prereleases: false }))
  })

  test('that are none are refused', () => {
    for (const specifier of [
      '1.0',
      '=1.0',
      '>=1.*',
      '~=1',
      '>=1.0+local',
      '==1.0+local.*',
      '==1.0a1.*',
      '==',
      '>=1.0 2.0',
      '> = 1',
      'a',
      '>='.padEnd(2_001, '1'),
    ]) {
      assert.throws(
        () => satisfies('1.0', specifier),
        (error) => isFault(error, 'invalid'),
        specifier,
      )
    }
  })
})
