import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../kit/index.ts'
import { parsePlace } from './place.ts'
import { formatImageName, isRegistryHost, isRepository, isTag, parseImageName } from './reference.ts'

const digest = `sha256:${'ab'.repeat(32)}` as const

const refuses = (parse: (text: string) => unknown, texts: readonly string[]) => {
  for (const text of texts)
    assert.throws(
      () => parse(text),
      (error) => isFault(error, 'invalid'),
      JSON.stringify(text),
    )
}

describe('the name of an image', () => {
  test('is of a host where one is named', () => {
    assert.deepEqual(parseImageName('r.example/team/app:1.2'), { registry: 'r.example', repository: 'team/app', tag: '1.2' })
    assert.deepEqual(parseImageName('localhost/app'), { registry: 'localhost', repository: 'app' })
    assert.deepEqual(parseImageName('host:5000/app'), { registry: 'host:5000', repository: 'app' })
    assert.deepEqual(parseImageName('[::1]:5000/app:x'), { registry: '[::1]:5000', repository: 'app', tag: 'x' })
    assert.deepEqual(parseImageName('gitlab.example:5005/a/b/x86/presto-coordinator:latest'), {
      registry: 'gitlab.example:5005',
      repository: 'a/b/x86/presto-coordinator',
      tag: 'latest',
    })
  })

  test("is Docker Hub's without a host, and its library's without a path", () => {
    for (const text of ['debian', 'library/debian', 'docker.io/debian', 'index.docker.io/debian', 'docker.io/library/debian'])
      assert.deepEqual(parseImageName(text), { registry: 'docker.io', repository: 'library/debian' }, text)
    assert.deepEqual(parseImageName('team/app:1'), { registry: 'docker.io', repository: 'team/app', tag: '1' })
  })

  test('may have a digest, with a tag or without', () => {
    assert.deepEqual(parseImageName(`r.example/a@${digest}`), { registry: 'r.example', repository: 'a', digest })
    assert.deepEqual(parseImageName(`r.example/a:t@${digest}`), { registry: 'r.example', repository: 'a', tag: 't', digest })
  })

  test('is refused where it is not one', () => {
    refuses(parseImageName, [
      '',
      '/',
      'r.example/',
      'r.example/A',
      'r.example/a//b',
      'r.example/../etc',
      'r.example/a/..',
      'r.example/a:',
      'r.example/a:.x',
      `r.example/a:${'t'.repeat(129)}`,
      'r.example/a@',
      'r.example/a@sha256:abc',
      `r.example/a@sha512:${'ab'.repeat(64)}`,
      `r.example/a@${digest}@${digest}`,
      'r.example:port/a',
      'r.example:0/a',
      'r.example:99999/a',
      'http://r.example/a',
      'user@r.example/a',
      'r.example/a b',
      'r.example/a\n',
      'r.example/a?x=y',
      'r.example/a#x',
      'r.example/a%2f',
      `r.example/${'a'.repeat(256)}`,
      'ab'.repeat(32),
      '-a.example/x',
    ])
  })

  test('is read back as it was written', () => {
    const part = fc.stringMatching(/^[a-z0-9]{1,8}((\.|_|__|-{1,3})[a-z0-9]{1,4})?$/)
    const names = fc.record({
      registry: fc.constantFrom('r.example', 'localhost:5000', '127.0.0.1:1', '[::1]:5000', 'R.Example'),
      repository: fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join('/')),
      tag: fc.option(fc.stringMatching(/^\w[\w.-]{0,20}$/), { nil: undefined }),
      digest: fc.option(fc.constant(digest), { nil: undefined }),
    })
    fc.assert(fc.property(names, (name) => assert.deepEqual(parseImageName(formatImageName(name)), JSON.parse(JSON.stringify(name)))))
  })

  test('of any text is whole or refused, and never slow', () => {
    const texts = fc.oneof(fc.string({ maxLength: 300 }), fc.string({ unit: fc.constantFrom(...'a-_./:@0'), maxLength: 2000 }))
    fc.assert(
      fc.property(texts, (text) => {
        try {
          const { registry, repository, tag } = parseImageName(text)
          assert.ok(isRegistryHost(registry) && isRepository(repository) && (tag === undefined || isTag(tag)))
        } catch (error) {
          assert.ok(isFault(error, 'invalid'), String(error))
        }
      }),
    )
  })
})

describe('a place of images', () => {
  test('is a registry, a layout or an archive', () => {
    assert.deepEqual(parsePlace('docker://r.example/a:1'), { kind: 'registry', name: { registry: 'r.example', repository: 'a', tag: '1' } })
    assert.deepEqual(parsePlace('oci:some/folder'), { kind: 'oci-layout', folder: 'some/folder' })
    assert.deepEqual(parsePlace('oci:/abs:name:tag'), { kind: 'oci-layout', folder: '/abs', ref: 'name:tag' })
    assert.deepEqual(parsePlace('oci-archive:a.tar'), { kind: 'oci-archive', file: 'a.tar' })
    assert.deepEqual(parsePlace('docker-archive:a.tar.gz:r.example/a:1'), {
      kind: 'docker-archive',
      file: 'a.tar.gz',
      ref: 'r.example/a:1',
    })
  })

  test('is refused where it names nothing, or a way that there is not', () => {
    refuses(parsePlace, [
      '',
      'r.example/a',
      'oci:',
      'oci::ref',
      'docker-archive:',
      'docker:a',
      'dir:/x',
      'docker://',
      'OCI:x',
      'oci:a\0b',
      'oci:a:b\n',
    ])
  })
})
