/** What can be wrong with an environment, as whole commands: refused, named, and with what to do. */
import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  closeSync,
  existsSync,
  openSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { readMounts, realSys as sys } from '../../src/kit/sys/index.ts'
import { project, scratch } from '../fakes/environment-shell.ts'
import { needsRoot } from '../fakes/nobody.ts'

describe('a tool that is not installed', () => {
  const empty = { PATH: '/nowhere' }

  test('stops at once, in the words that the documentation promises', () => {
    const cases = [
      ['filesystem', 'Filesystem mode selected but rsync is not installed.', 'Install rsync: sudo apt install rsync'],
      [
        'squashfs',
        'Squashfs mode selected but squashfs-tools is not installed.',
        'Install squashfs-tools: sudo apt install squashfs-tools',
      ],
    ] as const
    for (const [mode, message, hint] of cases) {
      const { holdfast, snapshots, wallet } = project(`mode = "${mode}"`)
      const { exit, err } = holdfast('env create', empty)
      assert.equal(exit, 7, err)
      assert.ok(err.includes(message) && err.includes(hint), err)
      assert.deepEqual(readdirSync(snapshots), ['.holdfast'])
      assert.equal(wallet(), 'clean')
    }
  })

  test('is not fallen back from in a restore', () => {
    const { holdfast, dirty, wallet } = project('mode = "filesystem"\ncleanup = "printf cleaned > data/node-1/wallet"')
    assert.equal(holdfast('env create').exit, 0)
    dirty()
    const { exit, err } = holdfast('env restore', empty)
    assert.equal(exit, 7)
    assert.match(err, /Filesystem mode selected but rsync is not installed\./)
    assert.equal(wallet(), 'clean, and dirty')
  })
})

describe('a live directory that nobody should give back', () => {
  test('is refused: a link, a file, the root, one that holds its snapshots', () => {
    const cases: [string, (project: { live: string }) => void, RegExp][] = [
      ['', ({ live }) => (renameSync(live, `${live}-away`), symlinkSync(`${live}-away`, live)), /is a symbolic link/],
      ['', ({ live }) => (rmSync(live, { recursive: true }), writeFileSync(live, '')), /is not a directory/],
      ['snapshots_dir = "data/kept"', () => undefined, /holds the snapshots directory/],
    ]
    for (const [settings, change, message] of cases) {
      const made = project(`mode = "filesystem"\n${settings}`)
      change(made)
      for (const line of ['env create', 'env stop']) {
        const { exit, err } = made.holdfast(line)
        assert.equal(exit, 2, err)
        assert.match(err, message)
      }
    }
    const { cwd, holdfast } = project('')
    writeFileSync(path.join(cwd, 'holdfast.toml'), '[env.stage]\npath = "/"\nsnapshots_dir = "/tmp/x"\n')
    assert.match(holdfast('env create').err, /is the root of the file system/)
  })

  test('is refused: a mount that is not ours', { skip: needsRoot }, () => {
    for (const mode of ['filesystem', 'overlay']) {
      const { holdfast, live } = project(`mode = "${mode}"`)
      assert.equal(spawnSync('mount', ['-t', 'tmpfs', 'foreign', live]).status, 0)
      writeFileSync(path.join(live, 'theirs'), 'theirs')
      for (const line of ['env create', 'env restore', 'env stop']) {
        const { exit, err } = holdfast(line)
        assert.equal(exit, 2, err)
        assert.match(err, /is a mount point that holdfast did not make/)
      }
      assert.deepEqual(readdirSync(live), ['theirs'])
      assert.equal(spawnSync('umount', [live]).status, 0)
    }
  })
})

test('after a restart of the machine, status says that nothing is mounted and what to run', { skip: needsRoot }, () => {
  for (const mode of ['overlay', 'volume']) {
    const { holdfast, live, dirty, wallet } = project(`mode = "${mode}"\nvolume_size = "512MiB"`)
    assert.equal(holdfast('env create').exit, 0)
    assert.doesNotMatch(holdfast('env status').out, /unmounted/)
    dirty()
    for (const { at } of readMounts().filter((mount) => mount.at.startsWith(path.dirname(live)))) sys.detachMount(at)
    const status = holdfast('env status')
    assert.equal(status.exit, 0, status.err)
    assert.match(status.out, /unmounted +what was mounted there is gone.*: holdfast env restore stage; .*: holdfast env stop stage/)
    const [told] = (JSON.parse(holdfast('env status --json').out) as { result: { environments: Record<string, unknown>[] } }).result
      .environments
    assert.deepEqual([told?.['isUnmounted'], told?.['snapshotName'], told?.['autoCreateOnStartup']], [true, 'clean_state', true])
    const refused = holdfast('env create --snapshot other')
    assert.equal(refused.exit, 4, refused.err)
    assert.match(refused.err, /there is nothing to keep: .*\n(.*\n)*.*holdfast env restore stage.*holdfast env stop stage/)
    assert.equal(holdfast('env restore').exit, 0)
    assert.equal(wallet(), 'clean')
    assert.doesNotMatch(holdfast('env status').out, /unmounted/)
    assert.equal(holdfast('env stop').exit, 0)
  }
})

