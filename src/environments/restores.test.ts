import assert from 'node:assert/strict'
import { appendFileSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { type Progress, silent } from '../kit/index.ts'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { createSnapshot, environmentStatus, restoreHistory, restoreSnapshot } from './index.ts'
import { layoutOf } from './names.ts'
import { appendRestore } from './restores.ts'

const scratch = scratchDirectory()

/** An environment that was restored so often. */
async function restored(times: number) {
  const desk = environmentDesk(scratch)
  const context = desk.context()
  await createSnapshot(context)
  for (let at = 0; at < times; at++) await restoreSnapshot(context)
  const { snapshotsDir } = await environmentStatus(context)
  return { context, snapshotsDir, file: layoutOf(snapshotsDir).restores }
}

describe('the history of restores', () => {
  test('has each that has ended, oldest first, and nothing before the first', async () => {
    const { context } = await restored(2)
    const entries = await restoreHistory(context)
    assert.deepEqual(
      entries.map(({ snapshot, mode }) => [snapshot, mode]),
      [
        ['clean_state', 'filesystem'],
        ['clean_state', 'filesystem'],
      ],
    )
    assert.deepEqual(entries[1], (await environmentStatus(context)).last)
    assert.deepEqual(await restoreHistory((await restored(0)).context), [])
  })

  test('loses at most what a kill tore: the next restore is there', async () => {
    const { context, file } = await restored(1)
    const [line] = readFileSync(file, 'utf8').trim().split('\n')
    for (let length = 1; length < line!.length; length += 7) {
      writeFileSync(file, `\n${line}\n${line!.slice(0, length)}`)
      assert.equal((await restoreHistory(context)).length, 1)
    }
    await restoreSnapshot(context)
    assert.equal((await restoreHistory(context)).length, 2)
  })

  test('leaves out what is no entry', async () => {
    const { context, file } = await restored(1)
    appendFileSync(file, '\n{}\n[1]\nnull\n{"snapshot":"a","mode":"unknown","at":"2026-01-02T03:04:05.000Z","milliseconds":1}\n\u0000')
    assert.equal((await restoreHistory(context)).length, 1)
  })

  test('of an environment from before it was kept is the last restore', async () => {
    const { context, file } = await restored(2)
    rmSync(file)
    assert.equal((await restoreHistory(context)).length, 1)
    await restoreSnapshot(context)
    assert.ok(existsSync(file))
  })

  test('that cannot be written is a warning: the environment has been given back', async () => {
    const { context, file } = await restored(0)
    mkdirSync(file)
    const warnings: string[] = []
    const report = (event: Progress) => {
      if (event.kind === 'note' && event.level === 'warning') warnings.push(event.text)
    }
    await restoreSnapshot({ ...context, report })
    assert.match(warnings.join(), /restores\.jsonl: cannot add this restore to the history/)
    assert.notEqual((await environmentStatus(context)).last, undefined)
  })

  test('stays small, and keeps the newest thousand', async () => {
    const { context, snapshotsDir, file } = await restored(0)
    const at = (second: number) => new Date(Date.UTC(2026, 0, 1) + second * 1000).toISOString()
    for (let second = 0; second < 5_000; second++)
      await appendRestore(snapshotsDir, { snapshot: 'clean_state', mode: 'overlay', at: at(second), milliseconds: second }, silent)
    assert.ok(statSync(file).size <= 256 << 10)
    const entries = await restoreHistory(context)
    assert.ok(entries.length >= 1_000)
    assert.deepEqual(
      entries.map(({ milliseconds }) => milliseconds),
      Array.from(entries, (_entry, place) => 5_000 - entries.length + place),
    )
  })
})
