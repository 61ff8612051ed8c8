import assert from 'node:assert/strict'
import { existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { afterEach, describe, it } from 'node:test'
import { type ReleaseDesk, releaseDesk } from '../../test/fakes/release-desk.ts'
import { bytesOf, isFault } from '../kit/index.ts'
import { type ObjectStore, readAll } from '../store/index.ts'
import { createRelease, fetchRelease, reconcile } from './index.ts'

let desk: ReleaseDesk | undefined
afterEach(async () => {
  await desk?.remove()
  desk = undefined
})

const refKey = 'refs/releases/rcclx/6.4.json'

async function forge(store: ObjectStore, from: string, to: string): Promise<void> {
  const { bytes, info } = await readAll(store, refKey, { limit: 1 << 20 })
  const text = new TextDecoder().decode(bytes)
  assert.ok(text.includes(from))
  await store.put(refKey, bytesOf(text.replaceAll(from, to)), { if: { etag: info.etag } })
}

describe('a store that somebody has tampered with', () => {
  for (const name of ['../../evil', '/etc/evil', 'a/../../evil', 'a//b', '.', 'nul\\u0000']) {
    it(`cannot make a release write to ${name}`, async () => {
      const at = (desk = await releaseDesk())
      await at.build('one')
      await createRelease(at.context, at.product, '6.4', { noBuild: true })
      await forge(at.store, '"path":"librcclx-dev.a"', `"path":"${name}"`)
      const output = path.join(at.root, 'deep', 'down')
      const fetching = fetchRelease(at.context, at.product, '6.4', { selector: { channel: 'stable' }, output, outputIsDirectory: true })
      await assert.rejects(fetching, (error) => isFault(error, 'corrupt'))
      await assert.rejects(reconcile(at.context, at.product, '6.4'), (error) => isFault(error, 'corrupt'))
      assert.equal(existsSync(path.join(at.root, 'evil')), false)
    })
  }
})

describe('a build that makes names which no store can hold', () => {
  for (const name of ['new\nline.a', '.~tmp', 'x'.repeat(250) + '.a']) {
    it(`is refused before anything has moved: ${JSON.stringify(name.slice(0, 20))}`, async () => {
      const at = (desk = await releaseDesk())
      await mkdir(path.join(at.root, 'out'), { recursive: true })
      await writeFile(path.join(at.root, 'out', name), 'x')
      const artifacts = [path.join(at.root, 'out', name)]
      await assert.rejects(createRelease(at.context, at.product, '6.4', { artifacts }), (error) => isFault(error, 'invalid'))
      assert.equal(await at.store.head(refKey), undefined)
    })
  }
})
