import assert from 'node:assert/strict'
import { globSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, it } from 'node:test'
import { buildProgram } from '../src/cli/program.ts'
import { loadConfig } from '../src/config/index.ts'
import { scratchDirectory } from './fakes/scratch.ts'
import { fakeTerminal } from './fakes/terminal.ts'

const root = path.resolve(import.meta.dirname, '..')
const scratch = scratchDirectory()

const pages = globSync('web/**/*.tsx', { cwd: root })
  .toSorted()
  .map((file) => ({ file, text: readFileSync(path.join(root, file), 'utf8') }))

/** What pages that have nothing to show tell people to write. */
const hints = pages.flatMap(({ file, text: page }) =>
  [...page.matchAll(/command=\{'(\[[^']+)'\}/g)].map((match) => ({
    file,
    text: match[1]!.replaceAll(String.raw`\n`, '\n'),
  })),
)

describe('what an empty page of the dashboard says to write into holdfast.toml', () => {
  it('is there for each capability', () => assert.ok(hints.length >= 6, String(hints.length)))

  for (const { file, text } of hints) {
    it(`is a configuration: ${path.basename(file)}`, async () => {
      const folder = mkdtempSync(path.join(scratch, 'hint-'))
      writeFileSync(path.join(folder, 'holdfast.toml'), text)
      await assert.doesNotReject(loadConfig({ cwd: folder, env: {} }))
    })
  }
})

/** Words of command lines that pages say or look for, as far as they are always the same: `runs sync`. */
const commands = pages.flatMap(({ file, text: page }) =>
  [...page.matchAll(/\bholdfast ([a-z]+(?: [a-z-]+)?)|<(?:RunNow|Executed) command="([a-z -]+)"/g)].map(([, said, looked]) => ({
    file,
    words: (said ?? looked)!.split(' '),
  })),
)

/** What they tell people to write as the command of a job. */
const jobs = pages.flatMap(({ file, text: page }) => [...page.matchAll(/ example="([^"]+)"/g)].map(([, line]) => ({ file, line: line! })))

describe('what pages of the dashboard say that a job could run', () => {
  it('is found', () => assert.ok(jobs.length >= 2, String(jobs.length)))

  for (const { file, line } of jobs) {
    it(`is a whole command: ${line} (${path.basename(file)})`, async () => {
      const words = line.split(' ')
      let ran = false
      const program = await buildProgram(
        fakeTerminal({ cwd: scratch }).host,
        { colour: false, config: undefined, words },
        async () => void (ran = true),
      )
      await program.parseAsync(words, { from: 'user' })
      assert.ok(ran)
    })
  }
})

describe('what pages of the dashboard call a command', () => {
  it('is found', () => assert.ok(commands.length >= 20, String(commands.length)))

  for (const { file, words } of commands) {
    it(`is one: holdfast ${words.join(' ')} (${path.basename(file)})`, async () => {
      const program = await buildProgram(
        fakeTerminal({ cwd: scratch }).host,
        { colour: false, config: undefined, words },
        async () => undefined,
      )
      const group = program.commands.find((each) => each.name() === words[0])
      assert.ok(group !== undefined)
      if (group.commands.length > 0) assert.ok(group.commands.some((each) => each.name() === words[1]))
    })
  }
})
