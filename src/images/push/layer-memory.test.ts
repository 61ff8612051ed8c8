import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { archiveBytes, skopeoMembers } from '../../../test/fakes/images.ts'
import { light, pushScenes } from '../../../test/fakes/push-scene.ts'
import type { RegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'

const scratch = scratchDirectory()
const scene = pushScenes()

const sentBlobs = ({ requests }: RegistryPeer) => requests.filter((line) => /^PUT .*digest=/.test(line)).length

describe('the memory of layers', () => {
  test('that cannot be written is told of once, and holds up nothing', async () => {
    const folder = path.join(mkdtempSync(path.join(scratch, 'x')), 'folder')
    const { desk } = await scene({ memoryFile: path.join(folder, 'layers.json') })
    // A file where the folder is to be.
    writeFileSync(folder, '')
    assert.equal((await desk.push(archiveBytes(skopeoMembers([light])))).tag, 'created')
    assert.equal(desk.notes.filter((note) => note.includes('not kept for the next run')).length, 1)
  })

  test('that is damaged or of another machine is told of, and only costs', async () => {
    const tarball = archiveBytes(skopeoMembers([light]))
    for (const content of ['{', '[]', '{"format":2}', undefined]) {
      const { peer, desk } = await scene()
      const { digest } = await desk.push(tarball)
      const sent = sentBlobs(peer)
      const kept = readFileSync(desk.memoryFile, 'utf8')
      writeFileSync(desk.memoryFile, content ?? kept.replaceAll('gzip level', 'brotli level'))
      const again = await desk.restarted()
      const pushed = await again.push(tarball, { tag: '2', onOther: 'replace' })
      assert.equal(pushed.digest, digest)
      assert.deepEqual([pushed.layers[0]!.how, pushed.layers[0]!.by], ['there', 'reading'])
      assert.equal(
        again.notes.some((note) => note.includes('is damaged')),
        content !== undefined,
      )
      assert.equal(sentBlobs(peer), sent)
    }
  })
})
