import assert from 'node:assert/strict'
import { closeSync, openSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { anyAttributes, capture, found, givable, make } from '../../../test/fakes/attributes.ts'
import { needsRoot } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../../kit/index.ts'
import { realSys as sys } from '../../kit/sys/index.ts'
import { applyAttributes, createShortfall, makeSpecialFile } from './index.ts'

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
