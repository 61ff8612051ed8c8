import assert from 'node:assert/strict'
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { type TestContext, test } from 'node:test'
import { silent, systemClock } from '../../src/kit/index.ts'
import { ManifestGenerator, type SyncOptions, syncRuns, verifyRuns } from '../../src/runs/index.ts'
import { createMeter, createSftpStore } from '../../src/store/index.ts'
import { addRuns, assertSame } from '../fakes/run-desk.ts'
import { runServer } from '../fakes/run-server.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { sshdForTests } from '../services/index.ts'

const scratch = scratchDirectory()

interface Cost {
  readonly opened: number
  readonly packets: number
  readonly roundTrips: number
}

/** A server behind a real sshd, listed by the real generator, and a client that counts what goes over its connection. */
async function desk(t: TestContext) {
  const sshd = await sshdForTests(t)
  if (sshd === undefined) return undefined
  const base = mkdtempSync(path.join(scratch, 'sftp-'))
  const server = runServer(path.join(base, 'server'))
  const folder = path.join(base, 'here')
  const generator = new ManifestGenerator({ remoteRoot: server.root })
  return {
    server,
    folder,
    generate: async () => await generator.generate(),
    /** With a connection of its own, as each command has. */
    async sync(options: Partial<SyncOptions> = {}) {
      const meter = createMeter()
      const source = createSftpStore({ ...sshd, path: server.root, clock: systemClock, env: process.env, plain: true, meter })
      try {
        const stats = await syncRuns({ source, folder, ways: ['pages'], clock: systemClock, report: silent, ...options })
        const { requests, roundTrips } = meter.snapshot()
        const packets = Object.values(requests).reduce((sum, count) => sum + count, 0)
        return { stats, cost: { opened: requests['OPEN'] ?? 0, packets, roundTrips } satisfies Cost }
      } finally {
        await source.close()
      }
    },
  }
}

test('a first sync of a hundred runs is a handful of large reads', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  addRuns(at.server, 100)
  await at.generate()
  const { stats, cost } = await at.sync()
  assertSame(at)
  assert.equal(stats.filesSynced, 400)
  assert.ok(cost.opened <= 10 && cost.roundTrips <= 8, JSON.stringify(cost))
  t.diagnostic(`first sync: ${JSON.stringify(cost)}`)
})

test('nothing new opens one file, at any size', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  addRuns(at.server, 50)
  await at.generate()
  await at.sync()
  await at.generate()
  const { stats, cost } = await at.sync()
  assert.equal(stats.skipped, true)
  assert.ok(cost.opened === 1 && cost.roundTrips <= 3 && cost.packets <= 5, JSON.stringify(cost))
  t.diagnostic(`nothing new: ${JSON.stringify(cost)}`)
})

test('of runs that grew only what was appended travels', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const runs = addRuns(at.server, 100)
  for (const run of runs) at.server.write(`${run}/events.jsonl`, '{"step":0,"loss":0.5}\n'.repeat(2000))
  await at.generate()
  await at.sync()
  for (const run of runs.slice(0, 10)) at.server.append(`${run}/events.jsonl`, '{"step":1,"loss":0.25}\n'.repeat(50))
  await at.generate()
  const { stats, cost } = await at.sync()
  assertSame(at)
  assert.equal(stats.filesAppended, 10)
  assert.equal(stats.filesSynced, 10)
  assert.ok(cost.opened <= 6, JSON.stringify(cost))
  t.diagnostic(`append: ${JSON.stringify(cost)}, ${stats.bytesDownloaded} bytes`)
})

test('runs that grow while they are listed and synced come over whole, generation by generation', async (t) => {
  const at = await desk(t)
  if (at === undefined) return
  const runs = addRuns(at.server, 8)
  let step = 0
  const grow = () => {
    for (const run of runs) appendFileSync(path.join(at.server.root, `${run}/logs.txt`), `step ${step++} of a run\n`.repeat(40))
    writeFileSync(path.join(at.server.root, `${runs[step % 8]}/status.json`), JSON.stringify({ status: 'running', step }))
  }
  for (let round = 0; round < 5; round++) {
    const generating = at.generate()
    grow()
    await generating
    const syncing = at.sync({ onFile: grow })
    grow()
    await syncing
  }
  await at.generate()
  const { stats } = await at.sync()
  assert.equal(stats.failures.count, 0, JSON.stringify(stats.failures))
  assert.equal((await verifyRuns(at.folder)).differences.count, 0)
  for (const key of at.server.keys()) at.server.write(key, at.server.read(key))
  assertSame(at)
})
