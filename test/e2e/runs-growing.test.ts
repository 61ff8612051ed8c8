import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { systemClock } from '../../src/kit/index.ts'
import type { GrowingJob } from '../faults/training-child.ts'
import { filesBelow } from '../fakes/run-desk.ts'
import { assertMirrored, type Ran, type RunLab, runLab } from '../fakes/run-lab.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { testSeed } from '../fakes/seeded-random.ts'
import { addTraining } from '../fakes/training.ts'
import { startDelayProxy } from '../services/index.ts'

const scratch = scratchDirectory()
const soak = process.env['HOLDFAST_SOAK'] === '1'
const trainer = path.join(import.meta.dirname, '../faults/training-child.ts')

/** What each way of finding out needs of the server before a sync. */
const ways: Readonly<Record<'pages' | 'manifest' | 'walk', { wholeLines: boolean; prepare(lab: RunLab): Promise<unknown> }>> = {
  pages: { wholeLines: true, prepare: ({ ok }) => ok('generate-manifest --root server') },
  manifest: {
    wholeLines: true,
    async prepare({ ok, root }) {
      await ok('generate-manifest --root server')
      rmSync(path.join(root, '.runicorn/holdfast'), { recursive: true })
    },
  },
  // A server alone says how long a file is now, and no more.
  walk: { wholeLines: false, prepare: async () => undefined },
}

describe('runs that grow all the while', () => {
  for (const [way, { wholeLines, prepare }] of Object.entries(ways)) {
    test(`by ${way}: never a wrong byte here${wholeLines ? ' or half a line' : ''}, and nothing is left out for good`, async (t) => {
      const lab = await runLab(t, scratch)
      if (lab === undefined) return
      const training = await train(lab, soak ? 3000 : 250)
      const folder = `here-${way}`
      let rounds = 0
      do {
        await prepare(lab)
        await syncAndLook(lab, folder, wholeLines)
        rounds++
      } while (training.exitCode === null && rounds < 200)
      await prepare(lab)
      // A name that is there for a moment may have been seen.
      const { exit, result } = await lab.holdfast(`runs sync ${lab.url()} --to ${folder} --delete --yes`)
      assert.deepEqual([exit, result['way']], [0, way])
      assertMirrored(lab, folder)
      t.diagnostic(`${rounds} rounds (seed ${testSeed})`)
    })
  }

  test('with a generator that watches', async (t) => {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    const training = await train(lab, soak ? 3000 : 250)
    const stop = new AbortController()
    const watching = lab.holdfast('generate-manifest --root server --watch', { signal: stop.signal })
    let rounds = 0
    do {
      const synced: Ran = await lab.holdfast(`runs sync ${lab.url()} --to here --no-fallback`)
      // Before the first list there is none.
      if (synced.exit === 4) continue
      assert.equal(synced.result['way'], 'pages')
      await look(lab, 'here', true)
      rounds++
    } while (training.exitCode === null)
    stop.abort()
    assert.equal((await watching).exit, 130)
    await lab.ok('generate-manifest --root server')
    await lab.ok(`runs sync ${lab.url()} --to here --delete --yes`)
    assertMirrored(lab, 'here')
    t.diagnostic(`${rounds} rounds (seed ${testSeed})`)
  })
})

/** Begins to train; it goes on until its steps are done. */
async function train({ root }: RunLab, steps: number): Promise<ChildProcess> {
  const job: GrowingJob = { root, seed: testSeed, steps, every: 10 }
  const child = spawn(process.execPath, [trainer, JSON.stringify(job)], { stdio: ['pipe', 'pipe', 'inherit'] })
  await once(child.stdout, 'data')
  return child
}

async function syncAndLook(lab: RunLab, folder: string, wholeLines: boolean): Promise<void> {
  const { exit, err } = await lab.holdfast(`runs sync ${lab.url()} --to ${folder}`)
  assert.ok(exit === 0 || exit === 11, err)
  await look(lab, folder, wholeLines)
}

