import assert from 'node:assert/strict'
import { readFileSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { writeManifest } from '../../../test/fakes/first-manifest.ts'
import { addRuns, assertSame, filesBelow, runDesk } from '../../../test/fakes/run-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { compareKeys, isFault } from '../../kit/index.ts'
import { MetadataSyncService } from './client.ts'
import { listRuns } from './list.ts'

const scratch = scratchDirectory()
const desk = () => runDesk(scratch)

describe('a manifest of format 1.0', () => {
  for (const gzip of [true, false]) {
    test(`${gzip ? 'compressed' : 'plain'}, it is gone by where there are no pages, and that is said`, async () => {
      const at = desk()
      addRuns(at.server, 7)
      writeManifest(at.server, 1, { gzip })
      const stats = await at.sync()
      assertSame(at)
      assert.equal(stats.way, 'manifest')
      assert.equal(stats.revision, 1)
      assert.deepEqual(
        stats.fellBack.map(({ from, to, because }) => [from, to, because.code]),
        [['pages', 'manifest', 'not-found']],
      )
      assert.equal(at.notes.length, 1)
      const again = await at.sync()
      assert.equal(again.skipped, true)
      assert.equal(again.filesOpened, gzip ? 2 : 3, 'the root that is not there, and the manifest')
    })
  }

  test('only what changed is fetched, and of a log that grew the tail and what proves that it goes on there', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 5)
    at.server.write(`${first}/logs.txt`, 'a line of a log\n'.repeat(20_000))
    writeManifest(at.server, 1)
    await at.sync()
    at.server.append(`${first}/logs.txt`, 'one more\n')
    writeManifest(at.server, 2)
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesSynced, 1)
    assert.equal(stats.filesAppended, 1)
    assert.ok(stats.bytesDownloaded < 4096 + 9 + 4000, `${stats.bytesDownloaded}`)
  })

  test('a log that was rewritten and is longer does not become a mixture of both', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.write(`${first}/logs.txt`, 'a line of a log\n'.repeat(1000))
    writeManifest(at.server, 1)
    await at.sync()
    at.server.write(`${first}/logs.txt`, 'quite another log\n'.repeat(1200))
    writeManifest(at.server, 2)
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesAppended, 0)
  })

  test('a log that was rewritten after it was listed is told and tried again, never kept wrong', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    writeManifest(at.server, 1)
    at.server.write(`${first}/logs.txt`, 'another log that is longer\n'.repeat(10))
    const stats = await at.sync()
    assert.deepEqual(
      stats.failures.first.map(({ key }) => key),
      [`${first}/logs.txt`],
    )
    assert.equal((await at.sync()).failures.count, 1, 'the same revision is tried again')
    writeManifest(at.server, 2)
    assert.equal((await at.sync()).failures.count, 0)
    assertSame(at)
  })

  test('a file that could not be fetched is tried again though the revision is the same', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    writeManifest(at.server, 1)
    const content = at.server.read(`${first}/meta.json`)
    const { mtimeMs } = statSync(path.join(at.server.root, `${first}/meta.json`))
    rmSync(path.join(at.server.root, `${first}/meta.json`))
    assert.equal((await at.sync()).failures.count, 1)
    at.server.write(`${first}/meta.json`, content)
    utimesSync(path.join(at.server.root, `${first}/meta.json`), mtimeMs / 1000, mtimeMs / 1000)
    assert.equal((await at.sync()).failures.count, 0)
    assertSame(at)
  })

  test('an active manifest never hides the full one', async () => {
    const at = desk()
    const runs = addRuns(at.server, 6)
    writeManifest(at.server, 1)
    writeManifest(at.server, 2, { type: 'active', only: (key) => key.startsWith(runs[0]!) })
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.revision, 1)
  })

  test('active runs alone come by the active manifest', async () => {
    const at = desk()
    const runs = addRuns(at.server, 6)
    writeManifest(at.server, 1)
    writeManifest(at.server, 2, { type: 'active', only: (key) => key.startsWith(runs[0]!) })
    const stats = await at.sync({ selection: { active: true } })
    assert.equal(stats.filesSynced, 4)
    assert.equal(stats.revision, 2)
  })

  test('all of more than ten million bytes is read', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 3)
    const padding = 'x'.repeat(40_000)
    writeManifest(at.server, 1, {
      change: (manifest) => ({
        ...manifest,
        experiments: manifest.experiments.map((run) => ({ ...run, padding: Array.from({ length: 100 }, () => padding) })),
      }),
    })
    const stats = await at.sync({ ways: ['manifest'] })
    assertSame(at)
    assert.ok(first !== undefined && stats.failures.count === 0)
  })

  test('where pages fail for a while, what only they list is not taken for gone', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.write(`${first}/media/plot.png`, 'a picture')
    at.server.publish()
    await at.sync()
    writeManifest(at.server, 1, { only: (key) => !key.includes('/media/') })
    const root = path.join(at.server.root, '.runicorn/holdfast/root.json')
    const good = readFileSync(root)
    writeFileSync(root, 'no root')
    const stats = await at.sync({ remove: async () => true })
    assert.equal(stats.way, 'manifest')
    assert.equal(stats.filesDeleted, 0)
    assert.equal(at.local(`${first}/media/plot.png`), 'a picture')
    rmSync(at.here(`${first}/media`), { recursive: true })
    writeFileSync(root, good)
    await at.sync()
    assertSame(at)
  })

  test('what another way removed, pages of the same revision bring again', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.publish()
    await at.sync()
    const root = path.join(at.server.root, '.runicorn/holdfast/root.json')
    const good = readFileSync(root)
    rmSync(root)
    writeManifest(at.server, 1, { only: (key) => key !== `${first}/logs.txt` })
    const stats = await at.sync({ remove: async () => true })
    assert.equal(stats.filesDeleted, 1)
    writeFileSync(root, good)
    const again = await at.sync()
    assert.equal(again.way, 'pages')
    assert.equal(again.skipped, false)
    assertSame(at)
  })

  test('what another way put in place wrongly before it was killed, pages of the same revision put right', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    const key = `${first}/meta.json`
    at.server.publish()
    await at.sync()
    const content = at.server.read(key)
    at.server.write(key, content.toString().replace('vision', 'visien'))
    const kill = () => {
      throw new Error('killed')
    }
    await assert.rejects(at.sync({ ways: ['walk'], onFile: kill }), /killed/)
    assert.match(at.local(key), /visien/)
    at.server.write(key, content)
    assert.equal((await at.sync()).skipped, false)
    assertSame(at)
    assert.equal((await at.sync()).skipped, true)
  })

  test('what another way took for gone before it was killed, is not removed by pages of the same revision', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.publish()
    await at.sync()
    const key = `${first}/logs.txt`
    const content = at.server.read(key)
    rmSync(path.join(at.server.root, key))
    at.server.append(`${first}/events.jsonl`, '{"step":1}\n')
    const kill = () => {
      throw new Error('killed')
    }
    await assert.rejects(at.sync({ ways: ['walk'], onFile: kill }), /killed/)
    at.server.write(key, content)
    assert.equal((await at.sync({ remove: async () => true })).filesDeleted, 0)
    assert.equal(at.local(key), content.toString())
  })

  test('pages that come later find everything in place', async () => {
    const at = desk()
    addRuns(at.server, 5)
    writeManifest(at.server, 1)
    await at.sync()
    at.server.publish()
    const stats = await at.sync()
    assert.equal(stats.way, 'pages')
    assert.equal(stats.filesSynced, 0)
    assert.equal(stats.skipped, true)
    assert.deepEqual(
      filesBelow(at.folder).filter((key) => !key.startsWith('.holdfast')),
      at.server.keys(),
      'and no second copy anywhere',
    )
  })
})

