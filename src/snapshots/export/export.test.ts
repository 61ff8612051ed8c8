import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import {
  chownSync,
  closeSync,
  ftruncateSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { PassThrough } from 'node:stream'
import { zstdDecompressSync } from 'node:zlib'
import { afterEach, beforeEach, describe, test } from 'node:test'
import { describeTree, makeRandomTree, sparseFiles } from '../../../test/fakes/random-tree.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { snapshotDesk, type SnapshotDesk } from '../../../test/fakes/snapshot-desk.ts'
import { Fault, isFault } from '../../kit/index.ts'
import { realSys } from '../../kit/sys/index.ts'
import { createSnapshot } from '../create/create.ts'
import { findSnapshot } from '../record/lines.ts'
import { byteText } from '../tree/name.ts'
import { type Exported, type ExportFormat, exportFormats, exportSnapshot } from './export.ts'

let desk: SnapshotDesk
beforeEach(() => (desk = snapshotDesk()))
afterEach(() => desk.remove())

const isRoot = process.getuid?.() === 0
const has = (program: string, ...args: string[]) => {
  try {
    execFileSync(program, args, { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
const without = {
  squashfs: has('mksquashfs', '-version') && has('sh', '-c', 'command -v unsquashfs') ? false : 'squashfs-tools are not installed',
  python: has('python3', '--version') ? false : 'python3 is not installed',
  unzip: has('unzip', '-v') ? false : 'unzip is not installed',
}

async function exported(tree: string, format: ExportFormat, name = `out.${format}`, inside = ''): Promise<Exported & { file: string }> {
  const { id } = await createSnapshot(desk.context, { paths: [tree], cwd: desk.folder })
  const file = path.join(desk.folder, name)
  const snapshot = await findSnapshot(desk.context, id)
  return { ...(await exportSnapshot(desk.context, { snapshot, path: byteText(inside), format, to: { file } })), file }
}

function folder(name: string): string {
  const made = path.join(desk.folder, name)
  mkdirSync(made)
  return made
}

function unpackTar(file: string, into: string): void {
  const options = ['--xattrs', '--xattrs-include=*', '--warning=no-unknown-keyword', '--warning=no-timestamp', '--same-owner', '-p']
  execFileSync('tar', [...options, '-xf', file, '-C', into], { stdio: 'pipe' })
}

/** What does not fit into the plain header of a tar member. */
function addExtremes(tree: string): void {
  const deep = path.join(tree, 'd'.repeat(80), 'é'.repeat(60))
  mkdirSync(deep, { recursive: true })
  writeFileSync(path.join(deep, 'x'.repeat(90)), 'deep')
  symlinkSync('ü'.repeat(400), path.join(deep, 'far'))
  writeFileSync(Buffer.concat([Buffer.from(path.join(deep, 'b'.repeat(120))), Buffer.of(0xff, 0x0a)]), 'no text')
  writeFileSync(path.join(tree, 'h'.repeat(100)), 'exactly')
  linkSync(path.join(deep, 'x'.repeat(90)), path.join(tree, 'a-first-name'))
  const attributed = path.join(tree, 'attributed')
  writeFileSync(attributed, '')
  realSys.writeXattr(attributed, 'user.a=b%c', Buffer.from([0, 10, 255, 0]))
  realSys.setTimes(attributed, { modifiedNs: -1_500_000_001n })
  const sparse = openSync(path.join(tree, 'only-a-hole'), 'w')
  ftruncateSync(sparse, 10_000_000)
  closeSync(sparse)
  if (!isRoot) return
  chownSync(deep, 3_000_000, 4_000_000_000)
  realSys.makeSpecial(path.join(tree, 'device'), 'character-device', 0o600, { major: 5, minor: 1 })
}

describe('an export as tar', () => {
  test('is unpacked by tar into the tree that it was, with all of its metadata', async () => {
    for (let round = 0; round < 6; round++) {
      const tree = folder(`tree-${round}`)
      makeRandomTree(tree, seededRandom(testSeed + round))
      if (round % 2 === 0) addExtremes(tree)
      const { file, losses } = await exported(tree, 'tar')
      const back = folder(`back-${round}`)
      unpackTar(file, back)
      assert.deepEqual(describeTree(back), describeTree(tree), `seed ${testSeed + round}`)
      assert.deepEqual(sparseFiles(back), sparseFiles(tree), `seed ${testSeed + round}`)
      assert.deepEqual(losses, [])
    }
  })

  test('of a directory within has that as its root, also where the first name of a file lies outside', async () => {
    mkdirSync(path.join(desk.tree, 'inner'))
    writeFileSync(path.join(desk.tree, 'a'), 'first')
    linkSync(path.join(desk.tree, 'a'), path.join(desk.tree, 'inner/b'))
    linkSync(path.join(desk.tree, 'a'), path.join(desk.tree, 'inner/c'))
    const { file, members } = await exported(desk.tree, 'tar', 'inner.tar', 'inner')
    const back = folder('back')
    unpackTar(file, back)
    assert.equal(members, 3)
    assert.deepEqual(readdirSync(back).toSorted(), ['b', 'c'])
    assert.equal(readFileSync(path.join(back, 'c'), 'utf8'), 'first')
    assert.equal(statSync(path.join(back, 'b')).ino, statSync(path.join(back, 'c')).ino)
  })

  test('of a file has that file alone', async () => {
    mkdirSync(path.join(desk.tree, 'inner'))
    writeFileSync(path.join(desk.tree, 'inner/b'), 'content')
    const { file } = await exported(desk.tree, 'tar', 'b.tar', 'inner/b')
    assert.equal(execFileSync('tar', ['-tf', file], { encoding: 'utf8' }), 'b\n')
  })

  test('is read by Python too, names that are no text among them', { skip: without.python }, async () => {
    makeRandomTree(desk.tree, seededRandom(testSeed))
    addExtremes(desk.tree)
    const { file, members } = await exported(desk.tree, 'tar')
    const script = `
import sys, tarfile
with tarfile.open(sys.argv[1]) as archive:
    for member in archive:
        content = archive.extractfile(member).read() if member.isreg() else b''
        print(member.name.encode('utf-8', 'surrogateescape').hex(), len(content))
`
    const lines = execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }).trimEnd().split('\n')
    assert.equal(lines.length, members)
    for (const line of lines) {
      const [hex, size] = line.split(' ')
      const stats = lstatSync(Buffer.concat([Buffer.from(`${desk.tree}/`), Buffer.from(hex!, 'hex')]))
      if (Number(size) > 0) assert.equal(Number(size), stats.size, `seed ${testSeed}`)
    }
  })
})

describe('an export as tar.zst', () => {
  test('is the tar archive, compressed', async () => {
    makeRandomTree(desk.tree, seededRandom(testSeed))
    const plain = await exported(desk.tree, 'tar')
    const small = await exported(desk.tree, 'tar.zst')
    assert.ok(zstdDecompressSync(readFileSync(small.file)).equals(readFileSync(plain.file)), `seed ${testSeed}`)
    assert.equal(small.bytes, statSync(small.file).size)
  })
})

describe('an export as zip', () => {
  test('is unpacked by unzip into the files, links, modes and times', { skip: without.unzip }, async () => {
    for (const [name, content] of [
      ['short', 'short'],
      ['empty', ''],
      ['long', 'long and dull '.repeat(300_000)],
      ['dir/ü', 'umlaut'],
    ] as const) {
      mkdirSync(path.dirname(path.join(desk.tree, name)), { recursive: true })
      writeFileSync(path.join(desk.tree, name), content, { mode: 0o751 })
      utimesSync(path.join(desk.tree, name), 1_234_567_891, 1_234_567_891)
    }
    symlinkSync('dir/ü', path.join(desk.tree, 'link'))
    linkSync(path.join(desk.tree, 'short'), path.join(desk.tree, 'short-again'))
    realSys.makeSpecial(path.join(desk.tree, 'pipe'), 'fifo', 0o644)
    utimesSync(path.join(desk.tree, 'dir'), 1_000_000_001, 1_000_000_001)
    const { file, losses, members } = await exported(desk.tree, 'zip')
    const back = folder('back')
    execFileSync('unzip', ['-q', file, '-d', back], { env: { ...process.env, LC_ALL: 'C.UTF-8' } })
    for (const name of ['short', 'short-again', 'empty', 'long', 'dir/ü', 'dir']) {
      const [now, was] = [back, desk.tree].map((root) => statSync(path.join(root, name)))
      assert.deepEqual([now!.mode, now!.mtimeMs, now!.isFile() && now!.size], [was!.mode, was!.mtimeMs, was!.isFile() && was!.size], name)
      if (was!.isFile()) assert.ok(readFileSync(path.join(back, name)).equals(readFileSync(path.join(desk.tree, name))), name)
    }
    assert.ok(lstatSync(path.join(back, 'link')).isSymbolicLink())
    assert.equal(readFileSync(path.join(back, 'link'), 'utf8'), 'umlaut')
    assert.deepEqual(losses, [
      { what: 'pipes and devices, left out', count: 1 },
      { what: 'hard links, each a file of its own now', count: 1 },
    ])
    assert.equal(members, 7)
  })

  test('of any tree is whole for Python, down to each name, mode and byte', { skip: without.python }, async () => {
    for (let round = 0; round < 4; round++) {
      const tree = folder(`tree-${round}`)
      makeRandomTree(tree, seededRandom(testSeed + round))
      const { file, members } = await exported(tree, 'zip')
      const script = `
import hashlib, sys, zipfile
with zipfile.ZipFile(sys.argv[1]) as archive:
    for info in archive.infolist():
        name = info.filename.encode('utf-8' if info.flag_bits & 0x800 else 'cp437')
        print(name.hex(), oct(info.external_attr >> 16), hashlib.sha256(archive.read(info)).hexdigest())
`
      const found = execFileSync('python3', ['-c', script, file], { encoding: 'utf8' }).trimEnd().split('\n')
      assert.equal(found.length, members)
      for (const line of found) {
        const [hex, mode, digest] = line.split(' ')
        const at = Buffer.concat([Buffer.from(`${tree}/`), Buffer.from(hex!.replace(/2f$/, ''), 'hex')])
        const stats = lstatSync(at)
        const content = stats.isFile() ? readFileSync(at) : stats.isSymbolicLink() ? readlinkSync(at, 'buffer') : ''
        assert.equal(mode, `0o${stats.mode.toString(8)}`, `seed ${testSeed + round}`)
        assert.equal(digest, createHash('sha256').update(content).digest('hex'), `seed ${testSeed + round}`)
      }
    }
  })
})

describe('an export as squashfs', () => {
  test(
    'is unpacked into the tree that it was, in whole seconds',
    { skip: without.squashfs || (isRoot ? false : 'needs root') },
    async () => {
      const inSeconds = (tree: string) => describeTree(tree, { withRoot: false }).map((line) => line.replace(/ (\d+)\d{9} /, ' $1 '))
      for (let round = 0; round < 4; round++) {
        const tree = folder(`tree-${round}`)
        makeRandomTree(tree, seededRandom(testSeed + round))
        addExtremes(tree)
        realSys.removeXattr(path.join(tree, 'attributed'), 'user.a=b%c')
        settleTimes(tree)
        const { file, losses } = await exported(tree, 'squashfs')
        const back = path.join(desk.folder, `back-${round}`)
        execFileSync('unsquashfs', ['-n', '-q', '-d', back, file], { stdio: 'pipe' })
        assert.deepEqual(losses, [])
        assert.deepEqual(inSeconds(back), inSeconds(tree), `seed ${testSeed + round}`)
        assert.equal(lstatSync(back).mode, lstatSync(tree).mode)
      }
    },
  )

  test('tells what an image cannot hold', { skip: without.squashfs }, async () => {
    addExtremes(desk.tree)
    const { losses } = await exported(desk.tree, 'squashfs')
    assert.deepEqual(losses, [
      { what: 'extended attributes of names that an image cannot hold, left out', count: 1 },
      { what: 'times before 1970 or after the snapshot was made, the nearest possible instead', count: 1 },
    ])
  })
})

/** Times that an image can hold. */
function settleTimes(tree: string): void {
  const others = ['(', '!', '-newermt', '1970-01-02', '-o', '-newermt', '2023-01-01', ')']
  execFileSync('find', [tree, '-depth', ...others, '-exec', 'touch', '-h', '-d', '@5.123456789', '{}', '+'])
}

describe('any export', () => {
  test('has the same bytes each time, which follow from the tree alone', async () => {
    makeRandomTree(desk.tree, seededRandom(testSeed))
    settleTimes(desk.tree)
    for (const format of exportFormats.filter((each) => each !== 'squashfs' || without.squashfs === false)) {
      const { file } = await exported(desk.tree, format)
      const to = { file: path.join(desk.folder, 'again') }
      await exportSnapshot(desk.context, { snapshot: await findSnapshot(desk.context, 'latest'), path: '', format, to })
      assert.ok(readFileSync(file).equals(readFileSync(to.file)), `${format}, seed ${testSeed}`)
    }
  })

  test('may go to a stream, which stays open', async () => {
    makeRandomTree(desk.tree, seededRandom(testSeed))
    const { file } = await exported(desk.tree, 'tar')
    const stream = new PassThrough()
    const received: Buffer[] = []
    stream.on('data', (piece: Buffer) => received.push(piece))
    const snapshot = await findSnapshot(desk.context, 'latest')
    const { bytes } = await exportSnapshot(desk.context, { snapshot, path: '', format: 'tar', to: { stream } })
    assert.equal(stream.writableEnded, false)
    assert.equal(bytes, statSync(file).size)
    stream.end()
    assert.ok(Buffer.concat(received).equals(readFileSync(file)))
  })

  test('replaces a file, also behind a link, and nothing else', async () => {
    const tree = folder('kept')
    writeFileSync(path.join(tree, 'one'), '1')
    const target = path.join(desk.folder, 'archive')
    writeFileSync(target, 'the one before')
    symlinkSync('archive', path.join(desk.folder, 'link'))
    const { bytes } = await exported(tree, 'tar', 'link')
    assert.equal(lstatSync(path.join(desk.folder, 'link')).isSymbolicLink(), true)
    assert.equal(statSync(target).size, bytes)
    execFileSync('mkfifo', [path.join(desk.folder, 'pipe')])
    folder('folder')
    for (const other of ['pipe', 'folder'])
      await assert.rejects(exported(tree, 'tar', other), { code: 'invalid', message: /is not a file/ })
    assert.equal(lstatSync(path.join(desk.folder, 'pipe')).isFIFO(), true)
  })

  test('that finds a damaged chunk leaves the file as it was, and nothing beside it', async () => {
    writeFileSync(path.join(desk.tree, 'file'), 'x'.repeat(5000))
    const { id } = await createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder })
    const snapshot = await findSnapshot(desk.context, id)
    const target = folder('target')
    const file = path.join(target, 'out')
    writeFileSync(file, 'old')
    const broken = {
      ...desk.chunks,
      readMany(): AsyncIterable<never> {
        throw new Fault('corrupt', 'a chunk is damaged')
      },
    }
    for (const format of exportFormats) {
      if (format === 'squashfs' && without.squashfs !== false) continue
      const context = { ...desk.context, chunks: async () => broken }
      await assert.rejects(
        exportSnapshot(context, { snapshot, path: '', format, to: { file } }),
        (error) => isFault(error, 'corrupt'),
        format,
      )
      assert.equal(readFileSync(file, 'utf8'), 'old', format)
      assert.deepEqual(readdirSync(target), ['out'], format)
    }
  })

  test('ends when it is told to', async () => {
    writeFileSync(path.join(desk.tree, 'file'), 'x'.repeat(5000))
    const { id } = await createSnapshot(desk.context, { paths: [desk.tree], cwd: desk.folder })
    const snapshot = await findSnapshot(desk.context, id)
    const context = { ...desk.context, signal: AbortSignal.abort() }
    const to = { file: path.join(desk.folder, 'out') }
    await assert.rejects(exportSnapshot(context, { snapshot, path: '', format: 'tar', to }), (error) => isFault(error, 'aborted'))
  })

  test('of a path that the snapshot does not have is not found', async () => {
    await assert.rejects(exported(desk.tree, 'tar', 'out', 'nowhere'), (error) => isFault(error, 'not-found'))
  })
})
