import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { bytesOf, type Disk, digestOf, Fault, type FaultCode, isFault, type Progress, realDisk, systemClock } from '../kit/index.ts'
import { createFileStore, createMemoryStore, faultyStore, type ObjectStore, plannedFaults } from '../store/index.ts'
import type { DownloadJob } from '../../test/faults/download-child.ts'
import { faultyDisk } from '../../test/faults/faulty-disk.ts'
import { seededRandom } from '../../test/fakes/seeded-random.ts'
import { downloadFile, type DownloadOptions } from './download.ts'

const key = 'blobs/artifact'
const rangeBytes = 1000
const random = seededRandom(1)
const content = Buffer.from(Array.from({ length: 7500 }, () => Math.floor(random() * 256)))
const other = Buffer.from('other content')

let folder: string
let to: string
let store: ObjectStore
/** The ranges that were asked for, as `start-end`. */
let asked: string[]

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'holdfast-download-'))
  to = path.join(folder, 'artifact.a')
  store = counting(createMemoryStore({ clock: systemClock }))
  asked = []
  await store.put(key, bytesOf(content))
})

afterEach(async () => {
  await fs.rm(folder, { recursive: true, force: true })
})

function counting(inner: ObjectStore): ObjectStore {
  return {
    ...inner,
    async get(name, options = {}) {
      asked.push(options.range === undefined ? 'whole' : `${options.range.start}-${options.range.end}`)
      return await inner.get(name, options)
    },
  }
}

function download(options: Partial<DownloadOptions> = {}) {
  const { byteLength: size } = content
  return downloadFile({ from: store, key, size, digest: digestOf(content), to, parts: { width: 4, bytes: rangeBytes }, ...options })
}

const fault = (code: FaultCode, words: RegExp) => (error: unknown) => {
  assert.ok(isFault(error, code), `${String(error)} is not ${code}`)
  assert.match(error.message, words)
  return true
}

/** Everything in the target's folder. */
const left = async () => (await fs.readdir(folder)).sort()

/** Nothing is left but what the test put there: no part, no temporary. */
async function assertHolds(file: string, expected: Uint8Array): Promise<void> {
  assert.deepEqual(await fs.readFile(file), Buffer.from(expected))
  assert.deepEqual(await left(), [path.basename(file)])
}

/** A store whose n-th read, and every later one, fails or does something first. */
function failingFrom(
  nth: number,
  act: () => void | Promise<void> = () => Promise.reject(new Fault('unavailable', 'the line is dead')),
): ObjectStore {
  let reads = 0
  return {
    ...store,
    async get(name, options) {
      if (++reads >= nth) await act()
      return await store.get(name, options)
    },
  }
}

