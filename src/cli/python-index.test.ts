import assert from 'node:assert/strict'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { test } from 'node:test'
import { buildWheel, type WheelRecipe } from '../../test/fakes/distributions.ts'
import { scratchDirectory } from '../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../test/fakes/terminal.ts'
import { startFakeUpstream } from '../../test/fakes/upstream.ts'
import { runCli } from './program.ts'

const scratch = scratchDirectory()

const usual = `
[index]
bucket = "file:./bucket"
prefixes = ["v2-staging/gpu", "v2/gpu"]
[index.dependencies.numpy]
projects = ["torch"]
[index.env.nightly]
bucket = "file:./nightly"
protected = true
`

function desk(toml = usual) {
  const cwd = mkdtempSync(path.join(scratch, 'cli-'))
  writeFileSync(path.join(cwd, 'holdfast.toml'), toml)
  const run = async (words: readonly string[], env: Record<string, string> = {}) => {
    const all = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), USER: 'ann', NO_COLOR: '1', ...env }
    const terminal = fakeTerminal({ cwd, env: all })
    const exit = await runCli(words, terminal.host)
    return { exit, out: terminal.out(), err: terminal.err() }
  }
  return {
    cwd,
    holdfast: (line: string, env?: Record<string, string>) => run(line.split(' '), env),
    add(prefix: string, recipe: WheelRecipe, bucket = 'bucket') {
      const { file, bytes } = buildWheel(recipe)
      mkdirSync(path.join(cwd, bucket, prefix), { recursive: true })
      writeFileSync(path.join(cwd, bucket, prefix, file), bytes)
      return file
    },
  }
}

test('a wheel is published, promoted, rolled back and found again by generation', async () => {
  const at = desk()
  const file = at.add('v2-staging/gpu', { name: 'torch', version: '2.6.0' })
  const { exit, out } = await at.holdfast('index publish all')
  assert.equal(exit, 0)
  assert.match(
    out,
    /^v2-staging\/gpu: generation 1; 1 file added; .*\n {2}\+ torch-2\.6\.0-py3-none-any\.whl\nv2\/gpu: no wheels there, nothing published\n/,
  )
  assert.match((await at.holdfast('index publish all')).out, /^v2\/gpu: no wheels there.*\n1 index stands as published\n/)
  const lost = await at.holdfast('index promote v2-staging/gpu v2/gpu --expect 7')
  assert.deepEqual(
    [lost.exit, /next: see: holdfast index generations v2-staging\/gpu\n/.test(lost.err)],
    [5, true],
    'there is no generation 7 to compare with',
  )
  assert.match((await at.holdfast('index promote v2-staging/gpu v2/gpu --expect 1')).out, /^v2\/gpu: generation 2; 1 file added;/)
  assert.equal((await at.holdfast('index promote v2-staging/gpu v2/gpu')).exit, 3)
  assert.ok(existsSync(path.join(at.cwd, 'bucket/v2/gpu', `${file}.metadata`)))
  at.add('v2/gpu', { name: 'torch', version: '2.7.0' })
  await at.holdfast('index publish v2/gpu')
  assert.match((await at.holdfast('index rollback v2/gpu')).out, /1 file removed;/)
  assert.doesNotMatch(readFileSync(path.join(at.cwd, 'bucket/v2/gpu/torch/index.html'), 'utf8'), /2\.7\.0/)
  assert.match((await at.holdfast('index publish v2/gpu')).out, /stands as published|stays in the bucket and off/)
  assert.match((await at.holdfast('index generations v2/gpu')).out, /rollback[^]*publish[^]*promote/)
  assert.match((await at.holdfast('index diff v2/gpu@3')).out, /- torch-2\.7\.0-py3-none-any\.whl \(rolled-back\)/)
})

test('a file that cannot be published is told with its reason, and the exit status is 11', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'torch', version: '2.6.0' })
  writeFileSync(path.join(at.cwd, 'bucket/v2/gpu/bad-1.0-py3-none-any.whl'), 'no zip')
  const { exit, out, err } = await at.holdfast('index publish v2/gpu')
  assert.equal(exit, 11)
  assert.match(out, /\+ torch.*\n {2}refused bad-1\.0-py3-none-any\.whl: it is no zip/)
  assert.match(err, /1 file cannot be published; the rest is published/)
  writeFileSync(path.join(at.cwd, 'bucket/v2/gpu/README.txt'), 'hello')
  assert.doesNotMatch((await at.holdfast('index publish v2/gpu')).out, /README/)
  assert.match((await at.holdfast('index publish v2/gpu --verbose')).out, /v2\/gpu: 1 object of somebody else, left alone: README\.txt/)
})

