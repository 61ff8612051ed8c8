/** What can be wrong with an environment, as whole commands: refused or rolled back, named, and with what to do. */
import assert from 'node:assert/strict'
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { describeTree, ensureTree } from '../../src/environments/conformance/odd-tree.ts'
import { systemClock } from '../../src/kit/index.ts'
import { readMounts, realSys as sys } from '../../src/kit/sys/index.ts'
import { needsRoot } from '../fakes/nobody.ts'
import { scratchForMounts } from '../fakes/scratch-mounts.ts'
import { mountImage } from '../services/loop-mount.ts'

const main = path.resolve(import.meta.dirname, '../../src/cli/main.ts')
const scratch = scratchForMounts()
const small = await mountImage('old-ext4')
const seconds = { timesInSeconds: true } as const

interface Ran {
  readonly exit: number | null
  readonly out: string
  readonly err: string
}

/** A project with an environment `stage` in `data`. */
function project(settings: string, inside = scratch) {
  const cwd = mkdtempSync(path.join(inside, 'project-'))
  const live = path.join(cwd, 'data')
  mkdirSync(path.join(live, 'node-1'), { recursive: true })
  writeFileSync(path.join(live, 'node-1/wallet'), 'clean')
  writeFileSync(path.join(cwd, 'holdfast.toml'), `[env.stage]\npath = "data"\n${settings}\n`)
  const env = {
    PATH: process.env['PATH'],
    HOME: path.join(scratch, 'home'),
    USER: 'ann',
    NO_COLOR: '1',
    NODE_COMPILE_CACHE: path.join(scratch, 'compiled'),
  }
  const args = (line: string) => [main, ...line.split(' ')]
  return {
    cwd,
    live,
    snapshots: path.join(cwd, '.data.snapshots'),
    holdfast(line: string, change: NodeJS.ProcessEnv = {}): Ran {
      const { status, stdout, stderr } = spawnSync(process.execPath, args(line), { cwd, env: { ...env, ...change }, encoding: 'utf8' })
      return { exit: status, out: stdout, err: stderr }
    },
    start: (line: string) => spawn(process.execPath, args(line), { cwd, env, stdio: ['ignore', 'ignore', 'pipe'] }),
    dirty: () => appendFileSync(path.join(live, 'node-1/wallet'), ', and dirty'),
    wallet: () => readFileSync(path.join(live, 'node-1/wallet'), 'utf8'),
  }
}

/** Nothing is left but what every environment has; what is thrown away goes in the background. */
async function assertNothingKept(snapshots: string): Promise<void> {
  assert.deepEqual(
    readdirSync(snapshots).filter((name) => name !== '.holdfast'),
    [],
  )
  const home = path.join(snapshots, '.holdfast')
  const left = () => readdirSync(home).filter((name) => name.startsWith('build-') || name === 'creating.json')
  assert.deepEqual(left(), [])
  const trash = path.join(home, 'trash')
  for (let tries = 0; existsSync(trash) && readdirSync(trash).length > 0; tries++) {
    assert.ok(tries < 1000, 'the trash is not emptied')
    await systemClock.sleep(5)
  }
}

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

