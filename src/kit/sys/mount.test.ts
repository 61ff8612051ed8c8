import assert from 'node:assert/strict'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readdirSync, readFileSync, statSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { asNobody, needsRoot } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../fault.ts'
import { mountsAt, readMounts, realSys as sys } from './index.ts'
import { parseMounts } from './mount-table.ts'

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)

describe('mounts', { skip: needsRoot }, () => {
  const directory = scratchDirectory()
  after(() => {
    for (const { at } of readMounts().filter((entry) => entry.at.startsWith(directory))) sys.detachMount(at)
  })
  const place = (name: string) => {
    const at = path.join(directory, name)
    mkdirSync(at, { recursive: true })
    return at
  }
  const memory = (name: string) =>
    sys.createMount({ type: 'tmpfs', source: name, options: { size: '64k' }, withholds: ['nodev', 'nosuid'] })
  const mountMemory = (name: string, at: string, where: 'on-top' | 'beneath' = 'on-top') => {
    const mount = memory(name)
    sys.attachMount(mount, at, where)
    closeSync(mount)
  }

  test('are made standing nowhere, and take a place in one step', () => {
    const at = place('a place, with\ta \\ and a\nline')
    const mount = memory('one')
    assert.deepEqual(mountsAt(at), [])
    sys.attachMount(mount, at, 'on-top')
    closeSync(mount)
    const [entry] = mountsAt(at)
    assert.equal(entry?.type, 'tmpfs')
    assert.equal(entry.source, 'one')
    assert.ok(entry.options.includes('size=64k'))
    assert.ok(entry.flags.includes('nosuid') && entry.flags.includes('nodev') && !entry.flags.includes('noexec'))
    writeFileSync(path.join(at, 'file'), '')
    sys.unmount(at)
    assert.deepEqual(readdirSync(at), [])
  })

  test('not attached are gone with their descriptor', () => {
    const before = readMounts().length
    closeSync(memory('lost'))
    assert.equal(readMounts().length, before)
  })

  test('stand beneath another, and show when that is detached', () => {
    const at = place('beneath')
    mountMemory('old', at)
    writeFileSync(path.join(at, 'old'), '')
    mountMemory('new', at, 'beneath')
    assert.deepEqual(readdirSync(at), ['old'])
    assert.deepEqual(
      mountsAt(at).map(({ source }) => source),
      ['new', 'old'],
    )
    sys.detachMount(at)
    assert.deepEqual(readdirSync(at), [])
    assert.equal(mountsAt(at)[0]?.source, 'new')
    sys.detachMount(at)
    assert.throws(() => mountMemory('new', at, 'beneath'), code('invalid'), 'there is nothing to stand beneath')
  })

  test('in use are not unmounted, but detached', () => {
    const at = place('used')
    mountMemory('used', at)
    const fd = openSync(path.join(at, 'file'), 'w')
    assert.throws(() => sys.unmount(at), code('busy'))
    assert.throws(() => sys.setMountReadOnly(at, true), code('busy'))
    sys.flushFileSystem(fd)
    sys.detachMount(at)
    assert.equal(writeSync(fd, 'still'), 5)
    closeSync(fd)
    assert.throws(() => sys.unmount(at), code('not-found'))
    assert.throws(() => sys.detachMount(place('used/none')), code('not-found'))
  })

  test('are made read-only when nobody writes, and writable again', () => {
    const at = place('still')
    mountMemory('still', at)
    sys.setMountReadOnly(at, true)
    assert.throws(() => writeFileSync(path.join(at, 'file'), ''), { code: 'EROFS' })
    assert.ok(mountsAt(at)[0]?.isReadOnly)
    sys.setMountReadOnly(at, false)
    writeFileSync(path.join(at, 'file'), '')
    sys.unmount(at)
  })

  test('are cloned from a directory, to stand elsewhere', () => {
    const [from, to] = [place('from/inner'), place('to')]
    writeFileSync(path.join(from, 'file'), 'content')
    const mount = sys.cloneMount(from)
    sys.attachMount(mount, to, 'on-top')
    closeSync(mount)
    assert.equal(readFileSync(path.join(to, 'file'), 'utf8'), 'content')
    sys.unmount(to)
  })

  test('that the file system refuses say what it said', () => {
    const refused = (type: string, options: Record<string, string | true>) =>
      assert.throws(() => sys.createMount({ type, source: 'x', options }), /cannot mount .*(tmpfs|overlay|nosuchfs)/)
    refused('tmpfs', { nosuchoption: true })
    refused('overlay', { lowerdir: '/no/such/place' })
    refused('nosuchfs', {})
    assert.throws(() => asNobody(() => memory('mine')), code('denied'))
  })

  test('of a worker thread that has left the shared ones are its own', async () => {
    const at = place('own')
    mountMemory('ours', at)
    const body = `import(${JSON.stringify(import.meta.resolve('./index.ts'))}).then(({ realSys, mountsAt }) => {
      realSys.leaveSharedMounts()
      realSys.detachMount(${JSON.stringify(at)})
      require('node:worker_threads').parentPort.postMessage(mountsAt(${JSON.stringify(at)}).length)
    })`
    const worker = new Worker(body, { eval: true })
    const exit = once(worker, 'exit')
    const [left] = (await once(worker, 'message')) as [number]
    await exit
    assert.equal(left, 0)
    assert.equal(mountsAt(at).length, 1)
    sys.unmount(at)
  })
})

