import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync, renameSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { assertPublished, damage, generatorDesk, type GeneratorDesk, smallRun } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { logFile, rootFile } from '../format/place.ts'
import { parseRoot } from '../format/root.ts'

const scratch = scratchDirectory()
const day = 86_400_000

function logOf(desk: GeneratorDesk): string {
  return parseRoot(readFileSync(path.join(desk.root, '.runicorn', rootFile)), 'root').log.name
}

async function listen(desk: GeneratorDesk, options: { incremental?: boolean } = {}): Promise<string> {
  const said: string[] = []
  await desk.generate({ ...options, report: (event) => void (event.kind === 'note' && event.level === 'warning' && said.push(event.text)) })
  return said.join()
}

async function oneRunListed(): Promise<{ desk: GeneratorDesk; log: string; pack: string }> {
  const desk = generatorDesk(scratch)
  smallRun(desk)
  await desk.generate()
  const { root, packs } = desk.published()
  return { desk, log: root.log.name, pack: packs[0]!.name }
}

for (const what of ['log', 'pack'] as const) {
  describe(`a ${what} that is damaged`, () => {
    const damaged = async (how: 'silently' | 'by writing') => {
      const { desk, log, pack } = await oneRunListed()
      damage(desk, what === 'log' ? log : `packs/${pack}`, how)
      return { desk, log }
    }
    const assertAnew = (desk: GeneratorDesk, said: string, log: string) => {
      assert.match(said, /pages and packs are written anew: .* is damaged/)
      assert.notEqual(logOf(desk), log)
      assertPublished(desk)
    }

    test('by something that wrote to it is written anew by the next generation, which says so', async () => {
      const { desk, log } = await damaged('by writing')
      assertAnew(desk, await listen(desk), log)
      assert.equal(await listen(desk), '')
    })

    test('by the disk, where no time tells, is found within a day', async () => {
      const { desk, log } = await damaged('silently')
      assert.equal(await listen(desk), '')
      assert.equal(logOf(desk), log)
      desk.ahead += day
      assertAnew(desk, await listen(desk), log)
    })

    test('by the disk is found at once where everything is read again', async () => {
      const { desk, log } = await damaged('silently')
      assertAnew(desk, await listen(desk, { incremental: false }), log)
    })

    test('by the disk is found where the clock went back', async () => {
      const { desk, log } = await damaged('silently')
      desk.ahead -= day
      assertAnew(desk, await listen(desk), log)
    })
  })
}

test('a log that somebody has put a link in place of is written anew, and what the link leads to stays as it is', async () => {
  const { desk, log } = await oneRunListed()
  const file = path.join(desk.root, '.runicorn', logFile(log))
  const outside = `${desk.root}-outside`
  writeFileSync(outside, Buffer.concat([readFileSync(file), Buffer.from('not ours')]))
  const before = readFileSync(outside)
  rmSync(file)
  symlinkSync(outside, file)
  smallRun(desk, 'vision/resnet/runs/20240102_000000_0000aa')
  assert.match(await listen(desk), /pages and packs are written anew: .* is not what was left there/)
  assert.notEqual(logOf(desk), log)
  assert.deepEqual(readFileSync(outside), before)
  assertPublished(desk)
})

describe('a log and packs that are right', () => {
  test('stay, also as copies, and are read once for that', async () => {
    const { desk, log } = await oneRunListed()
    const folder = path.join(desk.root, '.runicorn')
    cpSync(folder, `${folder}-copy`, { recursive: true })
    rmSync(folder, { recursive: true })
    renameSync(`${folder}-copy`, folder)
    const remembered = () => statSync(path.join(folder, 'holdfast/cache'), { bigint: true }).ino
    const before = remembered()
    assert.equal(await listen(desk), '')
    const after = remembered()
    assert.notEqual(after, before, 'how they look now is remembered')
    await desk.generate()
    assert.equal(remembered(), after)
    assert.equal(logOf(desk), log)
  })

  test('are read once a day', async () => {
    const { desk, log } = await oneRunListed()
    desk.ahead += day
    assert.equal((await desk.generate({ activeWindowSeconds: 3600 })).root.log.name, log)
    damage(desk, log, 'silently')
    desk.ahead += day - 60_000
    assert.equal(await listen(desk), '')
    desk.ahead += 60_000
    assert.match(await listen(desk), /is damaged/)
  })

  test('that went are written anew, and it is said', async () => {
    const { desk, log } = await oneRunListed()
    const file = path.join(desk.root, '.runicorn/holdfast', log)
    rmSync(file)
    assert.match(await listen(desk), /is not what was left there/)
    assert.equal(existsSync(file), false)
    assertPublished(desk)
  })
})
