import assert from 'node:assert/strict'
import { closeSync, mkdirSync, openSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { asNobody, needsRoot } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../fault.ts'
import { realSys as sys } from './index.ts'

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)

describe('extended attributes', () => {
  const directory = scratchDirectory()
  const file = path.join(directory, 'file')
  writeFileSync(file, '')

  test('are written, listed in byte order, read, replaced and removed', () => {
    sys.writeXattr(file, 'user.b', Buffer.from('2'))
    sys.writeXattr(file, 'user.a', Buffer.from('1'))
    sys.writeXattr(file, 'user.b', Buffer.from('two'))
    assert.deepEqual(sys.listXattrs(file).map(String), ['user.a', 'user.b'])
    assert.equal(String(sys.readXattr(file, 'user.b')), 'two')
    assert.ok(sys.removeXattr(file, 'user.b'))
    assert.ok(!sys.removeXattr(file, 'user.b'))
    assert.equal(sys.readXattr(file, 'user.b'), undefined)
    assert.ok(sys.removeXattr(file, 'user.a'))
    assert.deepEqual(sys.listXattrs(file), [])
  })

  test('an empty value is a value', () => {
    sys.writeXattr(file, 'user.empty', Buffer.alloc(0))
    assert.equal(sys.readXattr(file, 'user.empty')?.length, 0)
    sys.removeXattr(file, 'user.empty')
  })

  test('values that were read stay as they were read', () => {
    sys.writeXattr(file, 'user.a', Buffer.from('first'))
    const first = sys.readXattr(file, 'user.a')
    const names = sys.listXattrs(file)
    sys.writeXattr(file, 'user.a', Buffer.from('other'))
    sys.readXattr(file, 'user.a')
    assert.equal(String(first), 'first')
    assert.equal(String(names[0]), 'user.a')
    sys.removeXattr(file, 'user.a')
  })

  test('of an open file and of a directory are reached too', () => {
    const fd = openSync(file, 'r+')
    sys.writeXattr(fd, 'user.open', Buffer.from('1'))
    assert.equal(String(sys.readXattr(file, 'user.open')), '1')
    assert.deepEqual(sys.listXattrs(fd).map(String), ['user.open'])
    assert.ok(sys.removeXattr(fd, 'user.open'))
    closeSync(fd)
    mkdirSync(path.join(directory, 'sub'))
    sys.writeXattr(path.join(directory, 'sub'), 'user.d', Buffer.from('1'))
    assert.deepEqual(sys.listXattrs(path.join(directory, 'sub')).map(String), ['user.d'])
  })

  test('any names and values come back, byte for byte', () => {
    const name = fc.uint8Array({ minLength: 1, maxLength: 200 }).filter((bytes) => !bytes.includes(0))
    fc.assert(
      fc.property(name, fc.uint8Array({ maxLength: 1500 }), (suffix, value) => {
        const full = Buffer.concat([Buffer.from('user.'), suffix])
        sys.writeXattr(file, full, value)
        assert.deepEqual(sys.listXattrs(file), [full])
        assert.deepEqual(sys.readXattr(file, full), Buffer.from(value))
        assert.ok(sys.removeXattr(file, full))
      }),
      { numRuns: 200 },
    )
  })

  test('what the kernel or the file system does not take is said', () => {
    assert.throws(() => sys.writeXattr(file, 'user.huge', Buffer.alloc(65_537)), code('invalid'))
    assert.throws(() => sys.writeXattr(file, `user.${'n'.repeat(251)}`, Buffer.alloc(1)), code('invalid'))
    assert.throws(() => sys.writeXattr(file, 'nospace.a', Buffer.alloc(1)), code('unsupported'))
    assert.throws(() => sys.readXattr('/proc/self/status', 'user.a'), code('unsupported'))
    assert.deepEqual(sys.listXattrs('/proc/self/status'), [])
  })

  test("a link's are its own", { skip: needsRoot }, () => {
    const link = path.join(directory, 'link')
    symlinkSync('file', link)
    sys.writeXattr(file, 'user.of-file', Buffer.from('1'))
    sys.writeXattr(link, 'trusted.of-link', Buffer.from('2'))
    assert.deepEqual(sys.listXattrs(link).map(String), ['trusted.of-link'])
    assert.deepEqual(sys.listXattrs(file).map(String), ['user.of-file'])
    assert.throws(() => sys.writeXattr(link, 'user.a', Buffer.alloc(1)), code('denied'))
    sys.removeXattr(file, 'user.of-file')
  })

  test('without privilege, the trusted ones are denied', { skip: needsRoot }, () => {
    assert.throws(() => asNobody(() => sys.writeXattr(file, 'trusted.a', Buffer.alloc(1))), code('denied'))
  })
})
