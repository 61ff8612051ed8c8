import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  accessSync,
  chmodSync,
  globSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, before, test } from 'node:test'
import { asNobody, nobody } from '../fakes/nobody.ts'

const binary = path.resolve(import.meta.dirname, '../../bin/holdfast.cjs')
const cwd = mkdtempSync(path.join(tmpdir(), 'holdfast-snapshot-'))
const at = (...names: string[]) => path.join(cwd, ...names)
const env = {
  PATH: process.env['PATH'],
  HOME: at('home'),
  XDG_CACHE_HOME: at('cache'),
  XDG_STATE_HOME: at('state'),
  HOLDFAST_STORE_URL: 'file:./store',
}
after(() => rmSync(cwd, { recursive: true, force: true }))

interface Ran {
  readonly status: number | null
  readonly out: string
  readonly err: string
}

function holdfast(...args: string[]): Ran {
  const { status, stdout, stderr } = spawnSync(process.execPath, [binary, ...args], { cwd, env, encoding: 'utf8' })
  return { status, out: stdout, err: stderr }
}

function result(...args: string[]): unknown {
  const { status, out, err } = holdfast(...args, '--json')
  assert.equal(status, 0, err)
  return (JSON.parse(out) as { result: unknown }).result
}

interface Made {
  readonly id: string
  readonly counts: { readonly changed: number; readonly unchanged: number }
  readonly unchanged: boolean
  readonly stored: number
}

/** What a tree is, as far as a program can see. */
function describeTree(folder: string): string[] {
  return globSync('**', { cwd: folder })
    .toSorted()
    .map((file) => {
      const stats = lstatSync(path.join(folder, file), { bigint: true })
      const content = stats.isFile() ? readFileSync(path.join(folder, file)).toString('base64') : ''
      return `${file} ${stats.mode.toString(8)} ${stats.uid} ${stats.isSymbolicLink() ? '' : stats.mtimeNs} ${content.slice(0, 64)} ${content.length}`
    })
}

before(() => {
  mkdirSync(at('env/node-1/data'), { recursive: true })
  for (let file = 0; file < 50; file++) writeFileSync(at('env/node-1/data', `part-${file}`), `${file} `.repeat(2000 + file))
  writeFileSync(at('env/node-1/large'), Buffer.alloc(6 << 20, 'holdfast'))
  writeFileSync(at('env/node-1/sparse'), '')
  truncateSync(at('env/node-1/sparse'), 8 << 20)
  symlinkSync('large', at('env/node-1/link'))
  chmodSync(at('env/node-1/data/part-0'), 0o600)
  for (const file of globSync('**', { cwd: at('env') }))
    if (!file.endsWith('link')) utimesSync(at('env', file), 1_700_000_000, 1_700_000_000.123)
})

test('an environment is kept, run in, kept again, and given back clean', () => {
  const clean = describeTree(at('env'))
  const first = result('snapshot', 'create', 'env', '--name', 'env') as Made
  assert.equal(first.counts.changed, 52)
  const again = result('snapshot', 'create', 'env', '--name', 'env') as Made
  assert.deepEqual([again.unchanged, again.stored], [true, 0])

  writeFileSync(at('env/node-1/data/part-7'), 'dirty')
  writeFileSync(at('env/node-1/new.log'), 'a run was here')
  rmSync(at('env/node-1/link'))
  const dirty = result('snapshot', 'create', 'env', '--name', 'env') as Made
  assert.equal(dirty.counts.changed, 2)
  assert.equal((result('snapshot', 'list') as { snapshots: unknown[] }).snapshots.length, 3)
  assert.match(
    holdfast('snapshot', 'diff', 'latest~1', 'latest', '--content').out,
    /^~ node-1\/data\/part-7 [^]*\n- node-1\/link\n\+ node-1\/new\.log/,
  )

  const restored = result('snapshot', 'restore', 'latest~1', '--to', 'env', '--delete', '--yes') as {
    counts: Record<string, number>
    written: number
  }
  assert.deepEqual(describeTree(at('env')), clean)
  assert.ok(restored.written < 100_000, `${restored.written} bytes were written for one small file`)
  const fresh = holdfast('snapshot', 'restore', 'latest~1', '--to', 'elsewhere')
  assert.equal(fresh.status, 0, fresh.err)
  assert.deepEqual(describeTree(at('elsewhere')), clean)
  assert.ok(lstatSync(at('elsewhere/node-1/sparse')).blocks * 512 < 1 << 20, 'holes stay holes')
})

test('an archive goes through a pipe into tar', () => {
  const script = `"${process.execPath}" "${binary}" snapshot export latest:node-1 --format tar | tar -tf -`
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd, env, encoding: 'utf8' })
  assert.equal(status, 0, stderr)
  assert.match(stdout, /^(\.\/)?data\/part-49$/m)
})

