import assert from 'node:assert/strict'
import { mkdtempSync, realpathSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'
import { loadConfig } from '../config/index.ts'
import { bytesOf, silent, systemClock } from '../kit/index.ts'
import { openWire } from './index.ts'

const root = realpathSync(mkdtempSync(path.join(tmpdir(), 'holdfast-wire-')))
after(() => rmSync(root, { recursive: true }))

async function wireFor(cwd: string, env: Record<string, string> = {}, more: { limitRate?: number } = {}) {
  const config = await loadConfig({ cwd, env: {} })
  return await openWire({ config, env: { HOME: '/home/ann', ...env }, clock: systemClock, random: Math.random, report: silent, ...more })
}

test('state and caches lie where XDG says, and a relative path there is ignored', async () => {
  const at = await wireFor(root)
  assert.match(at.stateDir, /^\/home\/ann\/\.local\/state\/holdfast\/[0-9a-f]{16}$/)
  assert.equal(at.cacheRoot, '/home/ann/.cache/holdfast')
  const moved = await wireFor(root, { XDG_STATE_HOME: '/state', XDG_CACHE_HOME: 'relative' })
  assert.match(moved.stateDir, /^\/state\/holdfast\/[0-9a-f]{16}$/)
  assert.equal(moved.cacheRoot, '/home/ann/.cache/holdfast')
})

test('a project has one state folder, by whatever way it is reached', async () => {
  symlinkSync(root, path.join(root, 'again'))
  assert.equal((await wireFor(path.join(root, 'again'))).stateDir, (await wireFor(root)).stateDir)
})

test('whoever acts is named by account and machine', async () => {
  assert.match((await wireFor(root, { USER: 'ann' })).by, /^ann@./)
  assert.match((await wireFor(root)).by, /^.+@./)
})

test('one URL is one store, and all stores count in one meter', async () => {
  const wire = await wireFor(root)
  const [a, b, other] = [await wire.openStore('memory:'), await wire.openStore('memory:'), await wire.openStore('memory:other')]
  assert.equal(a, b)
  await a.put('key', bytesOf('four'))
  await other.head('key')
  const { operations, bytes } = (await wire.meter()).snapshot()
  assert.deepEqual({ put: operations.put, head: operations.head, written: bytes.written }, { put: 1, head: 1, written: 4 })
  await wire.close()
})

test('a place is made a store once', async () => {
  const wire = await wireFor(root)
  const context = await wire.releases()
  assert.equal((await context.prepareStore()).isNew, true)
  assert.equal((await context.prepareStore()).isNew, false)
  await wire.close()
})
