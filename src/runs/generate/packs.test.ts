import assert from 'node:assert/strict'
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, rmSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { damage, assertPublished, generatorDesk, type GeneratorDesk } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'
import { maxPackedFile } from '../format/limits.ts'
import { decodeIndex } from '../format/pack.ts'

const scratch = scratchDirectory()
const log = 'p/n/runs/r/events.jsonl'

const packFolder = (desk: GeneratorDesk) => path.join(desk.root, '.runicorn/holdfast/packs')

/** What the newest pack holds: where each piece begins, and its length. */
function newestPieces(desk: GeneratorDesk): [from: number, length: number][] {
  const { name, indexOffset, indexLength } = desk.published().packs.at(-1)!
  const pack = readFileSync(path.join(packFolder(desk), name))
  const index = decodeIndex(pack.subarray(indexOffset, indexOffset + indexLength), indexOffset, name)
  return Array.from(index.entries(), ({ from, length }) => [from, length])
}

function randomBytes(random: () => number, length: number): Buffer {
  return createHash('shake256', { outputLength: length }).update(String(random())).digest()
}

describe('packs', () => {
  test('have what a small file has grown by, and of a larger one too', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a'.repeat(1000))
    desk.write('p/n/runs/r/logs.txt', 'b'.repeat(maxPackedFile + 1))
    await desk.generate()
    assert.deepEqual(newestPieces(desk), [[0, 1000]])
    desk.append(log, 'c'.repeat(10))
    desk.append('p/n/runs/r/logs.txt', 'd'.repeat(20))
    await desk.generate()
    assert.deepEqual(newestPieces(desk), [
      [1000, 10],
      [maxPackedFile + 1, 20],
    ])
    const { runs } = assertPublished(desk)
    assert.deepEqual(
      runs.get('p/n/runs/r')!.files.map(({ marks }) => marks.map(({ offset }) => offset)),
      [[1000], [maxPackedFile + 1]],
    )
  })

  test('have a file whole that was rewritten, truncated or replaced, and it loses its marks', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a'.repeat(1000))
    await desk.generate()
    desk.append(log, 'b')
    await desk.generate()
    for (const content of ['c'.repeat(2000), 'c'.repeat(500), `${'d'.repeat(500)}${'e'.repeat(100)}`]) {
      desk.write(log, content)
      await desk.generate()
      assert.deepEqual(newestPieces(desk), [[0, content.length]])
      assert.deepEqual(assertPublished(desk).runs.get('p/n/runs/r')!.files[0]!.marks, [])
    }
  })

  test('have a file that grew past what is small no more than by its end, and one that became small whole', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a'.repeat(maxPackedFile))
    await desk.generate()
    desk.append(log, 'b'.repeat(50))
    await desk.generate()
    assert.deepEqual(newestPieces(desk), [[maxPackedFile, 50]])
    truncateSync(path.join(desk.root, log), 10)
    await desk.generate()
    assert.deepEqual(newestPieces(desk), [[0, 10]])
    assertPublished(desk)
  })

  test('have one content once', async () => {
    const desk = generatorDesk(scratch)
    for (let index = 0; index < 20; index++) desk.write(`p/n/runs/${index}/environment.json`, '{"same": true}')
    await desk.generate()
    assert.equal(newestPieces(desk).length, 1)
    assertPublished(desk)
  })

  test('are a few, of what is needed, however many revisions there are; those out of use go after an hour', async () => {
    const desk = generatorDesk(scratch)
    const random = seededRandom(testSeed)
    for (let index = 0; index < 10; index++) desk.write(`p/n/runs/${index}/events.jsonl`, randomBytes(random, 3000))
    desk.write('p/n/runs/0/large.log', randomBytes(random, maxPackedFile + 1000))
    for (let revision = 0; revision < 40; revision++) {
      const run = Math.floor(random() * 10)
      desk.append(`p/n/runs/${run}/events.jsonl`, randomBytes(random, 200))
      desk.append('p/n/runs/0/large.log', randomBytes(random, 2000))
      if (revision % 5 === 0) desk.write(`p/n/runs/${run}/summary.json`, randomBytes(random, 1000))
      await desk.generate()
      assert.ok(assertPublished(desk).packs.length <= 5, `seed ${testSeed}`)
    }
    const { packs } = desk.published()
    assert.ok(packs.every(({ firstRevision }, index) => index === 0 || firstRevision > packs[index - 1]!.lastRevision))
    assert.ok(readdirSync(packFolder(desk)).length > 5)
    desk.ahead += 3_700_000
    desk.append('p/n/runs/0/large.log', 'x')
    await desk.generate()
    // The two that this generation put out of use are still there.
    desk.ahead += 3_700_000
    desk.append('p/n/runs/0/large.log', 'x')
    await desk.generate()
    desk.ahead += 3_700_000
    await desk.generate({ type: 'active' })
    const live = new Set(assertPublished(desk).packs.map(({ name }) => name))
    assert.deepEqual(
      readdirSync(packFolder(desk)).filter((name) => !live.has(name)),
      [],
    )
  })

  test('are made smaller where most of them is not needed any more', async () => {
    const desk = generatorDesk(scratch)
    const random = seededRandom(testSeed)
    let largest = 0
    for (let revision = 0; revision < 12; revision++) {
      for (let index = 0; index < 8; index++) desk.write(`p/n/runs/${index}/summary.json`, randomBytes(random, 200_000))
      await desk.generate()
      largest = Math.max(
        largest,
        assertPublished(desk).packs.reduce((sum, { size }) => sum + size, 0),
      )
    }
    assert.ok(largest < 2 * 1_600_000 + (8 << 20) + 2 * 1_600_000, `${largest}, seed ${testSeed}`)
  })

  test('are none where none are wanted, and are made when they are', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a')
    await desk.generate({ packs: false })
    assert.deepEqual([assertPublished(desk, { packs: false }).packs, existsSync(packFolder(desk))], [[], false])
    await desk.generate({ packs: true })
    assert.equal(assertPublished(desk).packs.length, 1)
    await desk.generate({ packs: false })
    assert.equal(assertPublished(desk, { packs: false }).packs.length, 0)
  })

  test('that are gone are made again', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a')
    await desk.generate()
    rmSync(packFolder(desk), { recursive: true })
    await desk.generate()
    assertPublished(desk)
  })

  test('that turn out to be damaged when they are merged are made again, and it is said', async () => {
    const desk = generatorDesk(scratch)
    const said: string[] = []
    const report = (event: { kind: string; text?: string }) => void (event.kind === 'note' && said.push(event.text ?? ''))
    desk.write(log, 'a'.repeat(100))
    await desk.generate({ report })
    damage(desk, `packs/${desk.published().packs[0]!.name}`, 'silently')
    for (let step = 0; step < 3; step++) {
      desk.append(log, 'b'.repeat(100))
      await desk.generate({ report })
    }
    assert.match(said.join('\n'), /packs are made anew/)
    assertPublished(desk)
  })
})

