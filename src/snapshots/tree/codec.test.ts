import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { randomEntries, randomParts, randomDigest } from '../../../test/fakes/tree-entries.ts'
import { digestOf, isFault } from '../../kit/index.ts'
import { decodeEntry, decodeNode, encodeDirectory, encodeEntry, encodeListOfLists, encodePartList, encodeSplitDirectory } from './codec.ts'
import type { Entry } from './entry.ts'

const facts = { mode: 0o644, uid: 1000, gid: 100, user: 'ann', group: 'users', mtimeNs: 1_736_951_400_123_456_789n, xattrs: [] }
const empty = digestOf('')

function directoryOf(entries: readonly Entry[]): Uint8Array {
  return encodeDirectory(entries.map((entry) => encodeEntry(entry)))
}

function fileNamed(name: string): Entry {
  return { ...facts, name, kind: 'file', content: { size: 0, parts: [], list: undefined } }
}

function refuses(bytes: Uint8Array, why: RegExp): void {
  assert.throws(
    () => decodeNode(bytes),
    (error) => isFault(error, 'corrupt') && why.test(error.message),
  )
}

describe('tree nodes', () => {
  test('have the bytes that docs/formats.md shows', () => {
    const node = directoryOf([
      { ...facts, name: 'bin', mode: 0o755, kind: 'directory', node: digestOf(encodeDirectory([])) },
      { ...facts, name: 'latest', mode: 0o777, kind: 'symlink', target: 'bin/x' },
      {
        ...facts,
        name: 'x\xff',
        xattrs: [{ name: 'user.k', value: new Uint8Array([0, 1]) }],
        mtimeNs: -1n,
        kind: 'file',
        content: {
          size: 4099,
          parts: [
            { length: 3, id: digestOf('abc') },
            { length: 4096, id: undefined },
          ],
          list: undefined,
        },
      },
    ])
    const page = readFileSync(new URL('../../../docs/formats.md', import.meta.url), 'utf8')
    const shown = /## Trees[\s\S]*?```hex\n([\s\S]*?)```/.exec(page)?.[1]?.replaceAll(/\s/g, '')
    assert.equal(Buffer.from(node).toString('hex'), shown)
    assert.ok(page.includes(digestOf(node)), digestOf(node))
    assert.ok(page.includes(digestOf(encodeDirectory([]))), 'the empty directory')
  })

  test('come back as they were, whatever is in them', () => {
    const random = seededRandom(testSeed)
    for (let round = 0; round < 60; round++) {
      const entries = randomEntries(random, Math.floor(random() * 40))
      const bytes = directoryOf(entries)
      const back = decodeNode(bytes)
      assert.deepEqual(back, { kind: 'directory', entries }, `seed ${testSeed}`)
      for (const entry of entries) assert.deepEqual(decodeEntry(encodeEntry(entry)), entry, `seed ${testSeed}`)
    }
    const parts = randomParts(random, 500)
    assert.deepEqual(decodeNode(encodePartList(parts)), { kind: 'part-list', parts }, `seed ${testSeed}`)
    const lists = parts.slice(0, 9).map(({ length }) => ({ length, node: randomDigest(random) }))
    assert.deepEqual(decodeNode(encodeListOfLists(lists)), { kind: 'list-of-lists', lists })
    const pieces = ['a', 'b\xfe'].map((first) => ({ first, count: 300, node: randomDigest(random) }))
    assert.deepEqual(decodeNode(encodeSplitDirectory(pieces)), { kind: 'split-directory', pieces })
  })

  test('are refused where a name could leave the directory', () => {
    for (const name of ['..', '.', 'a/b', '/', 'a\0b', '']) refuses(directoryOf([fileNamed(name)]), /name/)
    const link = { ...facts, name: 'l', kind: 'hardlink', content: { size: 0, parts: [], list: undefined } } as const
    for (const target of ['../x', '/x', 'a//b', 'a/./b', 'a/..']) refuses(directoryOf([{ ...link, target }]), /leaves the tree/)
  })

  test('are refused where entries are not in order, or the same name comes twice', () => {
    refuses(directoryOf([fileNamed('b'), fileNamed('a')]), /does not come after/)
    refuses(directoryOf([fileNamed('a'), fileNamed('a')]), /does not come after/)
    refuses(
      encodeSplitDirectory([
        { first: 'b', count: 1, node: empty },
        { first: 'a', count: 1, node: empty },
      ]),
      /does not come after/,
    )
  })

  test('are refused in any other spelling of the same', () => {
    const node = Buffer.from(directoryOf([fileNamed('a')]))
    refuses(Buffer.concat([node, Buffer.of(0)]), /follow its end/)
    refuses(node.subarray(0, -1), /ends too early/)
    const padded = Buffer.concat([node.subarray(0, 5), Buffer.of(0x81, 0x00), node.subarray(6)])
    refuses(padded, /longer than it has to be/)
    refuses(
      encodePartList([
        { length: 1, id: undefined },
        { length: 1, id: undefined },
      ]),
      /hole follows a hole/,
    )
    refuses(encodePartList([{ length: 0, id: empty }]), /empty/)
    const wrong = { ...fileNamed('a'), content: { size: 5, parts: [{ length: 3, id: empty }], list: undefined } } as Entry
    refuses(directoryOf([wrong]), /of 5 bytes have 3/)
  })

  test('of a newer format, or of no format, are refused', () => {
    const node = encodeDirectory([])
    refuses(node.with(3, 2), /newer format/)
    refuses(node.with(4, 9), /kind is unknown/)
    refuses(new Uint8Array(), /ends too early/)
    refuses(new Uint8Array((1 << 20) + 1), /larger than/)
  })

  test('never crash the reader: any damage is either noticed or gives a node that is written back the same', () => {
    const random = seededRandom(testSeed)
    for (let round = 0; round < 4000; round++) {
      const bytes = Buffer.from(directoryOf(randomEntries(random, 3)))
      const flips = 1 + Math.floor(random() * 3)
      for (let flip = 0; flip < flips; flip++) bytes[Math.floor(random() * bytes.length)] = Math.floor(random() * 256)
      const cut = random() < 0.2 ? bytes.subarray(0, Math.floor(random() * bytes.length)) : bytes
      try {
        const node = decodeNode(cut)
        if (node.kind === 'directory') assert.deepEqual(Buffer.from(directoryOf(node.entries)), cut, `seed ${testSeed}`)
      } catch (error) {
        assert.ok(isFault(error, 'corrupt'), `seed ${testSeed}: ${String(error)}`)
      }
    }
  })
})
