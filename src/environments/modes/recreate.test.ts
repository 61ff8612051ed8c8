import assert from 'node:assert/strict'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { environmentDesk } from '../../../test/fakes/environment-desk.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { asFault } from '../../kit/index.ts'
import { createSnapshot, diffSnapshots, environmentStatus, restoreSnapshot } from '../index.ts'

const scratch = scratchDirectory()
const codeOf = async (work: Promise<unknown>) =>
  await work.then(
    () => 'success',
    (error: unknown) => asFault(error).code,
  )
const cleanAll = 'rm -rf "$HOLDFAST_ENV_PATH"/*; echo fresh > "$HOLDFAST_ENV_PATH/made"'

function certificates(live: string): void {
  mkdirSync(path.join(live, 'node/certs'), { recursive: true })
  writeFileSync(path.join(live, 'node/certs/key'), 'secret', { mode: 0o600 })
}

describe('the mode recreate', () => {
  test('runs the clean-up command, and leaves what is to be preserved', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ mode: 'recreate', cleanup: cleanAll, preserve: ['node/certs', 'missing'] })
    certificates(desk.live)
    await createSnapshot(context)
    desk.write('wallet', 'money')
    await restoreSnapshot(context)
    assert.deepEqual(
      [desk.read('node/certs/key'), desk.read('made'), existsSync(path.join(desk.live, 'wallet'))],
      ['secret', 'fresh\n', false],
    )
    assert.match(JSON.stringify(desk.events), /nothing to preserve at missing/)
  })

  test('that was killed after it had cleaned gives the preserved files back when it is run again', async () => {
    const desk = environmentDesk(scratch)
    certificates(desk.live)
    const settings = { mode: 'recreate', preserve: ['node/certs'] } as const
    await createSnapshot(desk.context({ ...settings, cleanup: cleanAll }))
    assert.equal(await codeOf(restoreSnapshot(desk.context({ ...settings, cleanup: `${cleanAll}; exit 1` }))), 'unavailable')
    assert.equal(existsSync(path.join(desk.live, 'node')), false)
    assert.notEqual((await environmentStatus(desk.context(settings))).unfinished, undefined)
    await restoreSnapshot(desk.context({ ...settings, cleanup: cleanAll }))
    assert.equal(desk.read('node/certs/key'), 'secret')
  })

  test('needs a command, and refuses to preserve what is not inside', async () => {
    const desk = environmentDesk(scratch)
    assert.equal(await codeOf(createSnapshot(desk.context({ mode: 'recreate' }))), 'invalid')
    for (const outside of ['/etc', '../x', 'a/../../x', '', './a', 'a//b']) {
      assert.equal(
        await codeOf(createSnapshot(desk.context({ mode: 'recreate', cleanup: 'true', preserve: [outside] }))),
        'invalid',
        outside,
      )
    }
  })

  test('keeps no files that could be compared', async () => {
    const desk = environmentDesk(scratch)
    const context = desk.context({ mode: 'recreate', cleanup: 'true' })
    await createSnapshot(context)
    assert.equal(await codeOf(diffSnapshots(context, { from: 'clean_state' })), 'unsupported')
  })
})
