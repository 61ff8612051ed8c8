import assert from 'node:assert/strict'
import { chmodSync, chownSync, closeSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { attributesWith, capability, capture, found, givable, make } from '../../../test/fakes/attributes.ts'
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
  makeSpecialFile,
  rememberOwners,
} from './index.ts'

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
