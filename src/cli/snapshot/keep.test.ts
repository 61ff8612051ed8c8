import assert from 'node:assert/strict'
import { existsSync, globSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { snapshotShell } from '../../../test/fakes/snapshot-shell.ts'

const scratch = scratchDirectory()

describe('care', () => {
  test('forget keeps what any rule keeps, says why, and prune gives the space back', async () => {
    const { holdfast, listed, ok, write } = snapshotShell(scratch)
    for (const name of ['one', 'two', 'three']) {
      write('tree/a.txt', name)
      await ok(`snapshot create tree --name t --tag ${name}`)
    }
    const dry = await ok('snapshot forget --keep-last 1 --keep-tag one --dry-run')
    assert.match(dry, /would forget {2}t: .*\nwould keep {2}t: .*: tag one\nwould keep {2}t: .*: last\n/)
    assert.equal((await listed()).length, 3)
    assert.equal((await holdfast('snapshot forget --keep-last 1')).exit, 2)
    await ok('snapshot forget --keep-last 1 --keep-tag one --yes')
    assert.deepEqual(
      (await listed()).map(({ tags }) => tags[0]),
      ['one', 'three'],
    )
    assert.match(await ok('snapshot forget --keep-last 9'), /nothing to do: every snapshot is kept/)
    assert.match(await ok('snapshot prune'), /objects are reached and stay/)
  })

  test('forget takes snapshots by name, refuses a pinned one, and rules together with them', async () => {
    const { holdfast, listed, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name one')
    await ok('snapshot create tree --name two')
    await ok('snapshot pin one --message shipped')
    assert.equal((await listed())[0]!.pinned, true)
    assert.equal((await holdfast('snapshot forget one --yes')).exit, 5)
    assert.equal((await holdfast('snapshot forget two --keep-last 1 --yes')).exit, 2)
    assert.equal((await holdfast('snapshot forget --yes')).exit, 2)
    await ok('snapshot unpin one')
    assert.equal((await holdfast('snapshot unpin one')).exit, 3)
    await ok('snapshot forget one two --yes')
    assert.deepEqual(await listed(), [])
  })

  test('verify finds what is missing and names the path that needs it; a share is a percentage', async () => {
    const { cwd, holdfast, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name t')
    assert.match(
      await ok('snapshot verify --read-data'),
      /1 snapshot: 3 nodes read, 2 chunks looked for, 8 B of content read; all is whole\n/,
    )
    await ok('snapshot verify t --read-data=10%')
    assert.equal((await holdfast('snapshot verify --read-data=200%')).exit, 2)
    rmSync(path.join(cwd, 'store/index'), { recursive: true })
    rmSync(path.join(cwd, 'home/.cache'), { recursive: true })
    const { exit, out } = await holdfast('snapshot verify')
    assert.equal(exit, 1)
    assert.match(out, /^damaged: node sha256:[^]*\n {2}needed by: [0-9a-f]{8}:\.\n/)
    assert.equal((await holdfast('snapshot verify --tag nothing')).exit, 3)
  })

  test('what was damaged is repaired from a copy, and put aside', async () => {
    const { cwd, holdfast, ok, write } = snapshotShell(scratch)
    await ok('snapshot create tree --name t')
    await ok('snapshot copy --to file:./other')
    const packs = globSync('store/packs/*/*', { cwd })
    for (const pack of packs) write(pack, Buffer.alloc(300))
    const { records } = { records: globSync('store/snapshots/**/*.json', { cwd }) }
    for (const record of records) write(record, 'hacked')
    assert.match((await holdfast('store verify')).out, /^damaged: snapshots\/[^]*\ndamaged: packs\//)
    assert.equal((await holdfast('snapshot verify --repair-from file:./other --dry-run')).exit, 1)
    const repaired = await ok('snapshot verify --repair-from file:./other')
    assert.match(
      repaired,
      /repaired: \d+ pieces from the other store\n {2}put aside: quarantine\/packs\/[^]* {2}and 1 record\n[^]*all is whole\n$/,
    )
    assert.equal(await ok('snapshot cat t:a.txt'), 'one\n')
    assert.match(await ok('store verify --read-data'), /all is whole/)
  })

  test('a pack that no index tells of is indexed anew by store verify --repair', async () => {
    const { cwd, holdfast, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name t')
    rmSync(path.join(cwd, 'store/index'), { recursive: true })
    rmSync(path.join(cwd, 'home/.cache'), { recursive: true })
    assert.match(await ok('store verify'), /^strange: packs\/.*: no index knows it\n/)
    assert.match(await ok('store verify --repair'), /repaired: \d packs indexed anew/)
    assert.equal((await holdfast('snapshot verify --read-data')).exit, 0)
  })

  test('stats tells what each takes, and what all take together', async () => {
    const { ok, result, write } = snapshotShell(scratch)
    await ok('snapshot create tree --name one')
    write('tree/more', 'more')
    await ok('snapshot create tree --name two')
    assert.match(
      await ok('snapshot stats'),
      /^SNAPSHOT +NAME +MADE +LOGICAL +STORED +ALONE\n[^]*2 snapshots: 20 B in files, \d+ distinct pieces/,
    )
    const { snapshots } = await result<{ snapshots: { logical: number }[] }>('snapshot stats one')
    assert.deepEqual(
      snapshots.map(({ logical }) => logical),
      [8],
    )
  })

  test('copy brings over what the other store lacks, and says when that is nothing', async () => {
    const { cwd, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name one')
    await ok('snapshot create tree/sub --name two')
    assert.match(await ok('snapshot copy one --to file:./other --dry-run'), /^would copy {2}one: [^]*dry run: nothing was copied\n$/)
    assert.equal(existsSync(path.join(cwd, 'other')), false)
    assert.match(await ok('snapshot copy one --to file:./other'), /^copied {2}one: /)
    assert.match(await ok('snapshot copy --to file:./other'), /^copied {2}two: .*\n1 snapshot there already\n/)
    assert.match(await ok('snapshot copy --to file:./other'), /nothing to do: all 2 are there already/)
    assert.equal(await ok('snapshot cat one:a.txt --store file:./other'), 'one\n')
  })

  test('export writes an archive into a file or a pipe, but neither to a terminal nor between JSON', async () => {
    const { holdfast, ok, read } = snapshotShell(scratch)
    await ok('snapshot create tree')
    assert.match(await ok('snapshot export latest --format zip --output tree.zip'), /^tree\.zip: .*, \d members of /)
    assert.match(read('tree.zip'), /^PK/)
    assert.match(await ok('snapshot export latest:sub --format zip --output sub.zip'), /^sub\.zip: .*, 1 member of /)
    const nowhere = await holdfast('snapshot export latest --format zip --output nowhere/tree.zip')
    assert.equal(nowhere.exit, 4)
    assert.match(nowhere.err, /the folder that the archive would lie in does not exist\n {2}at: .*nowhere\n[^]*next: make it/)
    assert.match(await ok('snapshot export latest:sub --format tar'), /b\.txt[^]*two\n/)
    assert.equal((await holdfast('snapshot export latest --format tar', { columns: 80 })).exit, 2)
    assert.equal((await holdfast('snapshot export latest --format tar --json')).exit, 2)
  })

  test('forget says what its filters and tags do not find', async () => {
    const { holdfast, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name t --tag release')
    assert.equal((await holdfast('snapshot forget --name nothing --keep-last 1 --yes')).exit, 3)
    const { exit, err } = await holdfast('snapshot forget --keep-tag relase --keep-tag release --dry-run')
    assert.equal(exit, 0)
    assert.match(err, /^warning: --keep-tag relase keeps nothing: no snapshot has that tag\n$/)
  })

  test('tag gives and takes words', async () => {
    const { holdfast, listed, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --tag nightly')
    assert.match(await ok('snapshot tag latest --add shipped --remove nightly'), /has the tags shipped\n/)
    assert.deepEqual((await listed())[0]!.tags, ['shipped'])
    assert.equal((await holdfast('snapshot tag latest --add shipped')).exit, 3)
    assert.equal((await holdfast('snapshot tag latest')).exit, 2)
    await ok('snapshot tag latest --remove shipped --dry-run')
    assert.deepEqual((await listed())[0]!.tags, ['shipped'])
  })
})
