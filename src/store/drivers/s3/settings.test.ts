import assert from 'node:assert/strict'
import { test } from 'node:test'
import { bytesOf, explain, redact } from '../../../kit/index.ts'
import { createS3Store } from './index.ts'
import { MiB, resolveSettings } from './settings.ts'

test('with nothing given it is Amazon: virtual hosts, and the region and the keys from the AWS files', () => {
  const { endpoint, region, pathStyle, credentials, partSize, concurrency } = resolveSettings({ env: {} })
  assert.deepEqual([endpoint, region, pathStyle, credentials, partSize, concurrency], [undefined, undefined, false, undefined, 8 * MiB, 4])
})

test('with an endpoint it is path style and some region, unless it is said otherwise', () => {
  const given = resolveSettings({ endpoint: 'http://127.0.0.1:9000/', env: {} })
  assert.deepEqual([given.endpoint, given.region, given.pathStyle], ['http://127.0.0.1:9000', 'us-east-1', true])
  const said = resolveSettings({ endpoint: 'https://s3.example.com', pathStyle: false, region: 'here', env: {} })
  assert.deepEqual([said.region, said.pathStyle], ['here', false])
})

test('what is given outranks the environment, and S3’s own endpoint the common one', () => {
  const env = {
    AWS_ENDPOINT_URL: 'https://all.example.com',
    AWS_ENDPOINT_URL_S3: 'https://s3.example.com',
    AWS_REGION: 'r1',
    AWS_DEFAULT_REGION: 'r2',
    AWS_ACCESS_KEY_ID: 'id',
    AWS_SECRET_ACCESS_KEY: 'the-secret-of-the-environment',
    AWS_SESSION_TOKEN: 'the-token-of-the-environment',
  }
  const { endpoint, region, credentials } = resolveSettings({ env })
  assert.deepEqual([endpoint, region], ['https://s3.example.com', 'r1'])
  assert.deepEqual(credentials, {
    accessKeyId: 'id',
    secretAccessKey: 'the-secret-of-the-environment',
    sessionToken: 'the-token-of-the-environment',
  })
  const given = resolveSettings({ env, region: 'r3', accessKeyId: 'mine', secretAccessKey: 'a-secret-of-mine' })
  assert.deepEqual([given.region, given.credentials], ['r3', { accessKeyId: 'mine', secretAccessKey: 'a-secret-of-mine' }])
})

test('a profile that is asked for outranks keys in the environment; AWS_PROFILE does not', () => {
  const keys = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'some-secret' }
  assert.equal(resolveSettings({ profile: 'work', env: keys }).credentials, undefined)
  assert.equal(resolveSettings({ env: { ...keys, AWS_PROFILE: 'work' } }).credentials?.accessKeyId, 'id')
  assert.equal(resolveSettings({ env: { AWS_PROFILE: 'work' } }).profile, 'work')
})

test('places are equal for one server, region and account, and differ otherwise', () => {
  const base = { endpoint: 'http://127.0.0.1:9000', accessKeyId: 'one', secretAccessKey: 'secret-one', env: {} }
  const { place } = resolveSettings(base)
  assert.equal(resolveSettings({ ...base, secretAccessKey: 'secret-two' }).place, place)
  for (const other of [{ accessKeyId: 'two' }, { region: 'there' }, { endpoint: 'http://127.0.0.1:9001' }]) {
    assert.notEqual(resolveSettings({ ...base, ...other }).place, place)
  }
  assert.ok(!place.includes('secret-one'))
})

test('half of a credential, an endpoint that is none, and sizes that S3 does not take are invalid', () => {
  for (const wrong of [
    { accessKeyId: 'id' },
    { secretAccessKey: 'only-the-secret' },
    { endpoint: 'ftp://host' },
    { endpoint: 'https://user:password@host' },
    { endpoint: 'not a url' },
    { partSize: 5 * MiB - 1 },
    { concurrency: 0 },
    { copyThreshold: 1 },
    { idleTimeout: Number.NaN },
  ]) {
    assert.throws(() => resolveSettings({ ...wrong, env: {} }), { code: 'invalid' }, JSON.stringify(wrong))
  }
})

test('a secret that was given is hidden wherever it turns up', () => {
  resolveSettings({ accessKeyId: 'id', secretAccessKey: 'hide-this-secret', sessionToken: 'hide-this-token', env: {} })
  assert.equal(redact('a hide-this-secret and a hide-this-token'), 'a [hidden] and a [hidden]')
})

test('credentials that are not found are denied, with the ways to give them; a region that is missing is invalid', async () => {
  const lost = createS3Store({
    bucket: 'bucket',
    endpoint: 'http://127.0.0.1:1',
    profile: 'no-such-profile-anywhere',
    region: 'r',
    env: {},
  })
  const denied: unknown = await lost.put('key', bytesOf('x')).catch((error: unknown) => error)
  assert.match(explain(denied), /no credentials were found[^]*AWS_ACCESS_KEY_ID/)
  const nowhere = createS3Store({ bucket: 'bucket', profile: 'no-such-profile-anywhere', env: {} })
  await assert.rejects(nowhere.put('key', bytesOf('x')), { code: 'invalid', hint: /region/ })
})