test('a reader that has had enough ends a cat quietly', () => {
  const script = `"${process.execPath}" "${binary}" snapshot cat latest:node-1/large | head -c 8`
  const { status, stdout, stderr } = spawnSync('sh', ['-c', script], { cwd, env, encoding: 'utf8' })
  assert.deepEqual([status, stdout, stderr], [0, 'holdfast', ''])
})

test('a create that is killed leaves the list as it was, and the next one does its work', async () => {
  for (let file = 0; file < 400; file++) writeFileSync(at('env/node-1/data', `more-${file}`), `${file}`.repeat(20_000))
  const child = spawn(process.execPath, [binary, 'snapshot', 'create', 'env', '--name', 'env'], { cwd, env, stdio: 'ignore' })
  while (globSync('leases/*.json', { cwd: at('store') }).length === 0 && child.exitCode === null)
    await new Promise((resolve) => setImmediate(resolve))
  child.kill('SIGKILL')
  if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
  assert.ok((result('snapshot', 'list') as { snapshots: unknown[] }).snapshots.length >= 3)
  assert.equal(holdfast('snapshot', 'verify', '--read-data').status, 0)
  const made = result('snapshot', 'create', 'env', '--name', 'env') as Made
  assert.equal(holdfast('snapshot', 'restore', made.id, '--to', 'after-kill').status, 0)
  assert.deepEqual(describeTree(at('after-kill')), describeTree(at('env')))
})

test('a copy has all of it, under the same ids', () => {
  const { copied } = result('snapshot', 'copy', '--to', 'file:./mirror') as { copied: string[] }
  assert.ok(copied.length >= 4)
  assert.equal(holdfast('snapshot', 'verify', '--read-data', '--store', 'file:./mirror').status, 0)
  assert.equal((result('snapshot', 'copy', '--to', 'file:./mirror') as { copied: string[] }).copied.length, 0)
})

test('a flipped bit is found with the path that needs it', () => {
  const pack = globSync('packs/*/*', { cwd: at('store') }).toSorted(
    (a, b) => lstatSync(at('store', b)).size - lstatSync(at('store', a)).size,
  )[0]!
  const bytes = readFileSync(at('store', pack))
  bytes[200]! ^= 1
  chmodSync(at('store', pack), 0o600)
  writeFileSync(at('store', pack), bytes)
  const { status, out } = holdfast('snapshot', 'verify', '--read-data')
  assert.equal(status, 1, out)
  assert.match(out, /^damaged: .*\n {2}needed by: [0-9a-f]{8}:node-1/m)
})

const why =
  process.getuid?.() === 0 ? (nobodyReads(binary) ? false : 'nobody may not read the program here') : 'only root may run as nobody'

function nobodyReads(file: string): boolean {
  try {
    asNobody(() => accessSync(file))
    return true
  } catch {
    return false
  }
}

test('what may not be read is named, the rest is kept, and the exit status is 11', { skip: why }, () => {
  const folder = mkdtempSync(path.join(tmpdir(), 'holdfast-nobody-'))
  try {
    chmodSync(folder, 0o777)
    mkdirSync(path.join(folder, 'tree'))
    writeFileSync(path.join(folder, 'tree/open'), 'open')
    writeFileSync(path.join(folder, 'tree/shut'), 'shut', { mode: 0o600 })
    const { status, stdout, stderr } = spawnSync(process.execPath, [binary, 'snapshot', 'create', 'tree', '--json'], {
      cwd: folder,
      env: { PATH: env.PATH, HOME: path.join(folder, 'home'), HOLDFAST_STORE_URL: 'file:./store' },
      encoding: 'utf8',
      uid: nobody,
      gid: nobody,
    })
    assert.equal(status, 11, stderr)
    const {
      ok,
      result: made,
      fault,
    } = JSON.parse(stdout) as { ok: boolean; result: { problems: { count: number } }; fault: { code: string } }
    assert.deepEqual([ok, made.problems.count, fault.code], [false, 1, 'partial'])
    assert.match(stderr, /without 1 path:\n {2}shut: /)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
})

test('what a short command loads is little: neither the workers and system calls of snapshots nor an SDK', () => {
  const hooks = `data:text/javascript,${encodeURIComponent(
    "import { registerHooks } from 'node:module'; registerHooks({ load(url, c, next) { process.stderr.write(url + '\\n'); return next(url, c) } })",
  )}`
  const loadedBy = (...args: string[]) => {
    const { status, stderr } = spawnSync(process.execPath, ['--import', hooks, binary, ...args], { cwd, env, encoding: 'utf8' })
    assert.equal(status, 0, stderr)
    return stderr.split('\n')
  }
  const isHeavy = (url: string) => /koffi|@aws-sdk/.test(url)
  assert.deepEqual(
    loadedBy('--version').filter((url) => isHeavy(url) || /\/(snapshots|releases|chunks|transfer)\//.test(url)),
    [],
  )
  assert.deepEqual(
    loadedBy('snapshot', 'list').filter((url) => isHeavy(url) || /\/releases\//.test(url)),
    [],
  )
})
