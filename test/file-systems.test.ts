/** What file systems other than the machine's own do, each mounted from an image here. */
import assert from 'node:assert/strict'
import { closeSync, fstatSync, mkdirSync, openSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { isFault } from '../src/kit/index.ts'
import { fileSystemType, realSys as sys } from '../src/kit/sys/index.ts'
import {
  applyAttributes,
  captureAttributes,
  clearRange,
  createShortfall,
  describeOmission,
  rememberOwners,
} from '../src/snapshots/attributes/index.ts'
import { mountImage } from './services/loop-mount.ts'

const xfs = await mountImage('xfs')
const oldExt4 = await mountImage('old-ext4')
const block = 65_536

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)

function filled(file: string, blocks: number, byte: number): number {
  const fd = openSync(file, 'w+')
  writeSync(fd, Buffer.alloc(blocks * block, byte))
  return fd
}

describe('on xfs, blocks are shared', { skip: 'reason' in xfs ? xfs.reason : false }, () => {
  const at = (name: string) => path.join('directory' in xfs ? xfs.directory : '', name)

  test('by a whole file, whatever its length', () => {
    assert.equal(fileSystemType(at('.')), 'xfs')
    writeFileSync(at('odd'), 'not a whole block')
    const [source, target] = [openSync(at('odd'), 'r'), openSync(at('odd-clone'), 'w+')]
    sys.cloneFile(source, target)
    assert.equal(readFileSync(at('odd-clone'), 'utf8'), 'not a whole block')
    for (const fd of [source, target]) closeSync(fd)
  })

  test('by ranges of whole blocks, put anywhere', () => {
    const [source, target] = [filled(at('source'), 4, 1), filled(at('target'), 8, 2)]
    sys.cloneRange(source, target, { from: block, to: 6 * block, length: 2 * block })
    const bytes = readFileSync(at('target'))
    assert.ok(bytes.subarray(0, 6 * block).every((byte) => byte === 2))
    assert.ok(bytes.subarray(6 * block).every((byte) => byte === 1))
    writeSync(target, Buffer.alloc(block, 3), 0, block, 6 * block)
    assert.ok(
      readFileSync(at('source')).every((byte) => byte === 1),
      'the source does not see what is written to the clone',
    )
    for (const fd of [source, target]) closeSync(fd)
  })

  test('and ranges of other ends, or out of a file on another file system, are refused', () => {
    const [source, target] = [openSync(at('source'), 'r'), openSync(at('target'), 'r+')]
    assert.throws(() => sys.cloneRange(source, target, { from: 1, to: 0, length: block }), code('invalid'))
    const outside = openSync(import.meta.filename, 'r')
    assert.throws(() => sys.cloneFile(outside, target), code('unsupported'))
    for (const fd of [source, target, outside]) closeSync(fd)
  })

  test('a cleared range is a hole', () => {
    const fd = openSync(at('target'), 'r+')
    assert.equal(clearRange(fd, { offset: 0, length: 4 * block }), 'hole')
    assert.deepEqual([...sys.dataExtents(fd, fstatSync(fd).size)], [{ offset: 4 * block, length: 4 * block }])
    closeSync(fd)
  })
})

describe('on an old ext4, what does not fit is said', { skip: 'reason' in oldExt4 ? oldExt4.reason : false }, () => {
  const at = (name: string) => path.join('directory' in oldExt4 ? oldExt4.directory : '', name)
  const owners = rememberOwners(sys)

  test('a time after 2038, and parts of a second', () => {
    mkdirSync(at('times'))
    const shortfall = createShortfall()
    const captured = captureAttributes(at('times'), { owners, shortfall })
    for (const mtimeNs of [2n ** 33n * 1_000_000_000n, 1_500_000_001n, 3_000_000_000n]) {
      applyAttributes(at('times'), { ...captured, mtimeNs }, { shortfall })
    }
    assert.deepEqual(
      shortfall.omissions().map((omission) => describeOmission(omission, 'set')),
      [`could not set the time of 2 entries, ${at('times')} first: this file system cannot hold the time exactly`],
    )
  })

  test('attributes beyond the room that it has for them, and what fits is kept', () => {
    writeFileSync(at('crowded'), '')
    const shortfall = createShortfall()
    const captured = captureAttributes(at('crowded'), { owners, shortfall })
    const xattrs = ['user.large', 'user.small'].map((name, index) => ({ name, value: Buffer.alloc(index === 0 ? 50_000 : 10) }))
    applyAttributes(at('crowded'), { ...captured, xattrs }, { shortfall })
    assert.deepEqual(sys.listXattrs(at('crowded')).map(String), ['user.small'])
    assert.deepEqual(
      shortfall.omissions().map(({ what, count, fault }) => [what, count, fault.code]),
      [['xattr:user', 1, 'unsupported']],
    )
  })
})
