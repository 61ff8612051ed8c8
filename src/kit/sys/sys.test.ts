import assert from 'node:assert/strict'
import { closeSync, existsSync, lstatSync, mkdirSync, openSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { describe, test } from 'node:test'
import { Worker } from 'node:worker_threads'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../fault.ts'
import { createSys, fileSystemType, realSys as sys } from './index.ts'

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)

describe('without the library', () => {
  const everyCall = (broken: typeof sys) => [
    () => broken.listXattrs('x'),
    () => broken.readXattr('x', 'user.a'),
    () => broken.writeXattr('x', 'user.a', Buffer.alloc(0)),
    () => broken.removeXattr('x', 'user.a'),
    () => broken.setTimes('x', {}),
    () => broken.makeSpecial('x', 'fifo', 0o600),
    () => [...broken.dataExtents(0, 1)],
    () => broken.punchHole(0, { offset: 0, length: 1 }),
    () => broken.cloneFile(0, 1),
    () => broken.cloneRange(0, 1, { from: 0, to: 0, length: 1 }),
    () => broken.copyRange(0, 1, { from: 0, to: 0, length: 1 }),
    () => broken.exchangeNames('x', 'y'),
    () => broken.renameToFree('x', 'y'),
    () => broken.tryLock(0, 'shared'),
    () => broken.unlock(0),
    () => broken.createMount({ type: 'tmpfs', source: 'x' }),
    () => broken.cloneMount('x'),
    () => broken.attachMount(0, 'x', 'on-top'),
    () => broken.detachMount('x'),
    () => broken.unmount('x'),
    () => broken.setMountReadOnly('x', true),
    () => broken.flushFileSystem(0),
    () => broken.leaveSharedMounts(),
    () => broken.attachLoop('/dev/null'),
    () => broken.refreshLoopSize(0),
    () => broken.createSubvolume('/x'),
    () => broken.snapshotSubvolume('/', '/x'),
    () => broken.deleteSubvolume('/x'),
    () => broken.userName(0),
    () => broken.groupName(0),
    () => broken.userId('root'),
    () => broken.groupId('root'),
  ]

  test('every call is unsupported and says what one cannot do', () => {
    const broken = createSys({
      load: () => {
        throw new Error('no such module')
      },
    })
    assert.equal(everyCall(broken).length, Object.keys(broken).length - 1, 'each call is listed here')
    for (const call of everyCall(broken)) {
      assert.throws(call, (error) => isFault(error, 'unsupported') && /^cannot .+: the package koffi does not load$/.test(error.message))
    }
    assert.equal(broken.whyMissing(), 'the package koffi does not load')
  })

  test('another machine is named, and the library is not even loaded there', () => {
    const load = () => assert.fail('loaded')
    for (const [platform, arch] of [
      ['darwin', 'arm64'],
      ['win32', 'x64'],
      ['linux', 'riscv64'],
    ] as const) {
      const elsewhere = createSys({ platform, arch, load })
      assert.equal(elsewhere.whyMissing(), `it needs Linux on x64 or arm64, and this is ${platform} on ${arch}`)
      for (const call of everyCall(elsewhere)) assert.throws(call, code('unsupported'))
    }
  })

  test('nothing is loaded before the first call', () => {
    let loads = 0
    const lazy = createSys({
      load: () => {
        loads++
        throw new Error('none')
      },
    })
    assert.equal(loads, 0)
    lazy.whyMissing()
    lazy.whyMissing()
    assert.equal(loads, 1)
  })

  test('a function that this libc lacks is unsupported alone', () => {
    const partial = createSys({
      load: () =>
        ({
          load: () => ({
            func: (name: string) => {
              if (name === 'flock') throw new Error('cannot find it')
              return () => 0
            },
          }),
          errno: () => 0,
          decode: { string: () => 'x' },
        }) as unknown as never,
    })
    assert.throws(() => partial.tryLock(0, 'shared'), /cannot lock a file: the C library of this machine has no flock/)
    assert.doesNotThrow(() => partial.setTimes('x', {}))
  })
})

describe('paths', () => {
  const directory = scratchDirectory()

  test('are bytes, UTF-8 or not, with newlines and all', () => {
    for (const name of [Buffer.from([0xff, 0xfe, 0x2f & 0x41]), Buffer.from('ä\n"\\$ '), Buffer.alloc(255, 0x80)]) {
      const file = Buffer.concat([Buffer.from(`${directory}/`), name])
      writeFileSync(file, '')
      sys.setTimes(file, { modifiedNs: 1_234_567_890_123_456_789n })
      assert.equal(lstatSync(file, { bigint: true }).mtimeNs, 1_234_567_890_123_456_789n)
      sys.setTimes(new Uint8Array(file), { modifiedNs: 5n })
      assert.equal(lstatSync(file, { bigint: true }).mtimeNs, 5n)
    }
  })

  test('with a NUL inside are refused and not cut there', () => {
    writeFileSync(path.join(directory, 'short'), '')
    const refused = (error: unknown) => isFault(error, 'invalid') && error.at?.includes('short\\0er') === true
    assert.throws(() => sys.setTimes(path.join(directory, 'short\0er'), {}), refused)
    assert.throws(() => sys.listXattrs(Buffer.from(path.join(directory, 'short\0er'))), refused)
    assert.throws(() => sys.readXattr(directory, 'user.a\0b'), code('invalid'))
  })

  test('that lead nowhere are not-found, through a file invalid, too long invalid', () => {
    writeFileSync(path.join(directory, 'file'), '')
    assert.throws(() => sys.listXattrs(path.join(directory, 'none')), code('not-found'))
    assert.throws(() => sys.listXattrs(path.join(directory, 'file/below')), code('invalid'))
    assert.throws(() => sys.makeSpecial(path.join(directory, 'x'.repeat(256)), 'fifo', 0o600), code('invalid'))
  })
})

