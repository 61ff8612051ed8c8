import assert from 'node:assert/strict'
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { explain, Fault, isFault } from '../../kit/index.ts'
import { type CredentialSources, findCredentials } from './find.ts'

const scratch = scratchDirectory()
let homes = 0

async function home(config?: unknown): Promise<string> {
  const folder = path.join(scratch, `home-${++homes}`)
  await mkdir(path.join(folder, '.docker'), { recursive: true })
  const text = typeof config === 'string' ? config : JSON.stringify(config)
  if (config !== undefined) await writeFile(path.join(folder, '.docker/config.json'), text)
  return folder
}

const find = async (host: string, sources: Partial<CredentialSources> & { config?: unknown } = {}) => {
  const { config, ...rest } = sources
  return await findCredentials({ env: {}, home: await home(config), ...rest })(host)
}

const login = async (host: string, sources?: Parameters<typeof find>[1]) => {
  const found = await find(host, sources)
  return found?.kind === 'password' ? `${found.user}:${found.password}` : found?.token
}

const auth = (text: string) => ({ auth: Buffer.from(text).toString('base64') })

describe("Docker's config.json", () => {
  test('gives what it has for the host, and nothing for another', async () => {
    const config = { auths: { 'r.example:5000': auth('ann:pass:word') } }
    assert.equal(await login('r.example:5000', { config }), 'ann:pass:word')
    for (const other of ['r.example', 'r.example:5001', 'example:5000', 'evil.r.example:5000'])
      assert.equal(await login(other, { config }), undefined, other)
  })

  test('is absent, empty, or without a login: there is none', async () => {
    for (const config of [undefined, {}, { auths: {} }, { auths: { 'r.example': {} } }, { auths: { 'r.example': null } }])
      assert.equal(await login('r.example', { config }), undefined)
  })

  test('may write the host with a scheme and a version, but not with the path of a part', async () => {
    for (const name of ['https://r.example', 'https://r.example/', 'http://r.example/v1/', 'r.example/v2', 'https://r.example/v2/'])
      assert.equal(await login('r.example', { config: { auths: { [name]: auth('a:bcdefg') } } }), 'a:bcdefg', name)
    assert.equal(await login('r.example', { config: { auths: { 'r.example/team': auth('a:bcdefg') } } }), undefined)
  })

  test('knows Docker Hub by its old address', async () => {
    assert.equal(await login('docker.io', { config: { auths: { 'https://index.docker.io/v1/': auth('a:bcdefg') } } }), 'a:bcdefg')
  })

  test('may hold an identity token, or a user and password in plain', async () => {
    const config = { auths: { a: { ...auth('00000000:'), identitytoken: 'the-token' }, b: { username: 'u', password: 'p1p1p1' } } }
    assert.equal(await login('a', { config }), 'the-token')
    assert.equal(await login('b', { config }), 'u:p1p1p1')
  })

  test('lies in DOCKER_CONFIG where that is set', async () => {
    const other = await home({ auths: { 'r.example': auth('x:yyyyyy') } })
    assert.equal(await login('r.example', { env: { DOCKER_CONFIG: path.join(other, '.docker') } }), 'x:yyyyyy')
  })

  test('that cannot be read, or whose login is none, is told without its content', async () => {
    for (const config of ['{"auths": {"r.example": {"auth": "c2VjcmV0', { auths: { 'r.example': auth('only-a-secret') } }]) {
      await assert.rejects(find('r.example', { config }), (error) => {
        assert.ok(isFault(error, 'invalid'))
        assert.doesNotMatch(explain(error), /c2VjcmV0|only-a-secret/)
        return true
      })
    }
  })
})

