import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { test } from 'node:test'
import { addRuns, assertSame, runDesk } from '../../../test/fakes/run-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { ManifestGenerator } from '../generate/index.ts'

const scratch = scratchDirectory()

test('pages that leave media out take no media for gone, and pages with all of them do', async () => {
  const at = runDesk(scratch)
  const [first] = addRuns(at.server, 2)
  const picture = `${first}/media/plot.png`
  at.server.write(picture, 'a picture')
  const generate = async (metadataOnly: boolean) => await new ManifestGenerator({ remoteRoot: at.server.root, metadataOnly }).generate()
  await generate(false)
  await at.sync()
  assertSame(at)

  await generate(true)
  const stats = await at.sync({ remove: async () => true })
  assert.deepEqual([stats.way, stats.filesDeleted], ['pages', 0])
  assert.equal(at.local(picture), 'a picture')

  at.server.remove(picture)
  await generate(false)
  assert.equal((await at.sync({ remove: async () => true })).filesDeleted, 1)
  assert.equal(existsSync(at.here(picture)), false)
})