describe('loop devices', { skip: needsRoot }, () => {
  const directory = scratchDirectory()
  const image = path.join(directory, 'image')
  writeFileSync(image, Buffer.alloc(1 << 20, 7))

  test('show a file until they are closed', () => {
    const loop = sys.attachLoop(image, { readOnly: true })
    assert.equal(readFileSync(loop.device).length, 1 << 20)
    assert.throws(() => writeSync(loop.fd, 'x'))
    closeSync(loop.fd)
    const backing = `/sys/block/${path.basename(loop.device)}/loop/backing_file`
    assert.ok(!existsSync(backing) || readFileSync(backing, 'utf8').trim() !== image)
  })

  test('grow with their file', () => {
    const loop = sys.attachLoop(image)
    writeFileSync(image, Buffer.alloc(1 << 20), { flag: 'a' })
    sys.refreshLoopSize(loop.fd)
    assert.equal(Number(readFileSync(`/sys/block/${path.basename(loop.device)}/size`, 'utf8')), (2 << 20) / 512)
    closeSync(loop.fd)
  })

  test('many at once are all others', () => {
    const loops = Array.from({ length: 12 }, () => sys.attachLoop(image, { readOnly: true }))
    assert.equal(new Set(loops.map(({ device }) => device)).size, 12)
    for (const { fd } of loops) closeSync(fd)
  })

  test('need a file that is there, and the right to', () => {
    assert.throws(() => sys.attachLoop(path.join(directory, 'none')), code('not-found'))
    assert.ok(statSync(image).isFile())
    assert.throws(() => asNobody(() => sys.attachLoop(image, { readOnly: true })), code('denied'))
  })
})

test('a line of the table is read with its escapes, and any number of optional fields', () => {
  const [plain, shared] = parseMounts(
    String.raw`36 35 98:0 /mnt1 /mnt\040two\134\011 rw,noatime - ext3 /dev/root rw,errors=continue` +
      '\n' +
      String.raw`37 36 0:5 / /a\012b ro,noatime shared:1 master:2 propagate_from:3 - overlay none rw,lowerdir=/x\054y` +
      '\n',
  )
  assert.deepEqual(plain, {
    id: 36,
    parent: 35,
    device: '98:0',
    root: '/mnt1',
    at: '/mnt two\\\t',
    flags: ['rw', 'noatime'],
    isReadOnly: false,
    propagates: false,
    type: 'ext3',
    source: '/dev/root',
    options: ['rw', 'errors=continue'],
  })
  assert.deepEqual([shared?.at, shared?.isReadOnly, shared?.propagates, shared?.options[1]], ['/a\nb', true, true, 'lowerdir=/x,y'])
})