describe('no space', { skip: 'reason' in small ? small.reason : false }, () => {
  const directory = 'directory' in small ? small.directory : ''
  const fill = (free: number) => {
    const { stdout } = spawnSync('df', ['--output=avail', '-B1', directory], { encoding: 'utf8' })
    writeFileSync(path.join(directory, 'filler'), Buffer.alloc(Math.max(0, Number(stdout.split('\n')[1]) - free)))
  }
  const release = () => rmSync(path.join(directory, 'filler'), { force: true })
  // What a failed test leaves is in nobody's way.
  afterEach(() => {
    for (const { at } of readMounts().filter((mount) => mount.at.startsWith(`${directory}/`))) sys.detachMount(at)
    for (const name of readdirSync(directory)) rmSync(path.join(directory, name), { recursive: true })
  })

  test('for a snapshot is found before anything is written', () => {
    for (const mode of ['filesystem', 'squashfs']) {
      const { holdfast, live, snapshots } = project(`mode = "${mode}"\nsnapshots_dir = "${directory}/before-${mode}"`)
      writeFileSync(path.join(live, 'large'), Buffer.alloc(20 << 20))
      const { exit, err } = holdfast('env create')
      assert.equal(exit, 10, err)
      assert.match(
        err,
        /there is no room for a snapshot of stage: it takes up to 20\.\d MiB, and \d+\.\d MiB are free\n(.*\n)*.*holdfast env cleanup/,
      )
      assert.equal(existsSync(snapshots), false)
    }
  })

  test('half way through a create rolls it back', async () => {
    for (const copier of ['rsync', 'builtin']) {
      const kept = `${directory}/half-${copier}`
      const { holdfast, live } = project(`mode = "filesystem"\ncopier = "${copier}"\nsnapshots_dir = "${kept}"`)
      // Few bytes, and more blocks than there is room for.
      mkdirSync(path.join(live, 'many'))
      for (let count = 0; count < 2500; count++) writeFileSync(path.join(live, `many/${count}`), 'x')
      const before = await describeTree(live, {})
      fill(400 << 10)
      const { exit, err } = holdfast('env create')
      assert.equal(exit, 10, err)
      assert.match(err, /space|room/)
      await ensureTree(live, before, {}, copier)
      await assertNothingKept(kept)
      assert.match(holdfast('env list').out, /there are no snapshots/)
      release()
      assert.equal(holdfast('env create').exit, 0)
      assert.equal(holdfast('env delete clean_state --yes').exit, 0)
      await assertNothingKept(kept)
    }
  })

  test('half way through a restore in place leaves it marked; with room again it is finished', async () => {
    for (const copier of ['rsync', 'builtin']) {
      const { holdfast, live } = project(`mode = "filesystem"\ncopier = "${copier}"`, directory)
      writeFileSync(path.join(live, 'large'), Buffer.alloc(3 << 20, 'large'))
      const clean = await describeTree(live, seconds)
      assert.equal(holdfast('env create').exit, 0)
      rmSync(path.join(live, 'large'))
      fill(1 << 20)
      const { exit, err } = holdfast('env restore')
      assert.equal(exit, 10, err)
      assert.match(err, /space|room/)
      const refused = holdfast('env create --snapshot other')
      assert.equal(refused.exit, 9)
      assert.match(refused.err, /has not ended.*\n(.*\n)*.*holdfast env restore stage --snapshot clean_state/)
      release()
      const finished = holdfast('env restore')
      assert.equal(finished.exit, 0, finished.err)
      await ensureTree(live, clean, seconds, copier)
    }
  })

  test('half way is followed by the clean-up where there is one, and that is said', () => {
    const { holdfast, live, wallet } = project(
      'mode = "filesystem"\ncleanup = "rm -f data/large && printf cleaned > data/node-1/wallet"',
      directory,
    )
    writeFileSync(path.join(live, 'large'), Buffer.alloc(3 << 20, 'large'))
    assert.equal(holdfast('env create').exit, 0)
    rmSync(path.join(live, 'large'))
    fill(1 << 20)
    const { exit, err, out } = holdfast('env restore')
    release()
    assert.equal(exit, 0, err)
    assert.match(`${out}${err}`, /failed, so the clean-up command runs/)
    assert.match(out, /^cleaned stage in place of the restore to clean_state/)
    assert.equal(wallet(), 'cleaned')
  })

  test('for a plain directory in place of the mount leaves the mount', () => {
    const { holdfast, live, wallet, dirty } = project('mode = "overlay"', directory)
    writeFileSync(path.join(live, 'large'), Buffer.alloc(3 << 20, 'large'))
    const made = holdfast('env create')
    assert.equal(made.exit, 0, made.err)
    dirty()
    fill(1 << 20)
    const { exit, err } = holdfast('env stop')
    assert.equal(exit, 10, err)
    assert.equal(wallet(), 'clean, and dirty')
    release()
    assert.equal(holdfast('env stop').exit, 0)
    assert.equal(wallet(), 'clean, and dirty')
  })
})

