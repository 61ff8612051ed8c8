import assert from 'node:assert/strict'
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { createReadStream, mkdtempSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { run } from './spawn.ts'

const scratch = scratchDirectory()

/** A process that runs these shell lines at once, and says when all of them have been begun. */
function runner(lines: readonly string[]): ChildProcess {
  const program = `import { run } from ${JSON.stringify(path.join(import.meta.dirname, 'spawn.ts'))}
await run('true')
const ended = ${JSON.stringify(lines)}.map((line) => run(line))
process.send('begun')
process.disconnect()
await Promise.all(ended)`
  return spawn(process.execPath, ['--input-type=module', '-e', program], { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] })
}

function makePipes(count: number): string[] {
  const folder = mkdtempSync(path.join(scratch, 'spawn-'))
  const pipes = Array.from({ length: count }, (_pipe, at) => path.join(folder, String(at)))
  execFileSync('mkfifo', pipes)
  return pipes
}

/** What is said on a pipe, until nobody has it open any more; `first` at the first words. */
async function listen(pipe: string, first: () => void = () => undefined): Promise<string> {
  let text = ''
  for await (const piece of createReadStream(pipe, 'utf8')) {
    if (text === '') first()
    text += String(piece)
  }
  return text
}

describe('a process that is killed', () => {
  test('takes the programs that it runs with it, and what these have begun', async () => {
    const pipes = makePipes(3)
    const child = runner(pipes.map((pipe) => `exec 9>${pipe}; sleep 1000 & echo begins >&9; sleep 1000`))
    let begun = 0
    const first = () => {
      // One more is said by the process itself: what is begun in the very moment of the kill nobody has noted.
      if (++begun === pipes.length + 1) child.kill('SIGKILL')
    }
    child.once('message', first)
    assert.deepEqual(await Promise.all(pipes.map((pipe) => listen(pipe, first))), ['begins\n', 'begins\n', 'begins\n'])
  })
})

describe('a process that ends', () => {
  test('leaves alone what a program that has ended left running', async () => {
    const [pipe, go] = makePipes(2) as [string, string]
    const child = runner([`(exec 9>${pipe}; read -r _ <${go}; echo goes on >&9) >/dev/null 2>&1 &`])
    const said = listen(pipe)
    await new Promise((resolve) => child.once('close', resolve))
    await writeFile(go, '\n')
    assert.equal(await said, 'goes on\n')
  })
})

test('a program that has ended has its status, and the last lines of what it said', async () => {
  const { status, stdout, stderr, tail } = await run('echo one; exec 1>&2; echo two; exit 3')
  assert.deepEqual([status, stdout, stderr, tail.toSorted()], [3, 'one\n', 'two\n', ['one', 'two']])
})
