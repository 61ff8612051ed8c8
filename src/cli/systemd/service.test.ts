import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { runCli } from '../program.ts'
import { type ServiceOptions, serviceUnit } from './service.ts'

const scratch = scratchDirectory()

const plain: ServiceOptions = {
  kind: 'daemon',
  command: ['/usr/bin/node', '/opt/holdfast/bin/holdfast.cjs'],
  root: '/srv/releases',
  config: '/srv/releases/holdfast.toml',
  isUsers: false,
  user: 'holdfast',
  grace: 30_000,
  mounts: false,
}

function linesOf(options: Partial<ServiceOptions>): string[] {
  return serviceUnit({ ...plain, ...options }).text.split('\n')
}

describe('the unit of a service', () => {
  test('starts the daemon by its configuration, reloads it, and gives it its time to end', () => {
    const lines = linesOf({})
    assert.ok(lines.includes('ExecStart=/usr/bin/node /opt/holdfast/bin/holdfast.cjs daemon --config /srv/releases/holdfast.toml'))
    assert.ok(lines.includes(`ExecReload=/bin/sh -c 'kill -HUP "$$MAINPID"'`))
    assert.ok(lines.includes('TimeoutStopSec=60'))
    assert.ok(lines.includes('User=holdfast'))
    assert.ok(lines.includes('ProtectSystem=full'))
  })

  test('holds names with spaces, quotes, percents and dollars, and refuses those that would be lines of their own', () => {
    const odd = linesOf({ config: '/srv/a "b" %h $x/holdfast.toml', root: '/srv/50%' })
    assert.ok(odd.some((line) => line.endsWith('--config "/srv/a \\"b\\" %%h $$x/holdfast.toml"')))
    assert.ok(odd.includes('WorkingDirectory=/srv/50%%'))
    assert.throws(() => linesOf({ config: '/srv/a\nExecStartPre=/bin/evil' }), /cannot hold/)
    assert.throws(() => linesOf({ root: '/srv/a\nExecStartPre=/bin/evil' }), /cannot hold/)
    assert.throws(() => linesOf({ user: 'a b' }), /not a user's name/)
  })

  test('of environments has the file systems of the machine, which others have to see', () => {
    const lines = linesOf({ mounts: true })
    assert.ok(!lines.some((line) => /^(ProtectSystem|PrivateTmp|NoNewPrivileges)/.test(line)))
  })

  test('of the server writes to its state and where its actions publish, and reads the rest', () => {
    const lines = linesOf({ kind: 'serve', port: 8080, places: ['/srv/releases', '/srv/a "b" 50%'] })
    for (const line of [
      'ExecStart=/usr/bin/node /opt/holdfast/bin/holdfast.cjs serve --config /srv/releases/holdfast.toml',
      'ProtectSystem=strict',
      'ReadWritePaths="-/srv/releases"',
      'ReadWritePaths="-/srv/a \\"b\\" 50%%"',
      'CapabilityBoundingSet=',
    ])
      assert.ok(lines.includes(line), line)
    assert.throws(() => linesOf({ kind: 'serve', places: ['/srv/a\nExecStartPre=/bin/evil'] }), /cannot hold/)
  })

  test('has no capability but that of a port below 1024, and of root all', () => {
    assert.ok(linesOf({}).includes('CapabilityBoundingSet='))
    assert.ok(linesOf({ kind: 'serve', port: 443 }).includes('AmbientCapabilities=CAP_NET_BIND_SERVICE'))
    assert.ok(!linesOf({ user: 'root' }).some((line) => line.startsWith('CapabilityBoundingSet')))
  })

  test('of a user names no user, and begins with the session', () => {
    const lines = linesOf({ isUsers: true, kind: 'worker' })
    assert.ok(!lines.some((line) => line.startsWith('User=')))
    assert.ok(lines.includes('WantedBy=default.target'))
  })
})

test('systemd itself finds nothing wrong with it', (t) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('systemd-analyze is not here: apt-get install systemd')
  for (const [name, options] of Object.entries<Partial<ServiceOptions>>({
    plain: {},
    mounts: { mounts: true },
    worker: { kind: 'worker' },
    serve: { kind: 'serve', port: 443, places: ['/srv/releases'] },
  })) {
    const folder = mkdtempSync(path.join(scratch, 'units-'))
    const unit = serviceUnit({ ...plain, command: [process.execPath, import.meta.filename], root: folder, user: 'root', ...options })
    const file = path.join(folder, unit.name)
    writeFileSync(file, unit.text)
    const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
    assert.deepEqual([status, stderr.split('\n').filter((line) => line.includes(unit.name))], [0, []], `${name}: ${stderr}`)
  }
})

test('systemd itself thinks the server well confined', (t) => {
  if (spawnSync('systemd-analyze', ['--version']).status !== 0) return t.skip('systemd-analyze is not here: apt-get install systemd')
  const file = path.join(mkdtempSync(path.join(scratch, 'units-')), 'holdfast-serve.service')
  writeFileSync(file, serviceUnit({ ...plain, kind: 'serve', port: 8080, places: ['/srv/releases'] }).text)
  const { stdout, stderr } = spawnSync('systemd-analyze', ['security', '--offline=true', file], { encoding: 'utf8' })
  if (stderr.includes('offline')) return t.skip('systemd-analyze of systemd 250 and later looks at a file')
  const exposure = /exposure level for holdfast-serve\.service: ([\d.]+)/.exec(stdout)
  assert.ok(exposure !== null && Number(exposure[1]) <= 2, stdout.slice(-300) + stderr)
})

test('install writes the unit where it is told, does not overwrite another, and print shows it', async () => {
  const cwd = mkdtempSync(path.join(scratch, 'project-'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), '[[job]]\nrun = "store verify"\nevery = "1d"\n')
  const holdfast = async (line: string) => {
    const terminal = fakeTerminal({ cwd, env: { HOME: cwd, NO_COLOR: '1' } })
    return { exit: await runCli(line.split(' '), terminal.host), out: terminal.out(), err: terminal.err() }
  }
  mkdirSync(path.join(cwd, 'units'))
  const file = path.join(cwd, 'units/holdfast-daemon.service')
  assert.match((await holdfast('systemd install --units-dir units --dry-run')).out, /^would write/)
  assert.equal((await holdfast('systemd install --units-dir units')).exit, 0)
  const text = readFileSync(file, 'utf8')
  assert.equal((await holdfast('systemd print')).out, `# holdfast-daemon.service\n${text}`)
  assert.equal((await holdfast('systemd install --units-dir units')).exit, 0)
  writeFileSync(file, 'mine')
  const refused = await holdfast('systemd install --units-dir units')
  assert.equal(refused.exit, 5)
  assert.match(refused.err, /holdfast systemd print/)
  assert.equal(readFileSync(file, 'utf8'), 'mine')
  assert.equal((await holdfast('systemd install --units-dir units --force')).exit, 0)
  assert.match((await holdfast('systemd print --worker')).err, /no `queue` is configured here/)
  writeFileSync(
    path.join(cwd, 'holdfast.toml'),
    `[store]\nurl = "file://${scratch}/shop/store"\n[release.a]\nartifact = "a"\nvariant_flag = "v"\nvariants = { "1" = {} }\nmetadata = "meta"\n`,
  )
  const server = (await holdfast('systemd print --serve')).out
  assert.deepEqual(
    server.match(/^ReadWritePaths=.*$/gm),
    [`ReadWritePaths="-${cwd}"`, `ReadWritePaths="-${scratch}"`],
    'what is above a store that is yet to be made',
  )
  assert.equal((await holdfast('systemd print --serve --worker')).exit, 2)
})
