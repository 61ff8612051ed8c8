import assert from 'node:assert/strict'
import {
  chmodSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, beforeEach, describe, test } from 'node:test'
import { manualClock, type ManualClock } from '../../test/fakes/manual-clock.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { runCli } from './program.ts'

const root = mkdtempSync(path.join(tmpdir(), 'holdfast-snapshot-cli-'))
after(() => rmSync(root, { recursive: true }))
let count = 0
let cwd = ''
let clock: ManualClock

beforeEach(() => {
  cwd = path.join(root, String(count++))
  clock = manualClock()
  write('tree/a.txt', 'one\n')
  write('tree/sub/b.txt', 'two\n')
  symlinkSync('a.txt', path.join(cwd, 'tree/link'))
})

function write(file: string, text: string | Uint8Array): void {
  const where = path.join(cwd, file)
  mkdirSync(path.dirname(where), { recursive: true })
  writeFileSync(where, text)
}

function read(file: string): string {
  return readFileSync(path.join(cwd, file), 'utf8')
}

interface Ran {
  readonly exit: number
  readonly out: string
  readonly err: string
}

/** One command beside the tree; an hour passes after it. `typed` goes to its stdin, on a terminal where there are columns. */
async function holdfast(line: string | readonly string[], { columns, typed }: { columns?: number; typed?: string } = {}): Promise<Ran> {
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1', HOLDFAST_STORE_URL: 'file:./store' }
  const terminal = fakeTerminal({ cwd, env, clock, ...(columns === undefined ? {} : { columns }) })
  if (typed !== undefined) terminal.type(typed)
  const exit = await runCli(typeof line === 'string' ? line.split(' ') : line, terminal.host)
  await clock.advance(3_600_000)
  return { exit, out: terminal.out(), err: terminal.err() }
}

async function ok(line: string, options?: { columns?: number; typed?: string }): Promise<string> {
  const { exit, out, err } = await holdfast(line, options)
  assert.equal(exit, 0, `${line}: ${err}`)
  return out
}

async function result<T = Record<string, unknown>>(line: string, expected = 0): Promise<T> {
  const { exit, out, err } = await holdfast(`${line} --json`)
  assert.equal(exit, expected, err)
  return (JSON.parse(out) as { result: T }).result
}

interface ListedRow {
  readonly id: string
  readonly name: string
  readonly tags: string[]
  readonly pinned: boolean
}

async function listed(filter = ''): Promise<ListedRow[]> {
  return (await result<{ snapshots: ListedRow[] }>(`snapshot list${filter}`)).snapshots
}

describe('snapshot create', () => {
  test('keeps a tree, makes the store where there is none, and says both', async () => {
    const out = await ok('snapshot create tree')
    assert.match(out, /^snapshot [0-9a-f]{8} of .*\/tree \(.+\/tree-[0-9a-f]{8}\)\n {2}2 files, 8 B: 2 read, 0 unchanged\n/)
    assert.match(out, /stored .* for .* that were new\n {2}made the store file:.*\/store\n$/)
  })

  test('of an unchanged tree makes one more, as every snapshot is a moment that one may go back to', async () => {
    await ok('snapshot create tree --name t')
    const again = await ok('snapshot create tree --name t')
    assert.match(again, /nothing changed since the last one\n {2}stored nothing/)
    assert.equal((await listed()).length, 2)
  })

  test('with --skip-if-unchanged makes none there, and says so', async () => {
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
    assert.match(await ok('snapshot create tree --dry-run'), /to read: 2 files, 8 B; 0 unchanged\n\ndry run: nothing was stored\n$/)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
    assert.equal(existsSync(path.join(cwd, 'home')), false)
  })

  test('takes globs to leave out, a list of paths, tags and a message', async () => {
    write('paths', 'tree/sub\ntree/a.txt\n')
    await ok('snapshot create --from-file paths --exclude b.* --tag x --tag y --message why --name t')
    assert.deepEqual((await ok('snapshot ls latest -r')).trim().split('\n'), ['a.txt', 'sub/'])
    assert.match(await ok('snapshot show latest'), /message +why\n[^]*tags +x, y\n/)
  })

  test('a list of paths may come from stdin with zero bytes between them', async () => {
    write('odd\nname', '')
    const env = { HOME: path.join(cwd, 'home'), HOLDFAST_STORE_URL: 'file:./store' }
    const terminal = fakeTerminal({ cwd, env, clock })
    ;(terminal.host.stdin.stream as unknown as { end(text: string): void }).end('odd\nname\0tree/a.txt\0')
    assert.equal(await runCli(['snapshot', 'create', '--from-file', '-', '--json'], terminal.host), 0, terminal.err())
    const { result: made } = JSON.parse(terminal.out()) as { result: { paths: string[] } }
    assert.deepEqual(made.paths, ['odd\nname', 'tree/a.txt'])
  })

  test('leaves the store itself out of a snapshot of the folder around it', async () => {
    await ok('snapshot create . --name all')
    await ok('snapshot create . --name all')
    assert.doesNotMatch(await ok('snapshot ls latest'), /store/)
  })

  test('no path, one that is not there, and a wrong tag are refused before the store is made', async () => {
    assert.equal((await holdfast('snapshot create')).exit, 2)
    assert.equal((await holdfast('snapshot create nowhere')).exit, 4)
    assert.equal((await holdfast(['snapshot', 'create', 'tree', '--tag', 'a b'])).exit, 2)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
  })

  test(
    'what cannot be read is listed, the rest is kept, and the exit status is 11',
    { skip: process.getuid?.() === 0 ? 'root reads everything' : false },
    async () => {
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
    const { exit, err } = await holdfast('snapshot list')
    assert.equal(exit, 4)
    assert.match(err, /there is no holdfast store here yet/)
    assert.equal(existsSync(path.join(cwd, 'store')), false)
  })

  test('a part is refused where only whole snapshots make sense', async () => {
    await ok('snapshot create tree')
    assert.equal((await holdfast('snapshot pin latest:sub')).exit, 2)
    assert.equal((await holdfast('snapshot forget latest:sub --yes')).exit, 2)
  })
})

