import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  chmodSync,
  closeSync,
  existsSync,
  ftruncateSync,
  linkSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { describeTree, makeRandomTree, mutateTree, sparseFiles } from '../../../test/fakes/random-tree.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { mountImage } from '../../../test/services/loop-mount.ts'
import { Fault, isFault, silent, systemClock } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'
import { createShortfall } from '../../snapshots/attributes/index.ts'
import { copyTree } from './copy.ts'
import { type KnownRoots, readKnownFiles, writeKnownFiles } from './known-files.ts'
import { mirrorTree, type MirrorOptions } from './mirror.ts'

const random = seededRandom(testSeed)
const optionsOf = (known?: MirrorOptions['known']): MirrorOptions => ({
  known,
  shortfall: createShortfall(),
  report: silent,
  signal: undefined,
})

function desk(inside: string) {
  const folder = path.join(inside, `desk-${Math.floor(Math.random() * 1e9)}`)
  const [base, live, file] = ['base', 'live', 'known'].map((name) => path.join(folder, name)) as [string, string, string]
  mkdirSync(live, { recursive: true })
  const at = (name: string) => path.join(live, name)
  const roots = (): KnownRoots => ({
    liveDevice: statSync(live, { bigint: true }).dev,
    baseDevice: statSync(base, { bigint: true }).dev,
  })
  return {
    live,
    base,
    at,
    keep: () => copyTree(live, base, { how: 'copy', shortfall: createShortfall(), report: silent, signal: undefined }),
    /** As the mode does it: what is found to be equal is known the next time. */
    async mirror() {
      const done = await mirrorTree(base, live, optionsOf(readKnownFiles(file, roots())))
      // As if it were long ago.
      writeKnownFiles(file, roots(), done.pairs, systemClock.now() + 10_000)
      return done
    },
    file,
    roots,
  }
}