describe('a download', () => {
  it('has the right bytes under the right name, in ranges that do not overlap, and leaves nothing else', async () => {
    assert.deepEqual(await download(), { unchanged: false, fetched: 7500, resumed: 0, digest: digestOf(content) })
    await assertHolds(to, content)
    assert.deepEqual(asked.toSorted(), [
      '0-1000',
      '1000-2000',
      '2000-3000',
      '3000-4000',
      '4000-5000',
      '5000-6000',
      '6000-7000',
      '7000-7500',
    ])
  })

  it('of what fits into one range asks once, also for nothing at all', async () => {
    await download({ parts: { width: 4, bytes: 1 << 20 } })
    await store.put('empty', bytesOf(''))
    await download({ key: 'empty', size: 0, digest: digestOf(''), to: path.join(folder, 'empty') })
    assert.deepEqual(asked, ['whole', 'whole'])
    assert.equal((await fs.stat(path.join(folder, 'empty'))).size, 0)
  })

  it('makes the folders above its target, and gives the mode that was asked for, never set-uid', async () => {
    const deep = path.join(folder, 'a/b/c')
    await download({ to: deep, mode: 0o4751 })
    assert.equal((await fs.stat(deep)).mode & 0o7777, 0o751)
  })

  it('of content whose digest nobody knows tells what it is, and replaces only what it is told to', async () => {
    const digest = { unknown: 'the first upload' }
    assert.equal((await download({ digest })).digest, digestOf(content))
    await assert.rejects(download({ digest }), fault('already-exists', /other content/))
    await store.put(key, bytesOf(Buffer.from(content).reverse()))
    assert.equal((await download({ digest, force: true })).digest, digestOf(Buffer.from(content).reverse()))
  })

  it('asks for nothing where the same file stands already, and says so', async () => {
    await fs.writeFile(to, content, { mode: 0o600 })
    await fs.mkdir(`${to}.holdfast-part`)
    assert.deepEqual(await download({ mode: 0o755 }), { unchanged: true, fetched: 0, resumed: 0, digest: digestOf(content) })
    assert.deepEqual(asked, [])
    assert.equal((await fs.stat(to)).mode & 0o777, 0o755)
    await assertHolds(to, content)
  })

  it('refuses to replace another file, showing both digests, and replaces it when told to', async () => {
    await fs.writeFile(to, other)
    await assert.rejects(download(), fault('already-exists', new RegExp(`${digestOf(other)}.*${digestOf(content)}`)))
    assert.deepEqual(asked, [])
    await assertHolds(to, other)
    assert.equal((await download({ force: true })).unchanged, false)
    await assertHolds(to, content)
  })

  it('refuses a directory, a link and a device as its target, forced or not', async () => {
    await fs.mkdir(path.join(folder, 'dir'))
    await fs.symlink('nowhere', path.join(folder, 'link'))
    for (const target of [path.join(folder, 'dir'), path.join(folder, 'link'), '/dev/null']) {
      await assert.rejects(download({ to: target, force: true }), fault('invalid', /the target is/))
    }
    assert.deepEqual(await left(), ['dir', 'link'])
  })

  it('does not replace a file that came into being while it ran', async () => {
    const racing = failingFrom(3, () => fs.writeFile(to, other))
    await assert.rejects(download({ from: racing }), fault('already-exists', /other content/))
    await assertHolds(to, other)
    await fs.rm(to)
    const same = failingFrom(3, () => fs.writeFile(to, content))
    assert.deepEqual(await download({ from: same }), { unchanged: true, fetched: 7500, resumed: 0, digest: digestOf(content) })
    await assertHolds(to, content)
  })

  it('may run several times at once for one target: all end well, and one file stands', async () => {
    const results = await Promise.all([download(), download(), download()])
    assert.ok(results.some(({ unchanged }) => !unchanged))
    await assertHolds(to, content)
  })

  it('reports increments that add up to the whole', async () => {
    const events: Progress[] = []
    await download({ report: (event) => events.push(event) })
    assert.deepEqual(events[0], { kind: 'begin', task: `fetch ${path.basename(to)}`, items: 1, bytes: 7500 })
    assert.deepEqual(events.at(-1), { kind: 'end', task: `fetch ${path.basename(to)}` })
    assert.equal(
      events.reduce((sum, event) => sum + (event.kind === 'advance' ? (event.bytes ?? 0) : 0), 0),
      7500,
    )
  })
})

describe('a download of wrong bytes', () => {
  const wrong: [string, Partial<DownloadOptions>, FaultCode][] = [
    ['another digest', { digest: digestOf(other) }, 'corrupt'],
    ['a shorter object than expected', { size: 8000 }, 'corrupt'],
    ['a longer object than expected', { size: 7000 }, 'corrupt'],
    ['an object that is not there', { key: 'blobs/missing' }, 'not-found'],
    ['an object of another version', { etag: 'v99' }, 'precondition'],
  ]
  for (const [name, options, code] of wrong) {
    it(`(${name}) is ${code} and leaves no target`, async () => {
      await assert.rejects(download(options), fault(code, /./))
      assert.ok(!(await left()).includes('artifact.a'))
      await download()
      await assertHolds(to, content)
    })
  }

  for (const damage of ['truncated', 'corrupted'] as const) {
    it(`(a body ${damage} on its way) is corrupt, leaves no target, and the next one succeeds`, async () => {
      const plan = plannedFaults({ on: 'get', nth: 5, fault: damage })
      await assert.rejects(download({ from: faultyStore(store, plan, systemClock) }), fault('corrupt', /./))
      plan.assertUsed()
      assert.ok(!(await left()).includes('artifact.a'))
      await download()
      await assertHolds(to, content)
    })
  }

  it('(an object that is replaced half way) is precondition', async () => {
    const replaced = failingFrom(4, async () => void (await store.put(key, bytesOf(content.toReversed()))))
    await assert.rejects(download({ from: replaced }), fault('precondition', /./))
    assert.ok(!(await left()).includes('artifact.a'))
  })
})

