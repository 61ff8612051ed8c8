import assert from 'node:assert/strict'
import { existsSync, readdirSync, renameSync, rmSync, statSync, truncateSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { assertPublished, generatorDesk, type GeneratorDesk, regularFiles, runFolders } from '../../../test/fakes/run-generator.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { seededRandom, testSeed } from '../../../test/fakes/seeded-random.ts'

const scratch = scratchDirectory()
const fileNames = ['meta.json', 'status.json', 'events.jsonl', 'logs.txt', 'media/a.png', 'media/deep/b.bin', 'notes.txt']

/** Changes something of the runs, at random. */
function change(desk: GeneratorDesk, random: () => number): void {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(random() * items.length)]!
  const at = (file: string) => path.join(desk.root, file)
  const folders = runFolders(desk.root)
  const bytes = () => Buffer.alloc(Math.floor(random() ** 8 * 600_000), pick(['a', 'b', 'long words of a log ']))
  const newRun = () => {
    const folder = `p${Math.floor(random() * 3)}/n${Math.floor(random() * 3)}/runs/${Math.floor(random() * 1000)}`
    for (const name of fileNames) if (random() < 0.7 && !existsSync(at(`${folder}/${name}`))) desk.write(`${folder}/${name}`, bytes())
  }
  if (folders.length === 0 || random() < 0.2) return newRun()
  const folder = pick(folders)
  const files = [...regularFiles(at(folder)).keys()]
  const file = files.length === 0 || random() < 0.2 ? pick(fileNames) : pick(files)
  const place = `${folder}/${file}`
  const kind = random()
  if (kind < 0.45) return existsSync(at(place)) ? desk.append(place, bytes()) : desk.write(place, bytes())
  if (kind < 0.6) return desk.write(place, bytes())
  if (!existsSync(at(place))) return
  if (kind < 0.7) return truncateSync(at(place), Math.floor(random() * statSync(at(place)).size))
  if (kind < 0.78) return rmSync(at(place))
  if (kind < 0.84) return desk.age(place, Math.floor(random() * 2e9))
  if (kind < 0.9) return rmSync(at(folder), { recursive: true })
  const other = `${path.dirname(folder)}/renamed${Math.floor(random() * 1000)}`
  if (!existsSync(at(other))) renameSync(at(folder), at(other))
}

describe('whatever happens to runs between generations', () => {
  for (let round = 0; round < 6; round++) {
    test(`pages and packs say what is there, in history ${round}`, async () => {
      const seed = testSeed + round
      const random = seededRandom(seed)
      const desk = generatorDesk(scratch)
      let revision = 0
      for (let step = 0; step < 25; step++) {
        for (let changes = Math.floor(random() * 6); changes > 0; changes--) change(desk, random)
        desk.ahead += Math.floor(random() * 1_200_000)
        const { root } = await desk.generate({ type: random() < 0.3 ? 'active' : 'full', incremental: random() < 0.9 })
        assert.ok(root.revision >= revision, `seed ${seed}`)
        revision = root.revision
        try {
          assertPublished(desk)
        } catch (error) {
          throw new Error(`seed ${seed}, step ${step}`, { cause: error })
        }
      }
      assert.ok(readdirSync(path.join(desk.root, '.runicorn/holdfast')).length < 20)
    })
  }
})
