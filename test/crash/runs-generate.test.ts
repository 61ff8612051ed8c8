import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { setTimeout as wait } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { maxPackedFile } from '../../src/runs/format/limits.ts'
import { assertPublished, generatorDesk, type GeneratorDesk } from '../fakes/run-generator.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { seededRandom, testSeed } from '../fakes/seeded-random.ts'

const scratch = scratchDirectory()
const kills = Number(process.env['HOLDFAST_TEST_KILLS'] ?? 9)

function start(desk: GeneratorDesk, seed: number, times: number, role: 'write' | 'generate' | 'both'): ChildProcess {
  return spawn(process.execPath, [path.join(import.meta.dirname, 'runs-generate-child.ts'), desk.root, String(seed), String(times), role], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode === null) await once(child, 'exit')
  assert.equal(child.exitCode, 0)
}

/** What stands is whole: every page is there, packs have what the pages say, and manifests end where they should, whatever the runs are now. */
function assertWhole(desk: GeneratorDesk): void {
  for (const name of ['full', 'active']) {
    const file = path.join(desk.root, '.runicorn', `${name}_manifest.json`)
    if (existsSync(file)) JSON.parse(readFileSync(file, 'utf8'))
    if (existsSync(`${file}.gz`)) JSON.parse(gunzipSync(readFileSync(`${file}.gz`)).toString())
  }
  const { runs, unpack } = desk.published()
  for (const { files } of runs.values()) {
    for (const { size, digest, path: name } of files) if (size <= maxPackedFile) assert.equal(unpack(digest)?.byteLength, size, name)
  }
}

describe('generators', () => {
  test('that are killed at any moment leave a root that is whole, and the next one finishes the work', async () => {
    const random = seededRandom(testSeed)
    const desk = generatorDesk(scratch)
    for (let kill = 0; kill < kills; kill++) {
      const child = start(desk, testSeed + kill, 1_000_000, 'both')
      await once(child.stdout!, 'data')
      await wait(random() * 300)
      child.kill('SIGKILL')
      await once(child, 'exit')
      try {
        if (existsSync(path.join(desk.root, '.runicorn/holdfast/root.json'))) assertWhole(desk)
        if (kill % 3 !== 2) continue
        await desk.generate()
        assertPublished(desk)
        assert.equal((desk.manifest('full')['experiments'] as unknown[]).length, desk.published().runs.size)
      } catch (error) {
        throw new Error(`seed ${testSeed}, kill ${kill}`, { cause: error })
      }
    }
  })

  test('that work at once, while runs are written and a reader looks on, take turns and lose nothing', async () => {
    const desk = generatorDesk(scratch)
    const writers = [start(desk, testSeed, 400, 'write'), start(desk, testSeed + 1, 400, 'write')]
    const generators = [1, 2, 3].map((number) => start(desk, testSeed + number, 8, 'generate'))
    const done = Promise.all(generators.map(ended))
    let isDone = false
    void done.finally(() => (isDone = true))
    while (!isDone) {
      if (existsSync(path.join(desk.root, '.runicorn/holdfast/root.json'))) assertWhole(desk)
      await wait(1)
    }
    await done
    await Promise.all(writers.map(ended))
    await desk.generate()
    assertPublished(desk)
  })

  test('in one process take turns too', async () => {
    const desk = generatorDesk(scratch)
    for (let run = 0; run < 20; run++) desk.write(`p/n/runs/${run}/events.jsonl`, String(run))
    const all = await Promise.all([1, 2, 3, 4].map(() => desk.generate()))
    assert.equal(all.filter(({ changed }) => changed).length, 1)
    await Promise.all([desk.generate(), desk.generate({ type: 'active' }), desk.generate()])
    assertPublished(desk)
  })
})
