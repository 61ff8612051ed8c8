import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { assertPublished, generatorDesk, type GeneratorDesk, oneRun as run, smallRun } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { realSys } from '../../kit/sys/index.ts'

const scratch = scratchDirectory()

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