describe('two commands at once', () => {
  // The first one stands in its hook until it is let go.
  const hook = '[env.stage.hooks]\nbefore_restore = "echo began > began; read line < gate"'

  async function standingRestore(settings: string) {
    const made = project(`mode = "filesystem"\ncopier = "builtin"\n${settings}\n${hook}`)
    assert.equal(made.holdfast('env create').exit, 0)
    made.dirty()
    sys.makeSpecial(path.join(made.cwd, 'gate'), 'fifo', 0o600)
    const first = made.start('env restore')
    while (!existsSync(path.join(made.cwd, 'began'))) await systemClock.sleep(5)
    const letGo = () => writeFileSync(path.join(made.cwd, 'gate'), 'go\n')
    return { ...made, first, letGo }
  }
  const endOf = async (command: ChildProcess) => ((await once(command, 'exit')) as [number])[0]

  test('fail where they are told to, and the first one ends', async () => {
    const { holdfast, first, letGo, wallet } = await standingRestore('on_busy = "fail"')
    for (const line of ['env restore', 'env create --snapshot other', 'env delete clean_state --yes', 'env stop', 'env cleanup']) {
      const { exit, err } = holdfast(line)
      assert.equal(exit, 9, `${line}: ${err}`)
      assert.match(err, /another command is working on the environment stage/)
    }
    assert.equal(wallet(), 'clean, and dirty')
    const ended = endOf(first)
    letGo()
    assert.equal(await ended, 0)
    assert.equal(wallet(), 'clean')
  })

  test('wait for each other, or for so long', async () => {
    const { start, holdfast, first, letGo, wallet, cwd, snapshots } = await standingRestore('')
    const create = start('env create --snapshot other')
    const [waiting] = (await once(create.stderr!, 'data')) as [Buffer]
    assert.match(waiting.toString(), /waiting for another command on the environment stage/)
    const ends = Promise.all([endOf(first), endOf(create)])
    letGo()
    assert.deepEqual(await ends, [0, 0])
    assert.equal(readFileSync(path.join(snapshots, 'other/node-1/wallet'), 'utf8'), 'clean', 'it was made of what was given back')
    assert.equal(wallet(), 'clean')
    writeFileSync(
      path.join(cwd, 'holdfast.toml'),
      readFileSync(path.join(cwd, 'holdfast.toml'), 'utf8').replace('path =', 'wait_limit = "50ms"\npath ='),
    )
    rmSync(path.join(cwd, 'began'))
    const again = start('env restore')
    while (!existsSync(path.join(cwd, 'began'))) await systemClock.sleep(5)
    const { exit, err } = holdfast('env delete other --yes')
    assert.equal(exit, 9)
    assert.match(err, /after \d+ ms of waiting/)
    const ended = endOf(again)
    letGo()
    assert.equal(await ended, 0)
  })

  test('do not work beside what a killed one has started', async () => {
    const { first, start, letGo, holdfast, wallet } = await standingRestore('')
    const dead = once(first, 'exit')
    first.kill('SIGKILL')
    await dead
    // The hook goes on: it might stop what the next command starts.
    const next = start('env stop')
    const [waiting] = (await once(next.stderr!, 'data')) as [Buffer]
    assert.match(waiting.toString(), /waiting for another command/)
    const ended = endOf(next)
    letGo()
    assert.equal(await ended, 0)
    assert.equal(wallet(), 'clean, and dirty')
    assert.match(holdfast('env list').out, /clean_state/)
  })
})