describe('the folder of pages', () => {
  const holdfast = (desk: GeneratorDesk) => path.join(desk.root, '.runicorn/holdfast')

  test('has a new log where most of the old one is out of use, and the old one for an hour', async () => {
    const desk = generatorDesk(scratch)
    const random = seededRandom(testSeed)
    for (let index = 0; index < 200; index++) desk.write(`p/n/runs/r/f${index}`, randomBytes(random, 10))
    const first = (await desk.generate()).root.log.name
    let revision = 0
    while ((await desk.generate()).root.log.name === first) {
      assert.ok(revision++ < 200)
      desk.write(`p/n/runs/r/f${revision % 200}`, randomBytes(random, 10))
    }
    assert.ok(revision > 5)
    const { root } = assertPublished(desk)
    assert.ok(root.log.length < 30_000)
    assert.ok(existsSync(path.join(holdfast(desk), first)))
    desk.ahead += 3_700_000
    desk.write('p/n/runs/r/f1', 'x')
    await desk.generate()
    assert.equal(existsSync(path.join(holdfast(desk), first)), false)
    assertPublished(desk)
  })

  for (const [what, damage] of [
    ['without the cache', (folder: string) => rmSync(path.join(folder, 'cache'))],
    ['with a cache cut short', (folder: string) => truncateSync(path.join(folder, 'cache'), 100)],
    ['with a byte of the cache changed', (folder: string) => flip(path.join(folder, 'cache'), 0.7)],
    ['without a root', (folder: string) => rmSync(path.join(folder, 'root.json'))],
    ['with a root that is none', (folder: string) => writeFileSync(path.join(folder, 'root.json'), '{"format":"holdfast-runs/1"}')],
    ['without the log', (folder: string) => rmSync(path.join(folder, logOf(folder)))],
    ['with a log cut short', (folder: string) => truncateSync(path.join(folder, logOf(folder)), 50)],
    [
      'with half a record at the log’s end',
      (folder: string) => writeFileSync(path.join(folder, logOf(folder)), Buffer.from([9, 0, 0, 0, 1, 7]), { flag: 'a' }),
    ],
    [
      'with nothing but zeros at the log’s end',
      (folder: string) => writeFileSync(path.join(folder, logOf(folder)), Buffer.alloc(5000), { flag: 'a' }),
    ],
    ['with leftovers of writes', (folder: string) => writeFileSync(path.join(folder, '.~tmp-0123456789abcdef'), 'x')],
    ['without anything', (folder: string) => rmSync(folder, { recursive: true })],
  ] as const) {
    test(`${what} is put right, and revisions go on`, async () => {
      const desk = generatorDesk(scratch)
      for (let index = 0; index < 5; index++) desk.write(`p/n/runs/${index}/events.jsonl`, `${index}\n`)
      await desk.generate()
      desk.append('p/n/runs/1/events.jsonl', 'more\n')
      const { revision } = (await desk.generate()).root
      damage(holdfast(desk))
      desk.append('p/n/runs/2/events.jsonl', 'more\n')
      const { root } = await desk.generate()
      assert.equal(root.revision, revision + 1)
      assertPublished(desk)
      assert.equal((await desk.generate()).changed, false)
      assert.deepEqual(
        readdirSync(holdfast(desk)).filter((name) => name.startsWith('.~tmp-')),
        [],
      )
    })
  }

  test('of another format is left alone', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a')
    await desk.generate()
    const file = path.join(holdfast(desk), 'root.json')
    writeFileSync(file, readFileSync(file, 'utf8').replace('holdfast-runs/1', 'holdfast-runs/9'))
    await assert.rejects(desk.generate(), { code: 'unsupported' })
  })

  test('appends only what changed to the log', async () => {
    const desk = generatorDesk(scratch)
    for (let index = 0; index < 500; index++) desk.write(`p/n/runs/${index}/events.jsonl`, `${index}\n`)
    const first = await desk.generate()
    desk.write('p/n/runs/500/events.jsonl', 'new\n')
    const { root, bytes } = await desk.generate()
    assert.equal(root.log.name, first.root.log.name)
    assert.ok(bytes.pages < first.bytes.pages / 3, `${bytes.pages} of ${first.bytes.pages}`)
    assert.equal(statSync(path.join(holdfast(desk), root.log.name)).size, root.log.length)
  })

  test('for the format’s own files alone, and back', async () => {
    const desk = generatorDesk(scratch)
    desk.write(log, 'a')
    desk.write('p/n/runs/r/media/m.png', 'b')
    const names = async (metadataOnly: boolean) => {
      await desk.generate({ metadataOnly })
      return desk
        .published()
        .runs.get('p/n/runs/r')!
        .files.map((file) => file.path)
    }
    assert.deepEqual(await names(false), ['events.jsonl', 'media/m.png'])
    assert.deepEqual(await names(true), ['events.jsonl'])
    desk.write('p/n/runs/r/media/n.png', 'c')
    assert.equal((await desk.generate({ metadataOnly: true })).changed, false)
    assert.deepEqual(await names(false), ['events.jsonl', 'media/m.png', 'media/n.png'])
    assertPublished(desk)
  })
})

function logOf(folder: string): string {
  return readdirSync(folder).find((name) => name.startsWith('pages-'))!
}

function flip(file: string, where: number): void {
  const bytes = readFileSync(file)
  const at = Math.floor(bytes.byteLength * where)
  bytes[at] = bytes[at]! ^ 0x10
  writeFileSync(file, bytes)
}
