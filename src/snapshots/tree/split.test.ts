import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { memoryNodes } from '../../../test/fakes/memory-nodes.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { randomEntries, randomParts } from '../../../test/fakes/tree-entries.ts'
import { digestOf, isFault } from '../../kit/index.ts'
import { decodeNode, encodeEntry, encodeSplitDirectory, maxNodeBytes } from './codec.ts'
import type { Entry } from './entry.ts'
import { partsOf, readDirectory, writeContent, writeDirectory } from './split.ts'

function named(entries: readonly Entry[]) {
  return entries.map((entry) => ({ name: entry.name, bytes: encodeEntry(entry) }))
}

describe('a directory', () => {
  test('of at most 256 entries is one node, a longer one several, and both come back whole', async () => {
    const random = seededRandom(testSeed)
    const nodes = memoryNodes()
    for (const count of [0, 1, 256, 5000, 20_000]) {
      const entries = randomEntries(random, count)
      const id = await writeDirectory(nodes, named(entries))
      assert.deepEqual(await readDirectory(nodes, id), entries, `seed ${testSeed}`)
      const top = decodeNode(nodes.all.get(id)!)
      assert.equal(top.kind, count <= 256 ? 'directory' : 'split-directory', `${count}, seed ${testSeed}`)
    }
    for (const bytes of nodes.all.values()) assert.ok(bytes.byteLength <= maxNodeBytes)
  })

  test('that gets one more entry shares all but two or three of its nodes with what it was', async () => {
    const random = seededRandom(testSeed)
    const entries = randomEntries(random, 20_001)
    const [extra] = entries.splice(Math.floor(random() * 20_000), 1)
    const nodes = memoryNodes()
    await writeDirectory(nodes, named(entries))
    const before = nodes.all.size
    await writeDirectory(nodes, named([...entries, extra!].toSorted((a, b) => (a.name < b.name ? -1 : 1))))
    assert.ok(nodes.all.size - before <= 3, `${nodes.all.size - before} new nodes, seed ${testSeed}`)
  })

  test('whose pieces overlap, or hold other than they say, is refused', async () => {
    const nodes = memoryNodes()
    const random = seededRandom(7)
    const entries = named(randomEntries(random, 10))
    const node = await writeDirectory(nodes, entries)
    const first = entries[0]!.name
    for (const pieces of [
      [
        { first, count: 10, node },
        { first: `${first}x`, count: 10, node },
      ],
      [
        { first, count: 9, node },
        { first: '\xff', count: 10, node },
      ],
    ]) {
      const id = await nodes.addBytes(encodeSplitDirectory(pieces), 'node')
      await assert.rejects(readDirectory(nodes, id), (error) => isFault(error, 'corrupt'))
    }
  })
})

describe('a file', () => {
  test('of up to 64 parts has them in its entry, one of more in lists, and all come back in order', async () => {
    const random = seededRandom(testSeed)
    const nodes = memoryNodes()
    for (const count of [0, 1, 64, 65, 3000, 300_000]) {
      const parts = randomParts(random, count)
      const size = parts.reduce((sum, { length }) => sum + length, 0)
      const content = await writeContent(nodes, size, parts)
      assert.equal(content.list === undefined, count <= 64)
      assert.deepEqual((await Array.fromAsync(partsOf(nodes, content))).flat(), parts, `seed ${testSeed}`)
    }
    for (const bytes of nodes.all.values()) assert.ok(bytes.byteLength <= maxNodeBytes)
  })

  test('whose lists do not add up to its size is refused', async () => {
    const nodes = memoryNodes()
    const parts = randomParts(seededRandom(3), 100)
    const content = await writeContent(
      nodes,
      parts.reduce((sum, { length }) => sum + length, 0),
      parts,
    )
    await assert.rejects(Array.fromAsync(partsOf(nodes, { ...content, size: content.size + 1 })), (error) => isFault(error, 'corrupt'))
    const directory = await writeDirectory(nodes, [])
    await assert.rejects(Array.fromAsync(partsOf(nodes, { ...content, list: directory })), (error) => isFault(error, 'corrupt'))
    await assert.rejects(readDirectory(nodes, content.list!), (error) => isFault(error, 'corrupt'))
    assert.ok(digestOf('') !== content.list)
  })
})
