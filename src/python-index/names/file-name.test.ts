import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { parseFileName } from './file-name.ts'

describe('the file name of a wheel', () => {
  test('says project, version and tags, in their normal form', () => {
    assert.deepEqual(parseFileName('Foo.Bar_baz-1.0.RC1-py2.py3-none-any.whl'), {
      kind: 'wheel',
      name: 'foo-bar-baz',
      version: '1.0rc1',
      pythons: ['py2', 'py3'],
      abis: ['none'],
      platforms: ['any'],
    })
  })

  test('may have a build tag, a local version and compressed sets', () => {
    assert.deepEqual(parseFileName('torch-2.9.0+rocm7.1-3_b-cp311-cp311-manylinux_2_27_x86_64.manylinux_2_28_x86_64.whl'), {
      kind: 'wheel',
      name: 'torch',
      version: '2.9.0+rocm7.1',
      build: '3_b',
      pythons: ['cp311'],
      abis: ['cp311'],
      platforms: ['manylinux_2_27_x86_64', 'manylinux_2_28_x86_64'],
    })
  })

  test('against the rules is bad, and the project is told where it can be read', () => {
    const cases: Record<string, [string | undefined, RegExp]> = {
      'torch.whl': [undefined, /NAME-VERSION-PYTHON-ABI-PLATFORM/],
      'a-1-py3-none.whl': [undefined, /NAME-VERSION/],
      'a-1-2-3-py3-none-any.whl': [undefined, /NAME-VERSION/],
      '-1-py3-none-any.whl': [undefined, /project's name/],
      'a__b-1-py3-none-any.whl': [undefined, /project's name/],
      '<img src=x>-1-py3-none-any.whl': [undefined, /project's name/],
      'Foo-latest-py3-none-any.whl': ['foo', /version.*"latest"/],
      'foo-1.0_1-py3-none-any.whl': ['foo', /version/],
      'foo-1-x1-py3-none-any.whl': ['foo', /build tag/],
      'foo-1-py3..py2-none-any.whl': ['foo', /tags/],
      'foo-1-py3-none-<any>.whl': ['foo', /tags/],
    }
    for (const [file, [name, reason]] of Object.entries(cases)) {
      const found = parseFileName(file)
      assert.equal(found.kind, 'bad', file)
      if (found.kind === 'bad') assert.equal(found.name, name, file)
      if (found.kind === 'bad') assert.match(found.reason, reason)
    }
  })

  test('is bad past 255 bytes and past 1,000 tags', () => {
    assert.equal(parseFileName(`${'a'.repeat(239)}-1-py3-none-any.whl`).kind, 'bad')
    const set = Array.from({ length: 20 }, (_, at) => `x${at}`).join('.')
    assert.match(JSON.stringify(parseFileName(`a-1-${set}-${set}-${set}.whl`)), /more than 1000 tags/)
  })
})

describe('the file name of a source distribution', () => {
  test('says project and version (PEP 625)', () => {
    assert.deepEqual(parseFileName('foo_bar-1.0.post1.tar.gz'), { kind: 'sdist', name: 'foo-bar', version: '1.0.post1' })
    assert.deepEqual(parseFileName('Zope.Interface-5.zip'), { kind: 'sdist', name: 'zope-interface', version: '5' })
  })

  test('of older days has dashes in the name, and in the version too', () => {
    assert.deepEqual(parseFileName('my-old-project-1.0.tar.gz'), { kind: 'sdist', name: 'my-old-project', version: '1.0' })
    assert.deepEqual(parseFileName('foo-1.0-rc1.tar.gz'), { kind: 'sdist', name: 'foo', version: '1.0rc1' })
  })

  test('is split as pip does where the project is known', () => {
    assert.deepEqual(parseFileName('foo-2-1.tar.gz', 'foo-2'), { kind: 'sdist', name: 'foo-2', version: '1' })
    assert.deepEqual(parseFileName('foo-2-1.tar.gz', 'foo'), { kind: 'sdist', name: 'foo', version: '2.post1' })
    assert.deepEqual(parseFileName('Foo--Bar-1.tar.gz', 'foo-bar'), { kind: 'sdist', name: 'foo-bar', version: '1' })
  })

  test('of another project than the known one is bad, for wheels too', () => {
    assert.deepEqual(parseFileName('bar-1.tar.gz', 'foo'), { kind: 'bad', reason: 'it is not named foo-VERSION' })
    assert.deepEqual(parseFileName('bar-1-py3-none-any.whl', 'foo'), {
      kind: 'bad',
      name: 'bar',
      reason: 'it belongs to the project bar, not to foo',
    })
  })

  test('with a number that is no version is bad; without any number it is a foreign archive', () => {
    assert.equal(parseFileName('foo-1.0beta-final.tar.gz').kind, 'bad')
    assert.deepEqual(parseFileName('foo-1.0x.tar.gz', 'foo'), {
      kind: 'bad',
      name: 'foo',
      reason: 'its version is not one (PEP 440): "1.0x"',
    })
    assert.deepEqual(parseFileName('backup.zip'), { kind: 'foreign' })
    assert.deepEqual(parseFileName('site-assets.tar.gz'), { kind: 'foreign' })
  })
})

test('other files are foreign', () => {
  for (const file of [
    '',
    'index.html',
    'a-1-py3-none-any.whl.metadata',
    'a-1-py3-none-any.WHL',
    'a-1.tar.bz2',
    'a-1.egg',
    'a-1.exe',
    'README',
  ]) {
    assert.deepEqual(parseFileName(file), { kind: 'foreign' }, file)
  }
})