async function look(lab: RunLab, folder: string, wholeLines: boolean): Promise<void> {
  const { result } = await lab.holdfast(`runs verify --to ${folder}`)
  assert.deepEqual(result['differences'], { count: 0, first: [] })
  for (const key of filesBelow(lab.at(folder)).filter((each) => !each.startsWith('.'))) {
    const read = readFileSync(path.join(lab.at(folder), key), 'utf8')
    const isLog = /\.(jsonl|txt)$/.test(key)
    if (isLog && wholeLines) assert.ok(read.endsWith('\n'), `${key} ends in the middle of a line`)
    const text = isLog ? read.slice(0, read.lastIndexOf('\n') + 1) : read
    if (key.endsWith('.json')) assert.doesNotThrow(() => JSON.parse(text) as unknown, key)
    if (key.endsWith('events.jsonl')) assertCounts(key, text, (line) => (JSON.parse(line) as { event: number }).event)
    if (key.endsWith('logs.txt')) {
      const rotation = text.split(':')[0]
      assertCounts(key, text, (line) => Number(line.replace(`${rotation}:`, '').split(' ')[0]))
    }
  }
}

/** Every line is the one after the line before. */
function assertCounts(key: string, text: string, numberOf: (line: string) => number): void {
  const lines = text.split('\n').slice(0, -1)
  lines.forEach((line, index) => assert.equal(numberOf(line), index, `${key}: ${line}`))
}

/** Of real time, but for those who wait to try again. */
const impatient = { now: systemClock.now, sleep: (ms: number, signal?: AbortSignal) => systemClock.sleep(Math.min(ms, 20), signal) }

describe('a connection that is cut', () => {
  const checkpoint = 'vision/resnet/runs/20250101_000000_checkpoint/model.pt'
  const size = 24 << 20

  test('again and again: the sync goes on where it was, and ends with every byte right', async (t) => {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    prepareCheckpoint(lab)
    await lab.ok('generate-manifest --root server')
    let connections = 0
    const proxy = await startDelayProxy(lab.sshd, 1, (nth) => {
      connections = nth
      return nth <= 4 ? nth * (3 << 20) : undefined
    })
    t.after(() => proxy.close())
    await lab.sshd.configFor({ port: proxy.port })
    const { exit, err } = await lab.holdfast(`runs sync ${lab.url(proxy.port)} --to here`, { clock: impatient })
    assert.equal(exit, 0, err)
    assertMirrored(lab, 'here')
    assert.ok(connections > 2, `${connections} connections`)
  })

  test('for good, in the middle of a file: what was fetched stays, and the next sync fetches the rest', async (t) => {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    prepareCheckpoint(lab)
    await lab.ok('generate-manifest --root server')
    let isMended = false
    const proxy = await startDelayProxy(lab.sshd, 1, (nth) => (isMended ? undefined : nth === 1 ? 16 << 20 : 0))
    t.after(() => proxy.close())
    await lab.sshd.configFor({ port: proxy.port })
    const line = `runs sync ${lab.url(proxy.port)} --to here`
    const { exit, fault } = await lab.holdfast(line, { clock: impatient })
    assert.ok(exit === 10 || exit === 11, `${exit} ${fault?.message}`)
    assert.ok(!existsSync(path.join(lab.at('here'), checkpoint)), 'no half of it is seen')
    isMended = true
    const { result } = await lab.holdfast(line, { clock: impatient })
    assertMirrored(lab, 'here')
    assert.ok((result['bytesDownloaded'] as number) <= size - (8 << 20), `${result['bytesDownloaded'] as number} bytes more`)
    assert.deepEqual(filesBelow(path.join(lab.at('here'), '.holdfast/partial')), [], 'and nothing is left over')
  })

  function prepareCheckpoint({ root }: RunLab): void {
    addTraining(root, 0, 10)
    const file = path.join(root, checkpoint)
    mkdirSync(path.dirname(file), { recursive: true })
    writeFileSync(file, randomBytes(size))
  }
})
