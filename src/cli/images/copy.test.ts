import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { afterEach, describe, test } from 'node:test'
import { startHttpServer } from '../../../test/fakes/http-server.ts'
import { archiveBytes, fakeImage, fakeLayer, ociMembers, skopeoMembers } from '../../../test/fakes/images.ts'
import { manualClock } from '../../../test/fakes/manual-clock.ts'
import { type RegistryPeer, refuse, startRegistryPeer } from '../../../test/fakes/registry-peer.ts'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { registryForTests } from '../../../test/services/registry.ts'
import { digestOf } from '../../kit/index.ts'
import { runCli } from '../program.ts'

const scratch = scratchDirectory()
const peers: RegistryPeer[] = []
afterEach(async () => {
  for (const one of peers.splice(0)) await one.close()
})

async function peer(): Promise<RegistryPeer> {
  const started = await startRegistryPeer()
  peers.push(started)
  return started
}

/** A folder with `one.tar` and `two.tar`, two images of one base as oci-archives, and `docker.tar`. */
function desk() {
  const cwd = mkdtempSync(path.join(scratch, 'images-'))
  const base = fakeLayer({ base: 'base' })
  const image = (name: string, architecture: string) => fakeImage(name, [base, fakeLayer({ own: name })], architecture)
  const [one, two] = [image('v1', 'amd64'), image('v2', 'arm64')]
  writeFileSync(path.join(cwd, 'one.tar'), archiveBytes(ociMembers([one])))
  writeFileSync(path.join(cwd, 'two.tar'), archiveBytes(ociMembers([two])))
  writeFileSync(path.join(cwd, 'docker.tar'), archiveBytes(skopeoMembers([fakeImage('app:v1', one.layers)])))
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1' }
  const images = async (
    line: string,
    { stdin, variables = {}, columns }: { stdin?: string; variables?: Record<string, string>; columns?: number } = {},
  ) => {
    const size = columns === undefined ? {} : { columns }
    const terminal = fakeTerminal({ cwd, env: { ...env, ...variables }, clock: manualClock(), ...size })
    if (stdin !== undefined) (terminal.host.stdin.stream as unknown as { end(text: string): void }).end(stdin)
    const exit = await runCli(['images', ...line.split(' ')], terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  const json = async (line: string, expected = 0) => {
    const { exit, out, err } = await images(`${line} --json`)
    assert.equal(exit, expected, err)
    return JSON.parse(out) as { result: Record<string, unknown>; stats?: { requests: Record<string, number> } }
  }
  return { cwd, images, json }
}

describe('images copy', () => {
  test('says what was sent and what the tag is now, and the second time that there is nothing to do', async () => {
    const { images } = desk()
    const { host } = await peer()
    const first = await images(`copy oci-archive:one.tar:v1 docker://${host}/app`)
    assert.equal(first.exit, 0, first.err)
    assert.match(first.out, /^oci-archive:.*one\.tar:v1 -> 127.*\/app:v1\n {2}3 blobs sent \(.*\)\n {2}v1 is sha256:[0-9a-f]{64}\n$/)
  })

  test('takes the name of the source’s tag, and where there is none says to give one', async () => {
    const { images } = desk()
    const registry = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app`)
    assert.ok(registry.manifests.has('app:v1'))
    const digest = digestOf(registry.manifests.get('app:v1')!.bytes)
    const { exit, err } = await images(`copy ${registry.host}/app@${digest} docker://${registry.host}/other`)
    assert.equal(exit, 2)
    assert.match(err, /nothing says what the image is to be called there\n.*next: add a tag: .*\/other:TAG/)
  })

  test('shows with --dry-run what it would do, and does none of it', async () => {
    const { images, cwd } = desk()
    const registry = await peer()
    const { exit, out } = await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app --dry-run`)
    assert.equal(exit, 0)
    assert.match(
      out,
      /(\+ blob {6}sha256:.*\n){3}\+ image {5}sha256:.*\nv1 would be sha256:.*\nwould send 3 blobs, .*\ndry run: nothing was written\n$/,
    )
    assert.equal(registry.requests.filter((line) => !/^(GET|HEAD) /.test(line)).length, 0)
    await images('copy oci-archive:one.tar:v1 oci:folder --dry-run')
    assert.ok(!existsSync(path.join(cwd, 'folder')))
    await images('copy oci-archive:one.tar:v1 docker-archive:new.tar:app:v1 --dry-run')
    assert.deepEqual(
      readdirSync(cwd).toSorted(),
      ['docker.tar', 'one.tar', 'two.tar', 'home'].filter((name) => existsSync(path.join(cwd, name))).toSorted(),
    )
  })

  test('refuses a tag that names something else, shows both digests and exits with 5; --expect and --moving allow it', async () => {
    const { images, json } = desk()
    const registry = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app:v1`)
    const before = digestOf(registry.manifests.get('app:v1')!.bytes)
    const refused = await images(`copy oci-archive:two.tar:v2 docker://${registry.host}/app:v1`)
    assert.equal(refused.exit, 5)
    assert.match(refused.err, new RegExp(`v1 is ${before}, and would become sha256:[0-9a-f]{64}`))
    const wrong = await images(`copy oci-archive:two.tar:v2 docker://${registry.host}/app:v1 --expect ${digestOf('x')}`)
    assert.equal(wrong.exit, 5)
    const { result } = await json(`copy oci-archive:two.tar:v2 docker://${registry.host}/app:v1 --expect ${before}`)
    assert.deepEqual(result['tags'], [{ name: 'v1', digest: result['digest'], before }])
    const back = await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app:v1 --moving v1`)
    assert.match(back.out, new RegExp(`v1 is ${before} \\(was ${String(result['digest'])}\\)`))
  })

  test('moves latest without being told to, and not where other tags are said to move', async () => {
    const registry = await peer()
    const to = `docker://${registry.host}/app:latest`
    const { images, cwd } = desk()
    await images(`copy oci-archive:one.tar:v1 ${to}`)
    const before = digestOf(registry.manifests.get('app:latest')!.bytes)
    const moved = await images(`copy oci-archive:two.tar:v2 ${to}`)
    assert.equal(moved.exit, 0, moved.err)
    assert.match(moved.out, new RegExp(`latest is sha256:[0-9a-f]{64} \\(was ${before}\\)`))
    writeFileSync(path.join(cwd, 'holdfast.toml'), '[images]\nmoving = ["edge"]\n')
    assert.equal((await images(`copy oci-archive:one.tar:v1 ${to}`)).exit, 5)
  })

  test('counts what it asked', async () => {
    const { images, json } = desk()
    const { host } = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${host}/app`)
    const { stats } = await json(`copy ${host}/app:v1 docker://${host}/app:again --stats`)
    // The first GET finds out what a registry of this machine speaks.
    assert.deepEqual(stats?.requests, { GET: 2, HEAD: 1, PUT: 1 })
  })

  test('makes images of OCI of a docker-archive, counted as sent, and compressed once', async () => {
    const { json } = desk()
    const { host } = await peer()
    const { result } = await json(`copy docker-archive:docker.tar docker://${host}/app:v1`)
    const how = (blobs: unknown) => (blobs as { how: string }[]).map((blob) => blob.how)
    assert.deepEqual(how(result['blobs']), ['sent', 'sent', 'sent'])
    const again = await json(`copy docker-archive:docker.tar docker://${host}/app:v1`)
    assert.equal(again.result['digest'], result['digest'])
    const dry = await json(`copy docker-archive:docker.tar oci:elsewhere:v1 --dry-run`)
    assert.equal(dry.result['digest'], result['digest'])
  })

  test('takes a wrong place, flag or password for what it is', async () => {
    const { images } = desk()
    const { host } = await peer()
    const cases: [string, number, RegExp][] = [
      [`copy docker://${host}/app:nope oci:here:x`, 4, /there is no 127.*\/app:nope\n[^]*next: holdfast images tags 127.*\/app lists/],
      ['copy image.tar docker://x.example/app:v1', 2, /not a place of images: "image\.tar"/],
      [`copy oci-archive:missing.tar docker://${host}/app:v1`, 4, /it does not exist/],
      [`copy oci-archive:one.tar:v1 docker://${host}/app:v1 --username ann`, 2, /--username is nothing without a password/],
      [`copy docker://a.example/x:v1 docker://b.example/x:v1 --username ann --password-stdin`, 2, /could be of either registry/],
      [`copy docker://a.example/x:v1 docker://b.example/x:v1 --src-password-stdin --dest-password-stdin`, 2, /only one password/],
      [`copy oci-archive:one.tar:v1 docker://${host}/app:v1 --expect sha256:1`, 2, /--expect: not a digest/],
      [`copy oci-archive:one.tar:v1 docker://${host}/app:v1 --mount-from ${host}/base`, 2, /--mount-from: not a path of the registry/],
      [`copy oci-archive:one.tar:v1 docker://${host}/app:v1 --platform x`, 2, /--platform: not a platform/],
      [`copy oci-archive:one.tar:v1 docker://${host}/app:v1 --platform linux/s390x`, 4, /no image for linux\/s390x/],
      [`copy oci-archive:one.tar:v1 docker://${host}/app:v1 --tls-ca one.tar`, 2, /no certificate in PEM/],
    ]
    for (const [line, expected, says] of cases) {
      const { exit, err } = await images(line)
      assert.equal(exit, expected, `${line}: ${err}`)
      assert.match(err, says)
    }
  })

  test('logs in with --password-stdin, each side for itself', async (t) => {
    const real = await registryForTests(t, 'htpasswd')
    if (real === undefined) return
    const { images } = desk()
    const registry = await peer()
    const repository = real.newRepository()
    const refused = await images(`copy oci-archive:one.tar:v1 docker://${real.host}/${repository}:v1`)
    assert.equal(refused.exit, 6)
    const to = `docker://${real.host}/${repository}:v1 --username ${real.login.user} --password-stdin`
    const pushed = await images(`copy oci-archive:one.tar:v1 ${to}`, { stdin: `${real.login.password}\n` })
    assert.equal(pushed.exit, 0, pushed.err)
    const from = `copy docker://${real.host}/${repository}:v1 docker://${registry.host}/app --src-username ${real.login.user} --src-password-stdin`
    const pulled = await images(from, { stdin: real.login.password })
    assert.equal(pulled.exit, 0, pulled.err)
    assert.ok(!`${pushed.out}${pushed.err}${pulled.out}${pulled.err}`.includes(real.login.password))
  })
})

describe('a registry with a certificate of its own', () => {
  test('is trusted where --tls-ca names it, and else refused', async () => {
    const { cwd, images } = desk()
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(cwd, name))
    const subject = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes', ...subject, '-keyout', key!, '-out', cert!],
      {
        stdio: 'ignore',
      },
    )
    const tls = { key: readFileSync(key!, 'utf8'), cert: readFileSync(cert!, 'utf8') }
    const server = await startHttpServer((_, response) => void response.end('{"tags":["v1"]}'), tls)
    try {
      const { host } = new URL(server.url)
      const refused = await images(`tags ${host}/app`)
      assert.equal(refused.exit, 6)
      assert.match(refused.err, /certificate of the server is not trusted/)
      assert.equal((await images(`tags ${host}/app --tls-ca cert.pem`)).out, 'v1\n')
    } finally {
      await server.close()
    }
  })
})

