import assert from 'node:assert/strict'
import { chmodSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { snapshotShell } from '../../../test/fakes/snapshot-shell.ts'

const scratch = scratchDirectory()

describe('looking', () => {
  test('list fits 60 columns and narrows down by name, host and tag', async () => {
    const { listed, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name one --tag x --message a-message-that-is-long-enough-to-be-cut')
    await ok('snapshot create tree/sub --name two')
    for (const line of (await ok('snapshot list', { columns: 60 })).split('\n')) assert.ok(line.length <= 60, line)
    assert.deepEqual(
      (await listed(' --tag x')).map(({ name }) => name),
      ['one'],
    )
    assert.deepEqual(
      (await listed(' --name two')).map(({ name }) => name),
      ['two'],
    )
    assert.deepEqual(await listed(' --host elsewhere'), [])
    assert.equal(await ok('snapshot list --host elsewhere'), 'there are no such snapshots\n')
    await ok('snapshot forget one latest --yes')
    assert.equal(await ok('snapshot list'), 'there are no snapshots in this store\n')
  })

  test('ls shows a folder, --recursive all below it, --long what ls -l shows', async () => {
    const { cwd, ok, result } = snapshotShell(scratch)
    chmodSync(path.join(cwd, 'tree/a.txt'), 0o4751)
    await ok('snapshot create tree')
    assert.equal(await ok('snapshot ls latest'), 'a.txt\nlink -> a.txt\nsub/\n')
    assert.equal(await ok('snapshot ls latest sub'), 'sub/b.txt\n')
    assert.match(
      await ok('snapshot ls latest -r --long'),
      /^-rwsr-x--x .* 4 B {2}\d{4}-\d\d-\d\d \d\d:\d\d:\d\d {2}a\.txt\n[^]*sub\/b\.txt\n$/,
    )
    const { entries } = await result<{ entries: { path: string; mode: string }[] }>('snapshot ls latest')
    assert.deepEqual([entries[0]!.path, entries[0]!.mode], ['a.txt', '04751'])
  })

  test('cat gives the bytes, and in JSON text or base64', async () => {
    const { holdfast, ok, result, write } = snapshotShell(scratch)
    write('tree/binary', Buffer.from([0xff, 0xfe, 0]))
    await ok('snapshot create tree')
    assert.deepEqual((await result('snapshot cat latest:a.txt'))['content'], 'one\n')
    const { encoding, content } = await result('snapshot cat latest:binary')
    assert.deepEqual([encoding, content], ['base64', '//4A'])
    assert.equal((await holdfast('snapshot cat latest:sub')).exit, 2)
  })

  test('find names each snapshot that has it, and says where nothing matches', async () => {
    const { holdfast, ok } = snapshotShell(scratch)
    await ok('snapshot create tree --name one')
    await ok('snapshot create tree/sub --name two')
    assert.equal((await ok('snapshot find b.txt')).trim().split('\n').length, 2)
    assert.match(await ok('snapshot find sub/*.txt'), /^[0-9a-f]{8} {2}sub\/b\.txt\n$/)
    assert.match((await holdfast('snapshot find *.nothing')).err, /nothing matches \*\.nothing in 2 snapshots/)
  })

  test('diff tells what was added, removed and changed, --content leaves attributes out', async () => {
    const { cwd, holdfast, ok, write } = snapshotShell(scratch)
    await ok('snapshot create tree')
    chmodSync(path.join(cwd, 'tree/sub/b.txt'), 0o600)
    await ok('snapshot create tree')
    assert.match(await ok('snapshot diff latest~1 latest'), /^~ sub\/b\.txt {2}\(mode\)\n/)
    assert.equal(await ok('snapshot diff latest~1 latest --content --exit-code'), 'no difference\n')
    write('tree/a.txt', 'other\n')
    rmSync(path.join(cwd, 'tree/link'))
    await ok('snapshot create tree')
    const { exit, out } = await holdfast('snapshot diff latest~1 latest --content --exit-code')
    assert.equal(exit, 1)
    assert.match(out, /^~ a\.txt {2}\(content 4 B -> 6 B.*\)\n- link\n0 added, 1 removed, 1 changed/)
  })
})