test('--no-read lists what has no digest and exits with 11; require_hash refuses it', async () => {
  const torch = { name: 'torch', version: '2.6.0', size: 300_000 }
  for (const [hash, listed, said] of [
    ['false', /\+ torch.*\n {2}without a digest torch-2\.6\.0/, /1 file without a digest; the rest is published/],
    ['true', /refused torch-2\.6\.0-py3-none-any\.whl: /, /1 file cannot be published/],
  ] as const) {
    const at = desk(`[index]\nbucket = "file:./bucket"\nprefixes = ["v2/gpu"]\nrequire_hash = ${hash}\n`)
    at.add('v2/gpu', torch)
    at.add('v2/gpu', { name: 'small', version: '1' })
    const { exit, out, err } = await at.holdfast('index publish v2/gpu --no-read')
    assert.equal(exit, 11, err)
    assert.match(out, listed)
    assert.match(err, said)
    const whole = await at.holdfast('index publish v2/gpu')
    assert.equal(whole.exit, 0, whole.err)
    assert.match(readFileSync(path.join(at.cwd, 'bucket/v2/gpu/torch/index.html'), 'utf8'), /#sha256=[0-9a-f]{64}/)
  }
})

test('--include-withdrawn lists again what a roll-back took off', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'torch', version: '2.6.0' })
  await at.holdfast('index publish v2/gpu')
  const file = at.add('v2/gpu', { name: 'torch', version: '2.7.0' })
  await at.holdfast('index publish v2/gpu')
  await at.holdfast('index rollback v2/gpu')
  assert.doesNotMatch((await at.holdfast('index publish v2/gpu')).out, /added/)
  assert.ok((await at.holdfast('index publish v2/gpu --include-withdrawn')).out.includes(`\n  + ${file}\n`))
})

test('the rules for a CDN are those of the environment, for people and for servers', async () => {
  const at = desk('[index]\nbucket = "file:./bucket"\nprefixes = ["v2"]\npage_cache_control = "public, max-age=7"\n')
  for (const server of ['rules', 'nginx', 'cloudfront']) {
    const { exit, out } = await at.holdfast(`index cdn --for ${server}`)
    assert.deepEqual([exit, out.length > 100], [0, true], server)
  }
  assert.match((await at.holdfast('index cdn')).out, /max-age=7/)
  assert.equal((await at.holdfast('index cdn --for apache')).exit, 2)
})

test('a name that has other bytes than before is told with what to do about caches', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'torch', version: '2.6.0' })
  await at.holdfast('index publish v2/gpu')
  const file = at.add('v2/gpu', { name: 'torch', version: '2.6.0', requires: ['numpy'] })
  const planned = await at.holdfast('index publish v2/gpu --dry-run')
  assert.match(planned.out, /v2\/gpu: 1 file changed;[^]*~ torch-2\.6\.0-py3-none-any\.whl was sha256:[^]*purge what --json names/)
  const { result } = JSON.parse((await at.holdfast('index publish v2/gpu --json')).out) as { result: { purge: string[] } }
  assert.ok(result.purge.includes(`/v2/gpu/${file}`))
})

test('an index that is named and holds nothing is an error, and so is a package that nobody has', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'torch', version: '2.6.0' })
  const { exit, err } = await at.holdfast('index publish v2/gpx')
  assert.equal(exit, 3)
  assert.match(err, /v2\/gpx/)
  const mixed = await at.holdfast('index publish v2/gpu v2/gpx')
  assert.equal(mixed.exit, 3)
  assert.match(mixed.out, /1 file added/)
  assert.match(mixed.err, /no wheels lie in v2\/gpx; the rest is done/)
  assert.equal((await at.holdfast('index publish v2/gpu --package tensorflow')).exit, 3)
})

test('a bucket that lost everything is not published as empty unless that is said', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'torch', version: '2.6.0' })
  await at.holdfast('index publish all')
  rmSync(path.join(at.cwd, 'bucket'), { recursive: true })
  const { exit, err } = await at.holdfast('index publish all')
  assert.equal(exit, 5)
  assert.match(err, /every file that v2\/gpu publishes is gone[^]*--allow-empty/)
  assert.equal((await at.holdfast('index reconcile')).exit, 5, 'pages without files are no better')
  assert.ok(!existsSync(path.join(at.cwd, 'bucket/v2')))
  assert.equal((await at.holdfast('index publish all --allow-empty')).exit, 0)
})

