import assert from 'node:assert/strict'
import { chownSync, lstatSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import fc from 'fast-check'
import { asNobody, needsRoot, nobody } from '../../../test/fakes/nobody.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../fault.ts'
import { realSys as sys, splitDevice } from './index.ts'

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)

describe('special files', () => {
  const directory = scratchDirectory()
  const at = (name: string) => path.join(directory, name)

  test('pipes and sockets are made by anybody', () => {
    sys.makeSpecial(at('fifo'), 'fifo', 0o640)
    sys.makeSpecial(Buffer.from(at('socket')), 'socket', 0o600)
    assert.ok(lstatSync(at('fifo')).isFIFO())
    assert.equal(lstatSync(at('fifo')).mode & 0o7777, 0o640 & ~process.umask())
    assert.ok(lstatSync(at('socket')).isSocket())
  })

  test('a name that is taken stays as it is', () => {
    assert.throws(() => sys.makeSpecial(at('fifo'), 'socket', 0o600), code('already-exists'))
    assert.ok(lstatSync(at('fifo')).isFIFO())
  })

  test('devices have any numbers that the kernel has', { skip: needsRoot }, () => {
    const kind = fc.constantFrom('character-device' as const, 'block-device' as const)
    fc.assert(
      fc.property(kind, fc.nat(0xfff), fc.nat(0xf_ffff), (kind, major, minor) => {
        sys.makeSpecial(at('device'), kind, 0o600, { major, minor })
        const stats = lstatSync(at('device'), { bigint: true })
        rmSync(at('device'))
        assert.equal(kind === 'block-device', stats.isBlockDevice())
        assert.deepEqual(splitDevice(stats.rdev), { major, minor })
      }),
      {
        numRuns: 100,
        examples: [
          ['block-device', 0xfff, 0xf_ffff],
          ['character-device', 0, 0],
        ],
      },
    )
  })

  test('numbers that no device has are refused, as are numbers where none belong', () => {
    const bad = [
      [4096, 0],
      [0, 1 << 20],
      [-1, 0],
      [0.5, 1],
    ] as const
    for (const [major, minor] of bad) {
      assert.throws(() => sys.makeSpecial(at('none'), 'block-device', 0o600, { major, minor }), code('invalid'))
    }
    assert.throws(() => sys.makeSpecial(at('none'), 'block-device', 0o600), code('invalid'))
    assert.throws(() => sys.makeSpecial(at('none'), 'fifo', 0o600, { major: 1, minor: 1 }), code('invalid'))
  })

  test('devices are denied without privilege', { skip: needsRoot }, () => {
    chownSync(directory, nobody, nobody)
    assert.throws(() => asNobody(() => sys.makeSpecial(at('null'), 'character-device', 0o666, { major: 1, minor: 3 })), code('denied'))
  })
})
