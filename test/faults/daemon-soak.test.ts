/** A daemon that works for all five capabilities while everything around it does wrong, is stopped, killed and reloaded, and comes out right. */
import { mkdirSync } from 'node:fs'
import path from 'node:path'
import { after, test, type TestContext } from 'node:test'
import { scratchDirectory } from '../fakes/scratch.ts'
import { testSeed } from '../fakes/seeded-random.ts'
import { createPostgres, whyNoPostgres } from '../services/postgres.ts'
import { registryForTests } from '../services/registry.ts'
import { runScene, type Scene } from './daemon/run-scene.ts'

const isLong = process.env['HOLDFAST_SOAK'] === '1'
const seconds = Number(process.env['HOLDFAST_SOAK_SECONDS'] ?? (isLong ? 600 : 30))
const noPostgres = await whyNoPostgres()
const stops: (() => void)[] = []
after(() => stops.forEach((stop) => stop()))
const scratch = scratchDirectory()

test(`a daemon on a file of its own ends consistent (seed ${testSeed})`, async (t) => {
  await run(t, { name: 'file', crew: [['daemon']] })
})

test(`a daemon and two workers on PostgreSQL end consistent (seed ${testSeed})`, async (t) => {
  if (noPostgres !== undefined) return t.skip(noPostgres)
  const server = createPostgres(scratch, path.join(scratch, 'data'), '-c max_connections=60 -c shared_buffers=32MB')
  server.run(server.lines.start)
  stops.push(() => server.run(server.lines.stop))
  await run(t, {
    name: 'shared',
    crew: [['daemon'], ['worker', '--concurrency', '2'], ['worker', '--concurrency', '2']],
    queue: server.url,
    // As a power cut would: nothing is written any more, and the next start recovers from the log.
    crash: () => {
      server.run(server.lines.stop.replace('-m fast', '-m immediate'))
      server.run(server.lines.start)
    },
  })
})

async function run(t: TestContext, scene: Omit<Scene, 'folder' | 'registry' | 'seconds' | 'seed'>): Promise<void> {
  const registry = await registryForTests(t, 'htpasswd')
  if (registry === undefined) return
  const folder = path.join(scratch, scene.name)
  mkdirSync(folder)
  for (const line of await runScene({ ...scene, folder, registry, seconds, seed: testSeed })) t.diagnostic(line)
}
