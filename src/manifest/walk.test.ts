import assert from 'node:assert/strict'
import { appendFileSync, promises as fs } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { compareKeys, type Disk, digestOf, Fault, type FaultCode, isFault, type Progress, realDisk } from '../kit/index.ts'
import { describeFiles, type DescribeOptions } from './describe.ts'
import { diffManifests } from './diff.ts'
import { walkFiles, type WalkOptions } from './walk.ts'

let root: string

beforeEach(async () => {
  root = await fs.mkdtemp(path.join(await fs.realpath(tmpdir()), 'holdfast-walk-'))
})

afterEach(async () => {
  await fs.rm(root, { recursive: true, force: true })
})

async function write(files: Record<string, string>): Promise<void> {
  for (const [name, content] of Object.entries(files)) {
    await fs.mkdir(path.dirname(path.join(root, name)), { recursive: true })
    await fs.writeFile(path.join(root, name), content)
  }
}

async function listOf<T>(items: AsyncIterable<T>): Promise<T[]> {
  const list: T[] = []
  for await (const item of items) list.push(item)
  return list
}

const walked = async (at = root, options: WalkOptions = {}) => (await listOf(walkFiles(at, options))).map((file) => file.path)
const described = (at = root, options: DescribeOptions = {}) => listOf(describeFiles(at, options))
const fault = (code: FaultCode, words: RegExp) => (error: unknown) =>
  isFault(error, code) && words.test(`${error.message} ${error.at ?? ''}`)

describe('a walk', () => {
  it('gives the files of a tree in byte order of their whole paths, as a manifest wants them', async () => {
    const names = ['a', 'b/a', 'b.a', 'b-a', 'b0', 'c/d/e', 'c/d.e', 'c/d-e', '\uff5e', '\u{1f9f1}/x', '\u{1f9f1}.x']
    await write(Object.fromEntries(names.map((name) => [name, name])))
    await fs.mkdir(path.join(root, 'empty'))
    const found = await walked()
    assert.deepEqual(found, names.toSorted(compareKeys))
    assert.doesNotThrow(() => [
      ...diffManifests(
        [],
        found.map((name) => ({ path: name, size: 0, digest: digestOf('') })),
      ),
    ])
  })

  it('gives a single file under its own name', async () => {
    await write({ 'lib.a': 'abc' })
    await fs.chmod(path.join(root, 'lib.a'), 0o751)
    const [file, ...rest] = await listOf(walkFiles(path.join(root, 'lib.a')))
    assert.equal(rest.length, 0)
    assert.deepEqual([file!.path, file!.size, file!.mode, file!.isRoot], ['lib.a', 3, 0o751, true])
    assert.equal(file!.mtimeNs, (await fs.stat(path.join(root, 'lib.a'), { bigint: true })).mtimeNs)
  })

  it('follows a root that is a link, and keeps the name that it was asked for', async () => {
    await write({ 'real/x': '1', target: '2' })
    await fs.symlink('real', path.join(root, 'folder'))
    await fs.symlink('target', path.join(root, 'link'))
    assert.deepEqual(await walked(path.join(root, 'folder')), ['x'])
    assert.deepEqual(await walked(path.join(root, 'link')), ['link'])
  })

  it('gives a link to a file below the root as that file', async () => {
    await write({ 'lib/libx.so.1': 'abc' })
    await fs.symlink('libx.so.1', path.join(root, 'lib/libx.so'))
    const files = await described()
    assert.deepEqual(
      files.map((file) => [file.path, file.digest, path.relative(root, file.absolute)]),
      [
        ['lib/libx.so', digestOf('abc'), 'lib/libx.so.1'],
        ['lib/libx.so.1', digestOf('abc'), 'lib/libx.so.1'],
      ],
    )
  })

  it('refuses every other link and special file by name, or says that it was left out', async () => {
    const outside = await fs.mkdtemp(path.join(tmpdir(), 'holdfast-outside-'))
    const server = createServer()
    try {
      await fs.writeFile(path.join(outside, 'secret'), 's')
      await fs.mkdir(path.join(root, 'folder'))
      const links = {
        out: path.join(outside, 'secret'),
        up: '..',
        round: 'round',
        nothing: 'missing',
        folder2: 'folder',
        beside: `${root}-beside`,
      }
      for (const [name, target] of Object.entries(links)) {
        await fs.symlink(target, path.join(root, name))
        await assert.rejects(walked(), fault('invalid', new RegExp(`symbolic link.*${name}$`)), name)
        await fs.unlink(path.join(root, name))
      }
      await new Promise<void>((resolve) => server.listen(path.join(root, 'socket'), resolve))
      await assert.rejects(walked(), fault('invalid', /socket, pipe or device/))
      await write({ kept: '' })
      await fs.symlink(links.out, path.join(root, 'out'))
      const skipped: string[] = []
      assert.deepEqual(await walked(root, { skipped: (name) => skipped.push(name) }), ['kept'])
      assert.deepEqual(skipped, ['out', 'socket'])
    } finally {
      server.close()
      await fs.rm(outside, { recursive: true })
    }
  })

  it('refuses names that no manifest can hold, and shows them escaped', async () => {
    await fs.writeFile(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xfe])]), '')
    await assert.rejects(walked(), fault('invalid', /not UTF-8: bad-\\xff\\xfe/))
    await fs.rm(Buffer.concat([Buffer.from(`${root}/bad-`), Buffer.from([0xff, 0xfe])]))
    await write({ 'line\nbreak': '' })
    await assert.rejects(walked(), fault('invalid', /line\\x0abreak/))
  })

  it('of a missing root is not-found, and of neither file nor directory invalid', async () => {
    await assert.rejects(walked(path.join(root, 'missing')), fault('not-found', /missing/))
    await assert.rejects(walked('/dev/null'), fault('invalid', /\/dev\/null/))
  })

  it('ends with its signal', async () => {
    await write({ a: '', b: '' })
    await assert.rejects(walked(root, { signal: AbortSignal.abort() }), fault('aborted', /./))
  })
})

