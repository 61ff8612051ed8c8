import assert from 'node:assert/strict'
import {
  chmodSync,
  chownSync,
  closeSync,
  fstatSync,
  lchownSync,
  lstatSync,
  mkdirSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { asNobody, needsRoot, nobody } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { Fault, isFault } from '../../kit/index.ts'
import { createSys, realSys as sys } from '../../kit/sys/index.ts'
import {
  applyAttributes,
  applyTime,
  captureAttributes,
  clearRange,
  createShortfall,
  describeOmission,
  type GivenAttributes,
  makeSpecialFile,
  rememberOwners,
  type Shortfall,
} from './index.ts'
import { changeMode } from './ownership.ts'

const owners = rememberOwners(sys)
const capture = (at: string | Buffer | number, shortfall = createShortfall()) => captureAttributes(at, { owners, shortfall })
const found = (shortfall: Shortfall) => shortfall.omissions().map(({ what, count }) => [what, count])

/** The attributes that can be given, without what is the machine's. */
function givable({ kind, mode, uid, gid, mtimeNs, xattrs }: GivenAttributes) {
  return { kind, mode, uid, gid, mtimeNs, xattrs: xattrs?.map(({ name, value }) => [name, Buffer.from(value).toString('hex')]) }
}

/** Linux's form of an access list (linux/posix_acl_xattr.h), with one named user. */
function accessList(mode: number, user: number): Buffer {
  const none = 0xffff_ffff
  const entries = [
    [0x01, (mode >> 6) & 7, none],
    [0x02, 6, user],
    [0x04, 5, none],
    [0x10, (mode >> 3) & 7, none],
    [0x20, mode & 7, none],
  ] as const
  const bytes = Buffer.alloc(4 + entries.length * 8)
  bytes.writeUInt32LE(2)
  for (const [index, [tag, permissions, id]] of entries.entries()) {
    bytes.writeUInt16LE(tag, 4 + index * 8)
    bytes.writeUInt16LE(permissions, 6 + index * 8)
    bytes.writeUInt32LE(id, 8 + index * 8)
  }
  return bytes
}

/** May bind low ports (linux/capability.h, vfs_cap_data of version 2). */
const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex')

const kinds = ['file', 'directory', 'symlink', 'fifo', 'socket', 'character-device', 'block-device'] as const

function make(at: Buffer, kind: GivenAttributes['kind']): void {
  if (kind === 'file' || kind === 'hardlink') writeFileSync(at, 'content')
  else if (kind === 'directory') mkdirSync(at)
  else if (kind === 'symlink') symlinkSync('/nowhere/at all', at)
  else {
    const device = kind.endsWith('device') ? { major: 7, minor: 300 } : undefined
    assert.ok(makeSpecialFile(at, kind, device, { shortfall: createShortfall() }))
  }
}

const id = fc.oneof(fc.constantFrom(0, 1, nobody), fc.nat(0xffff_fffe))
const bytesName = (most: number) =>
  fc
    .uint8Array({ minLength: 1, maxLength: most })
    .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f))
    .map((bytes) => Buffer.from(bytes).toString('latin1'))
const value = fc.uint8Array({ maxLength: 200 })

/** Whatever a file system can have on an entry of that kind. */
const attributesWith = (mode: fc.Arbitrary<number>): fc.Arbitrary<GivenAttributes> =>
  fc
    .record({
      kind: fc.constantFrom(...kinds),
      mode,
      uid: id,
      gid: id,
      mtimeNs: fc.bigInt((2n - 2n ** 31n) * 1_000_000_000n, 2n ** 33n * 1_000_000_000n),
      ours: fc.uniqueArray(fc.tuple(bytesName(40), value), { maxLength: 4, selector: ([name]) => name }),
      trusted: fc.uniqueArray(fc.tuple(bytesName(40), value), { maxLength: 2, selector: ([name]) => name }),
      hasList: fc.boolean(),
      hasCapability: fc.boolean(),
    })
    .map(({ ours, trusted, hasList, hasCapability, ...facts }) => {
      const { kind, mode } = facts
      const isFileOrDirectory = kind === 'file' || kind === 'directory'
      const xattrs = [
        ...trusted.map(([name, value]) => ({ name: `trusted.${name}`, value })),
        // On others the kernel has none of these.
        ...(isFileOrDirectory ? ours.map(([name, value]) => ({ name: `user.${name}`, value })) : []),
        ...(isFileOrDirectory && hasList ? [{ name: 'system.posix_acl_access', value: accessList(mode, 1234) }] : []),
        ...(kind === 'directory' && hasList ? [{ name: 'system.posix_acl_default', value: accessList(0o750, 99) }] : []),
        ...(kind === 'file' && hasCapability ? [{ name: 'security.capability', value: capability }] : []),
      ].sort((a, b) => (a.name < b.name ? -1 : 1))
      return { ...facts, mode: kind === 'symlink' ? 0o777 : mode, xattrs, user: '', group: '' }
    })

