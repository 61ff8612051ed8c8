/** Two commands on one environment: one waits, or is told that it is busy. */
import assert from 'node:assert/strict'
import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '../../src/kit/index.ts'
import { realSys as sys } from '../../src/kit/sys/index.ts'
import { project } from '../fakes/environment-shell.ts'

describe('two commands at once', () => {
  // The first one stands in its hook until it is let go.
  const hook = '[env.stage.hooks]\nbefore_restore = "echo began > began; read line < gate"'

  async function began(cwd: string, command: ChildProcess) {
    while (!existsSync(path.join(cwd, 'began'))) {
      assert.equal(command.exitCode, null, 'it ended, and its hook never began')
      await systemClock.sleep(5)
    }
  }

  async function standingRestore(settings: string) {
    const made = project(`mode = "filesystem"\ncopier = "builtin"\n${settings}\n${hook}`)
    assert.equal(made.holdfast('env create').exit, 0)
    made.dirty()
    sys.makeSpecial(path.join(made.cwd, 'gate'), 'fifo', 0o600)
    const first = made.start('env restore')
    await began(made.cwd, first)
    const letGo = () => writeFileSync(path.join(made.cwd, 'gate'), 'go\n')
    return { ...made, first, letGo }
  }
  const endOf = async (command: ChildProcess) => ((await once(command, 'exit')) as [number])[0]
  /** What it says first; nothing where it ends without a word. */
  const firstWords = async ({ stderr }: ChildProcess) => {
    const [piece] = (await Promise.race([once(stderr!, 'data'), once(stderr!, 'end')])) as [Buffer?]
    return String(piece ?? '')
  }

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
    assert.match(await firstWords(create), /waiting for another command on the environment stage/)
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
    await began(cwd, again)
    const { exit, err } = holdfast('env delete other --yes')
    assert.equal(exit, 9)
    assert.match(err, /after \d+ ms of waiting/)
    const ended = endOf(again)
    letGo()
    assert.equal(await ended, 0)
  })

  test('do not work beside what a killed one has started, as long as that has not ended', async () => {
    const { first, start, holdfast, wallet } = await standingRestore('')
    const child = async (words: string) => {
      for (;;) {
        const found = childrenOf(first.pid!).find((pid) => readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(words))
        if (found !== undefined) return found
        await systemClock.sleep(5)
      }
    }
    const hookGroup = await child('echo began')
    // Who would end the hook now sees late that its process was killed.
    const watcher = await child('while read -r sign group')
    process.kill(watcher, 'SIGSTOP')
    const dead = once(first, 'exit')
    first.kill('SIGKILL')
    await dead
    const next = start('env stop')
    assert.match(await firstWords(next), /waiting for another command/)
    const ended = endOf(next)
    process.kill(-hookGroup, 'SIGKILL')
    process.kill(watcher, 'SIGCONT')
    assert.equal(await ended, 0)
    assert.equal(wallet(), 'clean, and dirty')
    assert.match(holdfast('env list').out, /clean_state/)
  })
})

function childrenOf(pid: number): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}
