import assert from 'node:assert/strict'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { beforeEach, describe, test } from 'node:test'
import { scratchDirectory } from '../../../test/fakes/scratch.ts'
import { fakeTerminal } from '../../../test/fakes/terminal.ts'
import { systemClock } from '../../kit/index.ts'
import { runCli } from '../program.ts'

const scratch = scratchDirectory()
let count = 0
let cwd = ''

beforeEach(() => {
  cwd = path.join(scratch, String(count++))
  write('data/vision/resnet/runs/20250101_120000_abc123/meta.json', '{"created_at": 1704060000.0}')
  write('data/vision/resnet/runs/20250101_120000_abc123/media/a.png', 'x'.repeat(2000))
})

function write(file: string, text: string): void {
  mkdirSync(path.dirname(path.join(cwd, file)), { recursive: true })
  writeFileSync(path.join(cwd, file), text)
}

async function holdfast(line: string, { signal, onOut }: { signal?: AbortSignal; onOut?: (text: string) => void } = {}) {
  const env = { PATH: process.env['PATH'], HOME: path.join(cwd, 'home'), NO_COLOR: '1' }
  const terminal = fakeTerminal({ cwd, env, clock: systemClock, ...(signal === undefined ? {} : { signal }) })
  const { write: print } = terminal.host.stdout
  const stdout = { ...terminal.host.stdout, write: (text: string) => (print(text), onOut?.(text)) }
  const exit = await runCli(line.split(' '), { ...terminal.host, stdout })
  return { exit, out: terminal.out(), err: terminal.err() }
}

const at = (file: string) => path.join(cwd, file)

describe('holdfast generate-manifest', () => {
  test('shows the box of the original', async () => {
    const { exit, out } = await holdfast('generate-manifest --root data --verbose')
    assert.equal(exit, 0)
    const { snapshot_id: id } = JSON.parse(readFileSync(at('data/.runicorn/full_manifest.json'), 'utf8')) as Record<string, string>
    assert.equal(
      out,
      `${'='.repeat(60)}
Manifest Generation Complete
${'='.repeat(60)}
Type:          full
Output:        ${at('data/.runicorn/full_manifest.json')}
Compressed:    ${at('data/.runicorn/full_manifest.json.gz')}
Revision:      1
Snapshot ID:   ${id}
Experiments:   1
Files:         1
Total Size:    28 B
${'='.repeat(60)}
`,
    )
  })

  test('is the same in its group, and without a root takes the one of holdfast.toml, or this folder', async () => {
    assert.equal((await holdfast('runs generate-manifest --root data')).exit, 0)
    write('holdfast.toml', '[runs]\nroot = "data"\nactive_window = 60\n')
    const { err } = await holdfast('generate-manifest')
    assert.match(err, /^1 run \(1 active\), 2 files, 2\.0 KiB: /)
    assert.match(readFileSync(at('data/.runicorn/holdfast/root.json'), 'utf8'), /"window":60/)
    write('holdfast.toml', '')
    assert.equal((await holdfast('generate-manifest')).exit, 0)
    assert.ok(existsSync(at('.runicorn/full_manifest.json')))
  })

  test('names on one line what it leaves out, whatever its name', async () => {
    mkdirSync(at('data/vision/resnet/runs/two\nlines'))
    const { err } = await holdfast('generate-manifest --root data')
    assert.match(err, /^warning: vision\/resnet\/runs\/two\\nlines: a name that cannot be synced\n/m)
  })

  test('tells all in JSON', async () => {
    const { exit, out } = await holdfast('generate-manifest --root data --active --active-window 600 --metadata-only --no-packs --json')
    const { result } = JSON.parse(out) as { result: Record<string, unknown> }
    assert.equal(exit, 0)
    const { manifest, ...rest } = result
    assert.deepEqual(
      { ...(manifest as object), snapshotId: '' },
      {
        type: 'active',
        output: at('data/.runicorn/active_manifest.json'),
        compressed: at('data/.runicorn/active_manifest.json.gz'),
        revision: 1,
        snapshotId: '',
        experiments: 1,
        files: 1,
        bytes: 28,
      },
    )
    assert.deepEqual(
      { ...rest, bytesOfPages: 0 },
      {
        changed: true,
        revision: 1,
        runs: 1,
        files: 1,
        bytes: 28,
        activeRuns: 1,
        activeWindow: 600,
        bytesRead: 28,
        bytesOfPages: 0,
        bytesPacked: 0,
        problems: [],
      },
    )
    const again = JSON.parse(
      (await holdfast('generate-manifest --root data --active --metadata-only --no-packs --json --no-incremental')).out,
    ) as { result: Record<string, unknown> }
    assert.deepEqual([again.result['changed'], again.result['activeWindow']], [false, 600])
  })

  test('writes where it is told to', async () => {
    const { out } = await holdfast('generate-manifest --root data --full --output out/manifest.json')
    assert.match(out, new RegExp(`^Output: {8}${at('out/manifest.json')}$`, 'm'))
    assert.ok(existsSync(at('out/manifest.json.gz')))
  })

  test('refuses what makes no sense', async () => {
    for (const line of ['--active --full', '--active-window 0', '--active-window 1.5', '--interval 0', '--interval x', '--root none']) {
      const { exit, err } = await holdfast(`generate-manifest ${line.includes('--root') ? '' : '--root data '}${line}`)
      assert.ok(exit === 2 || exit === 4, `${line}: ${exit}`)
      assert.match(err, /^error: /)
    }
  })

  test('goes on until it is stopped, and shows what changed', async () => {
    const stop = new AbortController()
    let shown = 0
    const onOut = () => {
      shown++
      if (shown === 1) write('data/vision/resnet/runs/20250101_120000_abc123/summary.json', '{}')
      else stop.abort()
    }
    const { exit, out } = await holdfast('generate-manifest --root data --watch --interval 20m', { signal: stop.signal, onOut })
    assert.equal(exit, 130)
    assert.match(out, /Revision: {6}1\n[^]*Revision: {6}2\n/)
  })
})

describe('holdfast runs install-timer', () => {
  test('prints the units', async () => {
    const { exit, out } = await holdfast('runs install-timer --root data --user mluser --every 10m --print')
    assert.equal(exit, 0)
    assert.match(out, /^# runicorn-manifest\.service$[^]*^User=mluser$[^]*^OnUnitActiveSec=10min$/m)
    assert.ok(out.includes(` generate-manifest --full --root ${at('data')}\n`))
  })

  test('writes them, and overwrites others only where it is told to', async () => {
    const line = 'runs install-timer --root data --user mluser --units-dir units'
    assert.equal((await holdfast(line)).exit, 0)
    assert.equal((await holdfast(line)).exit, 0)
    write('units/runicorn-manifest.service', 'mine')
    const refused = await holdfast(line)
    assert.equal(refused.exit, 5)
    assert.match(refused.err, /a unit of this name is there and differs/)
    assert.equal(readFileSync(at('units/runicorn-manifest.service'), 'utf8'), 'mine')
    assert.equal((await holdfast(`${line} --force`)).exit, 0)
    assert.match(readFileSync(at('units/runicorn-manifest.service'), 'utf8'), /^ExecStart=/m)
  })
})
