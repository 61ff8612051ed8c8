import assert from 'node:assert/strict'
import { mkdirSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { findCredentials } from '../oci/index.ts'
import { type ImagesAccess, registrySources } from './registry-login.ts'

const home = scratchDirectory()
mkdirSync(path.join(home, '.docker'))
const auth = Buffer.from('docker:from-docker').toString('base64')
writeFileSync(path.join(home, '.docker/config.json'), JSON.stringify({ auths: { 'r.example:5000': { auth }, 'other.example': { auth } } }))

async function login(env: Record<string, string>, access: ImagesAccess = {}, host = 'r.example:5000', registryUsername?: string) {
  const sources = registrySources({ registry: 'r.example:5000', registryUsername }, access, { env, home })
  const found = await findCredentials(sources)(host)
  return found?.kind === 'password' ? `${found.user}:${found.password} (${found.from})` : undefined
}

const all = {
  GITLAB_REGISTRY_USERNAME: 'reg',
  GITLAB_REGISTRY_PASSWORD: 'reg-password',
  CI_REGISTRY: 'r.example:5000',
  CI_REGISTRY_USER: 'ci',
  CI_REGISTRY_PASSWORD: 'ci-password',
  GITLAB_TOKEN: 'gitlab-token',
}
const without = (...names: (keyof typeof all)[]) =>
  Object.fromEntries(Object.entries(all).filter(([name]) => !names.some((each) => each === name)))

describe('who logs in at the configured registry', () => {
  test('is what was given, then GITLAB_REGISTRY_*, then CI_REGISTRY_*, then the token of GitLab, then what Docker knows', async () => {
    assert.equal(
      await login(all, { registryPassword: 'typed-password', gitlabToken: 'typed-token' }),
      'reg:typed-password (the command line)',
    )
    assert.equal(await login(all), 'reg:reg-password (GITLAB_REGISTRY_PASSWORD)')
    assert.equal(await login(without('GITLAB_REGISTRY_PASSWORD')), 'reg:ci-password (CI_REGISTRY_PASSWORD)')
    assert.equal(await login(without('GITLAB_REGISTRY_USERNAME', 'GITLAB_REGISTRY_PASSWORD')), 'ci:ci-password (CI_REGISTRY_PASSWORD)')
    assert.equal(await login({ CI_REGISTRY_PASSWORD: 'ci-password' }), 'gitlab-ci-token:ci-password (CI_REGISTRY_PASSWORD)')
    assert.equal(await login({ GITLAB_TOKEN: 'gitlab-token' }), 'oauth2:gitlab-token (GITLAB_TOKEN)')
    assert.equal(await login({ GITLAB_TOKEN: 'gitlab-token' }, { gitlabToken: 'typed-token' }), 'oauth2:typed-token (the command line)')
    assert.equal(await login({}), `docker:from-docker (${path.join(home, '.docker/config.json')})`)
  })

  test('may be named beside a password or a token from elsewhere', async () => {
    assert.equal(await login({ GITLAB_TOKEN: 'gitlab-token' }, {}, 'r.example:5000', 'ann'), 'ann:gitlab-token (GITLAB_TOKEN)')
    assert.equal(await login({ GITLAB_TOKEN: 'gitlab-token', CI_REGISTRY_USER: 'ci' }), 'ci:gitlab-token (GITLAB_TOKEN)')
  })

  test('is not what CI has for another registry', async () => {
    const env = { ...without('GITLAB_REGISTRY_PASSWORD', 'GITLAB_REGISTRY_USERNAME'), CI_REGISTRY: 'elsewhere.example' }
    assert.equal(await login(env), 'oauth2:gitlab-token (GITLAB_TOKEN)')
  })

  test('is nobody whose secret is empty', async () => {
    assert.match((await login({ GITLAB_REGISTRY_PASSWORD: '', GITLAB_TOKEN: '' })) ?? '', /^docker:from-docker/)
  })

  test('is only what Docker knows where that was asked for', async () => {
    assert.match((await login(all, { isDockerLogin: true, registryPassword: 'typed-password' })) ?? '', /^docker:from-docker/)
    assert.equal(await login(all, { isDockerLogin: true }, 'r.example'), undefined)
  })
})

test('another registry is told nothing of it', async () => {
  assert.match((await login(all, { registryPassword: 'typed-password' }, 'other.example')) ?? '', /^docker:from-docker/)
  assert.equal(await login(all, { registryPassword: 'typed-password' }, 'r.example'), undefined)
})
