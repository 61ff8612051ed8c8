import assert from 'node:assert/strict'
import { chownSync, existsSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { needsRoot } from '../../../test/fakes/nobody.ts'
import { describeTree, makeRandomTree, sparseFiles } from '../../../test/fakes/random-tree.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { mountImage } from '../../../test/services/loop-mount.ts'
import { Fault, isFault, silent } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'
import { createShortfall } from '../../snapshots/attributes/index.ts'
import { copyTree, type CopyTreeOptions } from './copy.ts'

const optionsOf = (how: 'clone' | 'copy'): CopyTreeOptions => ({
  how,
  shortfall: createShortfall(),
  report: silent,
  signal: undefined,
})

describe('a copy of a tree', () => {
  const scratch = scratchDirectory()
  let count = 0
  const fresh = (directory = scratch) => path.join(directory, `tree-${count++}`)
  const random = seededRandom(testSeed)
  const filled = (directory = scratch) => {
    const tree = fresh(directory)
    mkdirSync(tree)
    makeRandomTree(tree, random, 120)
    return tree
  }

  test('is the same to the last bit of what can be seen, holes included', async () => {
    for (let round = 0; round < 8; round++) {
      const [from, to] = [filled(), fresh()]
      await copyTree(from, to, optionsOf('copy'))
      assert.deepEqual(describeTree(to), describeTree(from), `seed ${testSeed}, round ${round}`)
      assert.deepEqual(sparseFiles(to), sparseFiles(from), `seed ${testSeed}, round ${round}`)
    }
  })

  for (const kind of ['xfs', 'btrfs'] as const) {
    test(`shares all bytes on ${kind}`, async (t) => {
      const mounted = await mountImage(kind)
      if ('reason' in mounted) return t.skip(mounted.reason)
      const [from, to] = [filled(mounted.directory), fresh(mounted.directory)]
      const { written, bytes } = await copyTree(from, to, optionsOf('clone'))
      assert.ok(bytes > 0)
      assert.equal(written, 0)
      assert.deepEqual(describeTree(to), describeTree(from), `seed ${testSeed}`)
      await assert.rejects(copyTree(from, fresh(), optionsOf('clone')), (error) => isFault(error, 'unsupported') && error.at !== undefined)
    })
  }

  test('has the owners, special files and capabilities that it had', { skip: needsRoot }, async () => {
    const [from, to] = [filled(), fresh()]
    writeFileSync(path.join(from, 'owned'), 'x', { mode: 0o4755 })
    chownSync(path.join(from, 'owned'), 12_345, 54_321)
    symlinkSync('nowhere', path.join(from, 'link'))
    linkSync(path.join(from, 'link'), path.join(from, 'link-again'))
    sys.makeSpecial(path.join(from, 'socket'), 'socket', 0o600)
    sys.makeSpecial(path.join(from, 'device'), 'character-device', 0o600, { major: 1, minor: 3 })
    sys.writeXattr(path.join(from, 'owned'), 'trusted.a', Buffer.from('1'))
    await copyTree(from, to, optionsOf('copy'))
    assert.deepEqual(describeTree(to), describeTree(from))
  })

  test('takes on nothing from the directory that it is made in', { skip: needsRoot }, async () => {
    const from = filled()
    const outer = fresh()
    mkdirSync(outer)
    // The owner, one more user, the group, the mask and others may do all: acl(5), as the kernel keeps it.
    const rows = ['02000000', '01000700ffffffff', '0200070039300000', '04000500ffffffff', '10000700ffffffff', '20000500ffffffff']
    const acl = Buffer.from(rows.join(''), 'hex')
    sys.writeXattr(outer, 'system.posix_acl_default', acl)
    const to = path.join(outer, 'copy')
    await copyTree(from, to, optionsOf('copy'))
    assert.deepEqual(describeTree(to), describeTree(from), `seed ${testSeed}`)
  })

  test('to a name that is taken, or of nothing, is refused', async () => {
    const from = filled()
    await assert.rejects(copyTree(from, from, optionsOf('copy')), (error) => isFault(error, 'already-exists'))
    await assert.rejects(copyTree(fresh(), fresh(), optionsOf('copy')), (error) => isFault(error, 'not-found'))
  })

  test('stops when it is told to', async () => {
    const [from, to] = [filled(), fresh()]
    const signal = AbortSignal.abort(new Fault('aborted', 'stop'))
    await assert.rejects(copyTree(from, to, { ...optionsOf('copy'), signal }), (error) => isFault(error, 'aborted'))
    assert.ok(existsSync(to))
  })
})
