import assert from 'node:assert/strict'
import { chmodSync, existsSync, readdirSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { snapshotShell } from '../../test/fakes/snapshot-shell.ts'

const scratch = scratchDirectory()

describe('snapshot create', () => {
  test('keeps a tree, makes the store where there is none, and says both', async () => {
    const { ok } = snapshotShell(scratch)
    const out = await ok('snapshot create tree')
    assert.match(out, /^snapshot [0-9a-f]{8} of .*\/tree \(.+\/tree-[0-9a-f]{8}\)\n {2}2 files, 8 B: 2 read, 0 unchanged\n/)
    assert.match(out, /stored .* for .* that were new\n {2}made the store file:.*\/store\n$/)
  })

  test('of an unchanged tree makes one more, as every snapshot is a moment that one may go back to', async () => {
    const { listed, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name t')
    const again = await ok('snapshot create tree --name t')
    assert.match(again, /nothing changed since the last one\n {2}stored nothing/)
    assert.equal((await listed()).length, 2)
  })

  test('with --skip-if-unchanged makes none there, and says so', async () => {
    const { listed, ok, write } = snapshotShell(scratch)
    await ok('snapshot create tree --name t')
    assert.match(
      await ok('snapshot create tree --name t --skip-if-unchanged'),
      /nothing to do: .*\/tree is what the snapshot [0-9a-f]{8} of t has/,
    )
    assert.equal((await listed()).length, 1)
    write('tree/c.txt', 'three')
    await ok('snapshot create tree --name t --skip-if-unchanged')
    assert.equal((await listed()).length, 2)
  })

  test('--dry-run says what would be read and makes not even the store', async () => {
    const { cwd, ok } = snapshotShell(scratch)
    assert.match(await ok('snapshot create tree --dry-run'), /to read: 2 files, 8 B; 0 unchanged\n\ndry run: nothing was stored\n$/)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
    assert.equal(existsSync(path.join(cwd, 'home')), false)
  })

  test('takes globs to leave out, a list of paths, tags and a message', async () => {
    const { ok, write } = snapshotShell(scratch)
    write('paths', 'tree/sub\ntree/a.txt\n')
    await ok('snapshot create --from-file paths --exclude b.* --tag x --tag y --message why --name t')
    assert.deepEqual((await ok('snapshot ls latest -r')).trim().split('\n'), ['a.txt', 'sub/'])
    assert.match(await ok('snapshot show latest'), /message +why\n[^]*tags +x, y\n/)
  })

  test('a list of paths may come from stdin with zero bytes between them', async () => {
    const { ok, write } = snapshotShell(scratch)
    write('odd\nname', '')
    const made = await ok('snapshot create --from-file - --json', { stdin: 'odd\nname\0tree/a.txt\0' })
    assert.deepEqual((JSON.parse(made) as { result: { paths: string[] } }).result.paths, ['odd\nname', 'tree/a.txt'])
  })

  test('leaves the store itself out of a snapshot of the folder around it', async () => {
    const { ok } = snapshotShell(scratch)
    await ok('snapshot create . --name all')
    await ok('snapshot create . --name all')
    assert.doesNotMatch(await ok('snapshot ls latest'), /store/)
  })

  test('no path, one that is not there, and a wrong tag are refused before the store is made', async () => {
    const { cwd, holdfast } = snapshotShell(scratch)
    assert.equal((await holdfast('snapshot create')).exit, 2)
    assert.equal((await holdfast('snapshot create nowhere')).exit, 4)
    assert.equal((await holdfast(['snapshot', 'create', 'tree', '--tag', 'a b'])).exit, 2)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
  })

  test(
    'what cannot be read is listed, the rest is kept, and the exit status is 11',
    { skip: process.getuid?.() === 0 ? 'root reads everything' : false },
    async () => {
      const { cwd, holdfast } = snapshotShell(scratch)
      chmodSync(path.join(cwd, 'tree/sub/b.txt'), 0)
      const { exit, out, err } = await holdfast('snapshot create tree --json')
      assert.equal(exit, 11)
      const document = JSON.parse(out) as { ok: boolean; result: { problems: { count: number } }; fault: { code: string } }
      assert.deepEqual([document.ok, document.result.problems.count, document.fault.code], [false, 1, 'partial'])
      assert.match(err, /without 1 path:\n.*sub\/b\.txt/)
    },
  )
})

describe('which snapshot is meant', () => {
  test('an id shortened while unique, latest, latest~1, a name, and a part of each', async () => {
    const { listed, ok, write } = snapshotShell(scratch)
    await ok('snapshot create tree --name one')
    write('tree/a.txt', 'changed\n')
    await ok('snapshot create tree --name two')
    const [first, second] = await listed()
    for (const written of [first!.id, first!.id.slice(7), first!.id.slice(7, 12), 'latest~1', 'one']) {
      assert.equal(await ok(`snapshot cat ${written}:a.txt`), 'one\n', written)
    }
    for (const written of [second!.id, 'latest', 'two']) assert.equal(await ok(`snapshot cat ${written} a.txt`), 'changed\n', written)
    assert.equal(await ok('snapshot cat latest:sub b.txt'), 'two\n')
  })

  test('what is none is not found, and says how to see those that there are', async () => {
    const { holdfast, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name one')
    for (const written of ['latest~1', 'ffffffff', 'nobody', 'one~7']) {
      const { exit, err } = await holdfast(`snapshot show ${written}`)
      assert.equal(exit, 4, written)
      assert.match(err, /holdfast snapshot list/, written)
    }
    const { exit, err } = await holdfast('snapshot ls latest:nothing/here')
    assert.equal(exit, 4)
    assert.match(err, /the snapshot has no nothing/)
  })

  test('a place that is no store is not found: it is not taken for an empty one', async () => {
    const { cwd, holdfast } = snapshotShell(scratch)
    const { exit, err } = await holdfast('snapshot list')
    assert.equal(exit, 4)
    assert.match(err, /there is no holdfast store here yet/)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
  })

  test('a part is refused where only whole snapshots make sense', async () => {
    const { holdfast, ok } = snapshotShell(scratch)
    await ok('snapshot create tree')
    assert.equal((await holdfast('snapshot pin latest:sub')).exit, 2)
    assert.equal((await holdfast('snapshot forget latest:sub --yes')).exit, 2)
  })
})

describe('snapshot restore', () => {
  test('gives the tree back into a new folder, and in place only what differs', async () => {
    const { cwd, ok, read, write } = snapshotShell(scratch)
    await ok('snapshot create tree')
    assert.match(await ok('snapshot restore latest --to back'), /back is what .* was\n {2}2 written, .*; 0 unchanged\n/)
    assert.equal(read('back/sub/b.txt'), 'two\n')
    write('back/a.txt', 'dirty')
    write('back/more', '')
    const dry = await ok('snapshot restore latest --to back --delete --dry-run')
    assert.match(dry, /back would be what [^]*1 written[^]*1 removed[^]*dry run: nothing was changed\n$/)
    assert.equal(read('back/a.txt'), 'dirty')
    assert.match(await ok('snapshot restore latest --to back --delete --yes'), /1 removed/)
    assert.deepEqual(readdirSync(path.join(cwd, 'back')).toSorted(), ['a.txt', 'link', 'sub'])
    assert.equal(read('back/a.txt'), 'one\n')
    assert.match(await ok('snapshot restore latest --to back --delete --yes'), /nothing to do; 3 unchanged/)
  })

  test('--delete asks first; a no changes nothing, and off a terminal it needs --yes', async () => {
    const { cwd, holdfast, ok, write } = snapshotShell(scratch)
    await ok('snapshot create tree')
    write('back/mine', 'mine')
    const { exit, err } = await holdfast('snapshot restore latest --to back --delete', { columns: 80, typed: 'n' })
    assert.equal(exit, 130)
    assert.match(err, /WARNING: this changes and removes files[^]*nothing was changed/)
    assert.equal((await holdfast('snapshot restore latest --to back --delete')).exit, 2)
    assert.deepEqual(readdirSync(path.join(cwd, 'back')), ['mine'])
  })

  test('a part, a file, and only what a glob includes', async () => {
    const { cwd, holdfast, ok, read } = snapshotShell(scratch)
    await ok('snapshot create tree')
    await ok('snapshot restore latest:sub --to part')
    assert.deepEqual(readdirSync(path.join(cwd, 'part')), ['b.txt'])
    await ok('snapshot restore latest a.txt --to file')
    assert.equal(read('file/a.txt'), 'one\n')
    await ok('snapshot restore latest --to some --include b.*')
    assert.deepEqual(readdirSync(path.join(cwd, 'some')), ['sub'])
    assert.equal((await holdfast('snapshot restore latest --to none --include *.zip')).exit, 3)
  })
})
