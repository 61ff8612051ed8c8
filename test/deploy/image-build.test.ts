import assert from 'node:assert/strict'
import { copyFileSync, cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { run } from '../../src/kit/index.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { ensureDebianPackages, isRootOnDebian } from '../services/install.ts'
import { freePort } from '../services/ports.ts'
import { findRegistry } from '../services/registry.ts'

const root = path.resolve(import.meta.dirname, '../..')
const scratch = scratchDirectory()
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8')) as { version: string }
const isLong = process.env['HOLDFAST_SOAK'] === '1'
const why = await whyNot()

/** It takes minutes and the network: Debian from its mirrors, packages from npm's registry. */
async function whyNot(): Promise<string | false> {
  if (!isLong) return 'takes minutes: HOLDFAST_SOAK=1'
  if (!(await isRootOnDebian())) return 'needs root on Debian, whose packages stand in for the base images'
  if (!existsSync(path.join(root, 'dist/cli/main.js'))) return 'nothing is built: npm run build'
  return false
}

/**
 * Podman without its service manager, and with limits that a machine without CAP_SYS_RESOURCE can set. Where the old and
 * the new control groups are both mounted it sees the old ones alone, since runc refuses the mixture.
 */
async function podman(...words: readonly string[]): Promise<string> {
  const hidden = 'umount /sys/fs/cgroup/unified 2>/dev/null; exec podman --cgroup-manager cgroupfs --runtime runc "$@"'
  return await tool('unshare', '-m', '--propagation', 'private', 'sh', '-c', hidden, 'sh', ...words)
}

async function tool(...command: [string, ...string[]]): Promise<string> {
  const settings = path.join(scratch, 'containers.conf')
  const storage = path.join(scratch, 'storage.conf')
  writeFileSync(settings, '[containers]\ndefault_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]\n')
  writeFileSync(storage, `[storage]\ndriver = "vfs"\ngraphroot = "${scratch}/images"\nrunroot = "${scratch}/running"\n`)
  const env = { ...process.env, CONTAINERS_CONF: settings, CONTAINERS_STORAGE_CONF: storage, HOME: scratch }
  const { status, stdout, tail } = await run(command, { env, cwd: scratch })
  assert.equal(status, 0, `${command.join(' ')}: ${tail.join('\n')}`)
  return stdout.trim()
}

const confined = ['--network', 'host', '--read-only', '--cap-drop', 'all', '--security-opt', 'no-new-privileges', '--memory', '256m']

describe('the image, built by its recipe and run', { skip: why }, () => {
  const image = 'localhost/holdfast:try'

  test('is built on a Debian and a Node that stand in for those of registries', async (t) => {
    await ensureDebianPackages(['buildah', 'podman', 'runc', 'catatonit', 'mmdebstrap', 'docker-registry'])
    const bases = mkdtempSync(path.join(scratch, 'bases-'))
    await tool('mmdebstrap', '--quiet', '--variant=minbase', '--include=ca-certificates', 'bookworm', path.join(bases, 'root.tar'))
    copyFileSync(path.join(root, 'node_modules/node/bin/node'), path.join(bases, 'node'))
    const npm = path.resolve(await tool('sh', '-c', 'realpath "$(command -v npm)"'), '../..')
    cpSync(npm, path.join(bases, 'npm'), { recursive: true, dereference: true })
    copyFileSync('/etc/ssl/certs/ca-certificates.crt', path.join(bases, 'authorities'))
    writeFileSync(path.join(bases, 'debian'), 'FROM scratch\nADD root.tar /\n')
    writeFileSync(
      path.join(bases, 'node-on-debian'),
      `FROM localhost/debian
COPY node /usr/local/bin/node
COPY npm /usr/local/lib/node_modules/npm
COPY authorities /usr/local/share/authorities
ENV NODE_EXTRA_CA_CERTS=/usr/local/share/authorities
RUN ln -s ../lib/node_modules/npm/bin/npm-cli.js /usr/local/bin/npm
`,
    )
    const build = ['buildah', 'bud', '--isolation', 'chroot', '--quiet'] as const
    await tool(...build, '-t', 'localhost/debian', '-f', path.join(bases, 'debian'), bases)
    await tool(...build, '-t', 'localhost/node', '-f', path.join(bases, 'node-on-debian'), bases)

    const context = mkdtempSync(path.join(scratch, 'context-'))
    await tool('npm', 'pack', '--ignore-scripts', '--silent', '--pack-destination', context, root)
    for (const name of ['package.json', 'package-lock.json']) copyFileSync(path.join(root, name), path.join(context, name))
    cpSync(path.join(root, 'deploy'), path.join(context, 'deploy'), { recursive: true })
    const named = ['--build-arg', 'NODE=localhost/node', '--build-arg', 'BASE=localhost/debian', '--build-arg', 'REVISION=0123abc']
    const recipe = path.join(context, 'deploy/oci/Containerfile')
    await tool(...build, '--format', 'docker', '--network', 'host', ...named, '-t', image, '-f', recipe, context)
    const [{ Size: base }, { Size: whole }] = JSON.parse(await podman('image', 'inspect', 'localhost/debian', image)) as [
      { Size: number },
      { Size: number },
    ]
    t.diagnostic(`${Math.round((whole - base) / 1e6)} MB over a base of ${Math.round(base / 1e6)} MB`)
    assert.ok(whole - base < 200e6, `${whole - base} bytes`)
  })

  test('says its version, as a user who may write nothing but its volumes', async () => {
    assert.equal(await podman('run', '--rm', '--no-healthcheck', ...confined, image, '--version'), version)
    const look =
      'id -u; for place in / /opt/holdfast /etc/holdfast /var/lib/holdfast /var/cache/holdfast /tmp; do [ -w $place ] && echo $place; done; true'
    const seen = await podman('run', '--rm', '--no-healthcheck', ...confined, '--entrypoint', 'sh', image, '-c', look)
    assert.deepEqual(seen.split('\n'), ['10001', '/var/lib/holdfast', '/var/cache/holdfast', '/tmp'])
    const privileged = ['--user', '0', '--entrypoint', 'sh', image, '-c', 'find / -xdev -type f -perm /6000']
    assert.equal(await podman('run', '--rm', '--no-healthcheck', ...privileged), '')
  })

  test('runs the demo, jobs that are due, and a server that is healthy and ends when it is told', async () => {
    const project = mkdtempSync(path.join(scratch, 'project-'))
    mkdirSync(path.join(project, 'config'), { mode: 0o755 })
    const port = await freePort()
    const settings = `[store]\nurl = "file:///var/lib/holdfast/store"\n[serve]\nport = ${port}\n[[job]]\nrun = "store verify"\nevery = "1d"\n`
    writeFileSync(path.join(project, 'config/holdfast.toml'), settings, { mode: 0o644 })
    await podman('volume', 'create', 'state')
    const mounted = ['-v', 'state:/var/lib/holdfast', '-v', `${path.join(project, 'config')}:/etc/holdfast:ro`]
    const once = async (...words: readonly string[]) => await podman('run', '--rm', '--no-healthcheck', ...confined, ...mounted, ...words)
    assert.match(await once('--entrypoint', 'node', image, '/opt/holdfast/demo/run.mjs', '/tmp/demo'), /all are what they should be/)
    await once(image, 'snapshot', 'create', '/etc/ssl/certs')
    assert.match(await once(image, 'daemon', '--once'), /1 done, 0 failed/)

    const health = ['-e', `HEALTHCHECK_URL=http://127.0.0.1:${port}/healthz`, '--health-interval', 'disable']
    const started = await podman('run', '-d', ...health, ...confined, ...mounted, image, 'serve')
    const id = started.split('\n').at(-1)!
    await podman('exec', id, 'sh', '-c', 'for turn in $(seq 100); do node /opt/holdfast/healthcheck.mjs && exit; sleep 0.1; done; exit 1')
    assert.equal((await fetch(`http://127.0.0.1:${port}/readyz`)).status, 200)
    await podman('stop', '-t', '20', id)
    assert.equal(await podman('inspect', '--format', '{{.State.ExitCode}}', id), '0')
    await podman('rm', id)
  })

  test('goes to a real registry by our own copy, and comes back the same', async () => {
    const registry = await findRegistry('plain')
    const layout = path.join(scratch, 'layout')
    await tool('buildah', 'push', '--quiet', image, `oci:${layout}:try`)
    const launcher = path.join(root, 'bin/holdfast.cjs')
    const there = `${registry.host}/holdfast:${version}`
    await tool(process.execPath, launcher, 'images', 'copy', `oci:${layout}:try`, `docker://${there}`)
    await tool('buildah', 'pull', '--quiet', '--tls-verify=false', there)
    const config = JSON.parse(await podman('image', 'inspect', there, image)) as {
      Id: string
      Labels: Record<string, string>
    }[]
    assert.equal(config[0]!.Labels['org.opencontainers.image.version'], version)
    assert.equal(config[0]!.Labels['org.opencontainers.image.revision'], '0123abc')
    assert.equal(await podman('run', '--rm', '--no-healthcheck', ...confined, there, '--version'), version)
  })
})