describe('a walk over everything', () => {
  test('is the last way, said and counted', async () => {
    const at = desk()
    addRuns(at.server, 4)
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.way, 'walk')
    assert.equal(stats.fellBack.length, 2)
    assert.equal(at.notes.length, 2)
    assert.equal(stats.operations, 1 + 2 + 1 + 16, 'the root, two manifests, one listing, the files')
  })

  test('fetches again what changed, and only that', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 4)
    for (const key of at.server.keys()) utimesSync(path.join(at.server.root, key), 1_700_000_000, 1_700_000_000)
    await at.sync()
    at.server.append(`${first}/events.jsonl`, '{"step":1}\n')
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesSynced, 1)
    assert.equal(stats.filesAppended, 1)
    assert.equal(stats.operations, 1 + 2 + 1 + 1)
  })

  test('a place without any run is told as such, and takes no run for gone', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    await at.sync()
    rmSync(path.join(at.server.root, 'vision'), { recursive: true })
    await assert.rejects(at.sync({ remove: async () => true }), (error) => isFault(error, 'not-found') && /no runs at/.test(error.message))
    assert.equal(at.local(`${first}/logs.txt`), 'started\n')
  })

  test('with --no-fallback the fault of the pages is told, and nothing is walked', async () => {
    const at = desk()
    addRuns(at.server, 1)
    await assert.rejects(at.sync({ ways: ['pages'] }), (error) => isFault(error, 'not-found') && /root\.json/.test(error.message))
  })

  test('a status is read from the runs themselves', async () => {
    const at = desk()
    addRuns(at.server, 4)
    const stats = await at.sync({ selection: { status: 'running' } })
    assert.equal(stats.filesSynced, 8)
  })
})