describe('images index create', () => {
  test('joins x86 and arm into one tag, mounting what the registry has', async () => {
    const { images, json } = desk()
    const registry = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/x86/app:v1`)
    await images(`copy oci-archive:two.tar docker://${registry.host}/arm/app:v1`)
    const { result } = await json(`index create ${registry.host}/app:v1 ${registry.host}/x86/app:v1 ${registry.host}/arm/app:v1`)
    assert.equal(result['sentBytes'], 0)
    const { out } = await images(`inspect ${registry.host}/app:v1`)
    assert.match(out, /kind {6}index, .*\n[^]*PLATFORM.*\nlinux\/amd64 +sha256:.*\nlinux\/arm64 +sha256:/)
    const { exit, err } = await images(
      `index create ${registry.host}/app:v2 ${registry.host}/x86/app:v1 oci-archive:one.tar docker-archive:docker.tar`,
    )
    assert.equal(exit, 2)
    assert.match(err, /two images are for linux\/amd64/)
  })
})

describe('images inspect', () => {
  test('shows the manifest byte for byte, the config of one platform, and a summary', async () => {
    const { images, json } = desk()
    const registry = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app`)
    const stored = registry.manifests.get('app:v1')!.bytes
    assert.equal((await images(`inspect --raw ${registry.host}/app:v1`)).out, stored.toString())
    const config = JSON.parse((await images(`inspect --image-config ${registry.host}/app:v1`)).out) as { architecture: string }
    assert.equal(config.architecture, 'amd64')
    const { result } = await json(`inspect ${registry.host}/app:v1`)
    assert.deepEqual([result['digest'], result['kind'], (result['layers'] as unknown[]).length], [digestOf(stored), 'image', 2])
    assert.equal((await images(`inspect ${registry.host}/app:nope`)).exit, 4)
    assert.match((await images('inspect docker-archive:docker.tar')).out, /application\/vnd\.oci\.image\.layer\.v1\.tar\+gzip/)
  })
})

describe('images inspect, on a terminal', () => {
  test('has colours that the terminal understands, and sizes also where it is narrow', async () => {
    const { images } = desk()
    const variables = { NO_COLOR: '', TERM: 'xterm-256color' }
    const { out } = await images('inspect oci-archive:one.tar:v1', { columns: 60, variables })
    assert.match(out.replaceAll('\u001b', '<ESC>'), /<ESC>\[1mLAYER +SIZE/)
    assert.doesNotMatch(out, /\\u001b/, 'nothing is shown that was meant for the terminal')
    assert.match(out, /\nsha256:[0-9a-f]{5,}… +\d+ (B|KiB)/)
  })
})

describe('images tags', () => {
  test('lists all, sorted, and says where there is no repository', async () => {
    const { images, json } = desk()
    const { host } = await peer()
    for (const tag of ['v2', 'v10', 'latest']) await images(`copy oci-archive:one.tar:v1 docker://${host}/app:${tag}`)
    assert.equal((await images(`tags ${host}/app`)).out, 'latest\nv10\nv2\n')
    assert.deepEqual((await json(`tags docker://${host}/app`)).result['tags'], ['latest', 'v10', 'v2'])
    assert.equal((await images(`tags ${host}/nothing`)).exit, 4)
    assert.equal((await images('tags oci:folder')).exit, 2)
  })
})

