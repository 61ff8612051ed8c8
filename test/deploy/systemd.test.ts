import assert from 'node:assert/strict'
import { cpSync, mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { scratchDirectory } from '../fakes/scratch.ts'
import { bootMachine, debootstrap, type Machine, whyNoMachine } from '../services/machine.ts'

const checkout = path.resolve(import.meta.dirname, '../..')
const scratch = scratchDirectory()
const why = process.env['HOLDFAST_SOAK'] === '1' ? await whyNoMachine() : 'takes minutes and the network: HOLDFAST_SOAK=1'

const node = '/opt/holdfast/node_modules/node/bin/node'
const holdfast = [node, '/opt/holdfast/bin/holdfast.cjs'] as const
const project = '/srv/releases'

function configuration(job: string, run = 'snapshot create tree'): string {
  return `
[store]
url = "file:///srv/store"
[daemon]
grace = "1s"
[release.lib]
artifact = "lib.a"
build = "echo $$ >build.pid; exec sleep 1000"
variants = { one = {} }
publish = "file:///srv/published"
[[job]]
name = "${job}"
run = "${run}"
every = "1h"
`
}

describe('a real systemd', { skip: why }, () => {
  let machine: Machine
  const outside = (file: string) => path.join(machine.root, file)
  const configure = (text: string) => writeFileSync(outside(`${project}/holdfast.toml`), text)
  const inProject = async (...words: readonly string[]) => await machine.run('env', '--chdir', project, ...words)
  const asHoldfast = async (...words: readonly string[]) =>
    await inProject('runuser', '-u', 'holdfast', '--', 'env', 'XDG_STATE_HOME=/var/lib', 'XDG_CACHE_HOME=/var/cache', ...holdfast, ...words)
  const show = async (unit: string, property: string) => await machine.run('systemctl', 'show', '--value', '-p', property, unit)
  const [daemon, serve] = ['holdfast-daemon', 'holdfast-serve']

  before(async () => {
    const root = path.join(scratch, 'root')
    await debootstrap(root)
    mkdirSync(path.join(root, 'opt/holdfast'), { recursive: true })
    cpSync(path.join(checkout, 'package.json'), path.join(root, 'opt/holdfast/package.json'))
    machine = await bootMachine(root, checkout)
    await machine.run('useradd', '--system', '--home-dir', project, 'holdfast')
    for (const folder of ['tree', '../store', '../published', '../others'])
      mkdirSync(outside(path.join(project, folder)), { recursive: true })
    writeFileSync(outside(`${project}/lib.a`), 'content')
    configure(configuration('first'))
    await machine.run('chown', '-R', 'holdfast:', project, '/srv/store', '/srv/published')
    mkdirSync(outside('/etc/holdfast'))
    writeFileSync(outside('/etc/holdfast/environment'), 'HOLDFAST_LOG_FORMAT=json\n', { mode: 0o600 })
  })
  after(async () => await machine?.off())

  test('starts the daemon that was installed, as its user, with the variables of its file', async () => {
    const said = await inProject(...holdfast, 'systemd', 'install', '--run-as', 'holdfast')
    assert.match(said, /enabled and started holdfast-daemon/)
    assert.match(said, /sudo -u holdfast env XDG_STATE_HOME=\/var\/lib XDG_CACHE_HOME=\/var\/cache holdfast jobs list$/)
    await machine.hears(daemon, '"event":"unit_end","unit":1,"job":"first"')
    const pid = await show(daemon, 'MainPID')
    assert.equal(await machine.run('stat', '--format', '%U', `/proc/${pid}`), 'holdfast')
    assert.equal(await machine.run('systemctl', 'is-enabled', daemon), 'enabled')
    assert.match(await asHoldfast('jobs', 'list'), /first/, 'the state that the service keeps is seen from outside with its folders')
  })

  test('reloads it, with a configuration that is not right too, and it goes on as the same process', async () => {
    const pid = await show(daemon, 'MainPID')
    configure(configuration('second'))
    await machine.run('systemctl', 'reload', daemon)
    await machine.hears(daemon, '"job":"second"')
    configure('wrong = 1')
    await machine.run('systemctl', 'reload', daemon)
    await machine.hears(daemon, 'the configuration stays as it was')
    assert.equal(await show(daemon, 'MainPID'), pid)
  })

  test('stops it within its grace, together with what it runs, which is handed back', async () => {
    configure(configuration('build', 'release create lib --yes'))
    await machine.run('systemctl', 'reload', daemon)
    await machine.hears(daemon, '"event":"unit_begin","unit":3,"job":"build"')
    await machine.run('timeout', '60', 'sh', '-c', `until [ -s ${project}/build.pid ]; do sleep 0.1; done`)
    const build = await machine.run('cat', `${project}/build.pid`)
    await machine.run('systemctl', 'stop', daemon)
    assert.deepEqual([await show(daemon, 'Result'), await show(daemon, 'ExecMainStatus')], ['success', '0'])
    await machine.run('test', '!', '-e', `/proc/${build}`)
    assert.match(await asHoldfast('jobs', 'list'), /#3 +waiting/)
  })

  test('starts it again where it was killed, and not where its configuration is not right', async () => {
    configure(configuration('third'))
    await machine.run('systemctl', 'start', daemon)
    await machine.hears(daemon, '"job":"third"')
    await machine.run('systemctl', 'kill', '--signal=KILL', daemon)
    await machine.hears(daemon, 'Scheduled restart job, restart counter is at 1')
    await machine.run('timeout', '60', 'sh', '-c', `until systemctl --quiet is-active ${daemon}; do sleep 0.1; done`)
    configure('wrong = 1')
    await machine.run('systemctl', 'stop', daemon)
    await machine.run('systemctl', 'start', daemon)
    await machine.hears(daemon, 'status=2/INVALIDARGUMENT')
    assert.deepEqual([await show(daemon, 'ActiveState'), await show(daemon, 'NRestarts')], ['failed', '0'])
    configure(configuration('third'))
  })

  test('confines the server to where its actions write, and these still work', async () => {
    await inProject(...holdfast, 'systemd', 'install', '--serve', '--run-as', 'holdfast')
    await machine.hears(serve, 'at http://127.0.0.1:8080/')
    assert.equal(await ask('/readyz'), '200')
    const pid = await show(serve, 'MainPID')
    const writable = await machine.run(
      'sh',
      '-c',
      `for each in /usr /etc /home /srv/others ${project} /srv/store /srv/published /var/lib/holdfast /var/cache/holdfast /tmp; do
         nsenter --mount --target ${pid} -- touch $each/x 2>/dev/null && echo $each; done; true`,
    )
    const places = [project, '/srv/store', '/srv/published', '/var/lib/holdfast', '/var/cache/holdfast', '/tmp']
    assert.deepEqual(writable.split('\n'), places, 'even for root')

    await asHoldfast('release', 'create', 'lib', '--no-build', '--channel', 'staging', '--yes')
    const [token] = (await asHoldfast('token', 'create', 'ci', '--scope', 'release:promote')).split('\n')
    const promote = { product: 'lib', variant: 'one', from: 'staging', to: 'stable' }
    const { plan } = JSON.parse(await act(token!, { ...promote, dryRun: true })) as { plan: string }
    await act(token!, { ...promote, plan })
    assert.equal(await machine.run('cat', '/srv/published/stable/one/lib.a'), 'content')
    await machine.run('systemctl', 'reload', serve)
    assert.equal(await show(serve, 'MainPID'), pid)
    await machine.run('systemctl', 'stop', serve)
    assert.deepEqual([await show(serve, 'Result'), await show(serve, 'ExecMainStatus')], ['success', '0'])
  })

  const ask = async (target: string) =>
    await machine.run(node, '-e', `fetch('http://127.0.0.1:8080${target}').then((answer) => console.log(answer.status))`)
  const act = async (token: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const settings = JSON.stringify({ method: 'POST', headers, body: JSON.stringify(body) })
    const program = `fetch('http://127.0.0.1:8080/api/v1/actions/release-promote', ${settings})
      .then(async (answer) => { console.log(await answer.text()); process.exit(answer.ok ? 0 : 1) })`
    return await machine.run(node, '-e', program)
  }

  test('has both again after it was booted anew', async () => {
    await machine.off()
    machine = await bootMachine(machine.root, checkout)
    for (const unit of [daemon, serve]) assert.equal(await show(unit, 'ActiveState'), 'active', unit)
    await machine.run(
      'timeout',
      '60',
      'sh',
      '-c',
      `until ${node} -e "fetch('http://127.0.0.1:8080/readyz')" 2>/dev/null; do sleep 0.2; done`,
    )
  })
})
