import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readdirSync, rmSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { addRuns, assertSame, filesBelow, runDesk } from '../../../test/fakes/run-desk.ts'
import type { RunServer } from '../../../test/fakes/run-server.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { Fault, isFault, silent } from '../../kit/index.ts'
import type { ObjectStore } from '../../store/index.ts'
import { previewSync } from './sync.ts'
import { verifyRuns } from './verify.ts'
import { watchRuns } from './watch.ts'

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

describe('interrupted', () => {
  test('a large file goes on where it was', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.write(`${first}/media/large.bin`, Buffer.alloc(40 << 20, 'abc'))
    at.server.publish()
    let reads = 0
    const source: ObjectStore = {
      ...at.store,
      async reader(key, options) {
        const reader = await at.store.reader!(key, options)
        if (!key.endsWith('large.bin')) return reader
        const read = (start: number, end: number) =>
          ++reads > 6 ? Promise.reject(new Fault('unavailable', 'the network is gone')) : reader.read(start, end)
        return { ...reader, read }
      },
    }
    const cut = await at.sync({ source })
    assert.equal(cut.failures.count, 1)
    const stats = await at.sync({ source: at.store })
    assertSame(at)
    assert.ok(stats.bytesDownloaded < 20 << 20, `${stats.bytesDownloaded}`)
  })

  test('what an interrupted sync left is not trusted: damaged, it is fetched from its first byte', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.write(`${first}/media/large.bin`, Buffer.alloc(12 << 20, 'abc'))
    at.server.publish()
    const stopping = new AbortController()
    const source: ObjectStore = {
      ...at.store,
      async reader(key, options) {
        const reader = await at.store.reader!(key, options)
        const read = async (start: number, end: number) => {
          if (key.endsWith('large.bin') && start > 0) stopping.abort(new Fault('aborted', 'stopped'))
          stopping.signal.throwIfAborted()
          return await reader.read(start, end)
        }
        return { ...reader, read }
      },
    }
    await assert.rejects(at.sync({ source, signal: stopping.signal }), (error) => isFault(error, 'aborted'))
    const part = filesBelow(at.folder, '.holdfast/partial/').find((name) => !name.includes('whole-'))
    writeFileSync(at.here(part!), Buffer.alloc(statSync(at.here(part!)).size))
    const stats = await at.sync()
    assert.equal(stats.failures.count, 0)
    assertSame(at)
  })

  test('two syncs of one folder at once: the second says that it is busy', async () => {
    const at = desk()
    addRuns(at.server, 1)
    at.server.publish()
    let second: Promise<unknown> | undefined
    const onFile = () => {
      second ??= at.sync()
      second.catch(() => undefined)
    }
    await at.sync({ onFile })
    await assert.rejects(second!, (error) => isFault(error, 'busy'))
  })

  test('a folder that cannot be one is told by its name', async () => {
    const at = desk()
    writeFileSync(at.here('.'), 'a file')
    await assert.rejects(at.sync(), (error) => isFault(error, 'invalid'))
    await assert.rejects(at.sync({ folder: '/proc/nothing' }), (error) => isFault(error) && error.code !== 'bug')
  })

  test('a source that never gave a file is forgotten for the right one, and leaves nothing in the folder', async () => {
    const at = desk()
    addRuns(at.server, 1)
    at.server.publish()
    const nothing = desk().store
    await assert.rejects(at.sync({ source: nothing, folder: at.here('deep/er') }), (error) => isFault(error, 'not-found'))
    assert.equal(existsSync(at.folder), false)
    mkdirSync(at.folder)
    writeFileSync(at.here('mine'), '')
    await assert.rejects(at.sync({ source: nothing }), (error) => isFault(error, 'not-found'))
    assert.deepEqual(readdirSync(at.folder), ['mine'])
    assert.equal((await at.sync()).filesSynced, 4)
    assert.deepEqual(readdirSync(at.here('.holdfast/partial')), [], 'nothing temporary stays after a sync')
    await assert.rejects(at.sync({ source: nothing, force: true }), (error) => isFault(error, 'not-found'))
    assert.ok(existsSync(at.here('.holdfast/runs.sqlite')))
  })

  test('a folder keeps to its source, unless it is forced', async () => {
    const [at, other] = [desk(), desk()]
    addRuns(at.server, 1)
    at.server.publish()
    addRuns(other.server, 2)
    other.server.publish()
    await at.sync()
    await assert.rejects(at.sync({ source: other.store }), (error) => isFault(error, 'invalid') && /was synced from/.test(error.message))
    assert.equal((await at.sync({ source: other.store, force: true })).filesSynced, 4)
  })
})

describe('a preview', () => {
  test('says what a sync would do, and changes nothing', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 2)
    at.server.publish()
    const preview = await previewSync({ source: at.store, folder: at.folder, clock: at.clock, report: silent })
    assert.equal(preview.wanted.count, 8)
    assert.ok(!existsSync(at.folder))
    await at.sync()
    at.server.append(`${first}/events.jsonl`, '{}\n')
    at.server.publish()
    for (const round of [1, 2]) {
      const { wanted } = await previewSync({ source: at.store, folder: at.folder, clock: at.clock, report: silent })
      assert.deepEqual(
        wanted.first.map(({ key, size, start }) => [key, size - start]),
        [[`${first}/events.jsonl`, 3]],
        `round ${round}`,
      )
    }
    assert.equal((await at.sync()).filesAppended, 1)
  })
})

describe('a watch', () => {
  test('syncs until it is stopped, and goes on after a round that failed', async () => {
    const at = desk()
    const [first] = addRuns(at.server, 1)
    at.server.publish()
    const stopping = new AbortController()
    const rounds: string[] = []
    const watching = watchRuns({
      source: at.store,
      folder: at.folder,
      ways: ['pages'],
      clock: { now: () => 0, sleep: async (ms) => void rounds.push(`${ms}`) },
      report: silent,
      signal: stopping.signal,
      every: 30,
      jitter: 5,
      random: () => 0.5,
      onRound(round) {
        rounds.push('fault' in round ? round.fault.code : `${round.stats.filesSynced}`)
        if (rounds.length === 2) rmSync(path.join(at.server.root, '.runicorn/holdfast/root.json'))
        if (rounds.length === 5) {
          at.server.write(`${first}/meta.json`, 'new')
          at.server.publish()
        }
        if (rounds.length === 8) stopping.abort(new Fault('aborted', 'stopped'))
      },
    })
    await assert.rejects(watching, (error) => isFault(error, 'aborted'))
    assert.deepEqual(rounds.slice(0, 8), ['2500', '4', '30000', '2500', 'not-found', '30000', '2500', '1'])
  })
})
