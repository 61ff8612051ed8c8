import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { mountImage } from '../../../test/services/loop-mount.ts'
import { isFault } from '../fault.ts'
import { isSubvolume, realSys as sys } from './index.ts'

const code = (wanted: Parameters<typeof isFault>[1]) => (error: unknown) => isFault(error, wanted)

test('subvolumes are made, known, kept as they are at a moment, and removed', async (t) => {
  const mounted = await mountImage('btrfs')
  if ('reason' in mounted) return t.skip(mounted.reason)
  const at = (name: string) => path.join(mounted.directory, name)
  sys.createSubvolume(at('one'))
  mkdirSync(at('plain'))
  assert.deepEqual([isSubvolume(at('one')), isSubvolume(at('plain')), isSubvolume(at('none'))], [true, false, false])
  writeFileSync(at('one/file'), 'first')
  sys.snapshotSubvolume(at('one'), at('kept'), { readOnly: true })
  writeFileSync(at('one/file'), 'second')
  sys.snapshotSubvolume(at('kept'), at('again'))
  writeFileSync(at('again/file'), 'third')
  assert.deepEqual(
    ['one', 'kept', 'again'].map((name) => readFileSync(at(`${name}/file`), 'utf8')),
    ['second', 'first', 'third'],
  )
  assert.throws(() => writeFileSync(at('kept/file'), 'no'), { code: 'EROFS' })
  assert.throws(() => sys.createSubvolume(at('one')), code('already-exists'))
  assert.throws(() => sys.snapshotSubvolume(at('plain'), at('other')), code('invalid'))
  for (const name of ['one', 'kept', 'again']) sys.deleteSubvolume(at(name))
  assert.ok(!existsSync(at('kept')))
  assert.throws(() => sys.deleteSubvolume(at('kept')), code('not-found'))
})

test('where there are none, that is said', () => {
  const directory = scratchDirectory()
  assert.ok(!isSubvolume(directory))
  assert.throws(() => sys.createSubvolume(path.join(directory, 'new')), code('unsupported'))
})