describe('a download that is broken off', () => {
  it('by a fault goes on with the ranges that are missing', async () => {
    await assert.rejects(download({ from: failingFrom(4), parts: { width: 1, bytes: rangeBytes } }), fault('unavailable', /dead/))
    assert.deepEqual(await left(), ['artifact.a.holdfast-part'])
    asked = []
    assert.deepEqual(await download(), { unchanged: false, fetched: 4500, resumed: 3000, digest: digestOf(content) })
    assert.deepEqual(asked.toSorted(), ['3000-4000', '4000-5000', '5000-6000', '6000-7000', '7000-7500'])
    await assertHolds(to, content)
  })

  it('keeps the range size that it began with', async () => {
    await assert.rejects(download({ from: failingFrom(3), parts: { width: 1, bytes: 3000 } }), fault('unavailable', /dead/))
    asked = []
    await download()
    assert.deepEqual(asked, ['6000-7500'])
    await assertHolds(to, content)
  })

  it('by its signal leaves no target, and goes on later', async () => {
    const controller = new AbortController()
    const stopping = failingFrom(5, () => controller.abort())
    await assert.rejects(
      download({ from: stopping, signal: controller.signal, parts: { width: 1, bytes: rangeBytes } }),
      fault('aborted', /./),
    )
    assert.deepEqual(await left(), ['artifact.a.holdfast-part'])
    assert.equal((await download()).resumed, 4000)
    await assertHolds(to, content)
  })

  it('leaves nothing at all where it is not to be resumed, or nothing was finished', async () => {
    await assert.rejects(download({ from: failingFrom(4), resume: false }), fault('unavailable', /dead/))
    assert.deepEqual(await left(), [])
    await assert.rejects(download({ from: failingFrom(1) }), fault('unavailable', /dead/))
    assert.deepEqual(await left(), [])
  })

  it('throws away what was left of another artifact', async () => {
    await assert.rejects(download({ from: failingFrom(4) }), fault('unavailable', /dead/))
    await store.put('blobs/other', bytesOf(other))
    const result = await download({ key: 'blobs/other', size: other.byteLength, digest: digestOf(other) })
    assert.equal(result.resumed, 0)
    await assertHolds(to, other)
  })

  it('fetches all of it again, and says so, where what was left is damaged', async () => {
    await assert.rejects(download({ from: failingFrom(4), parts: { width: 1, bytes: rangeBytes } }), fault('unavailable', /dead/))
    const data = await fs.open(path.join(`${to}.holdfast-part`, 'data'), 'r+')
    await data.write(Buffer.from('damage'), 0, 6, 500)
    await data.close()
    const notes: string[] = []
    const result = await download({ report: (event) => event.kind === 'note' && notes.push(event.text) })
    assert.equal(result.resumed, 0)
    assert.match(notes.join(), /damaged: fetching all of it again/)
    await assertHolds(to, content)
  })

  const journals: [string, (text: string) => string][] = [
    ['is empty', () => ''],
    ['is garbage', () => '\0\0\0\0'],
    ['names a range that cannot be', (text) => `${text}99\n`],
    ['names what the file does not hold', (text) => `${text}7\n`],
    ['is of another digest', (text) => text.replace('sha256:', 'sha256:0').slice(0, -1)],
  ]
  for (const [name, change] of journals) {
    it(`begins anew where the journal ${name}`, async () => {
      await assert.rejects(download({ from: failingFrom(4), parts: { width: 1, bytes: rangeBytes } }), fault('unavailable', /dead/))
      const journal = path.join(`${to}.holdfast-part`, 'journal')
      await fs.writeFile(journal, change(await fs.readFile(journal, 'utf8')))
      assert.equal((await download()).resumed, 0)
      await assertHolds(to, content)
    })
  }

  it('does not believe the line that a crash cut off', async () => {
    await assert.rejects(download({ from: failingFrom(4), parts: { width: 1, bytes: rangeBytes } }), fault('unavailable', /dead/))
    await fs.appendFile(path.join(`${to}.holdfast-part`, 'journal'), '3')
    assert.equal((await download()).resumed, 3000)
    await assertHolds(to, content)
  })

  it('never writes to bytes that have a name already, nor through a planted link', async () => {
    for (const plant of ['link', 'symlink'] as const) {
      await assert.rejects(download({ from: failingFrom(4), parts: { width: 1, bytes: rangeBytes } }), fault('unavailable', /dead/))
      const data = path.join(`${to}.holdfast-part`, 'data')
      const visible = path.join(folder, 'visible')
      await fs.rename(data, visible)
      await fs[plant](visible, data)
      const before = await fs.readFile(visible)
      assert.equal((await download()).resumed, 0)
      assert.deepEqual(await fs.readFile(visible), before)
      assert.deepEqual(await left(), ['artifact.a', 'visible'])
      await Promise.all([fs.rm(visible), fs.rm(to)])
    }
  })

  it('by kill -9 goes on in another process with only the ranges that are missing', async () => {
    const root = path.join(folder, 'store')
    const files = counting(createFileStore({ root, durable: false }))
    await files.put(key, bytesOf(content))
    const into = path.join(folder, 'target')
    const job: DownloadJob = {
      root,
      key,
      size: content.byteLength,
      digest: digestOf(content),
      to: path.join(into, 'artifact.a'),
      rangeBytes,
      answered: 5,
    }
    const child = spawn(process.execPath, [new URL('../../test/faults/download-child.ts', import.meta.url).pathname, JSON.stringify(job)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    await once(child.stdout, 'data')
    const held = await fs.readdir(into)
    assert.equal(held.length, 1)
    assert.match(held[0]!, /^artifact\.a\.holdfast-part\./)

    // While it runs, what it holds is left alone.
    const beside = await download({ from: files, to: job.to, force: true })
    assert.equal(beside.resumed, 0)
    assert.ok((await fs.readdir(into)).includes(held[0]!))
    await fs.rm(job.to)

    child.kill('SIGKILL')
    await once(child, 'exit')
    asked = []
    assert.deepEqual(await download({ from: files, to: job.to }), {
      unchanged: false,
      fetched: 2500,
      resumed: 5000,
      digest: digestOf(content),
    })
    assert.deepEqual(asked.toSorted(), ['5000-6000', '6000-7000', '7000-7500'])
    assert.deepEqual(await fs.readFile(job.to), content)
    assert.deepEqual(await fs.readdir(into), ['artifact.a'])
  })
})

describe('a download onto a disk that fails', () => {
  it('is refused before the first byte where there is no room', async () => {
    const disk: Disk = { ...realDisk, statfs: (async () => ({ bavail: 7, bsize: 1000 })) as unknown as Disk['statfs'] }
    await assert.rejects(download({ disk }), fault('unavailable', /7000 bytes left and 7500 more are needed/))
    assert.deepEqual(asked, [])
    assert.deepEqual(await left(), [])
  })

  it('stops when the disk is full half way, and goes on when there is room again', async () => {
    const faulty = faultyDisk({ call: 'file.write', nth: 4, fails: 'ENOSPC' })
    await assert.rejects(download({ disk: faulty.disk, parts: { width: 1, bytes: rangeBytes } }), fault('unavailable', /disk is full/))
    faulty.assertUsed()
    assert.deepEqual(await left(), ['artifact.a.holdfast-part'])
    assert.equal((await download()).resumed, 3000)
    await assertHolds(to, content)
  })

  it('leaves no target, and what it leaves is taken up, whichever call fails', async () => {
    for (const call of ['mkdir', 'readdir', 'open', 'file.sync', 'link', 'rename'] as const) {
      const faulty = faultyDisk({ call, nth: 1, fails: 'EIO' })
      await assert.rejects(download({ disk: faulty.disk, force: call === 'rename' }), fault('unavailable', /input\/output/), call)
      faulty.assertUsed()
      assert.ok(!(await left()).includes('artifact.a'), call)
      const { resumed } = await download()
      if (call === 'file.sync') assert.equal(resumed, 0, 'bytes that could not be made durable are not trusted')
      await assertHolds(to, content)
      await fs.rm(to)
    }
  })

  it('bears writes that take only a part, and a file system without hard links', async () => {
    const faulty = faultyDisk({ call: 'file.write', nth: 3, fails: 'short' }, { call: 'link', nth: 1, fails: 'EPERM' })
    await download({ disk: faulty.disk })
    faulty.assertUsed()
    await assertHolds(to, content)
  })
})
