import assert from 'node:assert/strict'
import { promises as fs } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { afterEach, beforeEach, describe, it } from 'node:test'
import { bytesOf, collect, digestOf, type FaultCode, isFault, type Progress, systemClock } from '../kit/index.ts'
import { createMemoryStore, faultyStore, type ObjectStore, plannedFaults, retryingStore } from '../store/index.ts'
import { fileMemo } from './memo.ts'
import { uploadFile, type UploadOptions } from './upload.ts'

const content = 'x'.repeat(3 << 20)
let folder: string
let file: string
let store: ObjectStore

beforeEach(async () => {
  folder = await fs.mkdtemp(path.join(tmpdir(), 'holdfast-upload-'))
  file = path.join(folder, 'lib.a')
  await fs.writeFile(file, content)
  store = createMemoryStore({ clock: systemClock })
})

afterEach(async () => {
  await fs.rm(folder, { recursive: true, force: true })
})

const upload = (options: Partial<UploadOptions> = {}) =>
  uploadFile({ file, size: content.length, digest: digestOf(content), to: store, key: 'k', ...options })

const fault = (code: FaultCode, words: RegExp) => (error: unknown) => {
  assert.ok(isFault(error, code), `${String(error)} is not ${code}`)
  assert.match(`${error.message} ${error.at ?? ''}`, words)
  return true
}

describe('an upload', () => {
  it('puts the file with what was asked for', async () => {
    const info = await upload({ contentType: 'text/x-lib', cacheControl: 'no-cache' })
    assert.deepEqual([info.size, info.contentType, info.cacheControl], [content.length, 'text/x-lib', 'no-cache'])
    assert.equal(digestOf(await collect(await store.get('k'), 1 << 24)), digestOf(content))
  })

  it('of a file that is not what was described any more is corrupt, names the file, and shows nothing', async () => {
    const changes = { shorter: content.slice(1), longer: `${content}x`, missing: undefined, other: `y${content.slice(1)}` }
    for (const [name, changed] of Object.entries(changes)) {
      if (changed === undefined) await fs.rm(file)
      else await fs.writeFile(file, changed)
      await assert.rejects(upload(), fault(changed === undefined ? 'not-found' : 'corrupt', /lib\.a/), name)
      assert.equal(await store.head('k'), undefined)
    }
  })

  it('that loses a race is precondition', async () => {
    await store.put('k', bytesOf('first'))
    await assert.rejects(upload({ if: 'absent' }), fault('precondition', /./))
  })

  it('reports each byte once, also where a retry reads them again', async () => {
    const plan = plannedFaults({ on: 'put', nth: 1, fault: 'error-after' })
    const policy = { clock: systemClock, random: () => 0, attempts: 2, base: 0, cap: 0 }
    const events: Progress[] = []
    await upload({ to: retryingStore(faultyStore(store, plan, systemClock), policy), report: (event) => events.push(event) })
    plan.assertUsed()
    const bytes = events.map((event) => (event.kind === 'advance' ? (event.bytes ?? 0) : 0))
    assert.equal(
      bytes.reduce((sum, each) => sum + each, 0),
      content.length,
    )
    assert.equal(events.at(-1)?.kind, 'end')
  })

  it('ends with its signal and shows nothing', async () => {
    await assert.rejects(upload({ signal: AbortSignal.abort() }), fault('aborted', /./))
    assert.equal(await store.head('k'), undefined)
  })
})

describe('a memo in a file', () => {
  it('outlives the process, is read by its owner alone, and can be cleared twice', async () => {
    const at = path.join(folder, 'state/uploads/one')
    await fileMemo(at).save('first')
    await fileMemo(at).save('second')
    assert.equal(await fileMemo(at).load(), 'second')
    assert.equal((await fs.stat(at)).mode & 0o777, 0o600)
    assert.equal((await fs.stat(path.dirname(at))).mode & 0o777, 0o700)
    assert.deepEqual(await fs.readdir(path.dirname(at)), ['one'])
    await fileMemo(at).clear()
    await fileMemo(at).clear()
    assert.equal(await fileMemo(at).load(), undefined)
  })
})
