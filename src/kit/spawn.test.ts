import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, readlinkSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout } from 'node:timers/promises'
import { faultOf } from '../../test/fakes/fault-of.ts'
import { listenOn, makePipes } from '../../test/fakes/pipes.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { run } from './spawn.ts'

const scratch = scratchDirectory()

/** A process that runs these shell lines at once, and says when all of them have been begun. */
function runner(lines: readonly string[], cwd = '/'): ChildProcess {
  const program = `import { run } from ${JSON.stringify(path.join(import.meta.dirname, 'spawn.ts'))}
await run('true')
const ended = ${JSON.stringify(lines)}.map((line) => run(line))
process.on('message', () => process.send('still here'))
process.channel.unref()
process.send('begun')
await Promise.all(ended)`
  return spawn(process.execPath, ['--input-type=module', '-e', program], { cwd, stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

/** Programs that a process runs, and who watches over them: shells that read from it. */
function watchersOf(parent: number): number[] {
  return processes().filter((pid) => {
    const [, state, ppid] = /\) (\S) (\d+)/.exec(readMaybe(`/proc/${pid}/stat`)) ?? []
    return Number(ppid) === parent && state !== 'Z' && readMaybe(`/proc/${pid}/cmdline`).includes('while read -r sign group')
  })
}

function processes(): number[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
}

/** Empty where it has just ended. */
function readMaybe(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

function linkOf(file: string): string | undefined {
  try {
    return readlinkSync(file)
  } catch {
    return undefined
  }
}

describe('a process that is killed', () => {
  test('takes the programs that it runs with it, and what these have begun', async () => {
    const pipes = makePipes(scratch, 3)
    const child = runner(pipes.map((pipe) => `exec 9>${pipe}; sleep 1000 & echo begins >&9; sleep 1000`))
    let begun = 0
    const first = () => {
      // One more is said by the process itself: what is begun in the very moment of the kill nobody has noted.
      if (++begun === pipes.length + 1) child.kill('SIGKILL')
    }
    child.once('message', first)
    assert.deepEqual(await Promise.all(pipes.map((pipe) => listenOn(pipe, first))), ['begins\n', 'begins\n', 'begins\n'])
  })

  test('does so too where the one that watches over them was killed before', async () => {
    const pipes = makePipes(scratch, 2)
    const child = runner(pipes.map((pipe) => `exec 9>${pipe}; echo $$ >&9; sleep 1000`))
    let begun = 0
    const first = async () => {
      if (++begun < pipes.length + 1) return
      const [watcher] = watchersOf(child.pid!)
      process.kill(watcher!, 'SIGKILL')
      while (watchersOf(child.pid!).every((pid) => pid === watcher)) await setTimeout(5)
      // It has told the new one of all when it hears us again.
      child.once('message', () => child.kill('SIGKILL'))
      child.send('are you there?')
    }
    child.once('message', () => void first())
    await Promise.all(pipes.map((pipe) => listenOn(pipe, () => void first())))
  })
})

test('the process that watches over programs stands in nobody’s directory', async () => {
  const [pipe] = makePipes(scratch, 1) as [string]
  const cwd = mkdtempSync(path.join(scratch, 'inside-'))
  const child = runner([`cd /; exec 9>${pipe}; echo begins >&9; sleep 1000`], cwd)
  let begun = 0
  let inside: number[] = []
  const first = () => {
    if (++begun < 2) return
    inside = processes().filter((pid) => linkOf(`/proc/${pid}/cwd`) === cwd)
    child.kill('SIGKILL')
  }
  child.once('message', first)
  await listenOn(pipe, first)
  assert.deepEqual(inside, [child.pid])
})

describe('a process that ends', () => {
  test('leaves alone what a program that has ended left running', async () => {
    const [pipe, go] = makePipes(scratch, 2) as [string, string]
    const child = runner([`(exec 9>${pipe}; read -r _ <${go}; echo goes on >&9) >/dev/null 2>&1 &`])
    const said = listenOn(pipe)
    await new Promise((resolve) => child.once('close', resolve))
    await writeFile(go, '\n')
    assert.equal(await said, 'goes on\n')
  })
})

test('a program that has ended has its status, and the last lines of what it said', async () => {
  const { status, stdout, stderr, tail } = await run('echo one; exec 1>&2; echo two; exit 3')
  assert.deepEqual([status, stdout, stderr, tail.toSorted()], [3, 'one\n', 'two\n', ['one', 'two']])
})

test('characters that come in two pieces are whole', async () => {
  const { stdout } = await run(`printf '\\303'; sleep 0.05; printf '\\251'`)
  assert.equal(stdout, 'é')
})

describe('a program that cannot be started', () => {
  test('is unsupported where it is not installed', async () => {
    await faultOf(run(['no-such-program']), 'unsupported', /no-such-program is not installed/)
  })

  test('is not blamed for a folder that is not there', async () => {
    await faultOf(run('true', { cwd: path.join(scratch, 'nowhere') }), 'not-found', /nowhere, which is not there/)
  })

  test('is denied where it may not be run', async () => {
    await faultOf(run([scratch]), 'denied', /cannot be started: EACCES/)
  })

  test('may be tried again later where the machine has no room for it now', async () => {
    const program = `import { run } from ${JSON.stringify(path.join(import.meta.dirname, 'spawn.ts'))}
import { openSync } from 'node:fs'
try { for (;;) openSync('/dev/null') } catch {}
console.log(await run('true').catch(({ code, message }) => code + ': ' + message))`
    const line = `ulimit -n 64; exec '${process.execPath}' --input-type=module -e "$0"`
    const { stdout, status } = await run(['/bin/sh', '-c', line, program])
    assert.deepEqual([stdout, status], ['unavailable: /bin/sh cannot be started: EMFILE\n', 0])
  })
})
