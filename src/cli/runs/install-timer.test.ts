import assert from 'node:assert/strict'
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { faultOf } from '../../../test/fakes/fault-of.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { enableTimer } from './install-timer.ts'

const scratch = scratchDirectory()

/** A machine whose systemctl notes what it is told, and refuses a word. */
function machine(refused: string) {
  const bin = mkdtempSync(path.join(scratch, 'bin-'))
  const notes = path.join(bin, 'notes')
  const script = `#!/bin/sh\necho "$@" >> ${notes}\nif [ "$1" = "${refused}" ]; then echo "Access denied" >&2; exit 4; fi\n`
  writeFileSync(path.join(bin, 'systemctl'), script, { mode: 0o755 })
  const { host } = fakeTerminal({ env: { PATH: `${bin}:/usr/bin:/bin` } })
  return {
    enable: async () => await enableTimer({ host, signal: host.signal }, 'runicorn-manifest.timer'),
    told: () => readFileSync(notes, 'utf8').trimEnd().split('\n'),
  }
}

describe('the timer', () => {
  test('is enabled and started when systemd knows its units', async () => {
    const { enable, told } = machine('nothing')
    await enable()
    assert.deepEqual(told(), ['daemon-reload', 'enable runicorn-manifest.timer', 'start runicorn-manifest.timer'])
  })

  test('that systemd refuses is told with its words, and nothing more is tried', async () => {
    const { enable, told } = machine('enable')
    await faultOf(enable(), 'unavailable', /systemctl enable runicorn-manifest\.timer ended with 4: Access denied/)
    assert.equal(told().length, 2)
  })
})
