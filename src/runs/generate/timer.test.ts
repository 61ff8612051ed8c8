import assert from 'node:assert/strict'
import { describe, test } from 'node:test'
import { timerUnits } from './timer.ts'

const options = { command: ['/usr/local/bin/holdfast'], root: '/data/experiments', user: 'mluser', every: 300 }

describe('the units of systemd', () => {
  test('generate the manifest of all runs at intervals', () => {
    const [service, timer] = timerUnits(options)
    assert.deepEqual(service, {
      name: 'runicorn-manifest.service',
      text: `[Unit]
Description=Runicorn Manifest Generation

[Service]
Type=oneshot
User=mluser
ExecStart=/usr/local/bin/holdfast generate-manifest --full --root /data/experiments
`,
    })
    assert.deepEqual(timer, {
      name: 'runicorn-manifest.timer',
      text: `[Unit]
Description=Runicorn Manifest Generation Timer

[Timer]
OnBootSec=2min
OnUnitActiveSec=5min

[Install]
WantedBy=timers.target
`,
    })
    assert.match(timerUnits({ ...options, every: 90 })[1]!.text, /^OnUnitActiveSec=90s$/m)
  })

  test('hold any path as one word', () => {
    const line = (root: string) => /^ExecStart=.* --root (.*)$/m.exec(timerUnits({ ...options, root })[0]!.text)![1]
    assert.equal(line('/data/a b'), '"/data/a b"')
    assert.equal(line('/data/100%'), '/data/100%%')
    assert.equal(line('/data/$HOME'), '/data/$$HOME')
    assert.equal(line('/data/"x"\\'), '"/data/\\"x\\"\\\\"')
    assert.throws(() => line('/data\nUser=root'), { code: 'invalid' })
  })

  test('take no user that would be another line', () => {
    for (const user of ['', 'a\nExecStart=/bin/sh', 'a b', '-x']) assert.throws(() => timerUnits({ ...options, user }), { code: 'invalid' })
  })
})