const anyAttributes = attributesWith(fc.nat(0o7777))

describe('as root, any attributes', { skip: needsRoot }, () => {
  const directory = scratchDirectory()
  let count = 0
  const fresh = (name = Buffer.alloc(0)) => Buffer.concat([Buffer.from(`${directory}/${count++}-`), name])

  test('that are applied to a new entry are captured again, whatever its name', () => {
    const name = fc.uint8Array({ maxLength: 100 }).filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f))
    fc.assert(
      fc.property(anyAttributes, name, (attributes, name) => {
        const at = fresh(Buffer.from(name))
        make(at, attributes.kind)
        const shortfall = createShortfall()
        applyAttributes(at, attributes, { shortfall })
        assert.deepEqual(givable(capture(at, shortfall)), givable(attributes))
        assert.deepEqual(found(shortfall), [])
      }),
      { numRuns: 300 },
    )
  })

  test('that are applied over any others leave nothing of those', () => {
    fc.assert(
      fc.property(anyAttributes, anyAttributes, (before, after) => {
        const at = fresh()
        make(at, after.kind)
        const shortfall = createShortfall()
        applyAttributes(at, { ...before, kind: after.kind }, { shortfall: createShortfall() })
        applyAttributes(at, after, { shortfall })
        assert.deepEqual(givable(capture(at)), givable(after))
        const { ctimeNs } = capture(at)
        applyAttributes(at, after, { shortfall })
        assert.equal(capture(at).ctimeNs, ctimeNs, 'a second time, nothing is touched')
        assert.deepEqual(found(shortfall), [])
      }),
      { numRuns: 300 },
    )
  })

  test('are applied to an open file as to its path', () => {
    fc.assert(
      fc.property(
        anyAttributes.filter(({ kind }) => kind === 'file'),
        (attributes) => {
          const at = fresh()
          const fd = openSync(at, 'w+')
          const shortfall = createShortfall()
          applyAttributes(fd, attributes, { shortfall })
          assert.deepEqual(givable(capture(fd, shortfall)), givable(attributes))
          closeSync(fd)
          assert.deepEqual(givable(capture(at)), givable(attributes))
          assert.deepEqual(found(shortfall), [])
        },
      ),
      { numRuns: 100 },
    )
  })

  test('devices keep their numbers, files their sizes', () => {
    const device = fresh()
    assert.ok(makeSpecialFile(device, 'block-device', { major: 7, minor: 300 }, { shortfall: createShortfall() }))
    assert.deepEqual(capture(device).device, { major: 7, minor: 300 })
    const file = fresh()
    writeFileSync(file, 'seven b')
    const { size, nlink, device: none } = capture(file)
    assert.deepEqual([size, nlink, none], [7, 1, undefined])
  })

  test('attributes that were not asked for are left as they are', () => {
    const at = fresh()
    writeFileSync(at, '')
    sys.writeXattr(at, 'user.kept', Buffer.from('1'))
    applyAttributes(at, { ...capture(at), xattrs: undefined, mode: 0o600 }, { shortfall: createShortfall() })
    assert.deepEqual(sys.listXattrs(at).map(String), ['user.kept'])
  })

  test("a link's target is never touched", () => {
    const target = fresh()
    const link = fresh()
    writeFileSync(target, '')
    symlinkSync(target, link)
    const before = givable(capture(target))
    const attributes = { ...capture(link), uid: 12, gid: 13, mtimeNs: 14n, xattrs: [{ name: 'trusted.x', value: Buffer.from('1') }] }
    applyAttributes(link, attributes, { shortfall: createShortfall() })
    assert.deepEqual(givable(capture(target)), before)
    assert.deepEqual(givable(capture(link)), givable(attributes))
  })

  test('an entry that has become another kind is refused and stays as it is', () => {
    const target = fresh()
    const link = fresh()
    writeFileSync(target, '')
    symlinkSync(target, link)
    const wanted = { ...capture(target), uid: 77, mode: 0o4755 }
    assert.throws(
      () => applyAttributes(link, wanted, { shortfall: createShortfall() }),
      (error) => isFault(error, 'precondition') && error.message === 'it is a symlink and no file',
    )
    assert.equal(statSync(target).uid, 0)
    rmSync(target)
    assert.throws(
      () => applyAttributes(target, wanted, { shortfall: createShortfall() }),
      (error) => isFault(error, 'not-found'),
    )
  })

  test('an owner that no system can have is noted, and nobody is guessed', () => {
    const at = fresh()
    writeFileSync(at, '')
    const shortfall = createShortfall()
    applyAttributes(at, { ...capture(at), uid: 0xffff_ffff, mode: 0o4755 }, { shortfall })
    assert.deepEqual(found(shortfall), [
      ['owner', 1],
      ['set-id', 1],
    ])
    assert.equal(statSync(at).mode & 0o7777, 0o755)
  })
})