describe('images diff', () => {
  test('shows what differs, and exits with 1 where that was asked for', async () => {
    const { images } = desk()
    const { host } = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${host}/app`)
    const differ = await images(`diff ${host}/app:v1 oci-archive:two.tar --exit-code`)
    assert.equal(differ.exit, 1)
    assert.match(
      differ.out,
      /~ platform +platform: linux\/amd64 -> linux\/arm64\n- layer +sha256:.*\n\+ layer +sha256:.*\n3 differences; 1 layer shared/,
    )
    assert.equal((await images(`diff ${host}/app:v1 oci-archive:two.tar`)).exit, 0)
    const same = await images(`diff ${host}/app:v1 oci-archive:one.tar --exit-code`)
    assert.deepEqual([same.exit, same.out.split(':', 1)[0]], [0, 'no difference'])
  })
})

describe('images delete', () => {
  test('deletes a tag when it is agreed to, and exits with 3 where there is none', async () => {
    const { images } = desk()
    const registry = await peer()
    await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app`)
    assert.equal((await images(`delete ${registry.host}/app:v1`)).exit, 2)
    assert.ok(registry.manifests.has('app:v1'))
    const { exit, out } = await images(`delete ${registry.host}/app:v1 --yes`)
    assert.deepEqual([exit, out.replace(/sha256:\w+/, 'DIGEST')], [0, 'deleted v1 (DIGEST)\n'])
    const none = await images(`delete ${registry.host}/app:v1 --yes`)
    assert.equal(none.exit, 3)
    assert.equal((await images(`delete ${registry.host}/app --yes`)).exit, 2)
  })

  test('by digest is told which other tags go, and a registry that does no other is said', async () => {
    const { images } = desk()
    const registry = await peer()
    for (const tag of ['v1', 'v2']) await images(`copy oci-archive:one.tar:v1 docker://${registry.host}/app:${tag}`)
    registry.instead(/^DELETE .*manifests\/v1/, (_request, response) => refuse(response, 405, 'UNSUPPORTED'), 9)
    const told = await images(`delete ${registry.host}/app:v1 --yes`)
    assert.equal(told.exit, 7)
    assert.match(
      told.err,
      /deletes by digest only: v1 would go with sha256:\w+, and so would v2, which names it too\n[^]*next: nothing was deleted: --by-digest/,
    )
    const dry = await images(`delete ${registry.host}/app:v1 --by-digest --dry-run`)
    assert.match(dry.out, /^would delete v1, v2 \(sha256:/)
    assert.equal((await images(`delete ${registry.host}/app:v1 --by-digest --yes`)).exit, 0)
  })
})
