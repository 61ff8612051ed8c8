import assert from 'node:assert/strict'
import { test } from 'node:test'
import { velox } from '../velox.ts'
import { downloadFolder } from './folder.ts'

const tag = 'presto-1-velox-2-linux-amd64'
const settings = { preset: velox.preset, moving: ['latest'] }

test('a step is told as it has to be typed, with the folder that was typed for the one before', () => {
  const told = (typedDir?: string) => downloadFolder(settings, { downloadsDir: '/d', typedDir }, tag)
  assert.equal(told().command('prepare'), `holdfast images prepare ${tag}`)
  assert.equal(told('../d2').command('push'), `holdfast images push ${tag} --downloads-dir ../d2`)
  assert.equal(told('d').command('download'), `holdfast images download ${tag} --output-dir d`)
  assert.equal(
    told("Ann's images").command('prepare', '--clean'),
    `holdfast images prepare ${tag} --downloads-dir 'Ann'\\''s images' --clean`,
  )
})
