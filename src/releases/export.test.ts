import assert from 'node:assert/strict'
import { writeFile } from 'node:fs/promises'
import path from 'node:path'
import { fileURLToPath, pathToFileURL } from 'node:url'
import { it } from 'node:test'
import { releaseDesk } from '../../test/fakes/release-desk.ts'
import { createRelease, exportReleases } from './index.ts'

it('the URL of a file in a published folder leads to it, whatever its name', async () => {
  const at = await releaseDesk()
  try {
    await at.build('one')
    const name = 'lib é 50% #1?.a'
    await writeFile(path.join(at.root, 'out', name), 'x')
    const folder = path.join(at.root, 'tree of files')
    const product = { ...at.product, artifacts: [path.join(at.root, 'out', name)], publish: { url: pathToFileURL(folder).href } }
    await createRelease({ ...at.context, openView: async () => at.published }, { ...product, metadata: undefined }, '6.4', {
      noBuild: true,
    })
    const { files } = JSON.parse(await exportReleases(at.context, product, { format: 'json' })) as { files: { url: string }[] }
    assert.equal(fileURLToPath(files[0]!.url), path.join(folder, 'stable/6.4', name))
  } finally {
    await at.remove()
  }
})
