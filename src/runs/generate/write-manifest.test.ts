import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { generatorDesk, type GeneratorDesk, oneRun as run, smallRun } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'

const scratch = scratchDirectory()

describe('the manifest of the format 1.0', () => {
  test('is, to the letter, what its readers know', async () => {
    const desk = generatorDesk(scratch)
    desk.write(`${run}/meta.json`, '{"created_at": 1704060000.25, "tags": ["baseline", "ü"]}')
    desk.write(`${run}/status.json`, '{"status": "completed"}')
    desk.write(`${run}/events.jsonl`, `${'x'.repeat(5000)}\n`)
    desk.write(`${run}/logs.txt`, '')
    desk.write(`${run}/media/image.png`, 'not listed')
    desk.write(`nlp/bert/runs/b/summary.json`, '{}')
    for (const file of ['meta.json', 'status.json', 'events.jsonl', 'logs.txt', 'media/image.png'])
      desk.age(`${run}/${file}`, 1_704_067_000)
    desk.age(`${run}/status.json`, 1_704_067_000.5)
    desk.age('nlp/bert/runs/b/summary.json', 1_704_060_000)
    const { outputPath, compressedPath, manifest } = await desk.generate({
      clock: { now: () => 1_704_067_200_000, sleep: desk.clock.sleep },
      newId: () => '550e8400-e29b-41d4-a716-446655440000',
      serverHostname: 'ml-server-01',
    })
    assert.deepEqual(
      [outputPath, compressedPath],
      [path.join(desk.root, '.runicorn/full_manifest.json'), path.join(desk.root, '.runicorn/full_manifest.json.gz')],
    )
    assert.equal(
      readFileSync(outputPath, 'utf8').replaceAll(desk.root, '/data/experiments'),
      `{"format_version":"1.0",
"manifest_type":"full",
"revision":1,
"snapshot_id":"550e8400-e29b-41d4-a716-446655440000",
"generated_at":1704067200.0,
"server_hostname":"ml-server-01",
"remote_root":"/data/experiments",
"experiments":[
{"run_id":"b","project":"nlp","name":"bert","status":"unknown","created_at":1704060000.0,"updated_at":1704060000.0,"tags":null,"files":[{"path":"nlp/bert/runs/b/summary.json","size":2,"mtime":1704060000.0,"priority":1}]},
{"run_id":"20250101_120000_abc123","project":"vision","name":"resnet","status":"completed","created_at":1704060000.25,"updated_at":1704067000.5,"tags":["baseline","ü"],"files":[${[
        `{"path":"${run}/events.jsonl","size":5001,"mtime":1704067000.0,"priority":2,"is_append_only":true,"tail_hash":"${md5OfTail(desk, `${run}/events.jsonl`)}"}`,
        `{"path":"${run}/logs.txt","size":0,"mtime":1704067000.0,"priority":2,"is_append_only":true}`,
        `{"path":"${run}/meta.json","size":57,"mtime":1704067000.0,"priority":1}`,
        `{"path":"${run}/status.json","size":23,"mtime":1704067000.5,"priority":1}`,
      ].join(',')}]}
],
"statistics":{"total_experiments":2,"total_files":5,"total_bytes":5083},
"generator_version":"1.0"}
`,
    )
    assert.deepEqual(desk.manifest('full')['statistics'], { total_experiments: 2, total_files: 5, total_bytes: 5083 })
    assert.deepEqual([...manifest.experiments], desk.manifest('full')['experiments'])
    assert.equal(
      readFileSync(path.join(desk.root, '.runicorn/.manifest_state.json'), 'utf8'),
      '{"last_revision": 1, "last_generated": 1704067200}\n',
    )
  })

  test('is read by a reader in Python', async (t) => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    await desk.generate()
    await desk.generate({ type: 'active' })
    const { status, stdout, error, stderr } = spawnSync(
      'python3',
      [path.join(import.meta.dirname, '../../../test/fakes/read_manifest.py'), desk.root],
      { encoding: 'utf8' },
    )
    if (error !== undefined) return t.skip('python3 is not installed')
    assert.equal(status, 0, stderr)
    assert.deepEqual(JSON.parse(stdout), { active: [1, 3], full: [1, 3] })
  })

  test('may be of any size', async () => {
    const desk = generatorDesk(scratch)
    const tags = JSON.stringify(Array.from({ length: 300 }, (_, index) => String(index).repeat(1300)))
    for (let index = 0; index < 12; index++) desk.write(`p/n/runs/${index}/meta.json`, `{"tags": ${tags}}`)
    const { outputPath } = await desk.generate()
    assert.ok(statSync(outputPath).size > 10 << 20)
    assert.equal((desk.manifest('full')['experiments'] as unknown[]).length, 12)
  })

  test('goes where it is asked to, with its compressed form beside it', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    const outputPath = path.join(desk.root, '.elsewhere/mine.json')
    const first = await desk.generate({ outputPath })
    assert.equal(first.compressedPath, `${outputPath}.gz`)
    assert.ok(existsSync(outputPath) && existsSync(`${outputPath}.gz`))
    assert.equal((await desk.generate({ outputPath })).changed, false)
  })
})

function md5OfTail(desk: GeneratorDesk, file: string): string {
  const tail = path.join(desk.root, '.tail')
  writeFileSync(tail, readFileSync(path.join(desk.root, file)).subarray(-4096))
  return spawnSync('md5sum', [tail], { encoding: 'utf8' }).stdout.slice(0, 32)
}
