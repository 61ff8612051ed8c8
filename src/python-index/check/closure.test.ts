import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { digestOf, isFault } from '../../kit/index.ts'
import type { ProjectRecord } from '../records/project.ts'
import { type ClosureFile, filesOfProject, findMissing } from './closure.ts'

type Index = Readonly<Record<string, readonly ClosureFile[]>>
const linux = 'manylinux_2_28_x86_64'

describe('an index is closed', () => {
  test('where each requirement of each version finds a file that fits', () => {
    const index = {
      torch: [wheel('torch-2.9.0+rocm7.1-cp311-cp311-linux_x86_64', ['rocm[libraries]==7.10.0a1', 'numpy; python_version >= "3.9"'])],
      rocm: [wheel('rocm-7.10.0a1-py3-none-any', ['rocm-core', 'rocm-lib==7.10.0a1; extra == "libraries"'])],
      'rocm-core': [wheel('rocm_core-7.10.0-py3-none-linux_x86_64')],
      'rocm-lib': [wheel('rocm_lib-7.10.0a1-py3-none-manylinux_2_28_x86_64', ['rocm-core>=7'])],
      numpy: [wheel('numpy-2.1.3-cp311-cp311-manylinux2014_x86_64')],
    }
    assert.deepEqual(missing(index), [])
  })

  test('where requirements go round in a circle', () => {
    assert.deepEqual(missing({ a: [wheel('a-1-py3-none-any', ['b'])], b: [wheel('b-1-py3-none-any', ['a[all]', 'b; extra=="x"'])] }), [])
  })

  test('where a requirement does not count on the machine', () => {
    const requires = ['pywin32; sys_platform == "win32"', 'tomli; python_version < "3.11"', 'pytest; extra == "test"']
    assert.deepEqual(missing({ a: [wheel('a-1-py3-none-any', requires)] }), [])
  })

  test('where a version without a wheel that fits has a source distribution', () => {
    const index = { a: [wheel('a-1-py3-none-any', ['b'])], b: [wheel('b-1-cp39-cp39-win_amd64'), sdist('b-1')] }
    assert.deepEqual(missing(index), [])
  })
})

describe('what is missing is named', () => {
  test('by who requires it where, and why it is not met', () => {
    const requires = ['gone', 'old>=2', 'pre>=1', 'cp39', 'far @ https://example.org/far.whl', 'what is this']
    const index = {
      a: [wheel('a-1.0-py3-none-any', requires)],
      old: [wheel('old-1.9-py3-none-any')],
      pre: [wheel('pre-2.0rc1-py3-none-any')],
      cp39: [wheel('cp39-1-cp39-cp39-linux_x86_64')],
    }
    const about = { project: 'a', version: '1.0', python: '3.11', platform: linux }
    assert.deepEqual(missing(index), [
      { ...about, requirement: 'gone', why: 'no such project' },
      { ...about, requirement: 'old>=2', why: 'no version matches' },
      { ...about, requirement: 'pre>=1', why: 'only pre-releases match' },
      { ...about, requirement: 'cp39', why: 'no file fits' },
      { ...about, requirement: 'far @ https://example.org/far.whl', why: 'not from an index' },
      { ...about, requirement: 'what is this', why: 'not a requirement' },
    ])
  })

  test('for every version, newest first, and for each Python and platform apart', () => {
    const index = {
      a: [wheel('a-1-py3-none-any', ['b==1']), wheel('a-2-py3-none-any', ['b==2'])],
      b: [wheel('b-2-cp310-cp310-linux_x86_64'), wheel('b-2-cp310-cp310-win_amd64'), wheel('b-2-cp311-cp311-linux_x86_64')],
    }
    const found = findMissing({ ...asked(index), pythons: ['3.10', '3.11'], platforms: ['linux_x86_64', 'win_amd64'] }).missing
    assert.deepEqual(
      found.map(({ version, python, platform, why }) => [version, python, platform, why]),
      [
        ['2', '3.11', 'win_amd64', 'no file fits'],
        ['1', '3.10', 'linux_x86_64', 'no version matches'],
        ['1', '3.10', 'win_amd64', 'no version matches'],
        ['1', '3.11', 'linux_x86_64', 'no version matches'],
        ['1', '3.11', 'win_amd64', 'no version matches'],
      ],
    )
  })

  test('with an extra that somebody asks for, and once however many ask', () => {
    const index = {
      a: [wheel('a-1-py3-none-any', ['b[GPU]', 'b[tpu]'])],
      b: [wheel('b-1-py3-none-any', ['cuda; extra == "gpu" or extra == "tpu"', 'docs; extra == "docs"'])],
    }
    assert.deepEqual(summary(index), ['b 1: cuda; extra == "gpu" or extra == "tpu": no such project'])
  })

  test('where Requires-Python excludes all that matches; what is no specifier there is ignored', () => {
    const index = {
      a: [wheel('a-1-py3-none-any', ['b', 'c'])],
      b: [{ ...wheel('b-1-py3-none-any'), requiresPython: '>=3.12' }],
      c: [{ ...wheel('c-1-py3-none-any'), requiresPython: 'three' }],
    }
    assert.deepEqual(summary(index), ['a 1: b: no file fits'])
  })

  test('where a Python without a third number stands for the first of its line', () => {
    const index = { a: [wheel('a-1-py3-none-any', ['b'])], b: [{ ...wheel('b-1-py3-none-any'), requiresPython: '>=3.11.4' }] }
    assert.equal(findMissing(asked(index)).missing.length, 1)
    assert.equal(findMissing({ ...asked(index), pythons: ['3.11.4'] }).missing.length, 0)
  })
})

