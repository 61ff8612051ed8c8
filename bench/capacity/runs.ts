import { addTraining, growTraining } from '../../test/fakes/training.ts'
import { countsOf, openYard, printTable } from './yard.ts'

/** Runs as training leaves them: fifteen files and 40 KiB each. */
export async function measureRuns(): Promise<void> {
  const yard = openYard('[store]\nurl = "file:./store"\n')
  const generate = () => yard.run('runs generate-manifest --root lab')
  const own = () => yard.size('lab/.runicorn/holdfast/**').bytes
  const list = () => yard.size('lab/.runicorn/full_manifest.json').bytes
  addTraining(yard.at('lab'), 0, 100)
  await generate()
  const [ownBefore, listBefore] = [own(), list()]
  const folders = addTraining(yard.at('lab'), 100, 100)
  await generate()
  const [ownAfter, listAfter] = [own(), list()]
  const bytes = yard.size('lab/*/*/runs/**').bytes
  const sync = `runs sync file:./lab --to here`
  const first = await yard.run(sync)
  const idle = await yard.run(sync)
  const grown = folders.slice(0, 10).reduce((sum, folder) => sum + growTraining(yard.at('lab'), folder, 1), 0)
  const { result } = await generate()
  const next = await yard.run(sync)
  const client = yard.size('here/.holdfast/*').bytes
  yard.remove()
  printTable(
    '200 runs of fifteen files',
    ['what', 'figure'],
    [
      ['bytes of a run', Math.round(bytes / 200)],
      ['bytes on the server for a run: pages and packs', Math.round((ownAfter - ownBefore) / 100)],
      ['and in the manifest 1.0', Math.round((listAfter - listBefore) / 100)],
      [`bytes of pages for ten runs that grew by ${grown.toLocaleString('en-US')}`, Number(result['bytesOfPages'])],
      ['and of packs', Number(result['bytesPacked'])],
      ['bytes at the client for a run, beside its files', Math.round(client / 200)],
      ['requests of the first `runs sync`', countsOf(first)],
      ['where nothing is new', countsOf(idle)],
      ['of ten runs that grew', countsOf(next)],
    ],
  )
}