describe('looking', () => {
  test('list fits 60 columns and narrows down by name, host and tag', async () => {
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
  })

  test('ls shows a folder, --recursive all below it, --long what ls -l shows', async () => {
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
    write('tree/binary', Buffer.from([0xff, 0xfe, 0]))
    await ok('snapshot create tree')
    assert.deepEqual((await result('snapshot cat latest:a.txt'))['content'], 'one\n')
    const { encoding, content } = await result('snapshot cat latest:binary')
    assert.deepEqual([encoding, content], ['base64', '//4A'])
    assert.equal((await holdfast('snapshot cat latest:sub')).exit, 2)
  })

  test('find names each snapshot that has it, and says where nothing matches', async () => {
    await ok('snapshot create tree --name one')
    await ok('snapshot create tree/sub --name two')
    assert.equal((await ok('snapshot find b.txt')).trim().split('\n').length, 2)
    assert.match(await ok('snapshot find sub/*.txt'), /^[0-9a-f]{8} {2}sub\/b\.txt\n$/)
    assert.match((await holdfast('snapshot find *.nothing')).err, /nothing matches \*\.nothing in 2 snapshots/)
  })

  test('diff tells what was added, removed and changed, --content leaves attributes out', async () => {
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

describe('snapshot restore', () => {
  test('gives the tree back into a new folder, and in place only what differs', async () => {
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
    await ok('snapshot create tree')
    write('back/mine', 'mine')
    const { exit, err } = await holdfast('snapshot restore latest --to back --delete', { columns: 80, typed: 'n' })
    assert.equal(exit, 130)
    assert.match(err, /WARNING: this changes and removes files[^]*nothing was changed/)
    assert.equal((await holdfast('snapshot restore latest --to back --delete')).exit, 2)
    assert.deepEqual(readdirSync(path.join(cwd, 'back')), ['mine'])
  })

  test('a part, a file, and only what a glob includes', async () => {
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

describe('care', () => {
  test('forget keeps what any rule keeps, says why, and prune gives the space back', async () => {
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
    await ok('snapshot create tree --name t')
    rmSync(path.join(cwd, 'store/index'), { recursive: true })
    rmSync(path.join(cwd, 'home/.cache'), { recursive: true })
    assert.match(await ok('store verify'), /^strange: packs\/.*: no index knows it\n/)
    assert.match(await ok('store verify --repair'), /repaired: \d packs indexed anew/)
    assert.equal((await holdfast('snapshot verify --read-data')).exit, 0)
  })

  test('stats tells what each takes, and what all take together', async () => {
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
    await ok('snapshot create tree')
    assert.match(await ok('snapshot export latest --format zip --output tree.zip'), /^tree\.zip: .*, \d members of /)
    assert.match(read('tree.zip'), /^PK/)
    assert.match(await ok('snapshot export latest:sub --format tar'), /b\.txt[^]*two\n/)
    assert.equal((await holdfast('snapshot export latest --format tar', { columns: 80 })).exit, 2)
    assert.equal((await holdfast('snapshot export latest --format tar --json')).exit, 2)
  })

  test('tag gives and takes words', async () => {
    await ok('snapshot create tree --tag nightly')
    assert.match(await ok('snapshot tag latest --add shipped --remove nightly'), /has the tags shipped\n/)
    assert.deepEqual((await listed())[0]!.tags, ['shipped'])
    assert.equal((await holdfast('snapshot tag latest --add shipped')).exit, 3)
    assert.equal((await holdfast('snapshot tag latest')).exit, 2)
    await ok('snapshot tag latest --remove shipped --dry-run')
    assert.deepEqual((await listed())[0]!.tags, ['shipped'])
  })
})