describe('owners by name', { skip: needsRoot }, () => {
  const directory = scratchDirectory()
  const file = path.join(directory, 'file')
  writeFileSync(file, '')
  const apply = (user: string, group: string, by: typeof owners | undefined) => {
    applyAttributes(file, { ...capture(file), uid: 555, gid: 556, user, group }, { shortfall: createShortfall(), owners: by })
    const { uid, gid } = lstatSync(file)
    return [uid, gid]
  }

  test('are whoever has the name here; a name that nobody has gives way to the number', () => {
    assert.deepEqual(apply('nobody', 'nogroup', owners), [nobody, nobody])
    assert.deepEqual(apply('no such user', 'nogroup', owners), [555, nobody])
    assert.deepEqual(apply('', '', owners), [555, 556])
  })

  test('are not asked for where numbers decide', () => {
    assert.deepEqual(apply('nobody', 'nogroup', undefined), [555, 556])
  })

  test('are captured with the numbers', () => {
    lchownSync(file, nobody, nobody)
    const { user, group } = capture(file)
    assert.deepEqual([user, group], ['nobody', 'nogroup'])
    lchownSync(file, 3_999_999_999, 3_999_999_999)
    assert.deepEqual([capture(file).user, capture(file).group], ['', ''])
  })

  test('are looked up once each, absent and failing ones too', () => {
    const asked: (number | string)[] = []
    const counting = rememberOwners({
      userName: (id) => (asked.push(id), id === 1 ? 'daemon' : undefined),
      groupName: (id) => {
        asked.push(id)
        throw new Fault('unavailable', 'the directory server does not answer')
      },
      userId: (name) => (asked.push(name), undefined),
      groupId: (name) => (asked.push(name), 5),
    })
    for (let round = 0; round < 3; round++) {
      assert.equal(counting.userName(1), 'daemon')
      assert.equal(counting.userName(2), undefined)
      assert.throws(() => counting.groupName(3), /does not answer/)
      assert.equal(counting.userId('x'), undefined)
      assert.equal(counting.groupId('y'), 5)
    }
    assert.deepEqual(asked, [1, 2, 3, 'x', 'y'])
  })
})

