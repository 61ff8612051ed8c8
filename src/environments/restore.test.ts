import assert from 'node:assert/strict'
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { copyingMode } from '../../test/fakes/copying-mode.ts'
import { environmentDesk } from '../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { asFault, Fault } from '../kit/index.ts'
import { createSnapshot, deleteSnapshot, diffSnapshots, environmentStatus, type Hooks, restoreSnapshot } from './index.ts'
import { layoutOf } from './names.ts'

const scratch = scratchDirectory()
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'success',
    (error: unknown) => asFault(error).code,
  )

/** A mode that fails half way, so often. */
function failing(times: number, fault = new Fault('unavailable', 'the disk is full')) {
  const right = copyingMode()
  return copyingMode({
    async restore(place, name, options) {
      if (times-- <= 0) return await right.restore(place, name, options)
      writeFileSync(path.join(place.live, 'half'), 'half')
      throw fault
    },
  })
}

describe('a restore that works in place', () => {
  test('leaves a mark where it fails; until a restore has ended, all else is busy and says what to do', async () => {
    const desk = environmentDesk(scratch, { modes: { filesystem: failing(1) } })
    const context = desk.context()
    await createSnapshot(context)
    assert.equal(await codeOf(restoreSnapshot(context)), 'unavailable')
    assert.equal((await environmentStatus(context)).unfinished?.snapshot, 'clean_state')
    await assert.rejects(createSnapshot(context, { snapshot: 'b' }), /neither old nor new/)
    assert.match(
      ((await createSnapshot(context, { snapshot: 'b' }).catch(asFault)) as Fault).hint ?? '',
      /holdfast env restore stage --snapshot clean_state/,
    )
    assert.equal(await codeOf(diffSnapshots(context, { from: 'clean_state' })), 'busy')
    assert.equal(await codeOf(deleteSnapshot(context, 'clean_state')), 'busy')
    const restored = await restoreSnapshot(context)
    assert.equal(restored.finished, true)
    assert.equal(existsSync(path.join(desk.live, 'half')), false)
    assert.equal((await environmentStatus(context)).unfinished, undefined)
  })

  test('of another snapshot ends an unfinished one too', async () => {
    const desk = environmentDesk(scratch, { modes: { filesystem: failing(1) } })
    const context = desk.context()
    await createSnapshot(context)
    desk.write('a', 'other')
    await createSnapshot(context, { snapshot: 'other' })
    assert.equal(await codeOf(restoreSnapshot(context)), 'unavailable')
    assert.equal((await restoreSnapshot(context, { snapshot: 'other' })).finished, true)
    assert.equal(desk.read('a'), 'other')
  })

  test('forced while somebody works in the directory, lets the next one trust no time of a file', async () => {
    const right = copyingMode()
    const compared: (boolean | undefined)[] = []
    const seen = copyingMode({
      async restore(place, name, options) {
        compared.push(options.checksum)
        return await right.restore(place, name, options)
      },
    })
    const desk = environmentDesk(scratch, { modes: { filesystem: seen } })
    const context = desk.context()
    await createSnapshot(context)
    await restoreSnapshot(context, { force: true })
    const inside = spawn('sleep', ['600'], { cwd: desk.live })
    try {
      await once(inside, 'spawn')
      await restoreSnapshot(context, { force: true })
    } finally {
      inside.kill('SIGKILL')
      await once(inside, 'exit')
    }
    await restoreSnapshot(context)
    await restoreSnapshot(context)
    assert.deepEqual(compared, [false, false, true, false])
  })

  test('takes its mark away where the snapshot is damaged, since nothing was touched', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context()
    await createSnapshot(context)
    rmSync(layoutOf(desk.snapshotsDir).tree('clean_state'), { recursive: true })
    assert.equal(await codeOf(restoreSnapshot(context)), 'corrupt')
    assert.equal((await environmentStatus(context)).unfinished, undefined)
  })
})

