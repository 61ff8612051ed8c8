import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { Fault } from '../../kit/index.ts'
import type { WorkflowRun } from '../github/shapes.ts'
import { isDigestTag, runTagOf, wantedImages } from '../tags.ts'
import { velox } from '../velox.ts'
import { missingTags, planXref, type SeenRun } from './plan.ts'
import type { TagLists } from './tag-source.ts'

const rules = { preset: velox.preset, moving: ['latest'] }

function run(id: number): WorkflowRun {
  return {
    id,
    number: id,
    attempt: 1,
    branch: 'main',
    commit: '0'.repeat(40),
    status: 'completed',
    conclusion: 'success',
    title: `build ${id}`,
    actor: undefined,
    createdAt: id * 1000,
    url: `https://github.example/runs/${id}`,
  }
}

function seen(id: number, tag: string, mode = 'all_native', platform = tag.endsWith('arm64') ? 'linux/arm64' : 'linux/amd64'): SeenRun {
  return { run: run(id), metadata: { tag, fields: { 'Image tag': tag, 'Target platform': platform, 'Worker bundle mode': mode } } }
}

function lists(tags: Readonly<Record<string, readonly string[]>>): TagLists {
  return new Map(Object.entries(tags).map(([repository, each]) => [repository, { tags: new Set(each), isWhole: true }]))
}

const names = (plan: ReturnType<typeof planXref>) => plan.extra.map(({ repository, tag }) => `${repository}:${tag}`)

describe('a cross-reference', () => {
  test('tells of each image of each run whether the registry has it', () => {
    const plan = planXref(rules, [seen(2, 'b-linux-arm64'), seen(1, 'a-linux-amd64')], lists({ 'x86/presto-coordinator': ['a'] }))
    assert.deepEqual(
      plan.tags.map(({ tag, platform, images }) => [tag, platform, images.map(({ repository, isPresent }) => [repository, isPresent])]),
      [
        [
          'b-linux-arm64',
          'linux/arm64',
          [
            ['arm/presto-coordinator', false],
            ['arm/presto-native-worker-cpu', false],
            ['arm/presto-native-worker-gpu', false],
          ],
        ],
        [
          'a-linux-amd64',
          'linux/amd64',
          [
            ['x86/presto-coordinator', true],
            ['x86/presto-native-worker-cpu', false],
            ['x86/presto-native-worker-gpu', false],
          ],
        ],
      ],
    )
    assert.deepEqual(
      missingTags(plan).map(({ tag }) => tag),
      ['b-linux-arm64', 'a-linux-amd64'],
    )
  })

  test('takes the newest of several runs with one tag, and names the others', () => {
    const { tags, extra } = planXref(
      rules,
      [seen(9, 'a-linux-amd64', 'all_native'), seen(5, 'b-linux-amd64'), seen(3, 'a-linux-amd64', 'all')],
      lists({ 'x86/presto-java-worker': ['a', 'c'] }),
    )
    assert.deepEqual([tags[0]!.run.id, tags[0]!.others.map(({ id }) => id), tags[0]!.images.length], [9, [3], 3])
    assert.deepEqual(
      extra,
      [{ repository: 'x86/presto-java-worker', tag: 'c', runTag: 'c-linux-amd64' }],
      'what the older run made is its own',
    )
  })

  test('lists runs that bring no images, each with its reason, and calls no tag of theirs extra', () => {
    const wrong = seen(4, 'a-linux-amd64', 'all', 'linux/arm64')
    const plan = planXref(
      rules,
      [
        { run: run(6), metadata: undefined },
        { run: run(5), metadata: undefined, reason: 'its log is not there any more' },
        wrong,
        seen(3, 'a-linux-amd64'),
        seen(2, 'no-suffix'),
      ],
      lists({ 'x86/presto-coordinator': ['a'] }),
    )
    assert.deepEqual(
      plan.unusable.map(({ run: { id }, reason }) => [id, reason]),
      [
        [6, 'its log has no metadata block'],
        [5, 'its log is not there any more'],
        [4, '"a-linux-amd64" ends as one for linux/amd64, and Target platform says "linux/arm64"'],
        [2, 'not a run’s tag: "no-suffix" does not end with -linux-amd64 or -linux-arm64'],
      ],
    )
    assert.deepEqual([plan.tags, plan.extra], [[], []], 'the newest run of a tag counts, also where it is of no use')
  })

  test('keeps runs apart whose log could not be read this time', () => {
    const failure = new Fault('unavailable', 'later')
    const { unread, unusable, tags } = planXref(rules, [{ run: run(1), metadata: undefined, failure }], new Map())
    assert.deepEqual([unread.map(({ run: { id } }) => id), unusable, tags], [[1], [], []])
  })

  test('never calls tags extra that move or name a digest, and looks into foreign repositories only when asked', () => {
    const there = lists({
      'x86/presto-coordinator': ['latest', `sha256-${'a'.repeat(64)}`, `sha256-${'a'.repeat(64)}.sig`, 'z', 'b'],
      'arm/presto-coordinator': ['b'],
      'cache/layers': ['v1', 'latest'],
      '': ['root'],
    })
    assert.deepEqual(names(planXref(rules, [], there)), [
      'arm/presto-coordinator:b',
      'x86/presto-coordinator:b',
      'x86/presto-coordinator:z',
    ])
    assert.deepEqual(names(planXref(rules, [], there, { everywhere: true })), [
      ':root',
      'arm/presto-coordinator:b',
      'cache/layers:v1',
      'x86/presto-coordinator:b',
      'x86/presto-coordinator:z',
    ])
  })
})