describe('the service', () => {
  test('syncs by whatever there is and says whether all is well', async () => {
    const at = desk()
    addRuns(at.server, 2)
    const service = new MetadataSyncService({
      source: at.store,
      cacheDir: at.folder,
      manifestSyncJitter: 0,
      clock: at.clock,
      random: () => 0.5,
    })
    const seen: string[] = []
    assert.equal(
      await service.syncAll({ progressCallback: (completed, total, file) => seen.push(`${completed}/${total} ${file.split('/').at(-1)}`) }),
      true,
    )
    assertSame(at)
    assert.equal(service.last?.way, 'walk')
    assert.equal(seen.length, 8)
    assert.match(seen.at(-1)!, /^8\/8 /)
  })

  test('without manifest sync it walks at once', async () => {
    const at = desk()
    addRuns(at.server, 2)
    at.server.publish()
    const service = new MetadataSyncService({
      source: at.store,
      cacheDir: at.folder,
      useManifestSync: false,
      clock: at.clock,
      random: () => 0.5,
    })
    assert.equal(await service.syncAll(), true)
    assert.equal(service.last?.way, 'walk')
    assert.equal(service.last?.fellBack.length, 0)
  })

  test('"nothing new" starts no walk', async () => {
    const at = desk()
    addRuns(at.server, 2)
    writeManifest(at.server, 1)
    const service = new MetadataSyncService({
      source: at.store,
      cacheDir: at.folder,
      manifestSyncJitter: 0,
      clock: at.clock,
      random: () => 0,
    })
    assert.equal(await service.syncAll(), true)
    assert.equal(await service.syncAll(), true)
    assert.equal(service.last?.skipped, true)
    assert.equal(service.last?.way, 'manifest')
    assert.equal(service.last?.operations, 2)
  })
})

describe('the list of runs', () => {
  for (const way of ['pages', 'manifest', 'walk'] as const) {
    test(`by ${way}: project, name, status, and what is here`, async () => {
      const at = desk()
      addRuns(at.server, 3)
      at.server.publish()
      writeManifest(at.server, 1)
      await at.sync({ ways: [way], selection: { run: '20250100_000000' } })
      const { runs } = await listRuns({ source: at.store, folder: at.folder, ways: [way], clock: at.clock, report: () => undefined })
      assert.deepEqual(runs.map(({ runId, status, here }) => `${runId} ${status} ${here}`).toSorted(compareKeys), [
        `20250100_000000 running ${way === 'walk' ? 'present' : 'synced'}`,
        '20250101_000001 finished absent',
        '20250102_000002 running absent',
      ])
    })
  }
})