test('a protected environment shows what would change and asks; --yes agrees beforehand', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'torch', version: '2.6.0' }, 'nightly')
  const asked = await at.holdfast('index publish v2/gpu --env nightly')
  assert.equal(asked.exit, 2)
  assert.match(asked.err, /this changes what nightly[^]*\+ torch-2\.6\.0[^]*--yes/)
  assert.ok(!existsSync(path.join(at.cwd, 'nightly/v2/gpu/index.html')))
  assert.equal((await at.holdfast('index publish v2/gpu --env nightly --yes')).exit, 0)
  assert.match((await at.holdfast('index publish v2/gpu --env nightly')).out, /nothing to do/)
  assert.match((await at.holdfast('index serve --env nightly --pull-through')).err, /is kept in the bucket[^]*--yes/)
})

test('--do-not-upload writes the same pages into a folder, under the names that they link', async () => {
  const at = desk()
  at.add('v2/gpu', { name: 'My_Package.x', version: '1.0' })
  const { exit, out } = await at.holdfast('index publish v2/gpu --do-not-upload pages')
  assert.equal(exit, 0)
  assert.match(out, /nothing was published/)
  assert.deepEqual(readdirSync(path.join(at.cwd, 'pages/v2/gpu')).toSorted(), ['index.html', 'index.json', 'my-package-x'])
  assert.ok(!existsSync(path.join(at.cwd, 'bucket/v2/gpu/index.html')))
  await at.holdfast('index publish v2/gpu')
  const page = 'v2/gpu/my-package-x/index.html'
  assert.equal(readFileSync(path.join(at.cwd, 'pages', page), 'utf8'), readFileSync(path.join(at.cwd, 'bucket', page), 'utf8'))
})

test('prefixes are found where wheels lie', async () => {
  const at = desk('[index]\nbucket = "file:./bucket"\n')
  for (const prefix of ['v2/a', 'v2/b', 'v3/c']) at.add(prefix, { name: 'torch', version: '2.6.0' })
  const { exit, out } = await at.holdfast('index publish all --auto-detect-prefixes --starting-from v2/')
  assert.equal(exit, 0)
  assert.match(out, /^v2\/a: [^]*^v2\/b: /m)
  assert.doesNotMatch(out, /v3/)
  assert.equal((await at.holdfast('index publish all --auto-detect-prefixes --starting-from v9/')).exit, 3)
  assert.equal((await at.holdfast('index publish all --starting-from v2/')).exit, 2)
  assert.match((await at.holdfast('index publish all')).err, /no prefixes are configured/)
})

test('the variables of the original tools choose bucket and prefixes', async () => {
  const { exit, err } = await desk().holdfast('index status', { S3_BUCKET_PY: 'x-nightly', CUSTOM_PREFIX: 'v3/gpu' })
  assert.equal(exit, 4)
  assert.match(err, /nothing was ever published to s3:\/\/x-nightly/)
})

test('a dependency is mirrored into every prefix, and the closure gate holds back what lacks one', async (t) => {
  const upstream = await startFakeUpstream()
  t.after(() => upstream.close())
  upstream.add(buildWheel({ name: 'numpy', version: '2.1.3' }))
  const at = desk(usual.replace('[index]\n', `[index]\nupstream = "${upstream.url}"\n`))
  at.add('v2/gpu', { name: 'torch', version: '2.6.0', requires: ['numpy>=2'] })
  const refused = await at.holdfast('index publish v2/gpu --closure --python 3.12')
  assert.equal(refused.exit, 4)
  assert.match(refused.err, /v2\/gpu: torch 2\.6\.0 requires numpy>=2: no such project/)
  assert.match(
    (await at.holdfast('index mirror --package torch --dry-run')).out,
    /^dry run[^]*\+ numpy-2\.1\.3-py3-none-any\.whl -> v2-staging\/gpu, v2\/gpu\nwould fetch 1 file/,
  )
  assert.equal((await at.holdfast('index mirror --package torch')).exit, 0)
  assert.equal((await at.holdfast('index publish v2/gpu --closure --python 3.12')).exit, 0)
  rmSync(path.join(at.cwd, 'bucket/v2/gpu/numpy-2.1.3-py3-none-any.whl'))
  assert.equal((await at.holdfast('index publish v2/gpu --closure --python 3.12')).exit, 4)
  assert.equal((await at.holdfast('index publish v2/gpu')).exit, 0)
  assert.equal((await at.holdfast('index publish v2/gpu --closure --python 3.12')).exit, 4, 'though nothing changed')
  await at.holdfast('index mirror --package torch')
  assert.equal((await at.holdfast('index publish v2/gpu --closure --python 3.12')).exit, 0)
  assert.equal((await at.holdfast('index check v2/gpu --closure --deep')).exit, 0)
  assert.match((await at.holdfast('index mirror --package rocm')).err, /no dependency is mirrored for "rocm"/)
})

