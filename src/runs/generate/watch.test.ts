import assert from 'node:assert/strict'
import { appendFileSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { abortFault, type Clock } from '../../kit/index.ts'
import { keepLooking } from './watch.ts'

const scratch = scratchDirectory()

/** A clock on which short waits are over at once, and a wait of `interval` only when a test says so. */
function patientClock(interval: number) {
  let wake = () => undefined as void
  const clock: Clock = {
    now: () => 0,
    sleep: (ms, signal) =>
      ms < interval
        ? Promise.resolve()
        : new Promise((resolve, reject) => {
            wake = resolve
            signal?.addEventListener('abort', () => reject(abortFault(signal)))
          }),
  }
  return { clock, pass: () => wake() }
}

/** Looks at one folder; `looked(n)` resolves once it was looked at n times. */
function lookingAt(directories: () => string[], options: { watch: boolean }) {
  const interval = 100_000
  const { clock, pass } = patientClock(interval)
  const stop = new AbortController()
  let looks = 0
  let told = Promise.withResolvers<void>()
  const done = keepLooking({
    once: async () => {
      looks++
      told.resolve()
      told = Promise.withResolvers()
      return { directories }
    },
    ...options,
    interval,
    clock,
    signal: stop.signal,
  })
  return {
    pass,
    looks: () => looks,
    async looked(times: number) {
      while (looks < times) await told.promise
    },
    async end() {
      stop.abort()
      await assert.rejects(done, { code: 'aborted' })
    },
  }
}

const turns = async () => {
  for (let turn = 0; turn < 20; turn++) await new Promise((resolve) => setImmediate(resolve))
}

describe('looking again', () => {
  test('after the interval, and not before', async () => {
    const looking = lookingAt(() => [], { watch: false })
    await looking.looked(1)
    await turns()
    assert.equal(looking.looks(), 1)
    looking.pass()
    await looking.looked(2)
    await looking.end()
  })

  test('when a file in a watched directory is written, appended to, or comes', async () => {
    const folder = path.join(scratch, 'watched')
    mkdirSync(folder)
    writeFileSync(path.join(folder, 'log'), '')
    const looking = lookingAt(() => [folder], { watch: true })
    // Once more, for what came before the watch began.
    await looking.looked(2)
    await turns()
    assert.equal(looking.looks(), 2)
    appendFileSync(path.join(folder, 'log'), 'x')
    await looking.looked(3)
    await turns()
    const seen = looking.looks()
    writeFileSync(path.join(folder, 'new'), 'x')
    await looking.looked(seen + 1)
    await looking.end()
  })

  test('follows directories as they come and go', async () => {
    const folders = ['one', 'two'].map((name) => path.join(scratch, name))
    for (const folder of folders) mkdirSync(folder)
    let watched = folders.slice(0, 1)
    const looking = lookingAt(() => [...watched, path.join(scratch, 'gone')], { watch: true })
    await looking.looked(2)
    await turns()
    watched = folders
    writeFileSync(path.join(folders[0]!, 'file'), 'x')
    await looking.looked(4)
    await turns()
    const seen = looking.looks()
    writeFileSync(path.join(folders[1]!, 'file'), 'x')
    await looking.looked(seen + 1)
    await looking.end()
  })
})
