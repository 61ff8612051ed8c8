import assert from 'node:assert/strict'
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { after, test } from 'node:test'

const main = path.join(import.meta.dirname, 'main.ts')
const cwd = mkdtempSync(path.join(tmpdir(), 'holdfast-main-'))
after(() => rmSync(cwd, { recursive: true }))
writeFileSync(
  path.join(cwd, 'holdfast.toml'),
  `[store]
url = "file:./store"
[release.lib]
artifact = "lib.a"
build = "trap 'echo cleaned > cleaned; exit 1' TERM; echo build started; while :; do sleep 0.1; done"
variants = { one = {} }
`,
)

function start(...args: string[]): ChildProcess {
  const env = { PATH: process.env['PATH'], HOME: cwd }
  return spawn(process.execPath, [main, ...args], { cwd, env, stdio: ['ignore', 'pipe', 'pipe'] })
}

async function ended(child: ChildProcess): Promise<{ status: number | null; out: string; err: string }> {
  const texts = { out: '', err: '' }
  child.stdout?.on('data', (piece: Buffer) => (texts.out += piece.toString()))
  child.stderr?.on('data', (piece: Buffer) => (texts.err += piece.toString()))
  const status = await new Promise<number | null>((resolve) => child.on('close', resolve))
  return { status, ...texts }
}

async function saying(child: ChildProcess, text: string): Promise<void> {
  let said = ''
  await new Promise<void>((resolve) => {
    child.stderr?.on('data', (piece: Buffer) => {
      said += piece.toString()
      if (said.includes(text)) resolve()
    })
  })
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle of a build stops the build, lets it clean up, leaves nothing, and exits with 130`, async () => {
    const child = start('release', 'create', '--yes', '--verbose')
    const end = ended(child)
    await saying(child, 'build started')
    child.kill(signal)
    const { status, err } = await end
    assert.equal(status, 130)
    assert.match(err, new RegExp(`stopped: interrupted by ${signal}`))
    assert.ok(existsSync(path.join(cwd, 'cleaned')))
    assert.equal(existsSync(path.join(cwd, 'store')), false)
    rmSync(path.join(cwd, 'cleaned'))
  })
}

test('a reader that has had enough ends it quietly', async () => {
  const child = start('completion', 'zsh')
  child.stdout?.destroy()
  const { status, err } = await ended(child)
  assert.equal(err, '')
  assert.equal(status, 0)
})

test('the exit status and both streams reach the shell', async () => {
  const { status, out, err } = await ended(start('release', 'lst', '--json'))
  assert.equal(status, 2)
  assert.equal(JSON.parse(out).fault.code, 'invalid')
  assert.match(err, /did you mean .*list/)
})

test('in a folder that was removed, a command that needs to know it says so, and the others go on', async () => {
  const gone = mkdtempSync(path.join(tmpdir(), 'holdfast-gone-'))
  const child = spawn('sh', ['-c', 'rmdir "$PWD" && "$0" "$@"', process.execPath, main, 'release', 'list', '--json'], { cwd: gone })
  const { status, out, err } = await ended(child)
  assert.equal(status, 4)
  assert.equal(JSON.parse(out).fault.message, 'the working directory was removed')
  assert.doesNotMatch(err, / at /)
  const again = mkdtempSync(path.join(tmpdir(), 'holdfast-gone-'))
  const version = await ended(spawn('sh', ['-c', 'rmdir "$PWD" && "$0" "$@"', process.execPath, main, '--version'], { cwd: again }))
  assert.equal(version.status, 0)
})