test('an upstream that wants a login gets that of .netrc, or of the file that NETRC names; its password is nowhere', async (t) => {
  const upstream = await startFakeUpstream({ login: 'ann:hunter-two' })
  t.after(() => upstream.close())
  upstream.add(buildWheel({ name: 'numpy', version: '2.1.3' }))
  const at = desk(usual.replace('[index]\n', `[index]\nupstream = "${upstream.url}"\n`))
  const refused = await at.holdfast('index mirror --package torch')
  assert.equal(refused.exit, 11)
  assert.match(refused.out + refused.err, /401: credentials are needed/)
  const own = path.join(at.cwd, 'own-netrc')
  writeFileSync(own, 'machine 127.0.0.1 login ann password hunter-two\n')
  const planned = await at.holdfast('index mirror --package torch --dry-run', { NETRC: own })
  assert.deepEqual([planned.exit, /would fetch 1 file/.test(planned.out)], [0, true], planned.err)
  mkdirSync(path.join(at.cwd, 'home'), { recursive: true })
  writeFileSync(path.join(at.cwd, 'home/.netrc'), readFileSync(own))
  const done = await at.holdfast('index mirror --package torch --verbose')
  assert.equal(done.exit, 0, done.err)
  assert.ok(![planned, done].some(({ out, err }) => (out + err).includes('hunter-two')))
  const missing = await at.holdfast('index mirror --package torch', { NETRC: path.join(at.cwd, 'nothing') })
  assert.equal(missing.exit, 4)
  assert.match(missing.err, /there is no such \.netrc[^]*NETRC names it/)
})

test('a dependency is mirrored into prefixes that are found where wheels lie, and into one that is named', async (t) => {
  const upstream = await startFakeUpstream()
  t.after(() => upstream.close())
  upstream.add(buildWheel({ name: 'numpy', version: '2.1.3' }))
  const toml = usual.replace('prefixes = ["v2-staging/gpu", "v2/gpu"]', `upstream = "${upstream.url}"`)
  const at = desk(toml)
  for (const prefix of ['v2/a', 'v2/b', 'v3/c', 'archives/v2/a/2025-01']) at.add(prefix, { name: 'torch', version: '2.6.0' })
  assert.equal((await at.holdfast('index mirror')).exit, 3)
  const planned = await at.holdfast('index mirror --auto-detect-prefixes --dry-run')
  assert.match(planned.out, /numpy-2\.1\.3-py3-none-any\.whl -> v2\/a, v2\/b, v3\/c\n/)
  const { exit, out } = await at.holdfast('index mirror --auto-detect-prefixes --starting-from v2/')
  assert.equal(exit, 0)
  assert.match(out, /1 file fetched .*, 1 copy made[^]*next: holdfast index publish all --auto-detect-prefixes --starting-from v2\/\n/)
  assert.equal((await at.holdfast('index mirror --auto-detect-prefixes --prefix v2/a')).exit, 2)
  assert.equal((await at.holdfast('index mirror --prefix ../outside')).exit, 2)
  assert.match((await at.holdfast('index mirror --prefix v3/c/')).out, /next: holdfast index publish v3\/c\n/)
  const other = desk(usual.replace('[index]\n', `[index]\nupstream = "${upstream.url}"\n`))
  assert.match((await other.holdfast('index mirror --prefix v2/gpx --dry-run')).err, /v2\/gpx is none of the prefixes of the configuration/)
})

test('events may name keys as S3 does, and publish only them', async () => {
  const at = desk()
  const file = at.add('v2/gpu', { name: 'torch', version: '2.6.0+rocm6.4' })
  await at.holdfast('index publish v2/gpu')
  const more = at.add('v2/gpu', { name: 'vision', version: '0.2+rocm6.4' })
  const { exit, out } = await at.holdfast(`index event v2/gpu/${encodeURIComponent(more)}`)
  assert.deepEqual([exit, /1 file added/.test(out)], [0, true])
  rmSync(path.join(at.cwd, 'bucket/v2/gpu', file))
  assert.match((await at.holdfast(`index event v2/gpu/${file}`)).out, /1 file removed/)
  assert.match((await at.holdfast('index event v2/gpu/index.html elsewhere/x.whl')).out, /^nothing to do: none of these is a wheel/)
  assert.match((await at.holdfast('index event v2/gpu/x-1-py3-none-any.whl --env nightly')).err, /publish what v2\/gpu\/x[^]*--yes/)
})