test('a command that is started inside of the live directory does not stand in its own way', () => {
  const { live, cwd, holdfast, dirty, wallet } = project('mode = "filesystem"\ncopier = "builtin"')
  assert.equal(holdfast('env create').exit, 0)
  dirty()
  // By the Node of the system, where that is too old: it starts the right one and waits for it.
  const launcher = path.resolve(import.meta.dirname, '../../bin/holdfast.cjs')
  const env = { PATH: '/usr/local/bin:/usr/bin:/bin', HOME: path.join(scratch, 'home') }
  const { status, stderr } = spawnSync('node', [launcher, 'env', 'restore', '--config', path.join(cwd, 'holdfast.toml')], {
    cwd: path.join(live, 'node-1'),
    env,
    encoding: 'utf8',
  })
  assert.equal(status, 0, stderr)
  assert.equal(wallet(), 'clean')
})

describe('a damaged snapshot', () => {
  const cleanup = 'cleanup = "printf cleaned > data/node-1/wallet"'

  function flipByte(file: string, at: number): void {
    const fd = openSync(file, 'r+')
    const byte = Buffer.alloc(1)
    readSync(fd, byte, 0, 1, at)
    byte[0]! ^= 0xff
    writeSync(fd, byte, 0, 1, at)
    closeSync(fd)
  }

  test('is named, is never given back, and nothing falls back from it', () => {
    const damages: [string, string, (snapshots: string) => void, RegExp][] = [
      ['squashfs', '--verify', (kept) => flipByte(`${kept}/clean_state.sqfs`, 2000), /its image is sha256:\w+, and was sha256:/],
      ['squashfs', '', (kept) => truncateSync(`${kept}/clean_state.sqfs`, 2000), /its image has 2000 bytes, and had/],
      ['squashfs', '', (kept) => rmSync(`${kept}/clean_state.sqfs`), /its image is not there/],
      ['filesystem', '--verify', (kept) => flipByte(`${kept}/clean_state/node-1/wallet`, 2), /is damaged: it is not what it was/],
      ['filesystem', '', (kept) => rmSync(`${kept}/clean_state`, { recursive: true }), /clean_state is gone/],
      [
        'filesystem',
        '',
        (kept) => writeFileSync(`${kept}/clean_state.meta.json`, '{"format":'),
        /record of the snapshot clean_state is damaged/,
      ],
    ]
    for (const [mode, option, damage, message] of damages) {
      const { holdfast, dirty, wallet, snapshots } = project(`mode = "${mode}"\n${cleanup}`)
      assert.equal(holdfast('env create').exit, 0)
      dirty()
      damage(snapshots)
      const { exit, err } = holdfast(`env restore ${option}`.trim())
      assert.equal(exit, 8, err)
      assert.match(err, message)
      assert.match(err, /clean_state/)
      assert.match(err, /delete/)
      assert.equal(wallet(), 'clean, and dirty')
      // It is in nobody's way.
      const gone = holdfast('env delete clean_state --yes')
      assert.equal(gone.exit, 0, gone.err)
      assert.deepEqual(
        readdirSync(snapshots).filter((name) => name !== '.holdfast'),
        [],
      )
    }
  })

  test('is seen in the list where its record cannot be understood, and deleted in every mode', { skip: needsRoot }, () => {
    for (const mode of ['overlay', 'squashfs', 'volume']) {
      const { holdfast, snapshots, dirty, wallet } = project(`mode = "${mode}"\nvolume_size = "512MiB"`)
      assert.equal(holdfast('env create').exit, 0)
      assert.equal(holdfast('env create --snapshot other').exit, 0)
      assert.equal(holdfast('env restore').exit, 0)
      dirty()
      for (const name of ['clean_state', 'other']) writeFileSync(`${snapshots}/${name}.meta.json`, 'not JSON')
      assert.match(holdfast('env list').out, /clean_state.*damaged/)
      if (mode !== 'volume') {
        const refused = holdfast('env delete clean_state --yes')
        assert.equal(refused.exit, 9, refused.err)
        assert.match(refused.err, /stands on the snapshot clean_state\n(.*\n)*.*holdfast env stop stage/)
      }
      assert.equal(holdfast('env stop').exit, 0)
      assert.match(holdfast('env delete clean_state --yes').out, /its record was damaged/)
      assert.equal(holdfast('env delete other --yes').exit, 0)
      assert.equal(wallet(), 'clean, and dirty')
      assert.deepEqual(readdirSync(snapshots), ['.holdfast'], mode)
      assert.equal(existsSync(`${snapshots}/.holdfast/volume.img`), false)
    }
  })
})
