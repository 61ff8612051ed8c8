import assert from 'node:assert/strict'
import { mkdirSync, renameSync, rmSync, statSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import {
  assertPublished,
  generatorDesk,
  type GeneratorDesk,
  oneRun as run,
  regularFiles,
  smallRun,
} from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'

const scratch = scratchDirectory()

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
    assert.deepEqual(await sizes(), [11, 0, 3])
    desk.append(`${run}/events.jsonl`, 'ep":2}\n{')
    assert.deepEqual(await sizes(), [22, 0, 3])
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
