import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import { readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { after, before, describe, test } from 'node:test'
import { openGitHub } from '../../src/images/github/github.ts'
import { githubToken, velox } from '../../src/images/index.ts'
import { createHttp } from '../../src/kit/http/index.ts'
import { Fault, run, silent, systemClock } from '../../src/kit/index.ts'
import { type GitHubStandIn, startGitHub } from '../fakes/github/github.ts'
import { scratchDirectory } from '../fakes/scratch.ts'
import { zipBytes } from '../fakes/zip-bytes.ts'
import { ensureDebianPackages } from '../services/install.ts'

/* GitHub's own client is as happy with the stand-in as with GitHub: what our client is shown there is what GitHub would show. */

const tag = 'presto-92865fbce0d2-velox-65797d572e0a-linux-amd64'
const why = await whyNot()
const folder = scratchDirectory()

describe('gh, GitHub’s own client', { skip: why }, () => {
  let github: GitHubStandIn
  let env: Record<string, string>
  before(async () => {
    const [key, cert] = ['key.pem', 'cert.pem'].map((name) => path.join(folder, name)) as [string, string]
    const kind = ['-x509', '-nodes', '-days', '2', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1']
    const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1']
    execFileSync('openssl', ['req', ...kind, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' })
    const content = zipBytes([{ name: 'build-metadata.txt', content: Buffer.from(`Image tag: ${tag}\n`) }])
    github = await startGitHub({
      tls: { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') },
      storageHostname: 'localhost',
      runs: [{ conclusion: 'failure' }, { tag, artifacts: [{ content }] }],
    })
    // Not in GH_ENTERPRISE_TOKEN: this version sends that to every host that an answer points to.
    const host = new URL(github.api).host
    writeFileSync(path.join(folder, 'hosts.yml'), `"${host}":\n  oauth_token: ${github.token}\n  user: ann\n  git_protocol: https\n`)
    env = {
      PATH: process.env['PATH'] ?? '',
      HOME: folder,
      GH_CONFIG_DIR: folder,
      GH_HOST: host,
      GH_NO_UPDATE_NOTIFIER: '1',
      GH_PROMPT_DISABLED: '1',
      SSL_CERT_FILE: cert,
    }
  })
  after(() => github.close())

  async function gh(line: string): Promise<string> {
    const { status, stdout, stderr } = await run(['gh', ...line.split(' '), '--repo', `${env['GH_HOST']}/${github.repo}`], {
      env,
      cwd: folder,
    })
    assert.equal(status, 0, stderr)
    return stdout
  }

  test('lists the runs of the workflow', async () => {
    const listed = JSON.parse(await gh('run list --workflow presto-build-images.yml --json databaseId,conclusion,headBranch')) as unknown
    assert.deepEqual(listed, [
      { conclusion: 'success', databaseId: 7_000_000_002, headBranch: 'main' },
      { conclusion: 'failure', databaseId: 7_000_000_001, headBranch: 'main' },
    ])
  })
  test('shows a run, and its log with the metadata block', async () => {
    assert.match(await gh('run view 7000000002'), /✓ build in 0s[^]*presto-images-7000000002/)
    assert.match(await gh('run view 7000000002 --log'), new RegExp(`^build\\tBuild\\t\\S+Z Image tag +: ${tag}$`, 'm'))
  })
  test('downloads its artifact', async () => {
    await gh('run download 7000000002 --dir out')
    const names = readFileSync(path.join(folder, 'out/presto-images-7000000002/build-metadata.txt'), 'utf8')
    assert.equal(names, `Image tag: ${tag}\n`)
  })
  test('sees what ours sees, over TLS with an authority of its own', async () => {
    const http = createHttp({ clock: systemClock, random: () => 0, userAgent: 'tests', ca: [readFileSync(env['SSL_CERT_FILE']!, 'utf8')] })
    const token = () => Promise.resolve(github.token)
    const { api, repo, workflow } = github
    const { metadata } = velox.preset
    const ours = openGitHub({
      api,
      repo,
      workflow,
      metadata,
      token,
      http,
      cacheDir: folder,
      clock: systemClock,
      random: () => 0,
      report: silent,
    })
    const [run] = await ours.runs({ limit: 5 })
    assert.equal(run?.id, 7_000_000_002)
    // The storage of the tests is on the same machine, without TLS.
    await assert.rejects(ours.metadata(run), { code: 'denied', message: /sends us to http:\/\/localhost:\d+, away from https/ })
    http.close()
  })
  test('gives us its token', async () => {
    const token = githubToken({ api: github.api, env, report: () => undefined })
    assert.equal(await token(), github.token)
  })
  test('starts the workflow', async () => {
    await gh('workflow run presto-build-images.yml --ref dev --field presto_commit=main')
    assert.equal(github.runs.at(-1)?.scene.branch, 'dev')
  })
})

async function whyNot(): Promise<string | false> {
  try {
    await ensureDebianPackages(['gh', 'openssl'])
    return false
  } catch (error) {
    return error instanceof Fault ? `needs gh and openssl: ${error.hint}` : String(error)
  }
}
