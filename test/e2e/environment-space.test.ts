/** An environment whose disk is full, as whole commands: found before, or rolled back, and said. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { describeTree, ensureTree } from '../../src/environments/conformance/odd-tree.ts'
import { readMounts, realSys as sys } from '../../src/kit/sys/index.ts'
import { assertNothingKept, project } from '../fakes/environment-shell.ts'
import { mountImage } from '../services/loop-mount.ts'

const small = await mountImage('old-ext4')
const seconds = { timesInSeconds: true } as const

describe('no space', { skip: 'reason' in small ? small.reason : false }, () => {
  const directory = 'directory' in small ? small.directory : ''
  const fill = (free: number) => {
    const { stdout } = spawnSync('df', ['--output=avail', '-B1', directory], { encoding: 'utf8' })
    writeFileSync(path.join(directory, 'filler'), Buffer.alloc(Math.max(0, Number(stdout.split('\n')[1]) - free)))
  }
  const release = () => rmSync(path.join(directory, 'filler'), { force: true })
  // What a failed test leaves is in nobody's way.
  afterEach(() => {
    for (const { at } of readMounts().filter((mount) => mount.at.startsWith(`${directory}/`))) sys.detachMount(at)
    for (const name of readdirSync(directory)) rmSync(path.join(directory, name), { recursive: true })
  })

  test('for a snapshot is found before anything is written', () => {
    for (const mode of ['filesystem', 'squashfs']) {
      const { holdfast, live, snapshots } = project(`mode = "${mode}"\nsnapshots_dir = "${directory}/before-${mode}"`)
      writeFileSync(path.join(live, 'large'), Buffer.alloc(20 << 20))
      const { exit, err } = holdfast('env create')
      assert.equal(exit, 10, err)
      assert.match(
        err,
        /there is no room for a snapshot of stage: it takes up to 20\.\d MiB, and \d+\.\d MiB are free\n(.*\n)*.*holdfast env cleanup/,
      )
      assert.equal(existsSync(snapshots), false)
    }
  })

  test('half way through a create rolls it back', async () => {
    for (const copier of ['rsync', 'builtin']) {
      const kept = `${directory}/half-${copier}`
      const { holdfast, live } = project(`mode = "filesystem"\ncopier = "${copier}"\nsnapshots_dir = "${kept}"`)
      // Few bytes, and more blocks than there is room for.
      mkdirSync(path.join(live, 'many'))
      for (let count = 0; count < 2500; count++) writeFileSync(path.join(live, `many/${count}`), 'x')
      const before = await describeTree(live, {})
      fill(400 << 10)
      const { exit, err } = holdfast('env create')
      assert.equal(exit, 10, err)
      assert.match(err, /space|room/)
      await ensureTree(live, before, {}, copier)
      await assertNothingKept(kept)
      assert.match(holdfast('env list').out, /there are no snapshots/)
      release()
      assert.equal(holdfast('env create').exit, 0)
      assert.equal(holdfast('env delete clean_state --yes').exit, 0)
      await assertNothingKept(kept)
    }
  })

  test('half way through a restore in place leaves it marked; with room again it is finished', async () => {
    for (const copier of ['rsync', 'builtin']) {
      const { holdfast, live } = project(`mode = "filesystem"\ncopier = "${copier}"`, directory)
      writeFileSync(path.join(live, 'large'), Buffer.alloc(3 << 20, 'large'))
      const clean = await describeTree(live, seconds)
      assert.equal(holdfast('env create').exit, 0)
      rmSync(path.join(live, 'large'))
      fill(1 << 20)
      const { exit, err } = holdfast('env restore')
      assert.equal(exit, 10, err)
      assert.match(err, /space|room/)
      const refused = holdfast('env create --snapshot other')
      assert.equal(refused.exit, 9)
      assert.match(refused.err, /has not ended.*\n(.*\n)*.*holdfast env restore stage --snapshot clean_state/)
      release()
      const finished = holdfast('env restore')
      assert.equal(finished.exit, 0, finished.err)
      await ensureTree(live, clean, seconds, copier)
    }
  })

  test('half way is followed by the clean-up where there is one, and that is said', () => {
    const { holdfast, live, wallet } = project(
      'mode = "filesystem"\ncleanup = "rm -f data/large && printf cleaned > data/node-1/wallet"',
      directory,
    )
    writeFileSync(path.join(live, 'large'), Buffer.alloc(3 << 20, 'large'))
    assert.equal(holdfast('env create').exit, 0)
    rmSync(path.join(live, 'large'))
    fill(1 << 20)
    const { exit, err, out } = holdfast('env restore')
    release()
    assert.equal(exit, 0, err)
    assert.match(`${out}${err}`, /failed, so the clean-up command runs/)
    assert.match(out, /^cleaned stage in place of the restore to clean_state/)
    assert.equal(wallet(), 'cleaned')
  })

  test('for a plain directory in place of the mount leaves the mount', () => {
    const { holdfast, live, wallet, dirty } = project('mode = "overlay"', directory)
    writeFileSync(path.join(live, 'large'), Buffer.alloc(3 << 20, 'large'))
    const made = holdfast('env create')
    assert.equal(made.exit, 0, made.err)
    dirty()
    fill(1 << 20)
    const { exit, err } = holdfast('env stop')
    assert.equal(exit, 10, err)
    assert.equal(wallet(), 'clean, and dirty')
    release()
    assert.equal(holdfast('env stop').exit, 0)
    assert.equal(wallet(), 'clean, and dirty')
  })
})