test('a restore that cannot be remembered has happened: that is a warning, and what was stopped is started', async () => {
  const right = copyingMode()
  const mode = copyingMode({
    async restore(place, name) {
      const given = await right.restore(place, name, { kept: {} })
      mkdirSync(path.join(layoutOf(place.snapshotsDir).state, 'in the way'), { recursive: true })
      return given
    },
  })
  const desk = environmentDesk(scratch, { modes: { filesystem: mode } })
  let started = 0
  const context = desk.context({ hooks: { afterRestore: () => void started++ } })
  await createSnapshot(context)
  desk.write('a', 'dirty')
  await restoreSnapshot(context)
  assert.deepEqual([desk.read('a'), started], ['clean', 1])
  const warnings = desk.events.flatMap((event) => (event.kind === 'note' && event.level === 'warning' ? [event.text] : []))
  assert.equal(warnings.length, 1)
  assert.match(warnings[0]!, /cannot remember the state of the environment/)
})

describe('a restore that fails', () => {
  const cleanup = 'echo cleaned > "$HOLDFAST_ENV_PATH/a"'

  test('is followed by the clean-up command where there is one, and that is said', async () => {
    const desk = environmentDesk(scratch, { modes: { filesystem: failing(1) } })
    const context = desk.context({ cleanup })
    await createSnapshot(context)
    const restored = await restoreSnapshot(context)
    assert.equal(restored.fellBack?.message, 'the disk is full')
    assert.equal(desk.read('a'), 'cleaned\n')
    assert.ok(desk.names().includes('snapshot_restore_failed_fallback_to_cleanup'))
    const { last, unfinished } = await environmentStatus(context)
    assert.deepEqual([last?.fellBack, unfinished], [true, undefined])
  })

  test('is thrown where there is no clean-up command, or none is wanted', async () => {
    for (const settings of [{}, { cleanup, onRestoreFailure: 'fail' as const }]) {
      const desk = environmentDesk(scratch, { modes: { filesystem: failing(1) } })
      const context = desk.context(settings)
      await createSnapshot(context)
      assert.equal(await codeOf(restoreSnapshot(context)), 'unavailable')
    }
  })

  test('is thrown where the snapshot is damaged or unknown, whatever is configured', async () => {
    const desk = environmentDesk(scratch, { modes: { filesystem: failing(1, new Fault('corrupt', 'a byte is wrong')) } })
    const context = desk.context({ cleanup })
    await createSnapshot(context)
    assert.equal(await codeOf(restoreSnapshot(context)), 'corrupt')
    assert.equal(await codeOf(restoreSnapshot(context, { snapshot: 'unknown' })), 'not-found')
    assert.equal(desk.read('a'), 'clean')
  })

  test('preserves what is there then, not what an earlier clean-up that did not end had laid aside', async () => {
    const right = copyingMode()
    let fails = false
    const mode = copyingMode({
      async restore(place, name, options) {
        if (fails) throw new Fault('unavailable', 'the disk is full')
        return await right.restore(place, name, options)
      },
    })
    const desk = environmentDesk(scratch, { modes: { filesystem: mode } })
    const context = (cleanup: string) => desk.context({ cleanup, preserve: ['certs'] })
    desk.write('certs', 'old')
    await createSnapshot(context('true'))
    fails = true
    assert.equal(await codeOf(restoreSnapshot(context('exit 1'))), 'unavailable')
    fails = false
    await restoreSnapshot(context('true'))
    desk.write('certs', 'new')
    fails = true
    assert.notEqual((await restoreSnapshot(context('rm "$HOLDFAST_ENV_PATH/certs"'))).fellBack, undefined)
    assert.equal(desk.read('certs'), 'new')
  })

  test('leaves a mark where the clean-up fails too', async () => {
    const desk = environmentDesk(scratch, { modes: { filesystem: failing(1) } })
    const context = desk.context({ cleanup: 'echo no luck; exit 3' })
    await createSnapshot(context)
    await assert.rejects(restoreSnapshot(context), /clean-up command of stage ended with status 3:\nno luck/)
    assert.notEqual((await environmentStatus(context)).unfinished, undefined)
  })
})

