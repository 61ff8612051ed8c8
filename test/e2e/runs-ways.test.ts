import assert from 'node:assert/strict'
import { appendFileSync, existsSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { abortFault, systemClock } from '../../src/kit/index.ts'
import { filesBelow } from '../fakes/run-desk.ts'
import { assertMirrored, type RunLab, runLab } from '../fakes/run-lab.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { addTraining, growTraining } from '../fakes/training.ts'

const scratch = scratchDirectory()

const withoutPages = ({ root }: RunLab) => rmSync(path.join(root, '.runicorn/holdfast'), { recursive: true, force: true })

describe('a server without pages', () => {
  test('and without manifests is walked over: that is said, counted, and can be forbidden', async (t) => {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    addTraining(lab.root, 0, 4)
    const line = `runs sync ${lab.url()} --to here`
    const forbidden = await lab.holdfast(`${line} --no-fallback`)
    assert.deepEqual([forbidden.exit, forbidden.fault?.code], [4, 'not-found'])
    assert.match(forbidden.fault!.message, /root\.json/)
    const { exit, err, result, cost } = await lab.holdfast(line)
    assert.equal(exit, 0, err)
    assert.match(
      err,
      /the pages of the manifest cannot be used, going on with the manifest of format 1\.0, which lists metadata and logs alone: /,
    )
    assert.match(err, /the manifest of format 1\.0 cannot be used, going on with a walk over all files: /)
    const { way, fellBack, operations, filesOpened } = result
    assert.deepEqual([way, (fellBack as object[]).length], ['walk', 2])
    assert.equal((operations as number) - (filesOpened as number), 1, 'one listing')
    assert.ok(cost.opened >= 60, 'each file by itself')
    assertMirrored(lab, 'here')
    assert.equal((await lab.ok('runs sync --to here'))['way'], 'walk')
    const shown = await lab.holdfast('runs status --to here', { asText: true })
    assert.match(shown.out, /by a walk over all files; .* listing/)
  })

  test('and with the two manifests of format 1.0 is synced by these', async (t) => {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    const runs = addTraining(lab.root, 0, 4)
    const generate = async () => {
      await lab.ok('generate-manifest --root server --metadata-only')
      await lab.ok('generate-manifest --root server --active')
      withoutPages(lab)
    }
    await generate()
    assert.deepEqual(
      filesBelow(path.join(lab.root, '.runicorn')).map((name) => name.replace(/^\./, '')),
      ['manifest_state.json', 'active_manifest.json', 'active_manifest.json.gz', 'full_manifest.json', 'full_manifest.json.gz'],
    )
    const first = await lab.ok(`runs sync ${lab.url()} --to here`)
    // What the format lists of each run: six files of metadata, and two logs.
    assert.deepEqual([first['way'], first['filesSynced']], ['manifest', 32])
    assert.deepEqual((await lab.holdfast('runs sync --to here')).result['reason'], 'nothing is new at the source')
    const appended = growTraining(lab.root, runs[1]!, 100)
    await generate()
    const active = await lab.ok('runs sync --to here --active')
    assert.deepEqual([active['filesAppended'], active['bytesWritten']], [2, appended])
    assert.equal((await lab.ok('runs verify --to here'))['files'], 32)
  })
})

describe('what the server does not have any more', () => {
  for (const [way, isListed] of Object.entries({ pages: true, walk: false })) {
    test(`by ${way}: stays until --delete, which asks, and takes only what a sync wrote`, async (t) => {
      const lab = await runLab(t, scratch)
      if (lab === undefined) return
      const [first, second] = addTraining(lab.root, 0, 3)
      const list = async () => (isListed ? await lab.ok('generate-manifest --root server') : undefined)
      await list()
      await lab.ok(`runs sync ${lab.url()} --to here`)
      writeFileSync(path.join(lab.at('here'), second!, 'notes.txt'), 'my own')
      rmSync(path.join(lab.root, first!), { recursive: true })
      rmSync(path.join(lab.root, second!, 'config.yaml'))
      await list()
      const kept = await lab.ok('runs sync --to here')
      assert.deepEqual([kept['filesKept'], kept['filesDeleted']], [16, 0])
      const asked = await lab.holdfast('runs sync --to here --delete')
      assert.equal(asked.exit, 2, 'nobody is there to answer')
      assert.match(asked.err, /this removes 16 files/)
      assert.ok(existsSync(path.join(lab.at('here'), second!, 'config.yaml')))
      assert.equal((await lab.ok('runs sync --to here --delete --yes'))['filesDeleted'], 16)
      assert.ok(!existsSync(path.join(lab.at('here'), first!)))
      rmSync(path.join(lab.at('here'), second!, 'notes.txt'))
      assertMirrored(lab, 'here')
    })
  }
})

describe('a watch', () => {
  test('syncs again and again, tells what changed, and ends when it is stopped', async (t) => {
    const lab = await runLab(t, scratch)
    if (lab === undefined) return
    const runs = addTraining(lab.root, 0, 2)
    await lab.ok('generate-manifest --root server')
    const stop = new AbortController()
    const sleeps: number[] = []
    const clock = {
      now: systemClock.now,
      async sleep(ms: number, signal?: AbortSignal) {
        // Those between two lines of progress are none of the watch.
        if (ms !== 2500 && ms !== 30_000) return await systemClock.sleep(ms, signal)
        sleeps.push(ms)
        if (sleeps.length === 4) {
          appendFileSync(path.join(lab.root, runs[0]!, 'logs.txt'), 'one more\n')
          await lab.ok('generate-manifest --root server')
        }
        if (sleeps.length === 6) stop.abort()
        if (stop.signal.aborted) throw abortFault(stop.signal)
      },
    }
    const { exit, err } = await lab.holdfast(`runs sync ${lab.url()} --to here --watch 30`, { clock, signal: stop.signal })
    assert.equal(exit, 130, err)
    assert.deepEqual(sleeps, [2500, 30_000, 2500, 30_000, 2500, 30_000], 'half of the jitter, and the wait')
    assert.match(err, /30 files fetched.*[^]*1 file continued/)
    assertMirrored(lab, 'here')
  })
})
