import assert from 'node:assert/strict'
import { mkdtemp } from 'node:fs/promises'
import path from 'node:path'
import { test } from 'node:test'
import { pathToFileURL } from 'node:url'
import { createHttp } from '../../src/kit/http/index.ts'
import { systemClock } from '../../src/kit/index.ts'
import { archive, checkIndex, indexHandler, promote, rollback, yank } from '../../src/python-index/index.ts'
import { listen } from '../../src/server/index.ts'
import { createFileStore } from '../../src/store/index.ts'
import { buildWheel } from '../fakes/distributions.ts'
import { indexDesk } from '../fakes/index-desk.ts'
import { bothIndexes, publishFiles, release, staging } from '../fakes/index-moves.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { pipsForTests } from '../services/pip.ts'

const scratch = scratchDirectory()
const wheels = ['1.0', '2.0', '3.0'].map((version) => buildWheel({ name: 'rocm', version }))

test('pip installs what was promoted, passes over what was yanked, and finds old versions in their archive', async (t) => {
  const folder = await mkdtemp(path.join(scratch, 'bucket-'))
  const desk = indexDesk({ environment: { bucket: pathToFileURL(folder).href, prefixes: bothIndexes, grace: 0 } })
  const context = { ...desk.context, bucket: createFileStore({ root: folder, clock: systemClock }), clock: systemClock }
  const server = await listen({ port: 0, clock: systemClock, limits: { grace: 0 }, handler: indexHandler(context, { freshFor: 0 }) })
  t.after(() => server.close())
  const http = createHttp({ clock: systemClock, random: Math.random, userAgent: 'test' })
  t.after(() => http.close())
  const pips = await pipsForTests(t, scratch)
  const installs = async (index: string, requirement: string, version: string) => {
    const url = `${server.url}/${index}/`
    const { findings } = await checkIndex({ url, http }, { deep: true })
    assert.deepEqual(findings, [])
    for (const pip of pips) {
      const target = await pip.install('--index-url', url, requirement)
      assert.equal(await pip.say(target, 'import rocm; print(rocm.__version__)'), version, `pip ${pip.version.join('.')}`)
    }
  }
  await publishFiles(context, staging, wheels)
  const { generation } = await promote(context, { from: staging, to: release })
  await installs(release, 'rocm', '3.0')
  await yank(context, { prefix: release, project: 'rocm', version: '3.0', reason: 'wrong results' })
  await installs(release, 'rocm', '2.0')
  await installs(release, 'rocm==3.0', '3.0')
  // The first run takes off, the second deletes.
  for (const _ of [1, 2]) await archive(context, { prefixes: [release], keep: 1 })
  const month = new Date(systemClock.now()).toISOString().slice(0, 7)
  await installs(`archives/${release}/${month}`, 'rocm', '2.0')
  await installs(`archives/${release}/${month}`, 'rocm==1.0', '1.0')
  await rollback(context, { prefix: release, to: { generation: generation! } })
  await installs(release, 'rocm', '3.0')
  await installs(release, 'rocm<2', '1.0')
})