describe('a mirrored tree', () => {
  const scratch = scratchDirectory()

  for (const place of ['here', 'xfs', 'btrfs'] as const) {
    test(`is what its base is, whatever was done to it (${place})`, async (t) => {
      const mounted = place === 'here' ? { directory: scratch } : await mountImage(place)
      if ('reason' in mounted) return t.skip(mounted.reason)
      for (let tree = 0; tree < 3; tree++) {
        const { live, base, keep, mirror } = desk(mounted.directory)
        makeRandomTree(live, random, 100)
        await keep()
        const clean = describeTree(base)
        for (let round = 0; round < 5; round++) {
          mutateTree(live, random)
          const done = await mirror()
          assert.deepEqual(describeTree(live), clean, `seed ${testSeed}, tree ${tree}, round ${round}`)
          assert.deepEqual(sparseFiles(live), sparseFiles(base), `seed ${testSeed}, tree ${tree}, round ${round}`)
          if (place !== 'here') assert.equal(done.written, 0)
        }
        assert.deepEqual(describeTree(base), clean)
      }
    })
  }

  test('costs no more than the blocks that differ', async () => {
    const { at, base, keep, mirror } = desk(scratch)
    writeFileSync(at('database'), Buffer.alloc(100 << 20, 7))
    await keep()
    await mirror()
    const fd = openSync(at('database'), 'r+')
    for (const block of [0, 1, 900, 5000, 25_599]) writeSync(fd, 'changed', block * 4096 + 17)
    closeSync(fd)
    const { ino } = statSync(at('database'))
    const { written, counts } = await mirror()
    assert.deepEqual([written, counts], [5 * 4096, { added: 0, changed: 1, removed: 0 }])
    assert.equal(statSync(at('database')).ino, ino)
    assert.ok(readFileSync(at('database')).equals(readFileSync(path.join(base, 'database'))))
  })

  test('of which nothing changed is not written to, nor read', async () => {
    const { live, base, keep, mirror } = desk(scratch)
    makeRandomTree(live, random, 60)
    await keep()
    await mirror()
    const before = describeTree(live)
    const { written, counts, pairs } = await mirror()
    assert.deepEqual([written, counts], [0, { added: 0, changed: 0, removed: 0 }])
    assert.equal(pairs.length, before.length, `seed ${testSeed}`)
    assert.deepEqual(before, describeTree(base))
  })

  test('is noticed to have changed by what no clock shows: same size, same time', async () => {
    const { at, keep, mirror } = desk(scratch)
    const time = new Date(1e12)
    for (const name of ['written', 'exchanged']) {
      writeFileSync(at(name), 'first')
      utimesSync(at(name), time, time)
    }
    await keep()
    await mirror()
    writeFileSync(at('written'), 'other')
    utimesSync(at('written'), time, time)
    writeFileSync(at('new'), 'other')
    utimesSync(at('new'), time, time)
    renameSync(at('new'), at('exchanged'))
    await mirror()
    assert.deepEqual(
      ['written', 'exchanged'].map((name) => readFileSync(at(name), 'utf8')),
      ['first', 'first'],
    )
  })

  test('has the hard links of its base, and never writes to a file that has a name elsewhere', async () => {
    const { live, base, at, keep, mirror } = desk(scratch)
    for (const name of ['a', 'b', 'c']) writeFileSync(at(name), `content of ${name}`)
    linkSync(at('a'), at('a-again'))
    await keep()
    const elsewhere = path.join(path.dirname(live), 'elsewhere')
    rmSync(at('b'))
    writeFileSync(elsewhere, 'mine')
    linkSync(elsewhere, at('b'))
    rmSync(at('a-again'))
    linkSync(at('c'), at('a-again'))
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base))
    assert.equal(readFileSync(elsewhere, 'utf8'), 'mine')
    assert.equal(statSync(at('a')).ino, statSync(at('a-again')).ino)
    assert.notEqual(statSync(at('a')).ino, statSync(at('c')).ino)
    // Two names of one file where two files should be, with all that is known of them.
    rmSync(at('a'))
    renameSync(at('a-again'), at('a'))
    linkSync(at('a'), at('a-again'))
    rmSync(at('c'))
    linkSync(at('b'), at('c'))
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base))
  })

  test('follows no link out', async () => {
    const { live, base, at, keep, mirror } = desk(scratch)
    mkdirSync(at('inner'))
    writeFileSync(at('inner/file'), 'clean')
    writeFileSync(at('file'), 'clean')
    await keep()
    const outside = path.join(path.dirname(live), 'outside')
    mkdirSync(outside)
    writeFileSync(path.join(outside, 'file'), 'mine')
    rmSync(at('inner'), { recursive: true })
    symlinkSync(outside, at('inner'))
    rmSync(at('file'))
    symlinkSync(path.join(outside, 'file'), at('file'))
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base))
    assert.equal(readFileSync(path.join(outside, 'file'), 'utf8'), 'mine')
  })

  test('gets its holes back, and keeps those it has', async () => {
    const { live, base, at, keep, mirror } = desk(scratch)
    const fd = openSync(at('sparse'), 'w')
    ftruncateSync(fd, 8 << 20)
    writeSync(fd, Buffer.alloc(65_536, 1), 0, 65_536, 4 << 20)
    closeSync(fd)
    await keep()
    writeFileSync(at('sparse'), Buffer.alloc(9 << 20, 5))
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base))
    assert.deepEqual(sparseFiles(live), ['/sparse'])
  })

  test('a file that is running, or may not be written to, is replaced', async () => {
    const { live, base, at, keep, mirror } = desk(scratch)
    writeFileSync(at('read-only'), 'clean', { mode: 0o444 })
    await keep()
    chmodSync(at('read-only'), 0o644)
    writeFileSync(at('read-only'), 'dirty')
    chmodSync(at('read-only'), 0)
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base))
  })

  test('an immutable file is named, and given back once it may be', async (t) => {
    const { live, base, at, keep, mirror } = desk(scratch)
    writeFileSync(at('file'), 'clean')
    await keep()
    writeFileSync(at('file'), 'dirty, and longer')
    try {
      execFileSync('chattr', ['+i', at('file')], { stdio: 'ignore' })
    } catch {
      return t.skip('this file system has no immutable files')
    }
    try {
      await assert.rejects(mirror(), { code: 'denied', at: at('file') })
    } finally {
      execFileSync('chattr', ['-i', at('file')])
    }
    assert.equal(readFileSync(at('file'), 'utf8'), 'dirty, and longer')
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base))
  })

  test('may have very many directories within each other', async () => {
    const { live, base, keep, mirror } = desk(scratch)
    const inmost = (tree: string) => path.join(tree, 'd/'.repeat(1400), 'leaf')
    mkdirSync(path.dirname(inmost(live)), { recursive: true })
    writeFileSync(inmost(live), 'clean')
    await keep()
    writeFileSync(inmost(live), 'written to')
    await mirror()
    assert.equal(readFileSync(inmost(live), 'utf8'), 'clean')
    assert.equal(readFileSync(inmost(base), 'utf8'), 'clean')
    assert.deepEqual((await mirror()).counts, { added: 0, changed: 0, removed: 0 })
  })

  test('stops when it is told to, and is finished by the next', async () => {
    const { live, base, keep, mirror } = desk(scratch)
    makeRandomTree(live, random, 60)
    await keep()
    mutateTree(live, random)
    const signal = AbortSignal.abort(new Fault('aborted', 'stop'))
    await assert.rejects(mirrorTree(base, live, { ...optionsOf(), signal }), (error) => isFault(error, 'aborted'))
    await mirror()
    assert.deepEqual(describeTree(live), describeTree(base), `seed ${testSeed}`)
  })
})

describe('what is known of files', () => {
  const scratch = scratchDirectory()

  test('may be lost or damaged in any way: all is compared then, and right', async () => {
    const { live, base, file, keep, mirror } = desk(scratch)
    makeRandomTree(live, random, 40)
    await keep()
    for (let round = 0; round < 20; round++) {
      await mirror()
      mutateTree(live, random)
      const bytes = readFileSync(file)
      if (round % 3 === 0) writeFileSync(file, bytes.subarray(0, Math.floor(random() * bytes.length)))
      else {
        bytes[Math.floor(random() * bytes.length)]! ^= 1 << Math.floor(random() * 8)
        writeFileSync(file, bytes)
      }
      await mirror()
      assert.deepEqual(describeTree(live), describeTree(base), `seed ${testSeed}, round ${round}`)
    }
  })

  test('is of these two trees only', async () => {
    const { live, file, keep, mirror, roots } = desk(scratch)
    makeRandomTree(live, random, 10)
    await keep()
    await mirror()
    assert.ok(readKnownFiles(file, roots()) !== undefined)
    assert.equal(readKnownFiles(file, { ...roots(), liveDevice: 1n }), undefined)
    assert.equal(readKnownFiles(path.join(scratch, 'none'), roots()), undefined)
    assert.ok(existsSync(file) && sys.whyMissing() === undefined)
  })
})
