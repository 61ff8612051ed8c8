// npm run demo: builds a real static library three times for two variants, releases it, rolls back, and fetches it
// back verified. Plain JavaScript, since Node strips no types from installed packages.
import { spawnSync } from 'node:child_process'
import { cpSync, existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { fileURLToPath } from 'node:url'
import { styleText } from 'node:util'

const here = path.dirname(fileURLToPath(import.meta.url))
const launcher = path.join(here, '..', 'bin', 'holdfast.cjs')
const work = path.resolve(process.argv[2] ?? 'demo-out')
const started = performance.now()

setUp()
for (const version of ['1.0', '1.1', '1.2']) {
  say(`Version ${version}: build and release both variants`)
  edit(version)
  for (const rocm of ['6.2', '6.4'])
    holdfast('release', 'create', 'rcclx', '--rocm-version', rocm, '--yes', '--message', `version ${version}`)
}

say('What there is now: stable, last-stable and an archive for each variant')
holdfast('release', 'status', 'rcclx')
holdfast('release', 'list', 'rcclx', '--rocm-version', '6.4')

say('1.2 is bad for 6.4: roll back. No artifact byte moves, and 1.2 is archived, not lost')
holdfast('release', 'rollback', 'rcclx', '--rocm-version', '6.4', '--yes', '--message', '1.2 hangs on two ranks')
holdfast('release', 'status', 'rcclx')

say('Fetch the stable library back, verified, and use it')
holdfast('release', 'fetch', 'rcclx', '--rocm-version', '6.4', '--output', 'fetched/librcclx-dev.a')
useFetched()

say('Hash everything that is stored and published again')
holdfast('release', 'verify', 'rcclx')

say(`Done in ${((performance.now() - started) / 1000).toFixed(1)} s. Where to look`)
const shown = path.relative(process.cwd(), work) || '.'
console.log(`  ${shown}/published/tree   the files as any other tool sees them`)
console.log(`  ${shown}/snapshots        the metadata files that go into the repository`)
console.log(`  ${shown}/store            the store: blobs under their digests, refs with their history`)
console.log(`  cd ${shown} && npx holdfast release history rcclx`)

function setUp() {
  if (existsSync(work)) {
    if (!existsSync(path.join(work, '.holdfast-demo'))) stop(`${work} exists and is not this demo's: name another folder`)
    rmSync(work, { recursive: true })
  }
  mkdirSync(path.dirname(work), { recursive: true })
  cpSync(path.join(here, 'library'), work, { recursive: true })
  renameSync(path.join(work, 'gitignore'), path.join(work, '.gitignore'))
  writeFileSync(path.join(work, '.holdfast-demo'), '')
  if (!git('init', '-q')) {
    console.log('(git is not installed: commits are not recorded)')
    const config = path.join(work, 'holdfast.toml')
    writeFileSync(config, readFileSync(config, 'utf8').replace(/^sources = .*\n/m, ''))
  }
}

/** A change in one of the library's sources, committed. */
function edit(version) {
  const file = path.join(work, 'src', 'version.c')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/return "[0-9.]+";/, `return "${version}";`))
  git('add', '-A')
  git('commit', '-q', '-m', `rcclx ${version}`)
}

function useFetched() {
  const check = path.join(work, 'fetched', 'check')
  const compiled = spawnSync('cc', ['-Iinclude', 'check.c', 'fetched/librcclx-dev.a', '-o', check], { cwd: work, stdio: 'inherit' })
  if (compiled.error) console.log('(no C compiler here: the library is not linked)')
  else if (compiled.status !== 0 || spawnSync(check, { stdio: 'inherit' }).status !== 0) stop('the fetched library does not work')
}

function holdfast(...args) {
  console.log(styleText('dim', `$ holdfast ${args.map((arg) => (/\s/.test(arg) ? `"${arg}"` : arg)).join(' ')}`))
  const env = { ...process.env, HOLDFAST_CONFIG: path.join(work, 'holdfast.toml'), HOLDFAST_STORE_URL: undefined }
  const { status } = spawnSync(process.execPath, [launcher, ...args], { cwd: work, stdio: 'inherit', env })
  if (status !== 0) stop(`holdfast ended with status ${status}`)
}

function git(...args) {
  const identity = ['-c', 'user.name=Holdfast demo', '-c', 'user.email=demo@example.invalid', '-c', 'commit.gpgsign=false']
  const { status, error } = spawnSync('git', [...identity, ...args], { cwd: work, stdio: ['ignore', 'ignore', 'inherit'] })
  return error === undefined && status === 0
}

function say(text) {
  console.log(`\n${styleText('bold', text)}`)
}

function stop(text) {
  console.error(text)
  process.exit(1)
}
