import assert from 'node:assert/strict'
import { spawnSync } from 'node:child_process'
import { globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { after, describe, test } from 'node:test'
import { examplesOf } from './check/examples.ts'

const root = path.resolve(import.meta.dirname, '..')
const scratch = mkdtempSync(path.join(os.tmpdir(), 'holdfast-examples-'))
after(() => rmSync(scratch, { recursive: true, force: true }))

const examples = globSync(['README.md', 'docs/**/*.md'], { cwd: root })
  .toSorted()
  .flatMap((file) => examplesOf(file, readFileSync(path.join(root, file), 'utf8')))

describe('the programs in the documentation', () => {
  mkdirSync(path.join(scratch, 'node_modules'))
  symlinkSync(root, path.join(scratch, 'node_modules/holdfast'))
  writeFileSync(path.join(scratch, 'package.json'), '{ "type": "module" }')
  examples.forEach(({ code }, index) => {
    mkdirSync(path.join(scratch, `example-${index}`))
    writeFileSync(path.join(scratch, `example-${index}/main.ts`), code)
  })

  test('there are some', () => assert.ok(examples.length > 3))

  test('have the right types', () => {
    writeFileSync(
      path.join(scratch, 'tsconfig.json'),
      JSON.stringify({
        extends: path.join(root, 'tsconfig.json'),
        compilerOptions: { typeRoots: [path.join(root, 'node_modules/@types')], noEmit: true },
        include: ['example-*/main.ts'],
      }),
    )
    const { status, stdout } = spawnSync(path.join(root, 'node_modules/.bin/tsc'), ['-p', scratch], { encoding: 'utf8' })
    assert.equal(status, 0, stdout)
  })

  examples.forEach(({ place, title }, index) => {
    test(`run: ${title} (${place})`, () => {
      const { status, stdout, stderr } = spawnSync(process.execPath, ['--conditions=holdfast-source', 'main.ts'], {
        cwd: path.join(scratch, `example-${index}`),
        encoding: 'utf8',
        env: { PATH: process.env['PATH'], HOME: scratch },
        timeout: 60_000,
      })
      assert.equal(status, 0, `${stdout}${stderr}`)
    })
  })
})

test('examples are the blocks marked ts, with their place and heading', () => {
  const text = '# Title\n\n```sh\nls\n```\n\n## Use\n\n```ts\nconst a = 1\n```\n'
  assert.deepEqual(examplesOf('docs/x.md', text), [{ place: 'docs/x.md:9', title: 'Use', code: 'const a = 1\n' }])
})
