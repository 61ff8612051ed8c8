import assert from 'node:assert/strict'
import { mkdtempSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { describe, test } from 'node:test'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { indexEnvironment, indexEnvironmentNames, loadConfig } from './index.ts'

const scratch = scratchDirectory()

async function load(toml: string) {
  const folder = mkdtempSync(path.join(scratch, 'config-'))
  writeFileSync(path.join(folder, 'holdfast.toml'), toml)
  return await loadConfig({ cwd: folder, env: {} })
}

const two = `
[index]
prefixes = ["v2-staging/gfx94X-dcgpu/", "v2/gfx94X-dcgpu"]
keep = 60
[index.dependencies.numpy]
projects = ["torch", "rocm"]
versions = ["latest", "2.1.3"]
[index.env.dev]
bucket = "s3://dev-python"
[index.env.nightly]
bucket = "s3://nightly-python"
urls = ["https://rocm.nightlies.example.com/"]
protected = true
grace = "2h"
`

describe('an index environment', () => {
  test('is [index] with what its own table says otherwise', async () => {
    const { index, file } = await load(two)
    const nightly = indexEnvironment(index, file, 'nightly', {})
    assert.deepEqual(
      [nightly.bucket, nightly.isProtected, nightly.grace, nightly.keep, nightly.urls],
      ['s3://nightly-python', true, 7_200_000, 60, ['https://rocm.nightlies.example.com']],
    )
    assert.deepEqual(nightly.prefixes, ['v2-staging/gfx94X-dcgpu', 'v2/gfx94X-dcgpu'])
    assert.deepEqual(nightly.dependencies[0]!.projects, ['torch', 'rocm'])
    const dev = indexEnvironment(index, file, 'dev', {})
    assert.deepEqual([dev.isProtected, dev.grace, dev.upstream], [false, 86_400_000, 'https://pypi.org/simple'])
    assert.deepEqual(indexEnvironmentNames(index), ['dev', 'nightly'])
  })

  test('is chosen by S3_BUCKET_PY where one has that bucket, with all that is said of it', async () => {
    const { index, file } = await load(two)
    const chosen = indexEnvironment(index, file, undefined, { S3_BUCKET_PY: 'nightly-python' })
    assert.deepEqual([chosen.name, chosen.isProtected], ['nightly', true])
  })

  test('takes an unknown bucket from S3_BUCKET_PY, and more prefixes from CUSTOM_PREFIX', async () => {
    const { index, file } = await load(two)
    const chosen = indexEnvironment(index, file, undefined, { S3_BUCKET_PY: 'mine', CUSTOM_PREFIX: 'v3/gfx950' })
    assert.deepEqual([chosen.name, chosen.bucket, chosen.prefixes.at(-1)], ['default', 's3://mine', 'v3/gfx950'])
    assert.equal(indexEnvironment(undefined, undefined, undefined, { S3_BUCKET_PY: 'mine' }).keepGenerations, 60)
  })

  test('that is named wins over S3_BUCKET_PY', async () => {
    const { index, file } = await load(two)
    assert.equal(indexEnvironment(index, file, 'dev', { S3_BUCKET_PY: 'nightly-python' }).bucket, 's3://dev-python')
  })

  test('that is unknown, without a bucket or not configured at all is told with what to do', async () => {
    const { index, file } = await load(two)
    assert.throws(() => indexEnvironment(index, file, 'nightyl', {}), { code: 'invalid', hint: 'did you mean nightly?' })
    assert.throws(() => indexEnvironment(index, file, undefined, {}), { code: 'invalid', message: /no bucket/ })
    assert.throws(() => indexEnvironment(undefined, undefined, undefined, {}), { code: 'invalid', hint: /holdfast init/ })
  })

  test('has prefixes that stay in the bucket', async () => {
    await assert.rejects(load('[index]\nprefixes = ["../x"]\n'), { code: 'invalid', message: /expected a prefix such as/ })
    await assert.rejects(load('[index]\nprefixes = ["/v2"]\n'), { code: 'invalid' })
  })
})