describe('exchange of names', () => {
  const directory = scratchDirectory()
  const at = (name: string) => path.join(directory, name)

  test('swaps a directory with a file in one step', () => {
    mkdirSync(at('tree'))
    writeFileSync(at('tree/inside'), 'in')
    writeFileSync(at('file'), 'content')
    sys.exchangeNames(at('tree'), at('file'))
    assert.equal(readFileSync(at('tree'), 'utf8'), 'content')
    assert.equal(readFileSync(at('file/inside'), 'utf8'), 'in')
  })

  test('needs both names, and neither inside of the other', () => {
    mkdirSync(at('outer/inner'), { recursive: true })
    assert.throws(() => sys.exchangeNames(at('outer'), at('none')), code('not-found'))
    assert.throws(() => sys.exchangeNames(at('outer'), at('outer/inner')), code('unsupported'))
  })

  test('renames onto a free name only', () => {
    writeFileSync(at('one'), '1')
    writeFileSync(at('two'), '2')
    assert.throws(
      () => sys.renameToFree(at('one'), at('two')),
      (error) => isFault(error, 'already-exists') && error.at === at('two'),
    )
    assert.equal(readFileSync(at('two'), 'utf8'), '2')
    sys.renameToFree(at('one'), at('three'))
    assert.ok(!existsSync(at('one')))
  })
})

test('a lock is held by one opening, shared by many, and gone when that is closed', () => {
  const file = path.join(scratchDirectory(), 'lock')
  writeFileSync(file, '')
  const [one, other, third] = [openSync(file, 'r'), openSync(file, 'r'), openSync(file, 'r')]
  assert.ok(sys.tryLock(one, 'exclusive'))
  assert.ok(!sys.tryLock(other, 'shared'))
  assert.ok(sys.tryLock(one, 'shared'), 'made weaker by who holds it')
  assert.ok(sys.tryLock(other, 'shared'))
  assert.ok(!sys.tryLock(third, 'exclusive'))
  closeSync(one)
  sys.unlock(other)
  assert.ok(sys.tryLock(third, 'exclusive'))
  for (const fd of [other, third]) closeSync(fd)
  assert.throws(() => sys.tryLock(third, 'shared'), code('bug'))
})

describe('accounts', () => {
  const me = os.userInfo()

  test('are found by id and by name', () => {
    assert.equal(sys.userName(me.uid), me.username)
    assert.equal(sys.userId(me.username), me.uid)
    const group = sys.groupName(me.gid)
    assert.ok(group !== undefined)
    assert.equal(sys.groupId(group), me.gid)
    assert.equal(sys.userName(0), 'root')
  })

  test('that are not there are undefined', () => {
    assert.equal(sys.userName(3_999_999_999), undefined)
    assert.equal(sys.groupName(3_999_999_999), undefined)
    assert.equal(sys.userId('no such user'), undefined)
    assert.equal(sys.groupId('ä\xff'), undefined)
  })
})

test('a file system says what it is', () => {
  assert.equal(fileSystemType('/proc'), 'proc')
  assert.match(fileSystemType(os.tmpdir()), /^[a-z0-9]+$/)
  assert.throws(() => fileSystemType('/no/such/place'), code('not-found'))
})

test('the calls work in worker threads, at the same time as here', async () => {
  const directory = scratchDirectory()
  const file = path.join(directory, 'file')
  writeFileSync(file, '')
  symlinkSync('file', path.join(directory, 'link'))
  const body = `import(${JSON.stringify(import.meta.resolve('./index.ts'))}).then(({ realSys }) => {
    for (let time = 1n; time < 2000n; time++) realSys.setTimes(${JSON.stringify(file)}, { accessedNs: time })
  })`
  const worker = new Worker(body, { eval: true })
  const ended = new Promise((resolve, reject) => worker.on('error', reject).on('exit', resolve))
  for (let time = 1n; time < 2000n; time++) sys.setTimes(path.join(directory, 'link'), { modifiedNs: time })
  assert.equal(await ended, 0)
  assert.equal(lstatSync(file, { bigint: true }).atimeNs, 1999n)
})
