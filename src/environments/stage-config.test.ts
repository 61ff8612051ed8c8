import assert from 'node:assert/strict'
import { writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { isFault } from '../kit/index.ts'
import { parseStageConfig, readStageConfig } from './index.ts'

const scratch = scratchDirectory()
const file = '/srv/stage/stage-env.cfg'

const example = `# The environment
[network]
topology = default
mode = whatever

[suite_isolation]
# Snapshot mode selection
mode = squashfs

; Options: none, gzip, lzo, xz
squashfs_compression = xz
auto_create_on_startup = no
snapshot_name = clean_2
auto_cleanup = FALSE
keep_snapshot_count = 7
snapshots_dir = ../elsewhere
`

describe('a stage-env.cfg', () => {
  test('is read with all its keys, relative to itself', () => {
    const { live, snapshotsDir, settings, unknown } = parseStageConfig(example, file)
    assert.deepEqual([live, snapshotsDir, unknown], ['/srv/stage/cache/data', '/srv/elsewhere', []])
    const { mode, squashfsCompression, autoCreateOnStartup, snapshotName, autoCleanup, keep } = settings
    assert.deepEqual(
      [mode, squashfsCompression, autoCreateOnStartup, snapshotName, autoCleanup, keep],
      ['squashfs', 'xz', false, 'clean_2', false, { count: 7 }],
    )
  })

  test('has the documented values for what it leaves out', () => {
    const { snapshotsDir, settings } = parseStageConfig('[suite_isolation]\n', file)
    assert.equal(snapshotsDir, '/srv/testing/snapshots')
    const { mode, squashfsCompression, autoCreateOnStartup, snapshotName, autoCleanup, keep } = settings
    assert.deepEqual(
      [mode, squashfsCompression, autoCreateOnStartup, snapshotName, autoCleanup, keep],
      ['filesystem', 'none', true, 'clean_state', true, { count: 5 }],
    )
  })

  test('may be written by Windows, with colons and capitals', () => {
    assert.equal(parseStageConfig('\uFEFF[suite_isolation]\r\nMode: recreate\r\n', file).settings.mode, 'recreate')
  })

  test('has its unknown keys named', () => {
    assert.deepEqual(parseStageConfig('[suite_isolation]\nkeep_snapshots = 3\n', file).unknown, ['keep_snapshots'])
  })

  const wrong: Record<string, [string, RegExp, string]> = {
    'an unknown mode': ['[suite_isolation]\nmode = zfs', /mode is "zfs"; expected: disabled, recreate/, ':2'],
    'no boolean': ['[suite_isolation]\nauto_cleanup = maybe', /expected: true or false/, ':2'],
    'a count of nothing': ['[suite_isolation]\nkeep_snapshot_count = 0', /a whole number from 1 on/, ':2'],
    'a name that leads out': ['[suite_isolation]\n\nsnapshot_name = ../x', /snapshot_name is "..\/x"/, ':3'],
    'an empty folder': ['[suite_isolation]\nsnapshots_dir =', /expected: a path/, ':2'],
    'a line that is none': ['[suite_isolation]\nmode', /not a key and a value: "mode"/, ':2'],
    'a key twice': ['[suite_isolation]\nmode = disabled\nmode = disabled', /mode is given a second time/, ':3'],
    'the section twice': ['[suite_isolation]\n[suite_isolation]', /a second time/, ':2'],
    'no section': ['mode = disabled', /no section \[suite_isolation\]/, ''],
  }
  for (const [name, [text, message, line]] of Object.entries(wrong)) {
    test(`with ${name} is refused, with the line`, () => {
      assert.throws(
        () => parseStageConfig(text, file),
        (error) => isFault(error, 'invalid') && message.test(error.message) && error.at === `${file}${line}`,
      )
    })
  }

  test('that is not there is not found', async () => {
    const real = path.join(scratch, 'stage-env.cfg')
    await assert.rejects(readStageConfig(real), { code: 'not-found' })
    writeFileSync(real, example)
    assert.equal((await readStageConfig(real)).live, path.join(scratch, 'cache/data'))
  })
})