describe('without privilege', { skip: needsRoot }, () => {
  const directory = scratchDirectory()
  chownSync(directory, nobody, nobody)
  let count = 0
  const fresh = () => Buffer.from(path.join(directory, `entry-${count++}`))

  test('the owner of its own files sets all that is theirs to set, read-only files included', () => {
    // Without the right to read a file, its owner cannot read its attributes back either.
    const theirs = attributesWith(fc.nat(0o7777).map((mode) => mode | 0o400))
      .filter(({ kind }) => !kind.endsWith('device'))
      .map((attributes) => ({
        ...attributes,
        uid: nobody,
        gid: nobody,
        xattrs: attributes.xattrs!.filter(({ name }) => /^user|^system/.test(name)),
      }))
    fc.assert(
      fc.property(theirs, theirs, (before, after) => {
        const at = fresh()
        asNobody(() => {
          make(at, after.kind)
          const shortfall = createShortfall()
          for (const attributes of [{ ...before, kind: after.kind }, after])
            applyAttributes(at, attributes, { shortfall: createShortfall() })
          applyAttributes(at, after, { shortfall })
          const wanted = after.kind === 'symlink' ? { ...after, mode: 0o777 } : after
          assert.deepEqual(givable(capture(at)), givable(wanted))
          assert.deepEqual(found(shortfall), [])
        })
      }),
      { numRuns: 200 },
    )
  })

  test('what is not theirs is counted by what it is, each once, with its first place', () => {
    const shortfall = createShortfall()
    const value = Buffer.from('1')
    const places = [fresh(), fresh(), fresh()] as const
    const first = places[0].toString()
    for (const at of places) {
      asNobody(() => {
        writeFileSync(at, '')
        const xattrs = [
          { name: 'security.capability', value: capability },
          { name: 'trusted.a', value },
          { name: 'trusted.b', value },
          { name: 'user.ours', value },
        ]
        applyAttributes(at, { ...capture(at), uid: 0, gid: 0, mode: 0o6755, mtimeNs: 5n, xattrs }, { shortfall })
      })
      const { mode, uid, mtimeNs, xattrs } = capture(at)
      assert.deepEqual([mode, uid, mtimeNs], [0o755, nobody, 5n], 'the rest is set, and no set-user-ID bit for the wrong owner')
      assert.deepEqual(
        xattrs?.map(({ name }) => name),
        ['user.ours'],
      )
    }
    assert.deepEqual(found(shortfall), [
      ['owner', 3],
      ['xattr:trusted', 6],
      ['set-id', 3],
      ['xattr:security', 3],
    ])
    assert.deepEqual(
      shortfall.omissions().map((omission) => describeOmission(omission, 'set')),
      [
        `could not set the owner of 3 entries, ${first} first: cannot change the owner: operation not permitted`,
        `could not set the extended attributes trusted.* of 6 entries, ${first} first: cannot write the extended attribute trusted.a: operation not permitted`,
        `could not set the set-user-ID and set-group-ID bits of 3 entries, ${first} first: the owner that they are for could not be set`,
        `could not set the extended attributes security.* of 3 entries, ${first} first: cannot write the extended attribute security.capability: operation not permitted`,
      ],
    )
  })

  test("of another's file, nothing is changed and everything is said", () => {
    const at = path.join(directory, 'of-root')
    writeFileSync(at, '')
    const before = givable(capture(at))
    const shortfall = createShortfall()
    asNobody(() => applyAttributes(at, { ...capture(at), mode: 0o600, mtimeNs: 5n }, { shortfall }))
    assert.deepEqual(found(shortfall), [
      ['mode', 1],
      ['time', 1],
    ])
    assert.deepEqual(givable(capture(at)), before)
    assert.throws(
      () => asNobody(() => applyTime(path.join(directory, 'gone'), 5n, { shortfall })),
      (error) => isFault(error, 'not-found'),
    )
  })

  test('what cannot be read is counted at capture', () => {
    const at = path.join(directory, 'closed')
    writeFileSync(at, '')
    sys.writeXattr(at, 'user.secret', Buffer.from('1'))
    chmodSync(at, 0o600)
    const shortfall = createShortfall()
    const captured = asNobody(() => capture(at, shortfall))
    assert.deepEqual(captured.xattrs, [])
    assert.deepEqual(found(shortfall), [['xattr:user', 1]])
  })

  test('devices are left out and counted, pipes are made', () => {
    const shortfall = createShortfall()
    asNobody(() => {
      assert.ok(makeSpecialFile(fresh(), 'fifo', undefined, { shortfall }))
      assert.ok(!makeSpecialFile(fresh(), 'character-device', { major: 1, minor: 3 }, { shortfall }))
    })
    assert.deepEqual(found(shortfall), [['device', 1]])
  })
})

