import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { assertPublished, generatorDesk, oneRun as run, smallRun } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'

const scratch = scratchDirectory()

describe('what a run says of itself', () => {
  const told = async (files: Readonly<Record<string, string>>) => {
    const desk = generatorDesk(scratch)
    for (const [name, text] of Object.entries(files)) desk.write(`${run}/${name}`, text)
    await desk.generate()
    const { status, createdAt, tags } = assertPublished(desk).runs.get(run)!
    return { status, createdAt, tags }
  }

  test('is its status, when it was made, and its tags', async () => {
    assert.deepEqual(await told({ 'meta.json': '{"created_at": 1.5, "tags": ["a"]}', 'status.json': '{"status": "failed"}' }), {
      status: 'failed',
      createdAt: 1500,
      tags: ['a'],
    })
    assert.deepEqual(await told({ 'meta.json': '{"created_at": "2024-01-01T00:00:00Z", "tags": []}', 'summary.json': '{"tags": ["s"]}' }), {
      status: 'unknown',
      createdAt: 1_704_067_200_000,
      tags: ['s'],
    })
    assert.equal((await told({ 'status.json': '{"status": "running", "started_at": 7}' })).createdAt, 7000)
  })

  test('may be no JSON, something else, or absurd, and is then unknown', async () => {
    for (const text of [
      '',
      '{',
      '[]',
      'null',
      '7',
      '{"created_at": {}, "tags": "a", "status": 3}',
      '{"created_at": 1e300, "tags": [1, null, "\\ud800"]}',
      `{"status": "${'x'.repeat(5000)}"}`,
    ]) {
      const { status, tags } = await told({ 'meta.json': text, 'status.json': text })
      assert.deepEqual([status, tags], ['unknown', null], text.slice(0, 40))
    }
  })

  test('stays what it was while its file is being written', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    await desk.generate()
    desk.write(`${run}/status.json`, '{"status": "fin')
    await desk.generate()
    assert.equal(assertPublished(desk).runs.get(run)!.status, 'running')
    desk.write(`${run}/status.json`, '{"status": "finished"}')
    await desk.generate()
    assert.equal(assertPublished(desk).runs.get(run)!.status, 'finished')
  })
})
