import assert from 'node:assert/strict'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../test/fakes/scratch.ts'
import { SnapshotManager } from './environments/index.ts'
import { asFault } from './kit/index.ts'
import { openEnvironment, type OpenEnvironmentOptions } from './open-environment.ts'

const scratch = scratchDirectory()
const toml = '[env.stage]\npath = "data"\nsnapshot_name = "fresh"\n[env.stage.hooks]\nbefore_create = "true"\nhealth = "true"\n'

function project(files: Readonly<Record<string, string>> = {}): { cwd: string; env: Record<string, string> } {
  const cwd = mkdtempSync(path.join(scratch, 'project-'))
  for (const [file, text] of Object.entries({ 'data/state': 'clean', ...files })) {
    mkdirSync(path.dirname(path.join(cwd, file)), { recursive: true })
    writeFileSync(path.join(cwd, file), text)
  }
  return { cwd, env: { HOME: cwd } }
}

const refusal = async (options: OpenEnvironmentOptions) => {
  const { code, message } = await openEnvironment(options).then(() => assert.fail('it was opened'), asFault)
  return `${code}: ${message}`
}

describe('an environment is opened for a program', () => {
  test('by its path alone', async () => {
    const { cwd, env } = project()
    await using stage = await openEnvironment({ path: 'data', cwd, env })
    const { name, live, snapshotsDir, settings } = stage
    assert.deepEqual([name, live, snapshotsDir], ['data', path.join(cwd, 'data'), path.join(cwd, '.data.snapshots')])
    assert.deepEqual([settings.mode, settings.snapshotName, settings.keep], ['auto', 'clean_state', { count: 5 }])
  })

  test('and kept and given back by the manager', async () => {
    const { cwd, env } = project()
    const calls: string[] = []
    const hooks = { beforeRestore: () => void calls.push('stop'), afterRestore: async () => void calls.push('start') }
    await using stage = await openEnvironment({ path: 'data', mode: 'filesystem', copier: 'builtin', hooks, cwd, env })
    const snapshots = new SnapshotManager(stage)
    await snapshots.createCleanSnapshot()
    writeFileSync(path.join(stage.live, 'state'), 'dirty')
    assert.equal(await snapshots.restoreCleanState(), true)
    assert.equal(readFileSync(path.join(stage.live, 'state'), 'utf8'), 'clean')
    assert.deepEqual(calls, ['stop', 'start'])
  })

  test('from holdfast.toml, by name or as the only one, and what is given wins', async () => {
    const { cwd, env } = project({ 'holdfast.toml': toml })
    const health = () => undefined
    const stage = await openEnvironment({ hooks: { health }, verifyEvery: 3, snapshotsDir: 'kept', cwd: path.join(cwd, 'data'), env })
    assert.deepEqual([stage.name, stage.live, stage.snapshotsDir], ['stage', path.join(cwd, 'data'), path.join(cwd, 'data/kept')])
    assert.deepEqual([stage.settings.snapshotName, stage.settings.verifyEvery], ['fresh', 3])
    assert.deepEqual([stage.settings.hooks.beforeCreate, stage.settings.hooks.health], ['true', health])
    assert.equal((await openEnvironment({ name: 'stage', config: 'holdfast.toml', cwd, env })).name, 'stage')
  })

  test('from a stage-env.cfg, by name or beside the configuration', async () => {
    const { cwd, env } = project({ 'env/stage-env.cfg': '[suite_isolation]\nmode = squashfs\n' })
    for (const options of [{ stageConfig: 'env/stage-env.cfg', cwd }, { cwd: path.join(cwd, 'env') }]) {
      const { live, snapshotsDir, settings } = await openEnvironment({ ...options, env })
      assert.deepEqual([live, snapshotsDir], [path.join(cwd, 'env/cache/data'), path.join(cwd, 'testing/snapshots')])
      assert.equal(settings.mode, 'squashfs')
    }
  })

  test('and told what is wrong with the way it is named', async () => {
    const { cwd, env } = project({ 'holdfast.toml': toml })
    assert.equal(await refusal({ name: 'other', cwd, env }), 'invalid: there is no environment "other"')
    assert.equal(await refusal({ path: '', cwd, env }), 'invalid: the path of an environment is empty')
    assert.match(await refusal({ path: 'data', stageConfig: 'x', cwd, env }), /^invalid: .* one of: path, stageConfig$/)
    assert.match(await refusal({ stageConfig: 'none.cfg', cwd, env }), /^not-found: /)
    assert.match(await refusal({ config: 'none.toml', cwd, env }), /^not-found: /)
    const mode: string = 'zfs'
    assert.equal(await refusal({ path: 'data', mode: mode as 'auto', cwd, env }), 'invalid: there is no mode "zfs"')
  })
})