describe('where the library does not load', () => {
  const broken = createSys({ platform: 'darwin', arch: 'arm64' })
  const directory = scratchDirectory()
  const at = path.join(directory, 'file')
  writeFileSync(at, 'content')

  test('a capture has what Node can tell, and counts the rest', () => {
    const shortfall = createShortfall()
    const captured = captureAttributes(at, { sys: broken, owners: rememberOwners(broken), shortfall })
    assert.deepEqual({ ...captured, xattrs: [], user: '', group: '' }, { ...capture(at), user: '', group: '' })
    assert.equal(captured.xattrs, undefined)
    assert.deepEqual(found(shortfall), [
      ['owner-name', 2],
      ['xattrs', 1],
    ])
  })

  test('an application does what Node can do, and counts the rest', () => {
    const shortfall = createShortfall()
    const xattrs = [{ name: 'user.a', value: Buffer.from('1') }]
    applyAttributes(at, { ...capture(at), mode: 0o640, mtimeNs: 1_700_000_000_123_456_789n, xattrs }, { shortfall, sys: broken })
    const { mode, mtimeNs } = capture(at)
    assert.equal(mode, 0o640)
    assert.equal(mtimeNs / 1_000_000n, 1_700_000_000_123n)
    assert.deepEqual(found(shortfall), [
      ['xattr:user', 1],
      ['time', 1],
    ])
  })

  test('a special file is not made, and zeros stand for a hole', () => {
    const shortfall = createShortfall()
    assert.ok(!makeSpecialFile(path.join(directory, 'fifo'), 'fifo', undefined, { shortfall, sys: broken }))
    const fd = openSync(path.join(directory, 'sparse'), 'w+')
    assert.deepEqual(found(shortfall), [['special', 1]])
    writeSync(fd, Buffer.alloc(3 << 20, 1), 0, 3 << 20, 0)
    assert.equal(clearRange(fd, { offset: 10, length: 2 << 20 }, broken), 'zeros')
    closeSync(fd)
    const bytes = readFileSync(path.join(directory, 'sparse'))
    assert.ok(bytes.every((byte, index) => byte === (index < 10 || index >= 10 + (2 << 20) ? 1 : 0)))
  })
})

test('a hole that reaches the end of a file takes its last block too, which is not full', () => {
  const directory = scratchDirectory()
  const fd = openSync(path.join(directory, 'file'), 'w+')
  writeSync(fd, Buffer.alloc(300_000, 1))
  assert.equal(clearRange(fd, { offset: 8192, length: 300_000 - 8192 }), 'hole')
  const { size, blocks } = fstatSync(fd)
  assert.deepEqual([size, blocks * 512 <= 8192], [300_000, true])
  closeSync(fd)
  const bytes = readFileSync(path.join(directory, 'file'))
  assert.ok(bytes.every((byte, index) => byte === (index < 8192 ? 1 : 0)))
})

describe('a mode', () => {
  const directory = scratchDirectory()
  const at = (name: string) => path.join(directory, name)

  test('is not changed through a link', () => {
    writeFileSync(at('target'), '', { mode: 0o600 })
    symlinkSync('target', at('link'))
    assert.throws(
      () => changeMode(at('link'), 0o666),
      (error) => isFault(error, 'precondition'),
    )
    assert.equal(statSync(at('target')).mode & 0o7777, 0o600)
  })

  test('is changed by its owner, who may not even read the file', { skip: needsRoot }, () => {
    writeFileSync(at('closed'), '', { mode: 0 })
    chownSync(at('closed'), nobody, nobody)
    chmodSync(directory, 0o711)
    asNobody(() => changeMode(Buffer.from(at('closed')), 0o4500))
    assert.equal(statSync(at('closed')).mode & 0o7777, 0o4500)
  })
})

test('trouble of the disk is thrown and not counted', () => {
  const shortfall = createShortfall()
  for (const code of ['unavailable', 'busy', 'not-found', 'bug'] as const) {
    assert.throws(
      () =>
        shortfall.attempt('owner', 'x', () => {
          throw new Fault(code, 'trouble')
        }),
      (error) => isFault(error, code),
    )
  }
  assert.deepEqual(shortfall.omissions(), [])
})