describe('any cross-reference', () => {
  const tag = fc.constantFrom<string[]>('a', 'b', 'c-d', 'presto-1-velox-2', 'latest', `sha256-${'0'.repeat(64)}`, 'x_y', '-bad')
  const seenRun = fc
    .record({
      tag,
      suffix: fc.constantFrom('-linux-amd64', '-linux-arm64', ''),
      mode: fc.constantFrom('all', 'all_native', 'single', 'other'),
      platform: fc.constantFrom('linux/amd64', 'linux/arm64'),
      isSilent: fc.boolean(),
    })
    .map((each) => each)
  const runs = fc
    .array(seenRun, { maxLength: 8 })
    .map((all) =>
      all.map(({ tag: base, suffix, mode, platform, isSilent }, at): SeenRun =>
        isSilent ? { run: run(100 - at), metadata: undefined } : seen(100 - at, `${base}${suffix}`, mode, platform),
      ),
    )
  const repository = fc.constantFrom(
    ...velox.preset.families.flatMap(({ name }) => [`x86/${name}`, `arm/${name}`]),
    'x86/other',
    'presto-coordinator',
  )
  const registry = fc.dictionary(repository, fc.uniqueArray(tag, { maxLength: 6 }), { noNullPrototype: true })

  test('puts every image and every tag into one place', () => {
    fc.assert(
      fc.property(runs, registry, (all, there) => {
        const plan = planXref(rules, all, lists(there))
        assert.equal(new Set(plan.tags.map((each) => each.tag)).size, plan.tags.length)
        const wanted = new Map(
          plan.tags.flatMap(({ images }) => images.map((image) => [`${image.repository}:${image.tag}`, image] as const)),
        )
        for (const { repository: at, tag: name, isPresent } of wanted.values()) assert.equal(isPresent, there[at]?.includes(name) === true)
        const extra = new Set(names(plan))
        const told = new Set(all.flatMap(({ metadata }) => (metadata === undefined ? [] : [metadata.tag])))
        for (const [at, tags] of Object.entries(there)) {
          for (const name of tags) {
            const isExtra = extra.has(`${at}:${name}`)
            assert.ok(!isExtra || (!wanted.has(`${at}:${name}`) && !isDigestTag(name) && name !== 'latest'))
            const runTag = runTagOf(rules, at, name)?.runTag
            if (runTag !== undefined && !told.has(runTag)) assert.ok(isExtra, `${at}:${name} is of no run`)
          }
        }
        for (const name of extra) assert.ok(there[name.slice(0, name.indexOf(':'))]!.includes(name.slice(name.indexOf(':') + 1)))
        assert.equal(
          new Set([...plan.tags.map((each) => each.run.id), ...plan.unusable.map((each) => each.run.id)]).size,
          plan.tags.length + plan.unusable.length,
        )
      }),
    )
  })

  test('lacks nothing once what it lacked is there, and what was extra stays so', () => {
    fc.assert(
      fc.property(runs, registry, (all, there) => {
        const before = planXref(rules, all, lists(there))
        const after: Record<string, string[]> = structuredClone(there)
        for (const { repository: at, tag: name } of missingTags(before).flatMap(({ images }) => images)) (after[at] ??= []).push(name)
        const plan = planXref(rules, all, lists(after))
        assert.deepEqual(missingTags(plan), [])
        assert.deepEqual(plan.extra, before.extra)
      }),
    )
  })

  test('wants what the newest run of a tag made, however the registry stands', () => {
    fc.assert(
      fc.property(runs, registry, (all, there) => {
        const plan = planXref(rules, all, lists(there))
        for (const { tag: name, run: newest, images, others } of plan.tags) {
          const same = all.filter(({ metadata }) => metadata?.tag === name)
          assert.deepEqual(
            [newest.id, ...others.map(({ id }) => id)],
            same.map((each) => each.run.id),
          )
          assert.deepEqual(
            images.map(({ isPresent: _, ...image }) => image),
            wantedImages(rules, same[0]!.metadata!),
          )
        }
      }),
    )
  })
})