describe('a credential helper', () => {
  const helper = async (name: string, script: string) => {
    const folder = path.join(scratch, `bin-${name}`)
    await mkdir(folder, { recursive: true })
    const file = path.join(folder, `docker-credential-${name}`)
    await writeFile(file, `#!/bin/sh\n${script}\n`)
    await chmod(file, 0o755)
    return { folder, env: { PATH: `${folder}:/usr/bin:/bin` } }
  }

  test('is asked with the host on its standard input, and nothing in its arguments', async () => {
    const { folder, env } = await helper(
      'asked',
      'cd "$(dirname "$0")"; echo "$@" >args; cat >input; echo \'{"ServerURL":"x","Username":"u","Secret":"s3cr3t"}\'',
    )
    const config = { credHelpers: { 'r.example': 'asked' }, auths: { 'r.example': auth('file:password') } }
    assert.equal(await login('r.example', { config, env }), 'u:s3cr3t')
    assert.equal(await readFile(path.join(folder, 'args'), 'utf8'), 'get\n')
    assert.equal(await readFile(path.join(folder, 'input'), 'utf8'), 'r.example\n')
    const found = await find('r.example', { config, env })
    assert.equal(found?.from, 'docker-credential-asked')
  })

  test('for all registries stands back behind that of one', async () => {
    const { env } = await helper('all', 'echo \'{"Username":"<token>","Secret":"identity"}\'')
    assert.equal(await login('r.example', { config: { credsStore: 'all' }, env }), 'identity')
    assert.equal(await login('r.example', { config: { credsStore: 'none', credHelpers: { 'r.example': 'all' } }, env }), 'identity')
  })

  test('that knows nothing of the host gives none', async () => {
    const { env } = await helper('empty', 'echo "credentials not found in native keychain"; exit 1')
    assert.equal(await login('r.example', { config: { credsStore: 'empty' }, env }), undefined)
  })

  test('that fails, is missing, has a path for a name, or speaks nonsense is a fault, and no secret gets out', async () => {
    const { env } = await helper('locked', 'echo "the keychain is locked"; exit 1')
    const { env: mumbling } = await helper('mumbling', 'echo "hunter2-the-secret"')
    const cases = [
      { config: { credsStore: 'locked' }, env, code: 'denied', says: /the keychain is locked/ },
      { config: { credsStore: 'absent' }, env, code: 'unsupported', says: /docker-credential-absent is not installed/ },
      { config: { credsStore: '../../evil' }, env, code: 'invalid', says: /not the name/ },
      { config: { credsStore: 'mumbling' }, env: mumbling, code: 'corrupt', says: /no answer/ },
    ]
    for (const { code, says, ...sources } of cases) {
      const error: unknown = await find('r.example', sources).then(
        () => undefined,
        (thrown: unknown) => thrown,
      )
      assert.ok(error instanceof Fault && error.code === code, `${code}: ${String(error)}`)
      assert.match(error.message, says)
      assert.doesNotMatch(explain(error), /hunter2/)
    }
  })
})

describe("GitLab's variables", () => {
  const gitlabRegistry = 'gitlab.example:5005'

  test('are for its registry alone', async () => {
    const env = { GITLAB_TOKEN: 'glpat-0123456789', GITLAB_REGISTRY_USERNAME: 'bot' }
    assert.equal(await login(gitlabRegistry, { env, gitlabRegistry }), 'bot:glpat-0123456789')
    assert.equal(await login('other.example', { env, gitlabRegistry }), undefined)
    assert.equal(await login(gitlabRegistry, { env }), undefined)
  })

  test('prefer a password of the registry to the token of all of GitLab', async () => {
    const env = { GITLAB_TOKEN: 'glpat-0123456789', GITLAB_REGISTRY_PASSWORD: 'deploy-token' }
    assert.equal(await login(gitlabRegistry, { env, gitlabRegistry }), 'oauth2:deploy-token')
  })

  test('of CI are for the registry that CI names', async () => {
    const env = { CI_REGISTRY: 'ci.example', CI_REGISTRY_USER: 'gitlab-ci-token', CI_REGISTRY_PASSWORD: 'job-token' }
    assert.equal(await login('ci.example', { env }), 'gitlab-ci-token:job-token')
    assert.equal(await login('docker.io', { env }), undefined)
  })

  test('stand back behind what the user gives, and go before what Docker knows', async () => {
    const env = { GITLAB_TOKEN: 'glpat-0123456789' }
    const config = { auths: { [gitlabRegistry]: auth('whale:moby-dick') } }
    const given = { host: gitlabRegistry, user: 'me', password: 'from-stdin' }
    assert.equal(await login(gitlabRegistry, { env, gitlabRegistry, config, given }), 'me:from-stdin')
    assert.equal(await login('else.example', { given }), undefined)
    assert.equal(await login(gitlabRegistry, { env, gitlabRegistry, config }), 'oauth2:glpat-0123456789')
    assert.equal(await login(gitlabRegistry, { config }), 'whale:moby-dick')
  })
})