describe('hooks', () => {
  const logging = (desk: { folder: string }): Hooks => {
    const line = (hook: string) => `echo ${hook} $HOLDFAST_ENV_NAME $HOLDFAST_ENV_SNAPSHOT >> '${desk.folder}/log'`
    return {
      beforeRestore: line('stop'),
      afterRestore: line('start'),
      health: line('health'),
      beforeCreate: line('rest'),
      afterCreate: line('go'),
    }
  }
  const logOf = (desk: { folder: string }) => readFileSync(path.join(desk.folder, 'log'), 'utf8').trim().split('\n')

  test('run around creates and restores, and are told what it is about', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ hooks: logging(desk) })
    await createSnapshot(context, { snapshot: 's' })
    await restoreSnapshot(context, { snapshot: 's' })
    assert.deepEqual(logOf(desk), ['rest stage s', 'go stage s', 'stop stage s', 'start stage s', 'health stage s'])
  })

  test('start again what was stopped where the restore was refused, but not a mixture', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ hooks: logging(desk) })
    await createSnapshot(context)
    rmSync(layoutOf(desk.snapshotsDir).tree('clean_state'), { recursive: true })
    assert.equal(await codeOf(restoreSnapshot(context)), 'corrupt')
    assert.deepEqual(logOf(desk).slice(2), ['stop stage clean_state', 'start stage clean_state'])
    const mixed = environmentDesk(scratch, { modes: { filesystem: failing(1) } })
    const other = mixed.context({ hooks: logging(mixed) })
    await createSnapshot(other)
    assert.equal(await codeOf(restoreSnapshot(other)), 'unavailable')
    assert.deepEqual(logOf(mixed).slice(2), ['stop stage clean_state'])
  })

  test('that fail before the restore leave everything as it was', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ hooks: { beforeRestore: 'echo cannot stop; exit 1' } })
    await createSnapshot(context)
    desk.write('a', 'dirty')
    await assert.rejects(restoreSnapshot(context), /beforeRestore hook of stage ended with status 1:\ncannot stop/)
    assert.equal(desk.read('a'), 'dirty')
  })

  test('may be functions, and health is asked until it is there', async () => {
    const desk = environmentDesk(scratch)
    let asked = 0
    const hooks: Hooks = {
      beforeRestore: ({ environment, path: live }) => assert.deepEqual([environment, live], ['stage', desk.live]),
      health: () => {
        if (++asked < 3) throw new Error('not yet')
      },
    }
    const context = desk.context({ hooks })
    await createSnapshot(context)
    await restoreSnapshot(context)
    assert.equal(asked, 3)
    await assert.rejects(restoreSnapshot(desk.context({ hooks: { health: 'exit 1', healthLimit: 0 } })), /was not healthy within 0 ms/)
  })

  test('may start servers in the background, which are not waited for', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ hooks: { afterRestore: `sleep 1000 & echo $! > '${desk.folder}/pid'` } })
    await createSnapshot(context)
    await restoreSnapshot(context)
    process.kill(Number(readFileSync(path.join(desk.folder, 'pid'), 'utf8')))
  })
})

describe('every Nth restore', () => {
  test('reads the whole snapshot first', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ verifyEvery: 3 })
    await createSnapshot(context, { checksum: true })
    const verified: boolean[] = []
    for (let round = 0; round < 6; round++) verified.push((await restoreSnapshot(context)).verified)
    assert.deepEqual(verified, [false, false, true, false, false, true])
    writeFileSync(path.join(layoutOf(desk.snapshotsDir).tree('clean_state'), 'a'), 'CLEAN')
    await restoreSnapshot(context)
    await restoreSnapshot(context)
    assert.equal(await codeOf(restoreSnapshot(context)), 'corrupt')
  })
})

describe('the mode disabled', () => {
  test('keeps nothing, and says that a restore leaves everything as it is', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ mode: 'disabled' })
    assert.equal(await codeOf(createSnapshot(context)), 'nothing-to-do')
    assert.equal((await restoreSnapshot(context)).mode, 'disabled')
    assert.match(JSON.stringify(desk.events), /left as it is: its mode is disabled/)
  })
})

test('a process that a hook has stopped may take a moment to end', async () => {
  const desk = environmentDesk(scratch)
  const server = spawn('/bin/sh', ['-c', 'trap "sleep 0.2; exit" TERM; echo up; while :; do sleep 0.05; done'], {
    cwd: desk.live,
    stdio: ['ignore', 'pipe', 'ignore'],
  })
  await once(server.stdout, 'data')
  const context = desk.context({ hooks: { beforeRestore: () => void server.kill('SIGTERM') } })
  await createSnapshot(context, { force: true })
  assert.equal((await restoreSnapshot(context)).snapshot, 'clean_state')
})
