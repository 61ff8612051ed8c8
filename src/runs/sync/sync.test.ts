import assert from 'node:assert/strict'
import { existsSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { describe, test } from 'node:test'
import { addRuns, assertSame, runDesk } from '../../../test/fakes/run-desk.ts'
import type { RunServer } from '../../../test/fakes/run-server.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { isFault } from '../../kit/index.ts'
import { verifyRuns } from './verify.ts'

const scratch = scratchDirectory()

const desk = () => runDesk(scratch)

describe('pages and packs', () => {
  test('a first sync brings all files byte for byte and opens the root, the log and the pack', async () => {
    const at = desk()
    addRuns(at.server, 30)
    at.server.publish()
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesSynced, 120)
    assert.equal(stats.filesOpened, 3)
    assert.equal(stats.way, 'pages')
    assert.equal(stats.failures.count, 0)
  })

  test('nothing new costs one file opened, and is said', async () => {
    const at = desk()
    addRuns(at.server, 5)
    at.server.publish()
    await at.sync()
    const stats = await at.sync()
    assert.equal(stats.filesOpened, 1)
    assert.equal(stats.skipped, true)
    assert.match(stats.reason!, /nothing is new/)
  })

  test('of a log that grew only the tail travels, from the newest pack', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 10)
    at.server.write(`${first}/events.jsonl`, 'x'.repeat(200_000))
    at.server.publish()
    await at.sync()
    const inode = statSync(at.here(`${first}/events.jsonl`)).ino
    at.server.append(`${first}/events.jsonl`, '{"step":1}\n')
    at.server.publish()
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesAppended, 1)
    assert.equal(stats.bytesWritten, 11)
    assert.equal(stats.filesOpened, 3)
    assert.ok(stats.bytesDownloaded < 4000, `${stats.bytesDownloaded}`)
    assert.equal(statSync(at.here(`${first}/events.jsonl`)).ino, inode, 'appended in place')
  })

  test('a client that missed revisions joins their tails', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 3)
    at.server.publish()
    await at.sync()
    for (let step = 1; step < 6; step++) {
      at.server.append(`${first}/events.jsonl`, `{"step":${step}}\n`)
      at.server.publish()
    }
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesAppended, 1)
  })

  for (const [what, change] of [
    [
      'rewritten and longer',
      (server: RunServer, key: string) => server.write(key, 'another log, and a longer one than before was\n'.repeat(3)),
    ],
    ['truncated', (server: RunServer, key: string) => server.write(key, 'sta')],
    ['rotated', (server: RunServer, key: string) => server.write(key, '')],
  ] as const) {
    test(`a log that was ${what} is fetched whole`, async () => {
      const at = desk()
      const [first] = addRuns(at.server, 3)
      at.server.publish()
      await at.sync()
      change(at.server, `${first}/logs.txt`)
      at.server.publish()
      const stats = await at.sync()
      assertSame(at)
      assert.equal(stats.filesAppended, 0)
      assert.equal(stats.filesSynced, 1)
    })
  }

  test('a file that grows after it was listed ends where the list says', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    const whole = Buffer.alloc(300_000, 'abc')
    at.server.write(`${first}/events.jsonl`, whole)
    at.server.publish()
    at.server.append(`${first}/events.jsonl`, 'more')
    const stats = await at.sync()
    assert.equal(stats.failures.count, 0)
    assert.equal(at.local(`${first}/events.jsonl`), whole.toString())
  })

  test('what is larger than packs hold comes from where it lies', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.write(`${first}/media/image.png`, Buffer.alloc(9 << 20, 'pixel'))
    at.server.write(`${first}/media/empty.bin`, '')
    at.server.publish()
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesOpened, 4)
  })

  test('without packs every file comes from where it lies', async () => {
    const at = desk()
    addRuns(at.server, 12)
    at.server.publish({ noPacks: true })
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesOpened, 2 + 48)
  })

  test('one project, one status, one run: only those, and a choice that chooses nothing is told', async () => {
    const at = desk()
    addRuns(at.server, 4, 'vision')
    addRuns(at.server, 4, 'speech')
    at.server.publish()
    assert.equal((await at.sync({ selection: { project: 'speech' } })).filesSynced, 16)
    assert.equal((await at.sync({ selection: { status: 'running' } })).filesSynced, 8)
    await assert.rejects(at.sync({ selection: { run: 'x' } }), (error) => isFault(error, 'nothing-to-do'))
    assert.equal((await at.sync()).filesSynced, 8)
    assertSame(at)
  })
})

describe('what happens here', () => {
  test('a file removed here comes back', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.publish()
    await at.sync()
    rmSync(at.here(`${first}/meta.json`))
    const stats = await at.sync()
    assertSame(at)
    assert.equal(stats.filesSynced, 1)
  })

  test('an edit here is told and not overwritten, until --force', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.publish()
    await at.sync()
    writeFileSync(at.here(`${first}/meta.json`), 'mine')
    at.server.write(`${first}/meta.json`, 'theirs')
    at.server.publish()
    for (const round of [1, 2]) {
      const stats = await at.sync()
      assert.equal(stats.failures.count, 1, `round ${round}`)
      assert.equal(stats.failures.first[0]!.key, `${first}/meta.json`)
      assert.equal(at.local(`${first}/meta.json`), 'mine')
    }
    assert.equal((await at.sync({ force: true })).filesSynced, 1)
    assertSame(at)
    assert.equal((await at.sync()).skipped, true)
  })

  test('what stands here already is taken over, and what is another file is left', async () => {
    const at = desk()
    addRuns(at.server, 2)
    at.server.publish()
    await at.sync()
    rmSync(at.here('.holdfast'), { recursive: true })
    const [key] = at.server.keys()
    writeFileSync(at.here(key!), 'another')
    const stats = await at.sync()
    assert.equal(stats.filesAdopted, 7)
    assert.equal(stats.filesSynced, 0)
    assert.equal(stats.failures.count, 1)
  })

  test('what the source does not have any more stays, until it is to be removed', async () => {
    const at = desk()
    const [first, second] = addRuns(at.server, 3)
    at.server.publish()
    await at.sync()
    for (const name of ['meta.json', 'status.json', 'events.jsonl', 'logs.txt']) at.server.remove(`${first}/${name}`)
    at.server.remove(`${second}/meta.json`)
    at.server.publish()
    assert.equal((await at.sync()).filesKept, 5)
    const asked: number[] = []
    const remove = async (count: number) => {
      asked.push(count)
      return true
    }
    assert.equal((await at.sync({ remove })).filesDeleted, 5)
    assert.deepEqual(asked, [5])
    assertSame(at)
    assert.ok(!existsSync(at.here(first!)), 'and the folder with it')
  })
})

describe('verify', () => {
  test('says what is missing and what has other content, and asks the source nothing', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 3)
    at.server.publish()
    await at.sync()
    assert.equal((await verifyRuns(at.folder)).differences.count, 0)
    rmSync(at.here(`${first}/meta.json`))
    writeFileSync(at.here(`${first}/status.json`), 'x'.repeat(statSync(at.here(`${first}/status.json`)).size))
    rmSync(at.server.root, { recursive: true })
    const { differences, files } = await verifyRuns(at.folder)
    assert.equal(files, 12)
    assert.deepEqual(
      differences.first.map(({ key, what }) => [key, what]),
      [
        [`${first}/meta.json`, 'missing'],
        [`${first}/status.json`, 'changed'],
      ],
    )
  })

  test('of a folder that was never synced says so', async () => {
    await assert.rejects(verifyRuns(desk().folder), (error) => isFault(error, 'not-found'))
  })
})
