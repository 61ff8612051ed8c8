import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { assertPublished, generatorDesk, type GeneratorDesk, regularFiles } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { realSys } from '../../kit/sys/index.ts'

const scratch = scratchDirectory()
const run = 'vision/resnet/runs/20250101_120000_abc123'

function smallRun(desk: GeneratorDesk, folder = run): void {
  desk.write(`${folder}/meta.json`, '{"created_at": 1704060000.25, "tags": ["baseline"]}')
  desk.write(`${folder}/status.json`, '{"status": "running"}')
  desk.write(`${folder}/events.jsonl`, '{"step":1}\n')
  desk.write(`${folder}/media/a.png`, Buffer.from([1, 2, 3]))
}

/** Name, inode, times of everything that a generator writes. */
function traces(desk: GeneratorDesk): Map<string, string> {
  const folder = path.join(desk.root, '.runicorn')
  const files = [...regularFiles(folder).keys()]
  return new Map(
    files.map((file) => {
      const { ino, mtimeNs, size } = statSync(path.join(folder, file), { bigint: true })
      return [file, `${ino} ${mtimeNs} ${size}`]
    }),
  )
}

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

describe('a generation', () => {
  test('that finds nothing new moves only the times of looking', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    await desk.generate()
    const before = traces(desk)
    desk.ahead += 1000
    const { changed, bytes } = await desk.generate()
    assert.deepEqual([changed, bytes], [false, { read: 0, pages: 0, packed: 0 }])
    const after = traces(desk)
    const moved = [...after].filter(([file, trace]) => before.get(file) !== trace).map(([file]) => file)
    assert.deepEqual(moved.sort(), ['.manifest_state.json', 'holdfast/root.json'])
    assert.deepEqual([...after.keys()].sort(), [...before.keys()].sort())
  })

  test('reads only the files that changed', async () => {
    const desk = generatorDesk(scratch)
    for (let index = 0; index < 5; index++) smallRun(desk, `p/n/runs/${index}`)
    await desk.generate()
    desk.append('p/n/runs/3/events.jsonl', '{"step":2}\n')
    const { bytes, changed } = await desk.generate()
    assert.deepEqual([changed, bytes.read], [true, 22])
    assertPublished(desk)
  })

  test('follows new, renamed and removed runs, projects and files', async () => {
    const desk = generatorDesk(scratch)
    for (let index = 0; index < 3; index++) smallRun(desk, `p/n/runs/${index}`)
    smallRun(desk, 'q/m/runs/x')
    await desk.generate()
    const at = (file: string) => path.join(desk.root, file)
    rmSync(at('p/n/runs/1'), { recursive: true })
    rmSync(at('q'), { recursive: true })
    renameSync(at('p/n/runs/2/media/a.png'), at('p/n/runs/2/media/b.png'))
    renameSync(at('p/n/runs/0'), at('p/n/runs/3'))
    smallRun(desk, 'r/k/runs/y')
    mkdirSync(at('p/empty/runs/none'), { recursive: true })
    await desk.generate()
    assertPublished(desk)
    desk.write('p/later/notes.txt', 'a name without runs')
    await desk.generate()
    smallRun(desk, 'p/later/runs/z')
    await desk.generate()
    assertPublished(desk)
  })

  test('sees a change that leaves size and time of writing as they were', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    desk.age(`${run}/meta.json`, 1_700_000_000)
    await desk.generate()
    desk.write(`${run}/meta.json`, '{"created_at": 1704060000.75, "tags": ["baseline"]}')
    desk.age(`${run}/meta.json`, 1_700_000_000)
    assert.equal((await desk.generate()).changed, true)
    assert.equal(assertPublished(desk).runs.get(run)!.createdAt, 1_704_060_000_750)
  })

  test('reads again what changed too lately to be sure of, and publishes nothing for it', async () => {
    const desk = generatorDesk(scratch)
    desk.ahead = 0
    smallRun(desk)
    const first = await desk.generate()
    const second = await desk.generate()
    assert.deepEqual([second.changed, second.bytes.read], [false, first.bytes.read])
    desk.ahead = 10_000
    await desk.generate()
    assert.equal((await desk.generate()).bytes.read, 0)
  })

  test('lists a log that is written to up to its last whole line, and the rest once nothing came for a minute', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    const sizes = async () => {
      await desk.generate()
      return desk
        .published()
        .runs.get(run)!
        .files.flatMap(({ path: name, size }) => (/events|logs|weights/.test(name) ? [size] : []))
    }
    desk.ahead = 0
    desk.write(`${run}/events.jsonl`, '{"step":1}\n{"st')
    desk.write(`${run}/logs.txt`, 'no line of it has ended')
    desk.write(`${run}/weights.bin`, 'x\ny')
    assert.deepEqual(await sizes(), [11, 23, 3])
    desk.append(`${run}/events.jsonl`, 'ep":2}\n{')
    assert.deepEqual(await sizes(), [22, 23, 3])
    desk.ahead = 61_000
    assert.deepEqual(await sizes(), [23, 23, 3])
    assertPublished(desk)
    desk.ahead = 0
    desk.append(`${run}/events.jsonl`, '"step"')
    assert.deepEqual(await sizes(), [23, 23, 3], 'what was listed stays listed')
    desk.append(`${run}/events.jsonl`, ':3}\n')
    assert.deepEqual(await sizes(), [33, 23, 3])
    assertPublished(desk)
  })

  test('reads all again where it is asked to', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    const first = await desk.generate()
    const again = await desk.generate({ incremental: false })
    assert.deepEqual([again.changed, again.bytes.read], [false, first.bytes.read])
  })

  test('a log of pages that was damaged is written anew where everything is read again', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    const { root } = await desk.generate()
    const file = path.join(desk.root, '.runicorn/holdfast', root.log.name)
    const bytes = readFileSync(file)
    bytes[Math.floor(bytes.byteLength / 2)]! ^= 0x5a
    writeFileSync(file, bytes)
    const again = await desk.generate({ incremental: false })
    assert.notEqual(again.root.log.name, root.log.name)
    assertPublished(desk)
  })

  test('takes clocks and times that are wrong as they are', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    desk.age(`${run}/meta.json`, 4_000_000_000)
    desk.age(`${run}/status.json`, -1000)
    await desk.generate()
    desk.ahead = -100_000_000_000
    desk.append(`${run}/events.jsonl`, '{"step":2}\n')
    await desk.generate()
    const page = assertPublished(desk).runs.get(run)!
    assert.equal(page.updatedAt, 4_000_000_000_000)
  })

  test('of a folder that is not there, is no folder, or has no runs', async () => {
    const desk = generatorDesk(scratch)
    await assert.rejects(desk.generate({ remoteRoot: path.join(desk.root, 'none') }), { code: 'not-found' })
    desk.write('file', '')
    await assert.rejects(desk.generate({ remoteRoot: path.join(desk.root, 'file') }), { code: 'invalid' })
    await desk.generate()
    assert.equal(assertPublished(desk).runs.size, 0)
    assert.deepEqual(desk.manifest('full')['experiments'], [])
  })

  test('ends where it is told to, and leaves what stood', async () => {
    const desk = generatorDesk(scratch)
    smallRun(desk)
    await desk.generate()
    const { revision } = desk.published().root
    desk.write(`${run}/large.bin`, Buffer.alloc(20 << 20))
    const { ManifestGenerator } = await import('./generator.ts')
    const generator = new ManifestGenerator({ remoteRoot: desk.root, clock: desk.clock })
    await assert.rejects(generator.generate({ signal: AbortSignal.abort() }), { code: 'aborted' })
    assert.equal(desk.published().root.revision, revision)
    await desk.generate()
    assertPublished(desk)
  })
})

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