describe('describing files', () => {
  it('gives digests, and SHA-1 where asked, in order, whatever is read at once', async () => {
    const content = Object.fromEntries(
      Array.from({ length: 40 }, (_, index) => [`f${String(index).padStart(2, '0')}`, 'x'.repeat(index * 100)]),
    )
    await write({ ...content, big: 'abc'.repeat(1 << 20) })
    const events: Progress[] = []
    for (const width of [1, 7]) {
      const files = await described(root, { width, sha1: true, report: (event) => events.push(event) })
      assert.deepEqual(
        files.map(({ path: name, digest }) => [name, digest]),
        Object.entries({ big: 'abc'.repeat(1 << 20), ...content }).map(([name, text]) => [name, digestOf(text)]),
      )
      assert.equal(files[1]!.sha1, 'da39a3ee5e6b4b0d3255bfef95601890afd80709')
    }
    const bytes = events.reduce((sum, event) => sum + (event.kind === 'advance' ? (event.bytes ?? 0) : 0), 0)
    assert.equal(bytes, 2 * (3 * (1 << 20) + 78_000))
    assert.equal((await described())[1]!.sha1, undefined)
  })

  it('reads a file again that changed under the reading, and gives the state that held still', async () => {
    await write({ log: 'one' })
    const { disk, opened } = growingDisk(2)
    const [file] = await described(root, { disk })
    assert.equal(opened(), 3)
    assert.equal(file!.digest, digestOf('one++'))
    assert.equal(file!.size, 5)
  })

  it('gives up as busy on a file that changes each of three times', async () => {
    await write({ log: 'one' })
    const { disk, opened } = growingDisk(Infinity)
    await assert.rejects(described(root, { disk }), fault('busy', /changed each of the 3 times/))
    assert.equal(opened(), 3)
  })

  it('fails with the disk, by name, and reads nothing more', async () => {
    await write(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, ''])))
    let opened = 0
    const disk: Disk = {
      ...realDisk,
      open: async () => {
        opened++
        throw Object.assign(new Error('EIO: i/o error'), { code: 'EIO' })
      },
    }
    await assert.rejects(described(root, { disk }), fault('unavailable', /f0$/))
    assert.ok(opened <= 5, `${opened} files were opened`)
  })

  it('stops soon after its signal fires and when its reader leaves', async () => {
    await write(Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`f${index}`, 'x'])))
    const controller = new AbortController()
    const files = describeFiles(root, { signal: controller.signal })
    await files.next()
    controller.abort(new Fault('aborted', 'enough'))
    await assert.rejects(listOf(files), fault('aborted', /enough/))
    for await (const file of describeFiles(root)) {
      assert.equal(file.path, 'f0')
      break
    }
  })
})

/** A disk on which files grow while they are read, the first `times` times. */
function growingDisk(times: number): { disk: Disk; opened: () => number } {
  let opened = 0
  const disk: Disk = {
    ...realDisk,
    async open(file, flags, mode) {
      opened++
      if (opened <= times) {
        const handle = await realDisk.open(file, flags, mode)
        const stat = handle.stat.bind(handle)
        let stats = 0
        handle.stat = ((options: { bigint: true }) => {
          if (++stats === 2) appendFileSync(String(file), '+')
          return stat(options)
        }) as typeof handle.stat
        return handle
      }
      return await realDisk.open(file, flags, mode)
    },
  }
  return { disk, opened: () => opened }
}
