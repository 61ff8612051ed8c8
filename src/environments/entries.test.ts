import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { isFault } from '../kit/index.ts'
import { measureTree, walkEntries } from './entries.ts'

const scratch = scratchDirectory()

/** `a` and `b`, each with one file, and a file `c`. */
function tree(): string {
  const root = mkdtempSync(path.join(scratch, 'tree-'))
  for (const name of ['a', 'b']) {
    mkdirSync(path.join(root, name))
    writeFileSync(path.join(root, name, 'file'), name)
  }
  writeFileSync(path.join(root, 'c'), 'c')
  return root
}

async function pathsIn(root: string, options: { readonly changes?: boolean }): Promise<string[]> {
  const paths: string[] = []
  for await (const entry of walkEntries(root, undefined, options)) {
    paths.push(entry.path)
    if (entry.path !== 'a') continue
    rmSync(path.join(root, 'a'), { recursive: true })
    rmSync(path.join(root, 'c'))
  }
  return paths
}

describe('what goes while a tree is walked', () => {
  test('is left out of a tree that changes', async () => {
    assert.deepEqual(await pathsIn(tree(), { changes: true }), ['', 'a', 'b', 'b/file'])
  })

  test('is a fault in any other', async () => {
    await assert.rejects(pathsIn(tree(), {}), (error: unknown) => isFault(error, 'not-found'))
  })

  test('does not count where a tree is measured, as before a create beside those who write', async () => {
    const root = tree()
    const { signal } = new AbortController()
    let looks = 0
    // It is looked at before each directory is: the first has been listed by then.
    const get = () => {
      if (++looks === 2) rmSync(path.join(root, 'b'), { recursive: true })
      return false
    }
    Object.defineProperty(signal, 'aborted', { get })
    const { entries, bytes } = await measureTree(root, signal)
    assert.deepEqual([entries, bytes, looks], [4, 2, 3])
  })

  test('is a fault where it is the tree', async () => {
    await assert.rejects(measureTree(path.join(scratch, 'nowhere')), (error: unknown) => isFault(error, 'not-found'))
  })
})
