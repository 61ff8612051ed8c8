import assert from 'node:assert/strict'
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'

const root = path.resolve(import.meta.dirname, '..')
const scratch = mkdtempSync(path.join(os.tmpdir(), 'holdfast-launcher-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const program = `
if (process.argv[2] === 'exit') process.exit(Number(process.argv[3]))
if (process.argv[2] === 'wait') {
  setInterval(() => undefined, 1000)
  for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => { console.log('got ' + name); process.exit(name === 'SIGINT' ? 130 : 143) })
  console.log('ready')
} else console.log(JSON.stringify({ version: process.versions.node, args: process.argv.slice(2), launched: process.env.HOLDFAST_LAUNCHED_BY }))
`

/** An installed holdfast whose program only tells how it was started; `node` decides what its dependency "node" looks like. */
function install(name: string, node: 'whole' | 'stub' | 'missing'): string {
  const home = path.join(scratch, name)
  mkdirSync(path.join(home, 'dist/cli'), { recursive: true })
  mkdirSync(path.join(home, 'node_modules'))
  cpSync(path.join(root, 'bin'), path.join(home, 'bin'), { recursive: true })
  writeFileSync(path.join(home, 'package.json'), '{ "type": "module" }')
  writeFileSync(path.join(home, 'dist/cli/main.js'), program)
  if (node === 'whole') symlinkSync(path.join(root, 'node_modules/node'), path.join(home, 'node_modules/node'))
  if (node === 'stub') {
    mkdirSync(path.join(home, 'node_modules/node/bin'), { recursive: true })
    writeFileSync(path.join(home, 'node_modules/node/package.json'), '{}')
    writeFileSync(path.join(home, 'node_modules/node/bin/node'), 'This file intentionally left blank')
  }
  return path.join(home, 'bin/holdfast.cjs')
}

/** A Node on the PATH that is too old for holdfast. */
function findOldNode(): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(path.delimiter)) {
    const node = path.join(directory, 'node')
    if (!existsSync(node)) continue
    const version = /^v(\d+)\./.exec(spawnSync(node, ['--version'], { encoding: 'utf8' }).stdout ?? '')
    if (version !== null && Number(version[1]) < 24) return node
  }
  return undefined
}

test('the launcher runs the program in the same process where Node is new enough', () => {
  const result = spawnSync(process.execPath, [install('new', 'missing'), 'a', 'b c'], { encoding: 'utf8' })
  assert.equal(result.stderr, '')
  assert.deepEqual(JSON.parse(result.stdout), { version: process.versions.node, args: ['a', 'b c'] })
})

const old = findOldNode()
describe(
  'where Node is too old, the launcher',
  { skip: old === undefined ? 'no Node before 24 on the PATH: install Debian’s nodejs' : false },
  () => {
    const whole = install('whole', 'whole')

    test('starts the Node that came with holdfast, with the same arguments', () => {
      const result = spawnSync(old!, [whole, 'a', '--flag=b c'], { encoding: 'utf8' })
      assert.equal(result.stderr, '')
      const told = JSON.parse(result.stdout) as { version: string; args: string[]; launched?: string }
      assert.match(told.version, /^24\./)
      assert.deepEqual(told.args, ['a', '--flag=b c'])
      assert.equal(told.launched, undefined, 'its own variable is not left for the program to see')
    })

    test('passes the exit status on', () => {
      assert.equal(spawnSync(old!, [whole, 'exit', '11']).status, 11)
    })

    for (const [signal, status] of [
      ['SIGINT', 130],
      ['SIGTERM', 143],
    ] as const) {
      test(`passes ${signal} on and ends with the status ${status} of the program`, async () => {
        const child = spawn(old!, [whole, 'wait'], { stdio: ['ignore', 'pipe', 'inherit'] })
        let said = ''
        child.stdout.setEncoding('utf8').on('data', (text: string) => {
          said += text
          if (text.includes('ready')) child.kill(signal)
        })
        const [code] = (await once(child, 'close')) as [number | null]
        assert.equal(said, `ready\ngot ${signal}\n`)
        assert.equal(code, status)
      })
    }

    for (const state of ['stub', 'missing'] as const) {
      test(`says what is wrong and how to mend it where that Node is ${state}, and ends with 7`, () => {
        const result = spawnSync(old!, [install(state, state), '--version'], { encoding: 'utf8' })
        assert.equal(result.status, 7)
        assert.equal(result.stdout, '')
        assert.match(result.stderr, /needs Node 24\.15 or later; this is Node \d+/)
        assert.match(result.stderr, /npm rebuild node/)
      })
    }
  },
)
