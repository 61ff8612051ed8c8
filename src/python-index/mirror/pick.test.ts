import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import type { Dependency } from '../environment.ts'
import { parseFileName } from '../names/file-name.ts'
import type { UpstreamFile, UpstreamProject } from '../upstream/project.ts'
import { pick } from './pick.ts'

/** `!` before a name: yanked. */
function project(...names: string[]): UpstreamProject {
  const files = names.map((written): UpstreamFile => {
    const name = written.replace(/^!/, '')
    const means = parseFileName(name, 'foo')
    assert.ok(means.kind === 'wheel' || means.kind === 'sdist', name)
    return { name, means, url: `https://up.example/${name}`, yanked: name === written ? undefined : 'broken' }
  })
  return { name: 'foo', url: 'https://up.example/simple/foo/', files, dropped: [], others: 0, status: { status: 'active' } }
}

const pure = (version: string) => `foo-${version}-py3-none-any.whl`
const names = (versions: string[], upstream: UpstreamProject, more: Partial<Dependency> = {}) =>
  pick({ name: 'foo', projects: ['torch'], versions, takesSources: false, ...more }, upstream).files.map(({ name }) => name)
const missing = (versions: string[], upstream: UpstreamProject, more: Partial<Dependency> = {}) =>
  pick({ name: 'foo', projects: ['torch'], versions, takesSources: false, ...more }, upstream).missing

describe('latest', () => {
  test('is the highest version by PEP 440, not by spelling or by the order of the page', () => {
    assert.deepEqual(names(['latest'], project(pure('1.10'), pure('1.9'), pure('1.9.post1'))), [pure('1.10')])
    assert.deepEqual(names(['latest'], project(pure('2024.1'), pure('1!1.0'))), [pure('1!1.0')])
  })

  test('is no pre-release and no yanked release', () => {
    assert.deepEqual(names(['latest'], project(pure('1.0'), pure('2.0rc1'), pure('2.0.dev3'), `!${pure('1.5')}`)), [pure('1.0')])
  })

  test('has a file that is taken', () => {
    const upstream = project('foo-1.0-cp311-cp311-linux_x86_64.whl', 'foo-2.0-cp311-cp311-win_amd64.whl', 'foo-3.0.tar.gz')
    assert.deepEqual(names(['latest'], upstream, { platforms: ['linux_*'] }), ['foo-1.0-cp311-cp311-linux_x86_64.whl'])
    assert.deepEqual(names(['latest'], upstream, { takesSources: true }), ['foo-3.0.tar.gz'])
  })

  test('of nothing but pre-releases is missing, and the one is named that could be asked for', () => {
    assert.deepEqual(missing(['latest'], project(pure('1.0a1'), pure('1.0b2'))), [
      {
        wanted: 'latest',
        code: 'not-found',
        reason: 'the upstream has nothing but pre-releases of it',
        hint: 'name the one that you want: 1.0b2',
      },
    ])
  })

  test('of nothing is missing', () => {
    assert.deepEqual(
      missing(['latest'], project()).map(({ reason }) => reason),
      ['the upstream has no file of it'],
    )
    assert.deepEqual(
      missing(['latest'], project(`!${pure('1')}`)).map(({ reason }) => reason),
      ['1 is yanked by the upstream'],
    )
  })
})

describe('an exact version', () => {
  test('is the one that is equal, however it is spelt', () => {
    assert.deepEqual(names(['1.0-RC.1'], project(pure('1.0rc1'), pure('1.0'))), [pure('1.0rc1')])
    assert.deepEqual(names(['v1'], project(pure('1.0.0'), pure('1.0.1'))), [pure('1.0.0')])
  })

  test('is never replaced by another: what is missing is told, with what there is', () => {
    const upstream = project(pure('1.9'), pure('1.10'), pure('2.0'))
    assert.deepEqual(names(['1.11', '2.0'], upstream), [pure('2.0')])
    assert.deepEqual(missing(['1.11', '2.0'], upstream), [
      {
        wanted: '1.11',
        code: 'not-found',
        reason: 'the upstream has no such version; its latest are 1.9, 1.10, 2.0',
        hint: undefined,
      },
    ])
  })

  test('may be yanked, or a pre-release', () => {
    assert.deepEqual(names(['1.0', '2.0a1'], project(`!${pure('1.0')}`, pure('2.0a1'))), [pure('1.0'), pure('2.0a1')])
    assert.deepEqual(names(['==1.0'], project(`!${pure('1.0')}`)), [pure('1.0')])
  })

  test('does not take local builds of it, unless it names one', () => {
    const upstream = project(pure('1.0'), pure('1.0+cpu'))
    assert.deepEqual(names(['1.0'], upstream), [pure('1.0')])
    assert.deepEqual(names(['1.0+cpu'], upstream), [pure('1.0+cpu')])
  })
})