describe('yanked files', () => {
  const yanked = { ...wheel('b-1-py3-none-any', ['gone']), yanked: '' }

  test('are chosen only where just their version is asked for (PEP 592)', () => {
    const index = { a: [wheel('a-1-py3-none-any', ['b==1', 'b==1.*', 'b'])], b: [yanked] }
    assert.deepEqual(summary(index), ['a 1: b==1.*: no version matches', 'a 1: b: no version matches', 'b 1: gone: no such project'])
  })

  test('need nothing while nobody asks for them', () => {
    assert.deepEqual(summary({ b: [yanked] }), [])
  })

  test('give way to others of their version', () => {
    assert.deepEqual(summary({ a: [wheel('a-1-py3-none-any', ['b==1'])], b: [yanked, wheel('b-1-py2.py3-none-any')] }), [])
  })
})

describe('pre-releases', () => {
  test('are chosen where the specifier names one, or names nothing and there is nothing else', () => {
    const pre = [wheel('b-1.0a1-py3-none-any'), wheel('b-1.0a2-py3-none-any')]
    assert.deepEqual(summary({ a: [wheel('a-1-py3-none-any', ['b', 'b>=1.0a1', 'b==1.0a2'])], b: pre }), [])
    assert.deepEqual(summary({ a: [wheel('a-1-py3-none-any', ['b==1.*', 'b<=1.0'])], b: pre }), [
      'a 1: b==1.*: only pre-releases match',
      'a 1: b<=1.0: only pre-releases match',
    ])
  })
})

describe('roots', () => {
  const index = {
    rocm: [wheel('rocm-7.1-py3-none-any', ['gone; extra == "libraries"']), wheel('rocm-7.0-py3-none-any', ['old'])],
    other: [wheel('other-1-py3-none-any', ['gone'])],
  }

  test('are what is asked for: all versions that match, with their extras, and nothing else', () => {
    assert.deepEqual(summary(index, ['rocm[libraries]>=7.1']), ['rocm 7.1: gone; extra == "libraries": no such project'])
    assert.deepEqual(summary(index, ['rocm']), ['rocm 7.0: old: no such project'])
    assert.deepEqual(summary(index, ['rocm==7.1', 'other; sys_platform == "win32"']), [])
  })

  test('lead on to the newest candidate, as resolvers try it first', () => {
    const more = { ...index, app: [wheel('app-1-py3-none-any', ['rocm'])] }
    assert.deepEqual(summary(more, ['app']), [])
  })

  test('that the index cannot give are missing themselves', () => {
    assert.deepEqual(findMissing({ ...asked(index), roots: ['nothing[x]>1'] }).missing, [
      { python: '3.11', platform: linux, requirement: 'nothing[x]>1', why: 'no such project' },
    ])
  })

  test('that are none, like Pythons and platforms, are refused', () => {
    for (const wrong of [{ roots: ['a b'] }, { pythons: ['2.7'] }, { platforms: ['beos'] }]) {
      assert.throws(
        () => findMissing({ ...asked(index), ...wrong }),
        (error) => isFault(error, 'invalid'),
      )
    }
  })
})

