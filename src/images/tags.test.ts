import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { isFault } from '../kit/index.ts'
import { isRepository, isTag } from '../oci/index.ts'
import { type Architecture, isDigestTag, registryTag, type RunMetadata, runTagOf, velox, wantedImages } from './index.ts'

const rules = { preset: velox.preset, moving: ['latest'] }
const runTag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'

function block(fields: Record<string, string>, tag = runTag): RunMetadata {
  return { tag, fields: { 'Image tag': tag, 'Target platform': 'linux/amd64', ...fields } }
}

const flags = (java: boolean, cpu: boolean, gpu: boolean) => ({
  'Build Java worker': String(java),
  'Build native CPU': String(cpu),
  'Build native GPU': String(gpu),
})

const families = (metadata: RunMetadata) => wantedImages(rules, metadata).map(({ family }) => family)
const [coordinator, java, cpu, gpu] = rules.preset.families.map(({ name }) => name)

describe('a run’s tag', () => {
  test('names its platform at its end, where the registry has it as a folder', () => {
    assert.deepEqual(registryTag(rules, runTag), {
      folder: 'x86',
      platform: 'linux/amd64',
      tag: 'presto-92865fbce0d2-velox-65797d572e0a',
    })
    assert.equal(registryTag(rules, 'presto-master--velox-main--linux-arm64').folder, 'arm')
  })

  test('is found again from the registry’s', () => {
    assert.deepEqual(runTagOf(rules, 'x86/presto-coordinator', 'presto-92865fbce0d2-velox-65797d572e0a'), {
      runTag,
      family: 'presto-coordinator',
      platform: 'linux/amd64',
    })
  })

  test('without an architecture at its end, or with what no registry could have, is refused', () => {
    for (const tag of [
      '',
      'presto-1-velox-2',
      'linux-amd64',
      '-linux-amd64',
      'a b-linux-amd64',
      '../x-linux-amd64',
      `${'a'.repeat(128)}-linux-amd64`,
    ])
      assert.throws(() => registryTag(rules, tag), { code: 'invalid', message: /not a run’s tag/ }, tag)
  })

  test('that would be one that moves, or one that names a digest, is refused', () => {
    for (const tag of ['latest-linux-amd64', `sha256-${'a'.repeat(64)}-linux-amd64`, `sha256-${'a'.repeat(64)}.sig-linux-arm64`])
      assert.throws(() => registryTag(rules, tag), { code: 'invalid', message: /not for runs/ }, tag)
  })
})

describe('a tag of the registry', () => {
  test('is of no run where its repository is not that of a family and an architecture', () => {
    for (const repository of ['presto-coordinator', 'x86', 'x86/other', 'ppc/presto-coordinator', 'x86/presto-coordinator/cache', ''])
      assert.equal(runTagOf(rules, repository, 'presto-1'), undefined, repository)
  })

  test('that moves or names a digest is of no run', () => {
    assert.equal(runTagOf(rules, 'x86/presto-coordinator', 'latest'), undefined)
    assert.equal(runTagOf(rules, 'x86/presto-coordinator', `sha256-${'0'.repeat(64)}`), undefined)
  })

  test('names a digest only where it is written whole', () => {
    assert.ok(isDigestTag(`sha256-${'0'.repeat(64)}.att`))
    assert.ok(isDigestTag(`sha512-${'0'.repeat(128)}`))
    assert.ok(!isDigestTag('sha256-abc') && !isDigestTag(`sha256-${'0'.repeat(65)}`))
  })

  test('and the run’s tag say the same both ways, whatever the architectures are called', () => {
    const word = fc.stringMatching(/^[a-z0-9]{1,3}(-[a-z0-9]{1,3}){0,2}$/)
    const architectures = fc
      .uniqueArray(word, { minLength: 1, maxLength: 4 })
      .map((suffixes) => suffixes.map((suffix, at): Architecture => ({ platform: `linux/p${at}`, suffix, folder: `f${at}` })))
    fc.assert(
      fc.property(architectures, fc.stringMatching(/^[\w][\w.-]{0,20}$/), fc.nat(3), (list, tag, which) => {
        const own = { moving: ['latest'], preset: { ...rules.preset, architectures: list } }
        const { folder } = list[which % list.length]!
        const back = runTagOf(own, `${folder}/${coordinator}`, tag)
        if (back !== undefined) {
          const { folder: found, tag: again } = registryTag(own, back.runTag)
          assert.deepEqual([found, again], [folder, tag])
        }
        try {
          const there = registryTag(own, tag)
          assert.ok(isTag(there.tag) && isRepository(`${there.folder}/${coordinator}`))
          assert.equal(runTagOf(own, `${there.folder}/${coordinator}`, there.tag)?.runTag, tag)
        } catch (error) {
          assert.ok(isFault(error, 'invalid'), String(error))
        }
      }),
    )
  })
})

describe('the images of a run', () => {
  test('lie below the folder of their platform, under the tag without it, each in a tarball of its own', () => {
    assert.deepEqual(wantedImages(rules, block(flags(false, true, false))), [
      {
        family: 'presto-coordinator',
        platform: 'linux/amd64',
        repository: 'x86/presto-coordinator',
        tag: 'presto-92865fbce0d2-velox-65797d572e0a',
        tarball: `presto-coordinator-${runTag}.tar.gz`,
      },
      {
        family: 'presto-native-worker-cpu',
        platform: 'linux/amd64',
        repository: 'x86/presto-native-worker-cpu',
        tag: 'presto-92865fbce0d2-velox-65797d572e0a',
        tarball: `presto-native-worker-cpu-${runTag}.tar.gz`,
      },
    ])
  })

  test('are those that the block says were built, whatever its mode is', () => {
    assert.deepEqual(families(block({ ...flags(true, true, true), 'Worker bundle mode': 'single' })), [coordinator, java, cpu, gpu])
    assert.deepEqual(families(block({ ...flags(false, false, false), 'Worker bundle mode': 'all' })), [coordinator])
    assert.deepEqual(families(block({ ...flags(false, false, false), 'Build native GPU': 'True' })), [coordinator, gpu])
  })

  test('follow from the mode where it does not', () => {
    assert.deepEqual(families(block({ 'Worker bundle mode': 'all' })), [coordinator, java, cpu, gpu])
    assert.deepEqual(families(block({ 'Worker bundle mode': 'all_native', 'Worker variant': 'java' })), [coordinator, cpu, gpu])
  })

  test('are the coordinator and the chosen worker in the mode single; java has two spellings', () => {
    const single = (variant: string) => families(block({ 'Worker bundle mode': 'single', 'Worker variant': variant }))
    assert.deepEqual(single('native_cpu'), [coordinator, cpu])
    assert.deepEqual(single('native_gpu'), [coordinator, gpu])
    assert.deepEqual(single('java'), [coordinator, java])
    assert.deepEqual(single('java_worker'), [coordinator, java])
  })

  test('are never guessed: a block that does not say is refused', () => {
    const says = { code: 'invalid', message: /does not say whether presto-java-worker was built/ }
    assert.throws(() => wantedImages(rules, block({})), says)
    assert.throws(() => wantedImages(rules, block({ 'Worker bundle mode': 'single' })), says)
    assert.throws(() => wantedImages(rules, block(flags(true, true, true), 'x-linux-arm64')), {
      message: /ends as one for linux\/arm64, and Target platform says "linux\/amd64"/,
    })
    assert.throws(() => wantedImages(rules, block({ ...flags(true, true, true), 'Build native CPU': 'maybe' })), {
      message: /Build native CPU is "maybe", neither true nor false/,
    })
  })
})
