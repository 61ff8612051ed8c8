import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertPublished, generatorDesk, oneRun as run, smallRun } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'

const scratch = scratchDirectory()

describe('full and active', () => {
  test('active runs are those with a new file, whatever the time of their folder', async () => {
    const desk = generatorDesk(scratch)
    const now = Date.now() / 1000
    for (const name of ['old', 'growing']) {
      smallRun(desk, `p/n/runs/${name}`)
      for (const file of ['meta.json', 'status.json', 'events.jsonl', 'media/a.png', '']) desk.age(`p/n/runs/${name}/${file}`, now - 86_400)
    }
    await desk.generate({ type: 'active' })
    assert.deepEqual(assertPublished(desk).active, [])
    desk.append('p/n/runs/growing/events.jsonl', '{"step":2}\n')
    desk.age('p/n/runs/growing', now - 86_400)
    await desk.generate({ type: 'active' })
    assert.deepEqual(assertPublished(desk).active, ['p/n/runs/growing'])
    assert.deepEqual(
      (desk.manifest('active')['experiments'] as { run_id: string }[]).map((each) => each.run_id),
      ['growing'],
    )
  })

  test('a run stops being active as time passes, with nothing else', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    const first = await desk.generate({ type: 'active' })
    desk.ahead += 3_700_000
    const second = await desk.generate({ type: 'active' })
    assert.deepEqual([first.activeRuns, second.activeRuns, second.changed, second.bytes.read], [1, 0, true, 0])
    assert.equal(assertPublished(desk).root.full.counter, first.root.full.counter)
  })

  test('each has a counter of its own, and manifests 1.0 share one that only rises', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    const counters = async (type: 'full' | 'active') => {
      const { root, manifest } = await desk.generate({ type })
      return [root.full.counter, root.active.counter, manifest.revision]
    }
    assert.deepEqual(await counters('full'), [1, 1, 1])
    assert.deepEqual(await counters('active'), [1, 1, 2])
    // A reader with one cursor, which has seen the active one, would take this full one for known if it did not rise.
    assert.deepEqual(await counters('full'), [1, 1, 3])
    assert.deepEqual(await counters('active'), [1, 1, 2])
    assert.deepEqual(await counters('full'), [1, 1, 3])
    desk.append(`${run}/events.jsonl`, '{"step":2}\n')
    assert.deepEqual(await counters('active'), [2, 2, 4])
    assert.deepEqual(await counters('full'), [2, 2, 5])
    assert.equal(desk.manifest('full')['revision'], 5)
    assert.equal(desk.manifest('active')['revision'], 4)
    desk.ahead += 3_700_000
    assert.deepEqual(await counters('full'), [2, 3, 5])
    assert.deepEqual(await counters('active'), [2, 3, 7])
  })

  test('the window is that of the last time where none is given', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    assert.equal((await desk.generate()).root.active.window, 3600)
    assert.equal((await desk.generate({ activeWindowSeconds: 60 })).root.active.window, 60)
    assert.equal((await desk.generate()).root.active.window, 60)
    await assert.rejects(desk.generate({ activeWindowSeconds: 0 }), { code: 'invalid' })
  })

  test('an original’s higher revision in the state is gone on from', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    desk.write('.runicorn/.manifest_state.json', '{"last_revision": 41, "last_generated": 1704067200.5}')
    assert.equal((await desk.generate()).manifest.revision, 42)
  })
})
