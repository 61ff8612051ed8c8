import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { type Config, loadConfig } from '../../config/index.ts'
import { openCurrent } from './current.ts'

test('of two reloads at once the one that was asked for last counts, however long the other takes', async () => {
  const cwd = mkdtempSync(path.join(scratchDirectory(), 'current-'))
  const configure = (...runs: string[]) =>
    writeFileSync(path.join(cwd, 'holdfast.toml'), runs.map((run) => `[[job]]\nrun = "${run}"\nevery = "1h"\n`).join(''))
  const { host } = fakeTerminal({ cwd })
  const isLooking = Promise.withResolvers<void>()
  const mayGoOn = Promise.withResolvers<void>()
  const isOver = Promise.withResolvers<void>()
  const check = async (words: readonly string[]) => {
    if (words[1] !== 'verify') return
    isLooking.resolve()
    await mayGoOn.promise
  }
  const made: string[] = []
  const make = ({ jobs }: Config) => {
    made.push(jobs.map(({ words }) => words.join(' ')).join())
    if (made.length === 3) isOver.resolve()
    return made.at(-1)
  }
  configure('store stats')
  using current = await openCurrent(
    { host, report: () => undefined, options: {}, config: () => loadConfig({ cwd, env: {} }) },
    { check, run: async () => 0 },
    make,
  )
  configure('store verify')
  process.emit('SIGHUP')
  await isLooking.promise
  configure('store prune')
  process.emit('SIGHUP')
  mayGoOn.resolve()
  await isOver.promise
  assert.deepEqual(made, ['store stats', 'store verify', 'store prune'])
  assert.equal(current.made(), 'store prune')
})