describe('hostile and broken runs', () => {
  test('links are not followed, at any level, and are told', async () => {
    const desk = generatorDesk(scratch)
    const outside = mkdtempSync(path.join(scratch, 'outside-'))
    mkdirSync(path.join(outside, 'n/runs/secret'), { recursive: true })
    writeFileSync(path.join(outside, 'n/runs/secret/meta.json'), 'secret')
    smallRun(desk)
    const at = (file: string) => path.join(desk.root, file)
    mkdirSync(at('p/m'), { recursive: true })
    symlinkSync(outside, at('project'))
    symlinkSync(path.join(outside, 'n'), at('vision/name'))
    symlinkSync(path.join(outside, 'n/runs'), at('p/m/runs'))
    symlinkSync(path.join(outside, 'n/runs/secret'), at('vision/resnet/runs/link'))
    symlinkSync(path.join(outside, 'n/runs/secret'), at(`${run}/folder`))
    symlinkSync(path.join(outside, 'n/runs/secret/meta.json'), at(`${run}/file`))
    symlinkSync('loop', at(`${run}/loop`))
    realSys.makeSpecial(at(`${run}/pipe`), 'fifo', 0o600)
    for (let round = 0; round < 2; round++) {
      const { problems } = await desk.generate()
      assert.deepEqual(problems.map(([file]) => file).sort(), ['p/m/runs', 'project', 'vision/name', 'vision/resnet/runs/link'])
    }
    const published = desk.published()
    assert.deepEqual([...published.runs.keys()], [run])
    assert.deepEqual(published.runs.get(run)!.unreadable, [
      ['file', 'a symbolic link'],
      ['folder', 'a symbolic link'],
      ['loop', 'a symbolic link'],
      ['pipe', 'no regular file'],
    ])
    assert.equal(published.runs.get(run)!.files.length, 4)
  })

  test('names that cannot be synced are left out and told; all others are as they are', async () => {
    const desk = generatorDesk(scratch)
    const fine = ['🧱/名前/runs/ü', 'a b/c"d/runs/e\\f', '-x/--y/runs/~z', "$(id)/`id`/runs/'", 'p/n/runs/constructor']
    for (const folder of fine) smallRun(desk, folder)
    smallRun(desk)
    desk.write(`${run}/line\nbreak`, 'x')
    desk.write(`${run}/.~tmp`, 'x')
    desk.write(`${run}/.hidden`, 'x')
    desk.write(`${run}/__proto__`, 'x')
    const long = Array.from({ length: 5 }, () => 'x'.repeat(220)).join('/')
    desk.write(`${run}/${long}`, 'x')
    writeFileSync(Buffer.concat([Buffer.from(path.join(desk.root, run, 'bad-')), Buffer.from([0xff])]), 'x')
    mkdirSync(path.join(desk.root, 'vision/resnet/runs/bad\trun'))
    mkdirSync(path.join(desk.root, 'bad\u007fproject/n/runs/r'), { recursive: true })
    const { problems } = await desk.generate()
    assert.deepEqual(
      problems.map(([, why]) => why),
      ['a name that cannot be synced', 'a name that cannot be synced'],
    )
    const published = desk.published()
    assert.deepEqual([...published.runs.keys()].sort(), [...fine, run].sort())
    const { files, unreadable } = published.runs.get(run)!
    assert.ok(files.some((file) => file.path === '.hidden') && files.some((file) => file.path === '__proto__'))
    assert.deepEqual(
      unreadable.map(([, why]) => why),
      Array.from({ length: 4 }, () => 'a name that cannot be synced'),
    )
  })

  test('what cannot be read is listed as such, and runs in a folder that cannot be are as they were', async () => {
    const desk = generatorDesk(scratch)
    for (const folder of [run, 'shut/n/runs/r', 'half/n/runs/r']) smallRun(desk, folder)
    chmodSync(scratch, 0o755)
    chmodSync(desk.root, 0o777)
    generateAsNobody(desk)
    const at = (file: string) => path.join(desk.root, file)
    chmodSync(at('shut'), 0)
    chmodSync(at('half/n/runs/r/media'), 0)
    chmodSync(at(`${run}/meta.json`), 0)
    for (let round = 0; round < 2; round++) {
      const problems = generateAsNobody(desk)
      assert.deepEqual(
        problems.map(([file]) => file),
        ['shut'],
      )
      const { runs } = desk.published()
      assert.deepEqual([...runs.keys()].sort(), [run, 'half/n/runs/r', 'shut/n/runs/r'].sort())
      assert.deepEqual(runs.get(run)!.unreadable, [['meta.json', 'permission denied']])
      assert.deepEqual(runs.get('half/n/runs/r')!.unreadable, [['media', 'permission denied']])
      assert.equal(runs.get('shut/n/runs/r')!.files.length, 4)
    }
    chmodSync(at('shut'), 0o755)
    chmodSync(at('half/n/runs/r/media'), 0o755)
    chmodSync(at(`${run}/meta.json`), 0o644)
    assert.deepEqual(generateAsNobody(desk), [])
    assertPublished(desk)
  })
})

/** In a process without root's rights, where the tests have them. */
function generateAsNobody(desk: GeneratorDesk): [string, string][] {
  const program = `import { ManifestGenerator } from ${JSON.stringify(path.join(import.meta.dirname, 'generator.ts'))}
    const clock = { now: () => Date.now() + 10000, sleep: async () => undefined }
    const { problems } = await new ManifestGenerator({ remoteRoot: ${JSON.stringify(desk.root)}, clock }).generate()
    console.log(JSON.stringify(problems))`
  const nobody = process.getuid?.() === 0 ? { uid: 65_534, gid: 65_534 } : {}
  const { status, stdout, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', program], {
    encoding: 'utf8',
    cwd: '/',
    ...nobody,
  })
  assert.equal(status, 0, stderr)
  return JSON.parse(stdout) as [string, string][]
}
