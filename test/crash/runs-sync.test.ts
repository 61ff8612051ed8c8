import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { silent, systemClock } from '../../src/kit/index.ts'
import { syncRuns, verifyRuns } from '../../src/runs/index.ts'
import { createFileStore } from '../../src/store/index.ts'
import { writeManifest } from '../fakes/first-manifest.ts'
import { addRuns, assertSame, filesBelow } from '../fakes/run-desk.ts'
import { type RunServer, runServer } from '../fakes/run-server.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'
import type { SyncJob } from './runs-sync-child.ts'

const soak = process.env['HOLDFAST_SOAK'] === '1'
const child = path.join(import.meta.dirname, 'runs-sync-child.ts')
const random = seededRandom(testSeed)
const root = scratchDirectory()
const big = 6 << 20

interface Scene {
  readonly server: RunServer
  /** The folder as it is before the sync that is killed; undefined for a first sync. */
  readonly before: string | undefined
}

const scenes: Readonly<Record<string, () => Promise<Scene>>> = {
  async 'a first sync'() {
    const server = newServer()
    fill(server)
    server.publish()
    return { server, before: undefined }
  },
  async 'a sync of everything that can change'() {
    const server = newServer()
    fill(server)
    server.publish()
    const before = await syncedCopy(server)
    change(server)
    server.publish()
    return { server, before }
  },
  async 'the same without packs'() {
    const server = newServer()
    fill(server)
    server.publish({ noPacks: true })
    const before = await syncedCopy(server)
    change(server)
    server.publish({ noPacks: true })
    return { server, before }
  },
  async 'the same by a manifest of format 1.0'() {
    const server = newServer()
    fill(server)
    writeManifest(server, 1)
    const before = await syncedCopy(server)
    change(server)
    writeManifest(server, 2)
    return { server, before }
  },
}

describe(`killed at any moment (seed ${testSeed})`, () => {
  for (const [what, build] of Object.entries(scenes)) {
    test(`${what}: nothing shows that is neither old nor new, and the next sync finishes`, async () => {
      const scene = await build()
      const whole = runChild(scene, freshFolder(scene), 0)
      assert.notEqual(whole, 'killed')
      for (const killAt of momentsOf(whole as number, 12)) {
        const folder = freshFolder(scene)
        const how = `killed at ${killAt} of ${whole}`
        runChild(scene, folder, killAt)
        assertOldOrNew(scene, folder, how)
        const stats = await sync(scene.server, folder)
        assert.equal(stats.failures.count, 0, `${how}: ${JSON.stringify(stats.failures)}`)
        assertSame({ server: scene.server, folder })
        assert.equal((await verifyRuns(folder)).differences.count, 0, how)
        const again = await sync(scene.server, folder)
        assert.equal(again.skipped, true, how)
        assert.deepEqual(
          filesBelow(folder, '.holdfast/').filter((name) => name.includes('/partial/')),
          [],
          how,
        )
        rmSync(folder, { recursive: true })
      }
    })
  }
})

function newServer(): RunServer {
  return runServer(path.join(mkdtempSync(path.join(root, 'server-')), 'runs'))
}

function fill(server: RunServer): void {
  const [first] = addRuns(server, 4)
  server.write(`${first}/media/large.bin`, Buffer.alloc(big, 'abc'))
  server.write(`${first}/logs.txt`, 'x'.repeat(300_000))
}

function change(server: RunServer): void {
  const [first, second, third] = ['20250100_000000', '20250101_000001', '20250102_000002'].map((id) => `vision/resnet/runs/${id}`)
  server.append(`${first}/logs.txt`, 'grown\n'.repeat(2000))
  server.append(`${second}/events.jsonl`, '{"step":1}\n')
  server.write(`${second}/logs.txt`, 'rewritten, and longer than it was before\n'.repeat(5))
  server.write(`${third}/status.json`, JSON.stringify({ status: 'finished', at: 1 }))
  server.remove(`${third}/meta.json`)
  server.write(`${first}/media/large.bin`, Buffer.alloc(big + 1, 'xyz'))
  server.write('speech/new/runs/20250109_000009/meta.json', '{}')
}

async function sync(server: RunServer, folder: string) {
  const source = createFileStore({ root: server.root })
  return await syncRuns({ source, url: 'file:///server', folder, remove: async () => true, clock: systemClock, report: silent })
}

async function syncedCopy(server: RunServer): Promise<string> {
  const folder = mkdtempSync(path.join(root, 'before-'))
  await sync(server, folder)
  // What the server had, to tell old from new.
  spawnSync('cp', ['-a', server.root, `${folder}.old`])
  return folder
}

function freshFolder({ before }: Scene): string {
  const folder = path.join(mkdtempSync(path.join(root, 'run-')), 'here')
  if (before !== undefined) spawnSync('cp', ['-a', before, folder])
  return folder
}

function runChild({ server }: Scene, folder: string, killAt: number): number | 'killed' {
  const job: SyncJob = { server: server.root, folder, killAt }
  const env = { ...process.env, NODE_COMPILE_CACHE: path.join(root, 'compiled') }
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [child, JSON.stringify(job)], { encoding: 'utf8', env })
  if (signal === 'SIGKILL') return 'killed'
  assert.equal(status, 0, stderr)
  const { points, failures } = JSON.parse(stdout) as { points: number; failures: number }
  assert.equal(failures, 0)
  return points
}

/** Some moments, drawn from all; all of them in a soak run. */
function momentsOf(points: number, some: number): number[] {
  if (soak) return Array.from({ length: points }, (_, index) => index + 1)
  return [...new Set(Array.from({ length: some }, () => 1 + Math.floor(random() * points)))].toSorted((a, b) => a - b)
}

/** Each file is what it was, or what it is now, or, of a log that grew, something in between. */
function assertOldOrNew({ server, before }: Scene, folder: string, how: string): void {
  if (!existsSync(folder)) return
  for (const key of filesBelow(folder).filter((name) => !name.startsWith('.holdfast'))) {
    const here = readFileSync(path.join(folder, key))
    const now = existsSync(path.join(server.root, key)) ? server.read(key) : undefined
    const old =
      before !== undefined && existsSync(path.join(`${before}.old`, key)) ? readFileSync(path.join(`${before}.old`, key)) : undefined
    const isBetween =
      old !== undefined && now !== undefined && here.byteLength >= old.byteLength && now.subarray(0, here.byteLength).equals(here)
    assert.ok(now?.equals(here) === true || old?.equals(here) === true || isBetween, `${how}: ${key} is neither old nor new`)
  }
}