test('files that do not tell what they require are named once', () => {
  const index = { a: [wheel('a-1-py3-none-any', ['b', 'c'])], b: [sdist('b-1')], c: [{ name: 'c-1-py3-none-any.whl', version: '1' }] }
  const { unknown } = findMissing({ ...asked(index), pythons: ['3.10', '3.11'] })
  assert.deepEqual(unknown, [
    { project: 'b', version: '1', file: 'b-1.tar.gz' },
    { project: 'c', version: '1', file: 'c-1-py3-none-any.whl' },
  ])
})

test('a published record tells what its wheels require', () => {
  const digest = digestOf('METADATA')
  const seen = { size: 1, etag: 'e', uploaded: '2026-01-01T00:00:00Z', version: '1.0' }
  const record: Pick<ProjectRecord, 'files' | 'metadata'> = {
    files: [
      { ...seen, kind: 'wheel', name: 'a-1.0-py3-none-any.whl', metadata: digest, requiresPython: '>=3.9', yanked: 'broken' },
      { ...seen, kind: 'sdist', name: 'a-1.0.tar.gz' },
    ],
    metadata: { [digest]: { requires: ['b'], extras: [] } },
  }
  assert.deepEqual(filesOfProject(record), [
    { name: 'a-1.0-py3-none-any.whl', version: '1.0', requiresPython: '>=3.9', yanked: 'broken', requires: ['b'] },
    { name: 'a-1.0.tar.gz', version: '1.0', requiresPython: undefined, yanked: undefined, requires: undefined },
  ])
})

test('each project is asked for once, however large the index and however many machines', () => {
  const index = nightlies(5_000)
  const asks: string[] = []
  const question = asked(index)
  const { missing } = findMissing({
    ...question,
    files: (project) => {
      asks.push(project)
      return question.files(project)
    },
    pythons: ['3.10', '3.11', '3.12', '3.13'],
  })
  assert.equal(asks.length, new Set(asks).size)
  assert.deepEqual(
    missing.map(({ version, python, why }) => [version, python, why]),
    [
      ['7.10.0a4999', '3.10', 'no such project'],
      ['7.10.0a4999', '3.11', 'no such project'],
      ['7.10.0a4999', '3.12', 'no such project'],
      ['7.10.0a4999', '3.13', 'no such project'],
    ],
  )
})

/** Two projects of many versions, where each version of one pins its own of the other, and the last one needs more. */
function nightlies(count: number): Index {
  const versions = Array.from({ length: count }, (_, at) => `7.10.0a${at}`)
  return {
    rocm: versions.map((version, at) =>
      wheel(`rocm-${version}-py3-none-any`, [`rocm-core==${version}`, `rocm-core<=${version}`, ...(at === count - 1 ? ['gone'] : [])]),
    ),
    'rocm-core': versions.map((version) => wheel(`rocm_core-${version}-py3-none-linux_x86_64`)),
  }
}

function wheel(stem: string, requires: readonly string[] = []): ClosureFile {
  return { name: `${stem}.whl`, version: stem.split('-')[1]!, requires }
}

function sdist(stem: string): ClosureFile {
  return { name: `${stem}.tar.gz`, version: stem.split('-')[1]! }
}

function asked(index: Index): {
  projects: string[]
  files: (project: string) => readonly ClosureFile[] | undefined
  pythons: string[]
  platforms: string[]
} {
  return { projects: Object.keys(index), files: (project) => index[project], pythons: ['3.11'], platforms: [linux] }
}

function missing(index: Index): unknown {
  return findMissing(asked(index)).missing
}

function summary(index: Index, roots?: readonly string[]): string[] {
  return findMissing({ ...asked(index), roots }).missing.map(
    ({ project, version, requirement, why }) => `${project} ${version}: ${requirement}: ${why}`,
  )
}