describe('a specifier', () => {
  test('takes every version that it admits, oldest first, and none twice', () => {
    const upstream = project(pure('3.0'), pure('2.1'), pure('2.0'), pure('1.0'), `!${pure('2.2')}`, pure('2.3rc1'))
    assert.deepEqual(names(['>=2,<3', 'latest', '2.1'], upstream), [pure('2.0'), pure('2.1'), pure('3.0')])
  })

  test('takes pre-releases where it names one', () => {
    const upstream = project(pure('2.0rc1'), pure('2.0'))
    assert.deepEqual(names(['>=1'], upstream), [pure('2.0')])
    assert.deepEqual(names(['>=2.0rc1'], upstream), [pure('2.0rc1'), pure('2.0')])
  })

  test('that is none is invalid, and that only for itself', () => {
    const upstream = project(pure('1.0'))
    assert.deepEqual(names(['newest', '1.0'], upstream), [pure('1.0')])
    assert.deepEqual(
      missing(['newest', '1.0'], upstream).map(({ wanted, code }) => [wanted, code]),
      [['newest', 'invalid']],
    )
  })
})

describe('a file', () => {
  const wheels = [
    'foo-1.0-cp310-cp310-manylinux_2_17_x86_64.manylinux2014_x86_64.whl',
    'foo-1.0-cp311-cp311-manylinux_2_28_x86_64.whl',
    'foo-1.0-cp311-cp311-musllinux_1_2_x86_64.whl',
    'foo-1.0-cp311-cp311-macosx_11_0_arm64.whl',
    'foo-1.0-cp313-cp313t-manylinux_2_28_x86_64.whl',
    'foo-1.0-cp38-abi3-manylinux_2_28_x86_64.whl',
    'foo-1.0-py2.py3-none-any.whl',
    'foo-1.0.tar.gz',
  ]
  const taken = (more: Partial<Dependency>) => names(['1.0'], project(...wheels), more).map((name) => wheels.indexOf(name))

  test('is every wheel where nothing else is said, and no source distribution', () => {
    assert.deepEqual(taken({}), [0, 1, 2, 3, 4, 5, 6])
    assert.deepEqual(taken({ takesSources: true }), [0, 1, 2, 3, 4, 5, 6, 7])
  })

  test('is for the platforms that are named, or for any', () => {
    assert.deepEqual(taken({ platforms: ['manylinux_*_x86_64'] }), [0, 1, 4, 5, 6])
    assert.deepEqual(taken({ platforms: ['manylinux2014_x86_64', 'macosx_*'] }), [0, 3, 6])
  })

  test('is for the Pythons that are named; the stable ABI of an older one too', () => {
    assert.deepEqual(taken({ pythons: ['cp311'] }), [1, 2, 3, 5])
    assert.deepEqual(taken({ pythons: ['cp37'] }), [])
    assert.deepEqual(taken({ pythons: ['py3', 'cp310'] }), [0, 5, 6])
  })

  test('that is for something else leaves its version without any, which is told', () => {
    const [found] = missing(['1.0'], project(wheels[3]!), { platforms: ['win_amd64'], pythons: ['cp311', 'py3'] })
    assert.equal(found!.reason, 'no file of 1.0 is for Python cp311, py3 and platform win_amd64')
    assert.equal(found!.hint, `one of its files is ${wheels[3]}`)
    const [source] = missing(['1.0'], project('foo-1.0.tar.gz'))
    assert.equal(source!.reason, '1.0 has no wheel, only a source distribution')
    assert.match(source!.hint!, /sources = true/)
  })
})
